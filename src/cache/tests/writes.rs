//! Set, delete, invalidate, deletePattern.

use super::*;

#[test]
fn invalidating_takes_one_operation_however_many_entries_carry_the_tag() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    for n in 0..20u8 {
        let key = vec![n];
        let request = Request::Set { key, ttl: SECS(60), keep: None, fresh: None, payload: b"1".to_vec().into(), tags: tags(&["t", "u"]) };
        shared.done(&mut p, request);
    }
    shared.ask(&mut p, 1, invalidate(&["t", "u", "t"]));
    assert_eq!(sent(&p), ["invalidate"]);
    shared.serve(&mut p);
    assert_eq!(p.decisions.pop(), Some(Decision::Done { call: CallId(1), number: 40 }), "the sum over tags");
}

#[test]
fn delete_pattern_deletes_entries_of_its_own_repository_and_counts_no_leases() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    let other = p.engine.register("sc:k").unwrap();
    for key in ["k:1", "k:2", "x"] {
        let key = key.as_bytes().to_vec();
        let request = Request::Set { key, ttl: SECS(60), keep: None, fresh: None, payload: b"1".to_vec().into(), tags: tags(&["t"]) };
        shared.done(&mut p, request.clone());
        shared.input(&mut p, |engine, cx| engine.call(cx, CallId(902), other, request));
        shared.serve(&mut p);
    }
    take(&mut p);
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.serve(&mut p);
    let before = shared.store.keys(shared.now).len();
    let done = shared.done(&mut p, Request::DeletePattern { glob: b"k*".to_vec() });
    assert_eq!(done, Decision::Done { call: CallId(901), number: 2 });
    assert_eq!(shared.store.keys(shared.now).len(), before - 3, "two entries and a lease");
}

#[test]
fn delete_counts_what_was_there() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.done(&mut p, set("v", &[]));
    let both = Request::Delete { keys: vec![b"k".to_vec(), b"none".to_vec(), b"k".to_vec()] };
    assert_eq!(shared.done(&mut p, both), Decision::Done { call: CallId(901), number: 1 });
    assert_eq!(shared.done(&mut p, Request::Delete { keys: vec![] }), Decision::Done { call: CallId(901), number: 0 });
}

#[test]
fn everything_that_is_stored_has_an_end() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, revalidated(100));
    shared.done(&mut p, set("v", &["a", "b"]));
    assert!(shared.store.keys(shared.now).len() >= 5);
    let need = SECS(60 + 100 + 10);
    assert!(shared.store.keys(shared.now + need * 2).is_empty());
}
