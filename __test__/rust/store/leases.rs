//! Leases in an entry's place, and entries that come back there.

use std::time::Duration;

use hawser::store::entry;
use hawser::store::{Found, Inside, NodeOp, Op, Placed, Seen, StoreReply, Value};

use crate::calls::{
    commit, held, id, inner, key, lease, life, master, place, place_inside, set, stored, tags, text, value, SECOND, TAIL, TRUSTING,
};
use crate::subject::{on_both, Subject};

#[test]
fn a_lease_is_placed_only_where_nothing_has_changed() {
    on_both(|store| {
        let e = key("p:e");
        assert_eq!(
            place(store, &e, Some(id(b's')), b't', TRUSTING),
            Placed::No(Found { value: Seen::Nothing, pttl: Some(-2), is_head: false })
        );
        assert!(matches!(place(store, &e, None, b't', TRUSTING), Placed::Yes { .. }));
        assert!(life(store, &e) > TAIL + SECOND * 9 && life(store, &e) <= TAIL + SECOND * 10);
        let Placed::No(found) = place(store, &e, None, b'u', TRUSTING) else { panic!("placed over a lease") };
        assert_eq!(text(&found), Some(&*lease(b't')), "what is there now");
        assert!(found.pttl.unwrap() > 9_000);
        assert!(matches!(place(store, &e, Some(id(b't')), b'u', TRUSTING), Placed::Yes { .. }), "over the lease that was read");
        set(store, &e, &stored(b's', &["x"]), SECOND * 60);
        assert!(matches!(place(store, &e, Some(id(b'u')), b'w', TRUSTING), Placed::No(_)), "a set won");
        assert!(matches!(place(store, &e, Some(id(b's')), b'w', TRUSTING), Placed::Yes { .. }), "over the entry that was read");
    });
}

#[test]
fn an_entry_comes_back_where_a_lease_took_its_place_for_the_rest_of_its_life() {
    on_both(|store| {
        let e = key("p:e");
        let Placed::Yes { left, end } = place(store, &e, None, b't', TRUSTING) else { panic!("placed") };
        assert_eq!((left, end), (Duration::ZERO, 0), "there was nothing");
        let entry = stored(b's', &["x"]);
        set(store, &e, &entry, SECOND * 40);
        let Placed::Yes { left, end } = place(store, &e, Some(id(b's')), b't', TRUSTING) else { panic!("placed") };
        assert!(left > SECOND * 35 && left <= SECOND * 40);
        let restore = |store: &mut dyn Subject, token: u8, end: u64| {
            held(store, Op::Restore { entry: e.clone(), token: id(token), value: entry.clone(), end, backoff: None })
        };
        assert!(!restore(store, b'u', end), "not by another token");
        assert!(restore(store, b't', end));
        assert!(life(store, &e) > SECOND * 30 && life(store, &e) <= left, "no longer than before");
        assert!(!restore(store, b't', end), "the lease is gone");
        assert!(matches!(place(store, &e, Some(id(b's')), b't', TRUSTING), Placed::Yes { .. }), "by its old stamp");
        assert!(restore(store, b't', 1), "its time is over: the lease is taken away");
        assert!(matches!(place(store, &e, None, b't', TRUSTING), Placed::Yes { .. }));
    });
}

#[test]
fn an_entry_that_comes_back_may_bring_a_backoff_along() {
    on_both(|store| {
        let e = key("p:e");
        let entry = stored(b's', &["x"]);
        set(store, &e, &entry, SECOND * 40);
        let Placed::Yes { end, .. } = place(store, &e, Some(id(b's')), b't', TRUSTING) else { panic!("placed") };
        let value = Value::new(entry::with_lease(&entry, Some((id(b't'), &[]))).unwrap());
        let rest = Some((SECOND * 20, SECOND * 60));
        assert!(held(store, Op::Restore { entry: e.clone(), token: id(b't'), value, end, backoff: rest }));
        let life = SECOND * 10;
        let again = Op::PlaceInside { entry: e.clone(), stamp: id(b's'), token: id(b'u'), tags: b"0 ".to_vec(), life };
        let Ok(StoreReply::PlacedInside(Inside::Held { lease, remaining })) = store.apply(again) else { panic!("not resting") };
        let lease = entry::parse_inner(&lease).unwrap();
        assert_eq!((lease.is_held, lease.level), (false, 1));
        assert!(remaining > SECOND * 15 && remaining <= SECOND * 20);
    });
}

#[test]
fn what_is_not_ours_counts_as_nothing() {
    on_both(|store| {
        let e = key("p:e");
        let foreign: [&[u8]; 4] = [b"{}", b"", b"hw2e short", b"hw3e ssssssssssss -------- 000000 1 1 0 - 0\n"];
        for (n, value) in foreign.iter().enumerate() {
            store.plant(&e, value, SECOND * 60);
            let expected = Some(id(b's'));
            assert_eq!(
                place(store, &e, expected, b't', TRUSTING),
                Placed::No(Found { value: Seen::Nothing, pttl: Some(-2), is_head: false }),
                "{n}"
            );
            assert!(!commit(store, &e, b't', &stored(b's', &[]), TRUSTING));
            assert!(matches!(place(store, &e, None, b't', TRUSTING), Placed::Yes { .. }), "{n}");
        }
        let op = Op::Set { entry: e.clone(), value: stored(b's', &[]), life: SECOND * 60 };
        assert_eq!(store.carry_out(NodeOp { op, replication: master("one"), asks: false, reads_apart: false }), Ok(StoreReply::Done));
        let written = value(store, &e).unwrap();
        assert_eq!(entry::replication_id(&written), Some(master("one").id), "at its fixed place");
        assert!(matches!(place(store, &e, None, b't', master("two")), Placed::Yes { .. }), "another master's entry");
        assert!(!commit(store, &e, b't', &stored(b's', &[]), master("one")), "another master's lease");
        assert!(commit(store, &e, b't', &stored(b's', &[]), master("two")));
        store.plant(&e, &stored(b's', &[])[..42], SECOND * 60);
        assert!(matches!(place(store, &e, None, b't', TRUSTING), Placed::No(_)), "damaged, but it has a name");
        assert!(matches!(place(store, &e, Some(id(b's')), b't', TRUSTING), Placed::Yes { .. }));
    });
}

#[test]
fn a_result_is_stored_only_where_its_lease_still_is() {
    on_both(|store| {
        let e = key("p:e");
        let entry = stored(b's', &["x"]);
        assert!(!commit(store, &e, b't', &entry, TRUSTING), "nothing there");
        place(store, &e, None, b't', TRUSTING);
        assert!(!commit(store, &e, b'u', &entry, TRUSTING), "another's lease");
        assert!(commit(store, &e, b't', &entry, TRUSTING));
        assert_eq!(value(store, &e).as_ref(), Some(&*entry));
        assert!(life(store, &e) > SECOND * 59);
        assert!(!commit(store, &e, b't', &entry, TRUSTING), "once");
    });
}

#[test]
fn a_lease_that_has_run_out_stays_for_its_tail_and_counts_as_nothing() {
    on_both(|store| {
        let e = key("p:e");
        let tail = SECOND * 60;
        let short = |token| Op::Place { entry: key("p:e"), expected: None, lease: lease(token), life: SECOND / 10, tail };
        assert!(matches!(store.apply(short(b't')), Ok(StoreReply::Placed(Placed::Yes { .. }))));
        assert!(life(store, &e) > tail, "what ends first is evicted first: not the lease");
        assert!(matches!(place(store, &e, None, b'u', TRUSTING), Placed::No(_)), "it is good for a while");
        let renew = Op::Renew { entry: e.clone(), token: id(b't'), life: SECOND / 5, versions: vec![], need: SECOND };
        assert!(held(store, renew.clone()));
        assert!(life(store, &e) > tail + SECOND / 10);
        store.pass(SECOND / 4);
        assert!(life(store, &e) < tail);
        assert!(!held(store, renew));
        assert!(!held(store, Op::Amend { entry: e.clone(), token: id(b't'), tags: entry::encode_tags(&[], 0) }));
        assert!(!commit(store, &e, b't', &stored(b's', &[]), TRUSTING));
        let end = u64::MAX / 1024;
        let restore = Op::Restore { entry: e.clone(), token: id(b't'), value: stored(b's', &[]), end, backoff: None };
        assert!(!held(store, restore));
        assert!(matches!(place(store, &e, None, b'u', TRUSTING), Placed::Yes { .. }), "as where nothing is");
        store.pass(SECOND / 100);
        assert!(held(store, Op::GiveBack { entry: e.clone(), token: id(b'u') }));
        assert_eq!(value(store, &e), None);
    });
}

#[test]
fn a_lease_is_given_back_by_its_token() {
    on_both(|store| {
        let e = key("p:e");
        let give_back = |token| Op::GiveBack { entry: key("p:e"), token: id(token) };
        assert!(!held(store, give_back(b't')));
        place(store, &e, None, b't', TRUSTING);
        assert!(!held(store, give_back(b'u')));
        assert!(held(store, give_back(b't')));
        assert_eq!(value(store, &e), None);
        let entry = stored(b's', &["x"]);
        set(store, &e, &entry, SECOND * 60);
        place_inside(store, &e, b's', b't', SECOND, TRUSTING);
        assert!(!held(store, give_back(b's')), "a stamp is no token");
        assert!(held(store, give_back(b't')));
        assert_eq!(value(store, &e).as_ref(), Some(&*entry), "as it was");
    });
}

#[test]
fn tags_are_written_into_a_lease() {
    on_both(|store| {
        let e = key("p:e");
        let amend = |token| Op::Amend { entry: key("p:e"), token: id(token), tags: entry::encode_tags(&tags(&["a", "b", "c"]), 0) };
        assert!(!held(store, amend(b't')));
        place(store, &e, None, b't', TRUSTING);
        assert!(!held(store, amend(b'u')));
        assert!(held(store, amend(b't')));
        assert_eq!(value(store, &e), Some(entry::encode_lease(id(b't'), TAIL, &tags(&["a", "b", "c"]))));
        assert!(life(store, &e) <= TAIL + SECOND * 10);
        set(store, &e, &stored(b's', &["x"]), SECOND * 60);
        place_inside(store, &e, b's', b't', SECOND, TRUSTING);
        assert!(held(store, amend(b't')));
        assert_eq!(inner(store, &e), Some((id(b't'), true, 0, 3)));
        assert!(value(store, &e).unwrap().ends_with(b"\n{\"n\":1}"));
    });
}
