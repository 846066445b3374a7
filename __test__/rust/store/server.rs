//! What only a server can do: keys of other types, scripts that are forgotten, a restart, no memory.

use std::net::TcpStream;

use hawser::resp::Reply;
use hawser::store::{Inside, Op, Placed, Seen, StoreError, StoreReply};

use crate::calls::{commit, ensure, held, id, key, number, place, place_inside, read, stored, SECOND, TRUSTING};
use crate::subject::{Server, Subject};

#[test]
fn values_of_other_types_are_nothing_of_ours() {
    let mut store = Server::start();
    let keys = ["e", "p#v{:x}", "p#h{:x}"];
    let fill = |store: &mut Server| {
        for key in keys {
            store.raw(&["DEL", key]);
            assert_eq!(store.raw(&["RPUSH", key, "item"]), Reply::Integer(1));
        }
    };
    let (e, v, h) = (key("e"), key("p#v{:x}"), key("p#h{:x}"));
    fill(&mut store);
    assert_eq!(read(&mut store, &e).value, Seen::Nothing);
    let Inside::No(found) = place_inside(&mut store, &e, b's', b't', SECOND, TRUSTING) else { panic!("placed in a list") };
    assert_eq!(found.value, Seen::Nothing);
    assert!(!commit(&mut store, &e, b't', &stored(b's', &[]), TRUSTING));
    assert!(!held(&mut store, Op::GiveBack { entry: e.clone(), token: id(b't') }));
    assert!(!held(&mut store, Op::Amend { entry: e.clone(), token: id(b't'), tags: vec![] }));
    let renew = Op::Renew { entry: e.clone(), token: id(b't'), life: SECOND, versions: vec![(v.clone(), id(b'a'))], need: SECOND };
    assert!(!held(&mut store, renew));
    assert!(!held(&mut store, Op::Backoff { entry: e.clone(), token: id(b't'), base: SECOND, max: SECOND }));
    assert!(matches!(place(&mut store, &e, None, b't', TRUSTING), Placed::Yes { .. }), "replaced");
    assert_eq!(ensure(&mut store, &v, b'a', SECOND * 60, TRUSTING), id(b'a'), "replaced");
    let count = Op::Count { items: vec![(v.clone(), h.clone(), id(b'a'))], member: e.clone() };
    assert_eq!(number(&mut store, count), 1, "replaced");
    fill(&mut store);
    assert_eq!(number(&mut store, Op::Invalidate { tags: vec![(v.clone(), h.clone())] }), 0);
    assert_eq!(number(&mut store, Op::Delete { entries: vec![e.clone()] }), 1);
    for key in keys {
        assert_eq!(store.raw(&["EXISTS", key]), Reply::Integer(0), "{key}");
    }
}

#[test]
fn scripts_survive_a_server_that_forgets_them() {
    let mut store = Server::start();
    let v = key("p#v{:x}");
    assert_eq!(ensure(&mut store, &v, b'a', SECOND * 60, TRUSTING), id(b'a'));
    store.process.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(ensure(&mut store, &v, b'b', SECOND * 60, TRUSTING), id(b'a'));
    assert_eq!(store.redis.outstanding(), 0);
}

#[test]
fn a_restart_changes_the_replication_id() {
    let mut store = Server::start();
    let Ok(StoreReply::Identity { id, .. }) = store.apply(Op::Identify) else { panic!("an id") };
    store.process.restart();
    store.stream = TcpStream::connect(store.process.address()).unwrap();
    let Ok(StoreReply::Identity { id: after, .. }) = store.apply(Op::Identify) else { panic!("an id") };
    assert_ne!(id, after);
}

#[test]
fn a_server_out_of_memory_refuses_and_says_so() {
    let mut store = Server::start();
    store.raw(&["CONFIG", "SET", "maxmemory", "1"]);
    let answer = store.apply(Op::Ensure { items: vec![(key("v"), id(b'a'))], need: SECOND });
    let Err(StoreError::Refused(text)) = answer else { panic!("{answer:?}") };
    assert!(text.contains("OOM"), "{text}");
}
