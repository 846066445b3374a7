//! Commands of a link whose owner routes them: what loses its connection is handed back, in order, and what may not run twice is
//! rejected.

use std::time::Duration;

use super::super::{LinkOptions, Output, Resend, State};
use super::calls::{call, pipeline, quiet, transaction, Call};
use super::rig::Rig;

fn options(resend: Resend) -> LinkOptions {
    LinkOptions { hands_back: true, resend, ..quiet() }
}

fn rig(resend: Resend) -> Rig {
    Rig::ready_with(options(resend))
}

/// A link whose server does not answer.
fn frozen(resend: Resend) -> Rig {
    let mut rig = rig(resend);
    rig.server.frozen = true;
    rig
}

fn outcomes(rig: &Rig, first: u32, count: u32) -> String {
    (first..first + count).map(|id| rig.outcome(id)).collect::<Vec<_>>().join(" ")
}

fn cut_after(resend: Resend, calls: &[Call]) -> String {
    let mut rig = frozen(resend);
    let first = rig.submit(calls);
    rig.cut();
    outcomes(&rig, first, calls.len() as u32)
}

#[test]
fn what_was_in_flight_and_what_waited_comes_back_in_order() {
    let mut rig = frozen(Resend::All);
    let first = rig.submit(&[call("get a"), call("incr b")]);
    rig.reachable = false;
    rig.cut();
    assert_eq!(outcomes(&rig, first, 2), "back? back?");
    rig.submit(&[call("get c"), call("incr d")]);
    assert_eq!(rig.outcome(first + 2), "pending", "the next connection may come");
    rig.pass(Duration::from_millis(60));
    rig.fail_to_connect();
    assert_eq!(outcomes(&rig, first + 2, 2), "back back");
    assert_eq!(rig.order(), [0, 1, 2, 3]);
    assert_eq!((rig.link.queued(), rig.link.queues.bytes()), (0, 0));
}

#[test]
fn the_owner_has_them_before_it_hears_that_the_connection_is_closed() {
    let mut rig = frozen(Resend::All);
    rig.issue("get a");
    rig.link.on_closed(rig.now);
    assert!(matches!(rig.link.poll_output(), Some(Output::HandedBack { id: 0, sent: true, .. })));
    assert!(matches!(rig.link.poll_output(), Some(Output::Closed { .. })));
}

#[test]
fn nothing_is_sent_again_on_the_next_connection() {
    let mut rig = frozen(Resend::All);
    rig.submit(&[call("get a"), call("incr b")]);
    rig.cut();
    rig.server.frozen = false;
    rig.settle();
    assert_eq!((rig.link.state(), rig.ran("get a"), rig.ran("incr b")), (State::Ready, 0, 0));
}

#[test]
fn the_replay_rule_decides_what_comes_back() {
    let calls = [call("get a"), call("incr b"), call("blpop q 0"), call("get c")];
    assert_eq!(cut_after(Resend::All, &calls), "back? back? back? back?");
    assert_eq!(cut_after(Resend::Idempotent, &calls), "back? E_ABORTED? E_ABORTED? back?");
    assert_eq!(cut_after(Resend::None, &calls), "E_ABORTED? E_ABORTED? E_ABORTED? E_ABORTED?");
}

#[test]
fn the_owner_counts_the_attempts() {
    let mut rig = Rig::ready_with(LinkOptions { max_retries_per_request: Some(0), ..options(Resend::All) });
    rig.server.frozen = true;
    rig.issue("incr a");
    rig.cut();
    assert_eq!(rig.outcome(0), "back?");
}

#[test]
fn a_connection_that_the_link_gave_up_allows_less() {
    let mut rig = frozen(Resend::All);
    rig.submit(&[call("get a"), call("incr b")]);
    rig.link.is_doubted = true;
    rig.cut();
    assert_eq!(outcomes(&rig, 0, 2), "back? E_ABORTED?");
}

#[test]
fn the_end_of_the_link_rejects_nothing_that_never_ran() {
    let mut rig = frozen(Resend::Idempotent);
    rig.submit(&[call("get a"), call("incr b")]);
    rig.link.disconnect(false, rig.now);
    rig.drain();
    rig.issue("incr c");
    assert_eq!(outcomes(&rig, 0, 3), "back? E_ABORTED? back");
    rig.check_ended();
}

#[test]
fn a_link_that_never_connected_hands_back_what_waits() {
    let mut rig = Rig::new(options(Resend::All));
    rig.submit(&transaction(&["incr a"]));
    rig.finish();
    assert_eq!(outcomes(&rig, 0, 3), "back back back");
}

#[test]
fn quit_is_for_this_connection_alone() {
    assert_eq!(cut_after(Resend::All, &[call("get a"), call("quit"), call("get b")]), "back? E_CONN_CLOSED? back");
}

#[test]
fn refusals_go_to_the_owner_and_leave_the_connection_alone() {
    for error in ["READONLY no", "MOVED 1 a:1", "ASK 1 a:1", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN"] {
        let mut rig = Rig::ready_with(LinkOptions { retry_refused: true, ..options(Resend::All) });
        rig.server.refusals.entry("incr a".to_owned()).or_default().push_back(error.to_owned());
        let first = rig.submit(&[call("incr a"), call("get b")]);
        rig.read();
        assert_eq!(outcomes(&rig, first, 2), format!("-{error} db0 get b"));
        assert_eq!((rig.link.state(), rig.connections), (State::Ready, 1));
    }
}

#[test]
fn a_late_command_has_its_outcome_already() {
    let mut rig = Rig::ready_with(LinkOptions { command_timeout: Some(Duration::from_millis(100)), ..options(Resend::All) });
    rig.server.frozen = true;
    rig.issue("get a");
    rig.pass(Duration::from_millis(101));
    rig.issue("get b");
    rig.cut();
    assert_eq!(outcomes(&rig, 0, 2), "E_TIMEOUT? back?");
}

#[test]
fn the_rest_of_an_answered_pipeline_is_lost() {
    let mut rig = rig(Resend::All);
    rig.server.blocking.insert("get".to_owned());
    let first = rig.submit(&pipeline(&["get a", "incr b", "get c"]));
    rig.read();
    rig.cut();
    assert_eq!(outcomes(&rig, first, 3), "db0 get a E_ABORTED? E_ABORTED?");
    assert_eq!(cut_after(Resend::All, &pipeline(&["get a", "incr b"])), "back? back?", "whole where nothing was answered");
}

#[test]
fn a_transaction_comes_back_whole_or_not_at_all() {
    let whole = transaction(&["incr a", "incr b"]);
    assert_eq!(cut_after(Resend::All, &whole), "back? back? back? back?");
    assert_eq!(cut_after(Resend::Idempotent, &whole), "E_ABORTED? E_ABORTED? E_ABORTED? E_ABORTED?");
    for resend in [Resend::All, Resend::Idempotent, Resend::None] {
        assert_eq!(cut_after(resend, &whole[..3]), "back back back", "without its EXEC it has not run: {resend:?}");
    }
}

#[test]
fn the_rest_of_a_transaction_that_came_back_does_not_run_here() {
    let mut rig = frozen(Resend::All);
    let whole = transaction(&["incr a", "incr b"]);
    rig.submit(&whole[..2]);
    rig.cut();
    rig.server.frozen = false;
    rig.settle();
    rig.submit(&whole[2..]);
    rig.settle();
    assert_eq!(outcomes(&rig, 0, 4), "back back E_ABORTED E_ABORTED");
    let again = rig.submit(&whole);
    rig.settle();
    assert_eq!(rig.outcome(again + 3), "db0 incr a|db0 incr b", "the whole one may come here again");
    assert_eq!(rig.ran("incr b"), 1);
}

#[test]
fn a_transaction_whose_multi_was_answered_is_lost() {
    let mut rig = rig(Resend::All);
    rig.submit(&transaction(&["incr a"])[..1]);
    rig.settle();
    rig.server.frozen = true;
    rig.submit(&transaction(&["incr a"])[1..]);
    rig.cut();
    assert_eq!(outcomes(&rig, 0, 3), "OK E_ABORTED? E_ABORTED?");
}

#[test]
fn a_transaction_whose_watch_is_gone_does_not_come_back() {
    let mut rig = rig(Resend::All);
    rig.issue("watch k");
    rig.settle();
    rig.reachable = false;
    rig.cut();
    let first = rig.submit(&[vec![call("get a")], transaction(&["incr a"]), vec![call("get b")]].concat());
    rig.pass(Duration::from_millis(60));
    rig.fail_to_connect();
    assert_eq!(outcomes(&rig, first, 5), "back E_ABORTED E_ABORTED E_ABORTED back");
    rig.reachable = true;
    rig.pass(Duration::from_millis(60));
    let next = rig.submit(&transaction(&["incr c"]));
    rig.settle();
    assert_eq!(rig.outcome(next + 2), "db0 incr c", "its caller knows");
}

#[test]
fn an_exec_that_is_issued_later_still_fails_for_its_watch() {
    let mut rig = rig(Resend::All);
    rig.issue("watch k");
    rig.settle();
    rig.cut();
    rig.settle();
    rig.submit(&transaction(&["incr a"]));
    rig.settle();
    assert_eq!((rig.outcome(3).as_str(), rig.ran("incr a")), ("null", 0));
}

#[test]
fn a_guard_that_was_given_up_guards_nothing() {
    let mut rig = rig(Resend::All);
    rig.issue("watch k");
    rig.settle();
    rig.reachable = false;
    rig.cut();
    let first = rig.submit(&[vec![call("unwatch")], transaction(&["incr a"])].concat());
    rig.finish();
    assert_eq!(outcomes(&rig, first, 4), "back back back back");
}

#[test]
fn subscriptions_stay_with_the_link_and_a_subscribe_in_flight_does_not() {
    let mut rig = rig(Resend::All);
    rig.issue("subscribe a");
    rig.settle();
    rig.server.frozen = true;
    rig.issue("subscribe b");
    rig.cut();
    rig.server.frozen = false;
    rig.settle();
    assert_eq!(rig.outcome(1), "back?");
    let channels = rig.connection.as_ref().map(|connection| connection.channels.iter().cloned().collect::<Vec<_>>());
    assert_eq!(channels, Some(vec!["a".to_owned()]));
}

#[test]
fn the_owner_may_ask_for_what_waits() {
    let mut rig = frozen(Resend::All);
    rig.issue("get a");
    rig.link.hand_back_waiting(rig.now);
    rig.drain();
    assert_eq!(rig.outcome(0), "pending", "it is on the wire");
    rig.reachable = false;
    rig.cut();
    rig.submit(&[call("get b"), call("get c")]);
    rig.link.hand_back_waiting(rig.now);
    rig.drain();
    assert_eq!(outcomes(&rig, 0, 3), "back? back back");
}

#[test]
fn a_handshake_that_is_refused_for_good_is_told_to_callers() {
    let mut rig = Rig::new(LinkOptions { password: Some("x".to_owned()), ..options(Resend::All) });
    rig.server.handshake_errors.push_back("-WRONGPASS no".to_owned());
    rig.issue("get a");
    rig.connect();
    rig.read();
    assert_eq!(rig.outcome(0), "-WRONGPASS no");
}

#[test]
fn replies_that_are_none_reject_what_they_may_belong_to() {
    let mut rig = frozen(Resend::All);
    rig.issue("get a");
    if let Some(connection) = rig.connection.as_mut() {
        connection.say("$x\r\n");
    }
    rig.read();
    assert_eq!(rig.outcome(0), "E_PROTOCOL?");
}

#[test]
fn commands_of_the_core_are_lost_as_ever() {
    let mut rig = frozen(Resend::All);
    rig.submit_core(&["get core"], 3);
    rig.cut();
    assert_eq!(rig.core_lost(), [(3, true)]);
}
