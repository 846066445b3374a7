//! One link for callers and the cache: who hears what, and in which order.

use super::super::Session;
use super::rig::{Callers, Rig};
use crate::cache::EngineConfig;
use crate::clock::Instant;
use std::time::Duration;

#[test]
fn a_load_and_callers_share_a_link_and_each_hears_its_own_replies() {
    for piece in [1, 7, usize::MAX] {
        let (mut rig, link) = Rig::ready();
        rig.piece = piece;
        let first = rig.issue(link, &["set a 1", "get a"]);
        rig.get_or_set(1, "k", &["t"]);
        rig.issue(link, &["get b"]);
        rig.settle();
        assert_eq!(rig.told, ["2:1 1 0", "4:1 1 1"], "told to load, then stored; in pieces of {piece}");
        let replies: Vec<&str> = rig.callers.0.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!((first, replies), (0, vec!["OK", "1", "Null"]));
        rig.get_or_set(2, "k", &["t"]);
        rig.settle();
        assert_eq!(rig.told[2..], ["0:2 loaded 0"], "a hit");
    }
}

#[test]
fn scripts_that_the_server_does_not_know_are_sent_again_on_the_same_link() {
    let (mut rig, _) = Rig::ready();
    rig.get_or_set(1, "k", &["t"]);
    rig.settle();
    let scripts: Vec<&str> = rig.server.ran.iter().map(String::as_str).filter(|name| !name.starts_with("mget")).collect();
    let versions = ["evalsha", "evalsha", "eval", "ensure", "eval", "ensure"];
    assert_eq!(scripts[..9], [&versions[..], &["evalsha", "eval", "place"]].concat());
}

#[test]
fn what_a_push_says_between_two_replies_disturbs_neither() {
    let (mut rig, link) = Rig::ready();
    rig.server.frozen = true;
    rig.call(&["H", "1", "1", "k"]);
    rig.issue(link, &["get a"]);
    rig.call(&["H", "2", "1", "k"]);
    let push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nx\r\n";
    rig.say(link, &format!("{push}*1\r\n$-1\r\n{push}$1\r\nv\r\n{push}*1\r\n$-1\r\n"));
    rig.settle();
    assert_eq!(rig.told, ["1:1", "1:2"]);
    assert_eq!(rig.callers.0, [(0, "v".to_owned())]);
}

#[test]
fn replies_before_a_cut_count_and_what_follows_is_lost() {
    let (mut rig, link) = Rig::ready();
    rig.server.frozen = true;
    rig.call(&["D", "1", "1", "a"]);
    rig.call(&["D", "2", "1", "b"]);
    // GETRANGE and DEL of the first; of the second nothing. One read, and the connection is gone before anybody looks.
    rig.say(link, "$0\r\n\r\n:1\r\n");
    rig.cut_after(link, 10);
    rig.deliver();
    assert_eq!(rig.told, ["7:1 1"], "the first is done, the second goes out again");
    rig.server.frozen = false;
    rig.settle();
    assert_eq!(rig.told[1..], ["7:2 0"]);
}

#[test]
fn the_cache_waits_for_the_end_of_a_callers_transaction() {
    let (mut rig, link) = Rig::ready();
    rig.issue(link, &["multi", "incr n"]);
    rig.call(&["H", "1", "1", "k"]);
    rig.deliver();
    assert_eq!(rig.told, [""; 0]);
    rig.issue(link, &["exec"]);
    rig.settle();
    assert_eq!(rig.told, ["1:1"]);
    assert_eq!(rig.server.ran, ["incr n", "mget p:k"]);
}

#[test]
fn what_never_left_is_told_apart_from_what_may_have_run() {
    for (commands, outcome) in [(&["multi"][..], "8:1 E_TIMEOUT 0"), (&[], "8:1 E_ABORTED? 0")] {
        let (mut rig, link) = Rig::ready();
        rig.server.frozen = true;
        rig.issue(link, commands);
        rig.call(&["S", "1", "1", "k", "60000", "", "", "", "value"]);
        rig.cut(link);
        rig.pass(EngineConfig::default().write_timeout.as_millis() as u64);
        assert_eq!(rig.told, [outcome], "behind {commands:?}");
    }
}

#[test]
fn a_server_that_says_nothing_uses_up_the_budget_of_a_read() {
    let (mut rig, _) = Rig::ready();
    rig.server.frozen = true;
    rig.get_or_set(1, "k", &[]);
    let before = rig.now;
    rig.settle();
    assert_eq!(rig.told, ["2:1 1 1", "4:1 1 0"], "loaded without storing");
    assert!(rig.now.since(before) >= Duration::from_millis(250), "not before its time");
}

#[test]
fn inputs_for_what_is_not_there_do_nothing() {
    let (mut rig, link) = Rig::new();
    let now = Instant::from_millis(1);
    assert!(rig.session.remove(link, now).is_some());
    assert!(rig.session.remove(link, now).is_none());
    assert!(!rig.session.submit(link, b"", &[], 0, now));
    rig.session.on_bytes(link, b"+OK\r\n", now, &mut Callers::default());
    rig.session.attach(link, now);
    assert_eq!((rig.session.poll_link(link), rig.session.take_output(link)), (None, Vec::new()));
    let mut plain = Session::new();
    let link = plain.open(super::rig::quiet());
    plain.attach(link, now);
    plain.attach_memory(1000, now);
    plain.detach(now);
    assert_eq!((plain.cache_input(now, |_, _| ()), plain.decided(), plain.next_wakeup()), (None, 0, None));
}
