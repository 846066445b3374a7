//! Several links in a session, and links that change sessions: the cache hears one of them, and nothing of its past.

use super::super::Session;
use super::rig::{cache, quiet, Callers, Rig};
use super::server::Server;

#[test]
fn the_cache_uses_the_link_it_is_on_and_no_other() {
    let (mut rig, first) = Rig::ready();
    let second = rig.open();
    rig.connect(second);
    rig.deliver();
    assert_eq!(rig.server.ran, [""; 0], "the cache asks the other link nothing");
    rig.cut(second);
    rig.call(&["H", "1", "1", "k"]);
    rig.deliver();
    assert_eq!(rig.told, ["1:1"], "the other link's cut is not the cache's");
    rig.issue(second, &["get x"]);
    rig.issue(first, &["get y"]);
    rig.settle();
    assert_eq!(rig.callers.0.len(), 2);
}

#[test]
fn replies_that_are_still_due_on_the_former_link_are_nobodys() {
    let (mut rig, first) = Rig::ready();
    let second = rig.open();
    rig.connect(second);
    rig.server.frozen = true;
    rig.call(&["H", "1", "1", "k"]);
    rig.server.frozen = false;
    rig.session.attach(second, rig.now);
    rig.drain();
    rig.call(&["H", "2", "1", "k"]);
    rig.say(first, "*1\r\n$-1\r\n");
    rig.settle();
    assert_eq!(rig.told, ["1:1", "1:2"]);
    rig.cut(first);
    rig.call(&["H", "3", "1", "k"]);
    rig.settle();
    assert_eq!(rig.told[2..], ["1:3"], "the former link's end is not the cache's");
}

#[test]
fn a_link_that_comes_back_takes_the_cache_along() {
    let (mut rig, link) = Rig::ready();
    rig.cut(link);
    rig.call(&["H", "1", "1", "k"]);
    assert_eq!(rig.told, [""; 0], "it waits for the link");
    rig.settle();
    assert_eq!(rig.told, ["1:1"]);
    assert_eq!(rig.server.ran, ["info replication", "mget p:k"]);
}

#[test]
fn a_link_that_moves_brings_its_callers_along_and_leaves_the_former_cache_without_a_store() {
    let (mut former, link) = Rig::ready();
    former.server.frozen = true;
    former.call(&["H", "1", "1", "k"]);
    former.issue(link, &["get a"]);
    let now = former.now;
    let peer = former.session.remove(link, now).unwrap();
    former.server = Server::default();
    assert_eq!(former.open(), link, "another link gets its number");
    former.connect(link);
    former.deliver();
    assert_eq!(former.server.ran, [""; 0], "which does not make it the cache's");
    former.drain();
    former.settle();
    assert_eq!(former.told, ["1:1"], "as without a server");

    let mut session = Session::with_cache(cache());
    // The number it had is another one's here.
    session.open(quiet());
    let moved = session.adopt(peer);
    session.attach(moved, now);
    assert_ne!(moved, link);
    assert!(session.writable().eq([moved]), "its origin is asked for");
    session.take_output(moved);
    let mut callers = Callers::default();
    session.on_bytes(moved, b"*1\r\n$-1\r\n$1\r\nv\r\n", now, &mut callers);
    assert_eq!(callers.0, [(0, "v".to_owned())]);
    session.cache_input(now, |engine, _| engine.register("p").unwrap());
    session.take_messages(b"*4\r\n$1\r\nH\r\n$1\r\n1\r\n$1\r\n1\r\n$1\r\nk\r\n", now).unwrap().unwrap();
    assert_eq!(session.decided(), 0);
    session.on_bytes(moved, b"$12\r\nrole:master\n\r\n", now, &mut callers);
    assert!(session.writable().eq([moved]), "now it reads");
    session.on_bytes(moved, b"*1\r\n$-1\r\n", now, &mut callers);
    assert_eq!(session.take_decisions().len(), 1);
}

#[test]
fn a_store_in_memory_needs_no_link_and_goes_when_the_cache_is_taken_off_it() {
    let (mut rig, link) = Rig::new();
    rig.session.attach_memory(1 << 20, rig.now);
    rig.get_or_set(1, "k", &["t"]);
    rig.get_or_set(2, "k", &["t"]);
    assert_eq!(rig.told, ["2:1 1 0", "4:1 1 1", "0:2 loaded 0"]);
    rig.session.attach(link, rig.now);
    rig.connect(link);
    rig.call(&["H", "3", "1", "k"]);
    rig.settle();
    assert_eq!(rig.told[3..], ["1:3"]);
}

#[test]
fn a_cache_that_is_taken_off_its_link_does_not_come_back_with_it() {
    let (mut rig, link) = Rig::ready();
    rig.session.detach(rig.now);
    rig.cut(link);
    rig.settle();
    assert_eq!(rig.server.ran, [""; 0]);
    rig.session.attach_memory(1 << 20, rig.now);
    rig.cut(link);
    rig.settle();
    rig.call(&["H", "1", "1", "k"]);
    assert_eq!(rig.told, ["1:1"], "from memory, without a byte");
}
