//! Leases inside an entry that stays readable.

use std::time::Duration;

use hawser::store::entry;
use hawser::store::{Found, Inside, Op, Seen};

use crate::calls::{commit, ensure, held, id, inner, key, life, place, place_inside, set, stored, value, SECOND, TRUSTING};
use crate::subject::on_both;

#[test]
fn a_lease_inside_an_entry_leaves_it_readable_and_its_life_alone() {
    on_both(|store| {
        let e = key("p:e");
        assert_eq!(
            place_inside(store, &e, b's', b't', SECOND, TRUSTING),
            Inside::No(Found { value: Seen::Nothing, pttl: Some(-2), is_head: false })
        );
        set(store, &e, &stored(b's', &["x"]), SECOND * 30);
        assert!(matches!(place_inside(store, &e, b'r', b't', SECOND, TRUSTING), Inside::No(Found { value: Seen::Own(_), .. })));
        assert_eq!(place_inside(store, &e, b's', b't', SECOND * 10, TRUSTING), Inside::Yes);
        assert_eq!(inner(store, &e), Some((id(b't'), true, 0, 2)));
        assert!(life(store, &e) > SECOND * 29 && life(store, &e) <= SECOND * 30);
        assert!(value(store, &e).unwrap().ends_with(b"\n{\"n\":1}"));
        let Inside::Held { lease, remaining } = place_inside(store, &e, b's', b'u', SECOND, TRUSTING) else { panic!("stolen") };
        assert_eq!(entry::parse_inner(&lease).unwrap().token, id(b't'));
        assert!(remaining > SECOND * 9 && remaining <= SECOND * 10);
        assert!(!commit(store, &e, b'u', &stored(b'z', &[]), TRUSTING));
        assert!(commit(store, &e, b't', &stored(b'z', &[]), TRUSTING));
        assert_eq!(inner(store, &e), None);
    });
}

#[test]
fn a_lease_inside_an_entry_that_is_over_may_be_replaced() {
    on_both(|store| {
        let e = key("p:e");
        set(store, &e, &stored(b's', &["x"]), SECOND * 30);
        assert_eq!(place_inside(store, &e, b's', b't', Duration::from_millis(20), TRUSTING), Inside::Yes);
        store.pass(Duration::from_millis(20));
        assert_eq!(place_inside(store, &e, b's', b'u', SECOND, TRUSTING), Inside::Yes);
        assert_eq!(inner(store, &e).unwrap().0, id(b'u'));
        assert!(!commit(store, &e, b't', &stored(b'z', &[]), TRUSTING), "the dead holder comes back");
    });
}

#[test]
fn a_failed_refresh_lets_the_source_rest_longer_each_time() {
    on_both(|store| {
        let e = key("p:e");
        let (base, max) = (Duration::from_millis(100), Duration::from_millis(300));
        let back_off = |token| Op::Backoff { entry: key("p:e"), token: id(token), base, max };
        set(store, &e, &stored(b's', &["x"]), SECOND * 30);
        assert!(!held(store, back_off(b'a')));
        for (token, level, wait) in [(b'a', 1, 100), (b'b', 2, 200), (b'c', 3, 300), (b'd', 4, 300)] {
            assert_eq!(place_inside(store, &e, b's', token, SECOND, TRUSTING), Inside::Yes);
            assert!(!held(store, back_off(b'z')));
            assert!(held(store, back_off(token)));
            assert_eq!(inner(store, &e), Some((id(token), false, level, 2)));
            let Inside::Held { remaining, .. } = place_inside(store, &e, b's', b'x', SECOND, TRUSTING) else { panic!("no rest") };
            assert!(remaining <= Duration::from_millis(wait));
            assert!(!held(store, Op::Renew { entry: e.clone(), token: id(token), life: SECOND, versions: vec![], need: SECOND }));
            store.pass(Duration::from_millis(wait));
        }
        assert!(life(store, &e) > SECOND * 28, "its life is left alone");
    });
}

#[test]
fn a_holder_renews_its_lease_and_the_versions_that_are_still_its_own() {
    on_both(|store| {
        let (e, v, w) = (key("p:e"), key("p#v{:x}"), key("p#v{:y}"));
        let renew = |token| Op::Renew {
            entry: key("p:e"),
            token: id(token),
            life: SECOND * 40,
            versions: vec![(key("p#v{:x}"), id(b'a')), (key("p#v{:y}"), id(b'a'))],
            need: SECOND * 500,
        };
        ensure(store, &v, b'a', SECOND * 60, TRUSTING);
        ensure(store, &w, b'b', SECOND * 60, TRUSTING);
        assert!(!held(store, renew(b't')));
        place(store, &e, None, b't', TRUSTING);
        assert!(held(store, renew(b't')));
        assert!(life(store, &e) > SECOND * 39);
        assert!(life(store, &v) > SECOND * 999 && life(store, &w) <= SECOND * 120);
        assert!(!held(store, renew(b'u')), "another's lease");
        set(store, &e, &stored(b's', &["x"]), SECOND * 60);
        assert_eq!(place_inside(store, &e, b's', b't', SECOND, TRUSTING), Inside::Yes);
        assert!(held(store, renew(b't')));
        let Inside::Held { remaining, .. } = place_inside(store, &e, b's', b'u', SECOND, TRUSTING) else { panic!("stolen") };
        assert!(remaining > SECOND * 39);
    });
}
