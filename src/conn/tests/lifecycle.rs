//! The connection's life: reconnecting, closing by hand in every state, protocol errors, and telling a dead connection from a
//! busy server.

use std::time::Duration;

use super::super::{LinkOptions, Output, Probe, Resend, State};
use super::rig::{call, quiet, quiet_with, Rig};
use crate::error::ErrorKind;

fn watched() -> LinkOptions {
    LinkOptions { watchdog: Duration::from_secs(4), ..quiet() }
}

const fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn probes(rig: &Rig) -> usize {
    rig.count(|o| matches!(o, Output::Probe))
}

fn answer_probe(rig: &mut Rig, probe: Probe) {
    rig.link.on_probe(probe, rig.now);
    rig.drain();
}

#[test]
fn attempts_are_counted_until_it_is_ready() {
    let mut rig = Rig::new(quiet());
    rig.reachable = false;
    rig.connect();
    for _ in 0..3 {
        rig.fail_to_connect();
        rig.pass(Duration::from_millis(50));
    }
    let counted: Vec<u32> =
        rig.events.iter().filter_map(|o| if let Output::Closed { attempts } = o { Some(*attempts) } else { None }).collect();
    assert_eq!(counted, [1, 2, 3]);
    rig.reachable = true;
    rig.drain();
    rig.settle();
    assert_eq!((rig.link.state(), rig.link.attempts()), (State::Ready, 0));
}

#[test]
fn a_policy_that_says_no_ends_it() {
    let mut rig = Rig::ready();
    let sent = rig.issue("incr a");
    rig.retry = None;
    rig.cut();
    assert_eq!((rig.link.state(), rig.outcome(sent).as_str()), (State::Ended, "E_CONN_CLOSED?"));
    let after = rig.issue("get b");
    assert_eq!(rig.outcome(after), "E_CONN_CLOSED");
    rig.check_ended();
    rig.retry = Some(Duration::ZERO);
    rig.connect();
    let again = rig.issue("get c");
    rig.settle();
    assert_eq!(rig.outcome(again), "db0 get c", "it can be used again");
}

#[test]
fn connect_does_not_wait_for_the_delay() {
    let mut rig = Rig::ready();
    rig.retry = Some(seconds(3600));
    rig.cut();
    rig.connect();
    rig.settle();
    assert_eq!(rig.link.state(), State::Ready);
}

#[test]
fn disconnect_ends_it_from_every_state() {
    for stop_at in [State::Idle, State::Connecting, State::Handshake, State::Ready, State::Closed, State::Ended] {
        let mut rig = Rig::new(quiet());
        rig.retry = Some(seconds(60));
        rig.reachable = stop_at != State::Connecting;
        if stop_at != State::Idle {
            rig.connect();
        }
        if matches!(stop_at, State::Ready | State::Closed | State::Ended) {
            rig.settle();
        }
        if stop_at == State::Ready {
            rig.server.frozen = true;
        }
        if matches!(stop_at, State::Closed | State::Ended) {
            rig.cut();
        }
        if stop_at == State::Ended {
            rig.link.disconnect(false, rig.now);
        }
        assert_eq!(rig.link.state(), stop_at);
        let id = rig.submit(&["get a", "subscribe b"].map(call));
        rig.finish();
        let want = if stop_at == State::Ready { "E_CONN_CLOSED?" } else { "E_CONN_CLOSED" };
        assert_eq!(rig.outcome(id), want, "{stop_at:?}");
        assert_eq!(rig.count(|o| matches!(o, Output::Ended)), 1, "{stop_at:?}: told once");
        rig.finish();
        assert_eq!(rig.count(|o| matches!(o, Output::Ended)), 1, "{stop_at:?}: also when asked twice");
    }
}

#[test]
fn disconnect_to_reconnect_goes_by_the_policy() {
    let mut rig = Rig::ready();
    rig.server.frozen = true;
    let id = rig.issue("get a");
    rig.link.disconnect(true, rig.now);
    rig.server.frozen = false;
    rig.drain();
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.connections), ("db0 get a", 2));
}

#[test]
fn what_was_closed_for_good_stays_so() {
    let mut rig = Rig::ready();
    rig.link.disconnect(false, rig.now);
    rig.link.disconnect(true, rig.now);
    rig.drain();
    assert_eq!(rig.link.state(), State::Ended);
}

#[test]
fn a_connection_that_comes_after_its_end_was_asked_for_is_closed() {
    let mut rig = Rig::new(quiet());
    rig.link.connect(rig.now);
    rig.link.disconnect(false, rig.now);
    while rig.link.poll_output().is_some() {}
    rig.link.on_connected(rig.now);
    assert_eq!(rig.link.poll_output(), Some(Output::Close { destroy: true }));
    assert!(!rig.link.has_output(), "no handshake with it");
    rig.link.on_closed(rig.now);
    assert_eq!(rig.link.state(), State::Ended);
}

#[test]
fn quit_is_answered_and_ends_it() {
    for hangs_up in [true, false] {
        let mut rig = Rig::ready();
        rig.submit(&["get a", "quit", "get b"].map(call));
        if let Some(connection) = &mut rig.connection {
            connection.closed &= hangs_up;
        }
        rig.settle();
        assert_eq!([0, 1, 2].map(|id| rig.outcome(id)), ["db0 get a", "OK", "E_CONN_CLOSED"], "{hangs_up}");
        assert_eq!(rig.link.state(), State::Ended, "also where the server leaves the connection open");
        rig.check_ended();
    }
}

#[test]
fn quit_offline_leaves_in_its_turn() {
    let mut rig = Rig::new(quiet());
    rig.submit(&["get a", "quit", "get b"].map(call));
    rig.connect();
    rig.settle();
    assert_eq!([0, 1, 2].map(|id| rig.outcome(id)), ["db0 get a", "OK", "E_CONN_CLOSED"]);
    assert_eq!(rig.ran("get b"), 0);
}

#[test]
fn bytes_that_are_not_resp_end_the_connection_and_what_was_in_flight() {
    for garbage in ["hello\r\n", "$-7\r\n", "+surplus\r\n+surplus\r\n+surplus\r\n"] {
        let mut rig = Rig::ready();
        rig.server.frozen = true;
        rig.submit(&["get a", "get b"].map(call));
        rig.submit_core(&["get core"], 4);
        if let Some(connection) = &mut rig.connection {
            connection.say(garbage);
            connection.say("+later\r\n+later\r\n+later\r\n");
        }
        rig.retry = Some(seconds(1));
        rig.read();
        assert_eq!(rig.failures().len(), 1, "{garbage}");
        assert_eq!(rig.failures()[0].0, ErrorKind::Protocol);
        assert_eq!(rig.count(|o| matches!(o, Output::Close { destroy: true })), 1);
        let waiting = rig.issue("get c");
        rig.server.frozen = false;
        rig.settle();
        assert_eq!(rig.outcome(waiting), "db0 get c", "the next connection is a fresh start");
        if !garbage.starts_with('+') {
            assert_eq!((rig.outcome(0).as_str(), rig.outcome(1).as_str()), ("E_PROTOCOL?", "E_PROTOCOL?"));
            assert_eq!(rig.core_losses(), [(4, true)]);
        }
        rig.finish();
    }
}

#[test]
fn nothing_is_read_from_a_broken_connection_that_is_still_open() {
    let mut rig = Rig::ready();
    rig.server.frozen = true;
    rig.issue("get a");
    let mut sink = super::rig::Nobody;
    rig.link.on_bytes(b"garbage\r\n", rig.now, &mut sink);
    rig.link.submit(b"*2\r\n$3\r\nget\r\n$1\r\nb\r\n", &[20, crate::command::classify("get").bits()], 1, rig.now);
    assert!(!rig.link.has_output(), "and nothing is written to it");
    rig.link.on_bytes(b"$5\r\nwrong\r\n", rig.now, &mut sink);
    rig.drain();
    assert_eq!(rig.failures().len(), 1, "what follows is not judged again");
}

#[test]
fn a_reply_beyond_the_limits_is_not_asked_for_again() {
    let mut rig = Rig::ready_with(LinkOptions { limits: crate::resp::Limits { bytes: 1000, ..crate::resp::Limits::default() }, ..quiet() });
    let id = rig.issue(&format!("get {}", "x".repeat(2000)));
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.connections), ("E_PROTOCOL?", 2));
}

#[test]
fn memory_of_a_large_reply_is_given_back() {
    let mut rig = Rig::ready();
    rig.piece = 10_000;
    rig.issue(&format!("get {}", "x".repeat(1_000_000)));
    rig.settle();
    assert!(rig.link.reader.capacity() <= 1 << 16);
}

#[test]
fn an_idle_link_is_asked_for_a_sign_of_life() {
    let mut rig = Rig::ready_with(watched());
    rig.pass(seconds(3600));
    assert_eq!((rig.link.state(), probes(&rig)), (State::Ready, 0));
    assert!(rig.server.heard.iter().filter(|c| *c == "ping").count() > 800);
}

#[test]
fn a_half_open_connection_is_noticed_within_ten_seconds() {
    for (asked, probe) in [(true, Probe::Answered), (true, Probe::Unreachable), (false, Probe::Answered)] {
        let mut rig = Rig::ready_with(watched());
        rig.server.frozen = true;
        let id = asked.then(|| rig.issue("get a"));
        rig.pass(seconds(8));
        assert_eq!(probes(&rig), 1, "with two seconds left for a second connection");
        answer_probe(&mut rig, probe);
        assert_eq!(rig.failures().len(), usize::from(probe == Probe::Unreachable));
        rig.pass(seconds(1));
        assert_eq!(rig.failures().len(), 1);
        rig.server.frozen = false;
        assert_eq!(rig.count(|o| matches!(o, Output::Close { destroy: true })), 1);
        rig.settle();
        assert_eq!(rig.link.state(), State::Ready);
        assert!(id.is_none_or(|id| rig.outcome(id) == "db0 get a"));
    }
}

#[test]
fn a_busy_server_is_waited_for() {
    let mut rig = Rig::ready_with(LinkOptions { resend: Resend::Idempotent, ..watched() });
    rig.server.frozen = true;
    let id = rig.issue("eval slow 0");
    for _ in 0..10 {
        let before = probes(&rig);
        rig.pass(seconds(8));
        assert_eq!(probes(&rig), before + 1);
        answer_probe(&mut rig, Probe::Busy);
    }
    rig.server.frozen = false;
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.ran("eval slow 0"), rig.connections), ("db0 eval slow 0", 1, 1));
}

#[test]
fn a_server_that_speaks_while_it_is_probed_is_alive() {
    let mut rig = Rig::ready_with(watched());
    rig.server.frozen = true;
    rig.issue("get a");
    rig.pass(seconds(8));
    rig.server.frozen = false;
    rig.read();
    answer_probe(&mut rig, Probe::Answered);
    assert_eq!((rig.connections, rig.failures().len()), (1, 0));
}

#[test]
fn a_server_that_answers_a_probe_first_is_alive_all_the_same() {
    let mut rig = Rig::ready_with(watched());
    rig.server.frozen = true;
    let id = rig.issue("get a");
    rig.pass(seconds(8));
    answer_probe(&mut rig, Probe::Answered);
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
    answer_probe(&mut rig, Probe::Unreachable);
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
    answer_probe(&mut rig, Probe::Busy);
    rig.pass(seconds(8));
    answer_probe(&mut rig, Probe::Unreachable);
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

#[test]
fn without_auto_resend_nothing_in_flight_is_sent_again() {
    let mut rig = Rig::ready_with(LinkOptions { auto_resend: false, ..quiet_with(Resend::All) });
    rig.server.frozen = true;
    let id = rig.issue("get a");
    rig.cut();
    assert_eq!(rig.outcome(id), "E_ABORTED?");
    rig.finish();
}

#[test]
fn commands_of_the_core_have_their_outcomes_in_their_order_also_behind_a_quit() {
    let mut rig = Rig::ready();
    rig.server.frozen = true;
    rig.submit_core(&["get core"], 1);
    rig.issue("quit");
    rig.submit_core(&["get core2"], 2);
    assert_eq!(rig.core_losses(), [], "the first is not decided yet");
    rig.server.frozen = false;
    rig.settle();
    assert_eq!((rig.core(), rig.core_losses()), (vec![(1, "db0 get core".to_owned())], vec![(2, false)]));
}
