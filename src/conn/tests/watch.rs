//! Telling a dead connection from a busy server: only evidence about this connection counts, and nothing runs twice because of it.

use std::time::Duration;

use super::super::{LinkOptions, Output, Resend, State, Transport};
use super::calls::{call, quiet, transaction};
use super::rig::Rig;
use crate::error::ErrorKind;

fn watched() -> LinkOptions {
    LinkOptions { watchdog: Duration::from_secs(4), ..quiet() }
}

const fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn probes(rig: &Rig) -> usize {
    rig.count(|o| matches!(o, Output::Probe(_)))
}

const ANSWERED: &[u8] = b"%1\r\n+proto\r\n:3\r\n+PONG\r\n";
const BUSY: &[u8] = b"%1\r\n+proto\r\n:3\r\n-BUSY Redis is busy running a script.\r\n";

fn probe_brings(rig: &mut Rig, bytes: &[u8]) {
    rig.link.on_probe_bytes(bytes, rig.now);
    rig.drain();
}

fn probe_fails(rig: &mut Rig) {
    rig.link.on_probe_failed(rig.now);
    rig.drain();
}

/// Lets time pass while the transport says the same whenever it is asked: an acknowledgement came just before `since`.
fn pass_unacknowledged(rig: &mut Rig, since: crate::clock::Instant, by: Duration) {
    let until = rig.now + by;
    while rig.now < until && rig.connection.is_some() {
        let asked = rig.count(|o| matches!(o, Output::AskTransport));
        rig.pass(seconds(1));
        if rig.count(|o| matches!(o, Output::AskTransport)) > asked {
            let last_acknowledgement = rig.now.since(since);
            rig.link.on_transport(Transport::Waiting { last_acknowledgement }, rig.now);
            rig.drain();
        }
    }
}

#[test]
fn an_idle_link_is_asked_for_a_sign_of_life() {
    let mut rig = Rig::ready_with(watched());
    rig.pass(seconds(3600));
    assert_eq!((rig.link.state(), probes(&rig)), (State::Ready, 0));
    assert!(rig.server.heard.iter().filter(|c| *c == "ping").count() > 800);
}

#[test]
fn one_that_is_refused_is_asked_more_and_more_rarely() {
    let mut rig = Rig::ready_with(watched());
    rig.server.refusals.insert("ping".into(), std::iter::repeat_n("NOPERM no".to_owned(), 1000).collect());
    rig.pass(seconds(24 * 3600));
    let asked = rig.server.heard.iter().filter(|c| *c == "ping").count();
    assert!((20..40).contains(&asked), "{asked} in a day");
    assert_eq!((probes(&rig), rig.failures(), rig.connections), (0, vec![], 1));
    rig.cut();
    rig.settle();
    rig.pass(seconds(600));
    assert!(rig.server.heard.iter().filter(|c| *c == "ping").count() <= asked + 1, "also on the next connection");
}

#[test]
fn a_half_open_connection_is_noticed_within_ten_seconds() {
    for issued in ["", "get a", "ping", "quit"] {
        let mut rig = Rig::ready_with(watched());
        rig.server.frozen = true;
        let id = (!issued.is_empty()).then(|| rig.issue(issued));
        rig.pass(seconds(8));
        assert_eq!(probes(&rig), 1, "{issued}: with two seconds left for a second connection");
        probe_brings(&mut rig, ANSWERED);
        assert_eq!(rig.failures(), []);
        rig.pass(seconds(1));
        assert_eq!(rig.failures().len(), 1, "{issued}");
        rig.server.frozen = false;
        assert_eq!(rig.count(|o| matches!(o, Output::Close { destroy: true })), 1);
        rig.settle();
        assert_eq!(rig.link.state() == State::Ready, issued != "quit");
        assert!(id.is_none_or(|id| issued != "get a" || rig.outcome(id) == "db0 get a"));
    }
}

#[test]
fn commands_of_the_core_are_judged_by_their_names() {
    for (name, cuts) in [("get core", 1), ("evalsha core 0", 0)] {
        let mut rig = Rig::ready_with(watched());
        rig.server.frozen = true;
        rig.submit_core(&[name], 1);
        rig.pass(seconds(8));
        probe_brings(&mut rig, ANSWERED);
        rig.pass(seconds(2));
        assert_eq!(rig.failures().len(), cuts, "{name}");
    }
}

#[test]
fn whatever_else_becomes_of_a_second_connection_says_nothing() {
    let outcomes: [Option<&[u8]>; 5] = [
        None,
        Some(BUSY),
        Some(b"-ERR max number of clients reached\r\n"),
        Some(b"-NOAUTH Authentication required.\r\n"),
        Some(b"garbage\r\n"),
    ];
    let mut rig = Rig::ready_with(watched());
    rig.server.frozen = true;
    let id = rig.issue("get a");
    rig.pass(seconds(4));
    for outcome in outcomes {
        let before = probes(&rig);
        rig.pass(seconds(4));
        assert_eq!(probes(&rig), before + 1, "asked again later");
        match outcome {
            Some(bytes) => probe_brings(&mut rig, bytes),
            None => probe_fails(&mut rig),
        }
    }
    rig.server.frozen = false;
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.connections, rig.failures()), ("db0 get a", 1, vec![]));
}

#[test]
fn what_may_take_long_is_waited_for_while_others_are_answered() {
    for issued in ["incr a", "eval slow 0", "graph.query g q", "keys *", "get a|incr b", "subscribe c", "multi"] {
        let mut rig = Rig::ready_with(watched());
        rig.server.frozen = true;
        for text in issued.split('|') {
            rig.issue(text);
        }
        for _ in 0..100 {
            rig.pass(seconds(8));
            probe_brings(&mut rig, ANSWERED);
        }
        rig.server.frozen = false;
        rig.settle();
        assert_eq!((probes(&rig), rig.connections, rig.failures()), (0, 1, vec![]), "{issued}");
    }
}

#[test]
fn a_write_issued_while_a_read_is_judged_is_not_cut() {
    let mut rig = Rig::ready_with(watched());
    rig.server.frozen = true;
    rig.issue("get a");
    rig.pass(seconds(8));
    probe_brings(&mut rig, ANSWERED);
    let id = rig.issue("incr b");
    rig.pass(seconds(60));
    rig.server.frozen = false;
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.ran("incr b"), rig.connections), ("db0 incr b", 1, 1));
}

#[test]
fn many_bytes_may_be_on_their_way_where_the_transport_does_not_say() {
    for (transport, cuts) in [(Transport::Unknown, 0), (Transport::Delivered, 1)] {
        let mut rig = Rig::ready_with(watched());
        rig.server.frozen = true;
        rig.link.on_transport(transport, rig.now);
        rig.issue(&format!("mget {}", "x".repeat(100_000)));
        rig.pass(seconds(8));
        probe_brings(&mut rig, ANSWERED);
        rig.pass(seconds(2));
        assert_eq!(rig.failures().len(), cuts, "{transport:?}");
    }
}

#[test]
fn bytes_that_nobody_acknowledges_end_it_whatever_is_due() {
    for issued in ["incr a", "get a", "blpop q 0"] {
        let mut rig = Rig::ready_with(watched());
        rig.server.frozen = true;
        let start = rig.now;
        rig.issue(issued);
        pass_unacknowledged(&mut rig, start, seconds(60));
        let took = rig.now.since(start);
        assert!((seconds(12)..=seconds(17)).contains(&took), "{issued}: {took:?}");
        assert_eq!(rig.failures()[0].0, ErrorKind::Timeout);
    }
}

#[test]
fn nothing_runs_twice_because_of_a_doubt() {
    for (resend, want) in [
        (Resend::All, ["db0 get a", "E_ABORTED?", "db0 set c 1"]),
        (Resend::Idempotent, ["db0 get a", "E_ABORTED?", "db0 set c 1"]),
        (Resend::None, ["E_ABORTED?"; 3]),
    ] {
        for by_the_transport in [true, false] {
            let mut rig = Rig::ready_with(LinkOptions { resend, ..watched() });
            rig.server.eager = true;
            if let Some(connection) = &mut rig.connection {
                connection.mute = true;
            }
            let first = rig.submit(&["get a", "incr b", "set c 1"].map(call));
            let in_transaction = rig.submit(&transaction(&["incr t"]));
            let start = rig.now;
            if by_the_transport {
                rig.link.on_transport_lost(rig.now);
                rig.cut();
            } else {
                pass_unacknowledged(&mut rig, start, seconds(60));
            }
            rig.settle();
            let outcomes: Vec<String> = (first..first + 3).map(|id| rig.outcome(id)).collect();
            assert_eq!(outcomes, want, "{resend:?}");
            assert_eq!((rig.ran("incr b"), rig.ran("incr t")), (1, 1), "{resend:?}");
            assert_eq!(rig.outcome(in_transaction + 2), "E_ABORTED?", "{resend:?}");
            let again = rig.issue("incr b");
            rig.cut();
            rig.settle();
            assert_eq!(rig.outcome(again) == "db0 incr b", resend == Resend::All, "the next cut is no doubt");
        }
    }
}

#[test]
fn a_server_that_speaks_while_it_is_probed_is_alive() {
    let mut rig = Rig::ready_with(watched());
    rig.server.frozen = true;
    rig.issue("get a");
    rig.pass(seconds(8));
    rig.server.frozen = false;
    rig.read();
    probe_brings(&mut rig, ANSWERED);
    rig.pass(seconds(3));
    assert_eq!((rig.connections, rig.failures().len()), (1, 0));
}

#[test]
fn a_server_that_answers_a_probe_first_is_alive_all_the_same() {
    let mut rig = Rig::ready_with(watched());
    rig.server.frozen = true;
    let id = rig.issue("get a");
    rig.pass(seconds(8));
    probe_brings(&mut rig, ANSWERED);
    rig.pass(Duration::from_millis(900));
    rig.server.frozen = false;
    rig.pass(seconds(60));
    assert_eq!((rig.outcome(id).as_str(), rig.connections, rig.failures().len()), ("db0 get a", 1, 0));
}

#[test]
fn a_late_probe_does_not_judge_the_next_connection() {
    let mut rig = Rig::ready_with(watched());
    rig.server.frozen = true;
    rig.issue("get a");
    rig.pass(seconds(8));
    rig.server.frozen = false;
    rig.cut();
    rig.settle();
    rig.server.frozen = true;
    rig.pass(seconds(4));
    probe_brings(&mut rig, ANSWERED);
    rig.pass(seconds(3));
    assert_eq!((rig.link.state(), rig.connections), (State::Ready, 2));
}

#[test]
fn silence_during_a_blocking_command_is_not_judged() {
    let mut rig = Rig::ready_with(watched());
    rig.server.frozen = true;
    rig.submit(&["blpop q 0", "get behind"].map(call));
    rig.pass(seconds(600));
    assert_eq!((probes(&rig), rig.link.state()), (0, State::Ready));
    rig.server.frozen = false;
    rig.settle();
    assert_eq!(rig.outcome(1), "db0 get behind");
}

#[test]
fn an_idle_transaction_is_left_alone() {
    let mut rig = Rig::ready_with(watched());
    rig.issue("multi");
    rig.settle();
    rig.pass(seconds(600));
    assert_eq!((probes(&rig), rig.connections), (0, 1), "nothing is due, and a PING would become part of it");
    rig.issue("exec");
    rig.settle();
    assert!(!rig.server.heard.contains(&"ping".to_owned()));
    rig.pass(seconds(5));
    assert!(rig.server.heard.contains(&"ping".to_owned()));
}

#[test]
fn a_server_silent_in_the_handshake_is_noticed_too() {
    let mut rig = Rig::new(watched());
    rig.server.frozen = true;
    rig.connect();
    rig.pass(seconds(8));
    assert_eq!((rig.link.state(), probes(&rig)), (State::Handshake, 1));
    probe_brings(&mut rig, BUSY);
    rig.pass(seconds(4));
    assert_eq!(probes(&rig), 2);
    probe_brings(&mut rig, ANSWERED);
    rig.pass(seconds(1));
    rig.server.frozen = false;
    rig.settle();
    assert_eq!((rig.link.state(), rig.connections), (State::Ready, 2));
}

#[test]
fn a_loading_server_is_not_taken_for_a_dead_one() {
    let mut rig = Rig::new(LinkOptions { ready_check: true, ..watched() });
    rig.server.info = ["loading:1\r\nloading_eta_seconds:60".to_owned()].into();
    rig.connect();
    rig.pass(seconds(300));
    assert_eq!((rig.link.state(), probes(&rig), rig.connections), (State::Handshake, 0, 1));
}

#[test]
fn a_resp2_subscriber_is_watched_by_pings_that_nobody_sees() {
    let mut rig = Rig::ready_with(LinkOptions { protocol: 2, ..watched() });
    rig.issue("subscribe a");
    rig.settle();
    rig.pass(seconds(60));
    assert!(rig.server.heard.iter().filter(|c| *c == "ping").count() > 10);
    assert_eq!((rig.connections, rig.messages().len()), (1, 0));
}
