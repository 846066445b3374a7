//! Versions of tags, deletions, scans and the bytes of keys.

use hawser::store::entry::{self, Stored};
use hawser::store::{Inside, Key, Op, Placed, ReplicationId, StoreReply};

use crate::calls::{commit, ensure, id, key, life, master, number, place, place_inside, set, stored, tags, value, SECOND, TAIL, TRUSTING};
use crate::subject::on_both;

#[test]
fn a_version_is_made_once_and_lives_as_long_as_it_is_needed() {
    on_both(|store| {
        let v = key("p#v{:x}");
        assert_eq!(ensure(store, &v, b'a', SECOND * 100, TRUSTING), id(b'a'));
        assert!(life(store, &v) > SECOND * 199, "twice the need");
        assert_eq!(ensure(store, &v, b'b', SECOND * 150, TRUSTING), id(b'a'));
        assert!(life(store, &v) <= SECOND * 200, "left alone while enough is left");
        assert_eq!(ensure(store, &v, b'c', SECOND * 60, TRUSTING), id(b'a'));
        assert!(life(store, &v) > SECOND * 199, "never shortened");
        assert_eq!(ensure(store, &v, b'd', SECOND * 300, TRUSTING), id(b'a'));
        assert!(life(store, &v) > SECOND * 599);
        let Ok(StoreReply::Versions(versions)) = store.apply(Op::ReadVersions { versions: vec![v, key("none")] }) else {
            panic!("versions")
        };
        assert_eq!((versions[0].unwrap().id, versions[1]), (id(b'a'), None));
    });
}

#[test]
fn a_version_of_another_master_or_not_of_ours_is_replaced() {
    on_both(|store| {
        let v = key("p#v{:x}");
        assert_eq!(ensure(store, &v, b'a', SECOND * 60, master("one")), id(b'a'));
        assert_eq!(ensure(store, &v, b'b', SECOND * 60, TRUSTING), id(b'a'));
        assert_eq!(ensure(store, &v, b'b', SECOND * 60, master("two")), id(b'b'));
        assert_eq!(ensure(store, &v, b'c', SECOND * 60, master("two")), id(b'b'));
        store.plant(&v, b"something else", SECOND * 60);
        assert_eq!(ensure(store, &v, b'd', SECOND * 60, master("two")), id(b'd'));
    });
}

#[test]
fn entries_are_counted_under_a_version_that_is_still_current() {
    on_both(|store| {
        let (v, h) = (key("p#v{:x}"), key("p#h{:x}"));
        let count = |member: &str, captured| Op::Count { items: vec![(key("p#v{:x}"), key("p#h{:x}"), id(captured))], member: key(member) };
        assert_eq!(number(store, count("e1", b'a')), 0);
        ensure(store, &v, b'a', SECOND * 60, TRUSTING);
        assert_eq!(number(store, count("e1", b'b')), 0, "another version");
        for member in ["e1", "e2", "e1", "e3"] {
            assert_eq!(number(store, count(member, b'a')), 1);
        }
        assert!(life(store, &h) > SECOND * 119 && life(store, &h) <= SECOND * 120, "as long as the version");
        store.plant(&h, b"something else", SECOND * 60);
        assert_eq!(number(store, count("e1", b'a')), 1, "replaced");
        assert_eq!(number(store, count("e2", b'a')), 1);
        let tags = vec![(v.clone(), h.clone()), (key("p#v{:none}"), key("p#h{:none}"))];
        assert_eq!(number(store, Op::Invalidate { tags: tags.clone() }), 2);
        assert_eq!((value(store, &v), value(store, &h)), (None, None));
        assert_eq!(number(store, Op::Invalidate { tags }), 0);
        assert_eq!(number(store, count("e1", b'a')), 0, "the version is gone");
    });
}

#[test]
fn deleting_counts_entries_and_no_leases() {
    on_both(|store| {
        let (a, b, c, d) = (key("p:a"), key("p:b"), key("p:c"), key("p:d"));
        set(store, &a, &stored(b's', &[]), SECOND);
        place(store, &b, None, b't', TRUSTING);
        store.plant(&c, b"foreign", SECOND);
        let entries = vec![a.clone(), b.clone(), c.clone(), d.clone()];
        assert_eq!(number(store, Op::Delete { entries }), 2);
        set(store, &a, &stored(b's', &[]), SECOND);
        place(store, &b, None, b't', TRUSTING);
        assert_eq!(number(store, Op::Unlink { keys: vec![a.clone(), b.clone(), d] }), 1);
        assert_eq!((value(store, &a), value(store, &b)), (None, None));
    });
}

#[test]
fn a_scan_finds_every_key_that_matches() {
    on_both(|store| {
        let want: std::collections::BTreeSet<Key> = (0..2500).map(|n| key(&format!("p*:{n}"))).collect();
        for key in &want {
            store.plant(key, b"x", SECOND * 60);
        }
        for other in ["p:1", "px:1", "p*", "p*#v{:1}"] {
            store.plant(&key(other), b"x", SECOND * 60);
        }
        let mut found = std::collections::BTreeSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let Ok(StoreReply::Scanned { cursor: next, keys }) = store.apply(Op::Scan { cursor, pattern: br"p\*:*".to_vec() }) else {
                panic!("a scan")
            };
            found.extend(keys);
            if next == b"0" {
                break;
            }
            cursor = next;
        }
        assert_eq!(found, want);
    });
}

#[test]
fn the_replication_id_is_the_server_s_own() {
    on_both(|store| {
        let Ok(StoreReply::Identity { id, is_master: true }) = store.apply(Op::Identify) else { panic!("an id") };
        assert_ne!(id, ReplicationId::EMPTY);
        assert_eq!(store.apply(Op::Identify), Ok(StoreReply::Identity { id, is_master: true }));
    });
}

#[test]
fn keys_and_values_hold_any_bytes() {
    on_both(|store| {
        for name in ["\r\n", "\0", "a b", "{", "}", "*", "\u{1f600}", "#"] {
            let e = key(&format!("p:{name}"));
            let names = [name, "\n", "1:a"];
            let token = entry::encode_lease(id(b't'), TAIL, &tags(&names));
            let op = Op::Place { entry: e.clone(), expected: None, lease: token, life: SECOND, tail: TAIL };
            assert!(matches!(store.apply(op), Ok(StoreReply::Placed(Placed::Yes { .. }))));
            let entry = stored(b's', &names);
            assert!(commit(store, &e, b't', &entry, TRUSTING));
            assert_eq!(place_inside(store, &e, b's', b'u', SECOND, TRUSTING), Inside::Yes);
            let Some(value) = value(store, &e) else { panic!("gone") };
            let Some(Stored::Entry(header)) = entry::parse(&value) else { panic!("damaged") };
            assert!(names.iter().all(|name| header.tags.has(name.as_bytes())));
        }
    });
}
