//! What the cache's engine is told of its link: bytes that arrive, and requests that may not have left.

use std::time::Duration;

use super::rig::Rig;
use crate::conn::Transport;

#[test]
fn a_silent_server_costs_a_read_its_budget() {
    let (mut rig, _) = Rig::ready();
    rig.server.frozen = true;
    rig.call(&["H", "1", "1", "k"]);
    rig.pass(249);
    assert_eq!(rig.told, [""; 0]);
    rig.pass(1);
    assert_eq!(rig.told, ["1:1"]);
}

#[test]
fn an_answer_that_arrives_slowly_is_waited_for() {
    let (mut rig, link) = Rig::ready();
    rig.server.frozen = true;
    rig.call(&["H", "1", "1", "k"]);
    rig.issue(link, &["get a"]);
    rig.call(&["H", "2", "1", "k"]);
    rig.say(link, "*1\r\n$-1\r\n$5\r\n");
    for byte in ["a", "b", "c", "d", "e"] {
        rig.pass(200);
        rig.say(link, byte);
    }
    rig.pass(200);
    assert_eq!(rig.told, ["1:1"], "a caller's reply is under way, and the second read waits behind it");
    rig.say(link, "\r\n*1\r\n$-1\r\n");
    rig.pass(1);
    assert_eq!(rig.told, ["1:1", "1:2"]);
    assert_eq!(rig.callers.0.len(), 1);
}

#[test]
fn a_read_behind_a_large_request_waits_as_long_as_the_transport_says_that_it_is_leaving() {
    let (mut rig, link) = Rig::ready();
    rig.server.frozen = true;
    rig.transport = Transport::Waiting { last_acknowledgement: Duration::from_millis(10) };
    rig.issue(link, &[&format!("set a {}", "x".repeat(1 << 20))]);
    rig.call(&["H", "1", "1", "k"]);
    rig.pass(3000);
    assert_eq!(rig.told, [""; 0]);
    rig.transport = Transport::Delivered;
    rig.pass(600);
    assert_eq!(rig.told, ["1:1"], "it has arrived, and the server is silent");
    rig.call(&["H", "2", "1", "k"]);
    rig.transport = Transport::Waiting { last_acknowledgement: Duration::from_secs(2) };
    rig.pass(600);
    assert_eq!(rig.told, ["1:1", "1:2"], "nobody acknowledges it");
}

#[test]
fn a_read_behind_a_large_request_has_the_time_that_it_may_need_to_leave() {
    let (mut rig, link) = Rig::ready();
    rig.server.frozen = true;
    rig.issue(link, &[&format!("set a {}", "x".repeat(4 << 20))]);
    rig.call(&["H", "1", "1", "k"]);
    rig.pass(1000);
    assert_eq!(rig.told, [""; 0]);
    rig.pass(400);
    assert_eq!(rig.told, ["1:1"]);
}
