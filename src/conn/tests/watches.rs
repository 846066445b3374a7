//! WATCH and the end of its connection: the transaction it guards does not run unguarded, and nothing else is touched.

use super::super::{LinkOptions, Resend};
use super::calls::{call, pipeline, quiet, quiet_with, transaction, Call};
use super::rig::Rig;

/// Issues a transaction; what became of its EXEC, and how often it ran.
fn run(rig: &mut Rig, key: &str) -> (String, u32) {
    let first = rig.submit(&transaction(&[&format!("incr {key}")]));
    rig.settle();
    (rig.outcome(first + 2), rig.ran(&format!("incr {key}")))
}

fn issue(rig: &mut Rig, text: &str) {
    rig.issue(text);
    rig.settle();
}

fn cut(rig: &mut Rig) {
    rig.cut();
    rig.settle();
}

const RAN: u32 = 1;

#[test]
fn the_next_exec_after_a_reconnect_runs_nothing_and_is_null() {
    for resend in [Resend::All, Resend::Idempotent, Resend::None] {
        let mut rig = Rig::ready_with(quiet_with(resend));
        issue(&mut rig, "watch k");
        cut(&mut rig);
        issue(&mut rig, "get k");
        assert_eq!(run(&mut rig, "a"), ("null".to_owned(), 0), "{resend:?}");
        assert_eq!(run(&mut rig, "b"), ("db0 incr b".to_owned(), RAN), "the one after it is another one");
        rig.finish();
    }
}

#[test]
fn an_interactive_transaction_is_told_as_well() {
    let mut rig = Rig::ready();
    issue(&mut rig, "watch k");
    cut(&mut rig);
    for text in ["multi", "incr a", "exec"] {
        issue(&mut rig, text);
    }
    assert_eq!([1, 2, 3].map(|id| rig.outcome(id)), ["OK", "QUEUED", "null"]);
    assert_eq!(rig.ran("incr a"), 0);
}

#[test]
fn a_transaction_that_waits_for_the_next_connection_is_not_run_on_it() {
    let mut rig = Rig::ready();
    issue(&mut rig, "watch k");
    rig.cut();
    assert_eq!(run(&mut rig, "a"), ("null".to_owned(), 0));
}

#[test]
fn one_that_was_in_flight_may_have_run_and_is_not_run_again() {
    let mut rig = Rig::ready();
    issue(&mut rig, "watch k");
    rig.submit(&transaction(&["incr a"]));
    rig.issue("get b");
    cut(&mut rig);
    assert_eq!((rig.outcome(3).as_str(), rig.ran("incr a"), rig.outcome(4).as_str()), ("E_ABORTED?", 1, "db0 get b"));
    assert_eq!(run(&mut rig, "c"), ("db0 incr c".to_owned(), RAN), "its caller knows");
}

#[test]
fn what_was_given_up_is_not_lost() {
    for end in ["unwatch", "discard", "exec", "reset"] {
        let mut rig = Rig::ready_with(LinkOptions { protocol: 2, ..quiet() });
        issue(&mut rig, "watch k");
        if matches!(end, "discard" | "exec") {
            issue(&mut rig, "multi");
        }
        issue(&mut rig, end);
        cut(&mut rig);
        assert_eq!(run(&mut rig, "a"), ("db0 incr a".to_owned(), RAN), "before the cut: {end}");

        let mut rig = Rig::ready_with(LinkOptions { protocol: 2, ..quiet() });
        issue(&mut rig, "watch k");
        cut(&mut rig);
        if matches!(end, "discard" | "exec") {
            issue(&mut rig, "multi");
        }
        issue(&mut rig, end);
        assert_eq!(run(&mut rig, "a"), ("db0 incr a".to_owned(), RAN), "after it: {end}");
    }
}

#[test]
fn an_unwatch_in_flight_gives_it_up_too() {
    let mut rig = Rig::ready();
    issue(&mut rig, "watch k");
    rig.issue("unwatch");
    cut(&mut rig);
    assert_eq!(run(&mut rig, "a"), ("db0 incr a".to_owned(), RAN));
}

#[test]
fn of_several_watches_one_that_is_lost_is_enough() {
    let mut rig = Rig::ready();
    issue(&mut rig, "watch k");
    rig.issue("watch l");
    cut(&mut rig);
    assert_eq!(rig.outcome(1), "db0 watch l", "it was sent again");
    issue(&mut rig, "watch m");
    assert_eq!(run(&mut rig, "a"), ("null".to_owned(), 0));
    issue(&mut rig, "watch n");
    assert_eq!(run(&mut rig, "b"), ("db0 incr b".to_owned(), RAN));
}

#[test]
fn two_cuts_before_the_transaction_are_one() {
    let mut rig = Rig::ready();
    issue(&mut rig, "watch k");
    cut(&mut rig);
    cut(&mut rig);
    assert_eq!(run(&mut rig, "a").1, 0);
    assert_eq!(run(&mut rig, "b").1, RAN);
}

#[test]
fn the_exec_that_fails_survives_a_cut_of_its_own() {
    let mut rig = Rig::ready();
    issue(&mut rig, "watch k");
    cut(&mut rig);
    rig.server.frozen = true;
    let first = rig.submit(&transaction(&["incr a"]));
    rig.server.frozen = false;
    cut(&mut rig);
    assert_eq!((rig.outcome(first + 2).as_str(), rig.ran("incr a")), ("null", 0));
}

#[test]
fn a_watch_that_is_sent_again_guards() {
    for calls in [pipeline(&["watch k", "get k"]), vec![call("watch k"), call("get k")]] {
        let mut rig = Rig::ready();
        rig.submit(&calls);
        rig.submit(&transaction(&["incr a"]));
        cut(&mut rig);
        assert_eq!(rig.outcome(4), "db0 incr a");
        let heard = &rig.server.heard;
        assert_eq!(heard.iter().filter(|text| *text == "watch k").count(), 2);
    }
}

#[test]
fn a_watch_that_is_not_sent_again_takes_its_transaction_along() {
    let mut rig = Rig::ready_with(quiet_with(Resend::None));
    let calls: Vec<Call> = pipeline(&["watch k", "get k"]);
    rig.submit(&calls);
    rig.link.disconnect(true, rig.now);
    let first = rig.submit(&transaction(&["incr a"]));
    rig.drain();
    rig.settle();
    assert_eq!(rig.outcome(0), "E_ABORTED?");
    assert_eq!((rig.outcome(first + 2).as_str(), rig.ran("incr a")), ("null", 0), "it was issued before its caller knew");
    assert_eq!(run(&mut rig, "b").1, RAN);
}

#[test]
fn a_watch_whose_caller_was_told_does_not_reach_further() {
    let mut rig = Rig::ready_with(quiet_with(Resend::None));
    rig.issue("watch k");
    cut(&mut rig);
    assert_eq!(rig.outcome(0), "E_ABORTED?");
    assert_eq!(run(&mut rig, "a").1, RAN);
}

#[test]
fn a_link_that_has_ended_has_forgotten_it() {
    let mut rig = Rig::ready();
    issue(&mut rig, "watch k");
    rig.finish();
    rig.connect();
    assert_eq!(run(&mut rig, "a").1, RAN);
}
