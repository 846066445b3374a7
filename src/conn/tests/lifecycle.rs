//! The connection's life: reconnecting, closing by hand in every state, protocol errors.

use std::time::Duration;

use super::super::{LinkOptions, Output, Resend, State};
use super::calls::{call, quiet, quiet_with};
use super::rig::Rig;
use crate::error::ErrorKind;

const fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
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
            assert_eq!(rig.core_lost(), [(4, true)]);
        }
        rig.finish();
    }
}

#[test]
fn nothing_is_read_from_a_broken_connection_that_is_still_open() {
    let mut rig = Rig::ready();
    rig.server.frozen = true;
    rig.issue("get a");
    let mut sink = super::calls::Nobody;
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
    assert_eq!(rig.core_lost(), [], "the first is not decided yet");
    rig.server.frozen = false;
    rig.settle();
    assert_eq!((rig.core(), rig.core_lost()), (vec![(1, "db0 get core".to_owned())], vec![(2, false)]));
}
