//! Queues, deadlines, refusals, bounds: what waits, how long, and what its caller is told.

use std::time::{Duration, Instant as Clock};

use super::super::{LinkOptions, Output, Resend, State};
use super::calls::{call, pipeline, quiet, quiet_with, Call};
use super::rig::Rig;
use crate::command::classify;

fn refusing(text: &str, error: &str, times: usize) -> Rig {
    let mut rig = Rig::ready_with(LinkOptions { retry_refused: true, ..quiet() });
    rig.server.refusals.insert(text.into(), std::iter::repeat_n(error.to_owned(), times).collect());
    rig
}

fn with_timeout(ms: u64) -> LinkOptions {
    LinkOptions { command_timeout: Some(Duration::from_millis(ms)), ..quiet() }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn commands_wait_while_there_is_no_connection() {
    let mut rig = Rig::new(quiet());
    let first = rig.issue("get a");
    rig.connect();
    rig.settle();
    rig.cut();
    let second = rig.issue("get b");
    rig.settle();
    assert_eq!((rig.outcome(first).as_str(), rig.outcome(second).as_str()), ("db0 get a", "db0 get b"));
}

#[test]
fn without_an_offline_queue_they_are_refused_at_once() {
    let mut rig = Rig::new(LinkOptions { offline_queue: false, ..quiet() });
    let idle = rig.issue("get a");
    rig.reachable = false;
    rig.connect();
    let connecting = rig.issue("get b");
    rig.reachable = true;
    rig.drain();
    let greeting = rig.issue("get c");
    rig.settle();
    let ready = rig.issue("get d");
    rig.settle();
    rig.retry = Some(Duration::from_secs(60));
    rig.cut();
    let closed = rig.issue("get e");
    for id in [idle, connecting, greeting, closed] {
        assert_eq!(rig.outcome(id), "E_OFFLINE");
    }
    assert_eq!(rig.outcome(ready), "db0 get d");
    rig.finish();
}

#[test]
fn nothing_is_written_behind_a_quit_or_a_close() {
    for quits in [true, false] {
        let mut rig = Rig::ready();
        rig.server.frozen = true;
        if quits {
            rig.issue("quit");
        } else {
            // The driver closes a moment later.
            rig.link.disconnect(false, rig.now);
        }
        let meta = [20, classify("get").bits()];
        assert!(!rig.link.submit(b"*2\r\n$3\r\nget\r\n$1\r\nb\r\n", &meta, 77, rig.now));
        assert!(!rig.link.has_output());
        rig.link.submit_core(&crate::resp::Commands::new(), 1, rig.now);
        rig.cut();
        assert_eq!(rig.outcomes(77).iter().map(super::calls::Outcome::text).collect::<Vec<_>>(), ["E_CONN_CLOSED"], "it has not run");
        assert_eq!(rig.link.state(), State::Ended);
        assert_eq!(rig.link.queues.bytes(), 0);
    }
}

#[test]
fn a_queue_is_bounded_by_commands() {
    let mut rig = Rig::new(LinkOptions { max_queue_commands: 2, ..quiet() });
    let first = rig.submit(&["get a", "get b", "get c"].map(call));
    assert_eq!(rig.outcome(first + 2), "E_QUEUE_FULL");
    rig.connect();
    rig.settle();
    assert_eq!((rig.outcome(first).as_str(), rig.outcome(first + 1).as_str()), ("db0 get a", "db0 get b"));
    rig.server.frozen = true;
    rig.submit(&["get d", "get e"].map(call));
    let over = rig.issue("get f");
    assert_eq!(rig.outcome(over), "E_QUEUE_FULL", "what is in flight counts");
    rig.server.frozen = false;
    rig.settle();
    let free = rig.issue("get g");
    rig.settle();
    assert_eq!(rig.outcome(free), "db0 get g");
    rig.finish();
}

#[test]
fn a_queue_is_bounded_by_bytes() {
    let mut rig = Rig::new(LinkOptions { max_queue_bytes: 100, ..quiet() });
    let long = "x".repeat(60);
    let fits = rig.issue(&format!("set a {long}"));
    let over = rig.issue(&format!("set b {long}"));
    assert_eq!(rig.outcome(over), "E_QUEUE_FULL");
    rig.connect();
    rig.settle();
    assert_ne!(rig.outcome(fits), "pending");
    rig.finish();
}

#[test]
fn after_so_many_attempts_everything_that_waits_is_rejected() {
    let mut rig = Rig::new(LinkOptions { max_retries_per_request: Some(2), ..quiet() });
    rig.reachable = false;
    let first = rig.issue("get a");
    rig.connect();
    for attempt in 1..=7 {
        rig.fail_to_connect();
        let rejected = rig.outcome(first) != "pending";
        assert_eq!(rejected, attempt >= 3, "attempt {attempt}");
        if attempt == 4 {
            let second = rig.issue("get b");
            assert_eq!(rig.outcome(second), "pending");
        }
        rig.pass(ms(60));
    }
    assert_eq!((rig.outcome(first).as_str(), rig.outcome(1).as_str()), ("E_MAX_RETRIES", "E_MAX_RETRIES"));
    rig.reachable = true;
    rig.drain();
    rig.settle();
    assert_eq!((rig.link.state(), rig.link.attempts()), (State::Ready, 0));
}

#[test]
fn a_command_that_was_sent_says_so_whenever_it_is_rejected() {
    let mut rig = Rig::ready_with(LinkOptions { max_retries_per_request: Some(2), ..quiet() });
    let sent = rig.issue("incr a");
    rig.reachable = false;
    rig.cut();
    let unsent = rig.issue("incr b");
    for _ in 0..2 {
        rig.pass(ms(60));
        rig.fail_to_connect();
    }
    assert_eq!((rig.outcome(sent).as_str(), rig.outcome(unsent).as_str()), ("E_MAX_RETRIES?", "E_MAX_RETRIES"));
    rig.finish();
}

#[test]
fn a_command_that_kills_every_connection_is_not_sent_for_ever() {
    let mut rig = Rig::ready_with(LinkOptions { max_retries_per_request: Some(3), ..quiet() });
    // Each connection lasts until it is ready, and no longer.
    rig.budgets = vec![rig.delivered(); 10];
    rig.budgets.push(usize::MAX);
    let id = rig.issue("debug segfault");
    rig.cut();
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.ran("debug segfault")), ("E_MAX_RETRIES?", 4));
}

#[test]
fn a_deadline_counts_from_the_call() {
    let mut rig = Rig::new(with_timeout(250));
    let offline = rig.issue("get a");
    rig.pass(ms(249));
    assert_eq!(rig.outcome(offline), "pending");
    rig.pass(ms(1));
    assert_eq!(rig.outcome(offline), "E_TIMEOUT", "the time in the queue counts, and it has not run");
    rig.connect();
    rig.settle();
    rig.server.frozen = true;
    let sent = rig.issue("get b");
    rig.pass(ms(300));
    assert_eq!(rig.outcome(sent), "E_TIMEOUT?");
    rig.finish();
}

#[test]
fn a_late_reply_is_swallowed_and_not_crossed() {
    let mut rig = Rig::ready_with(with_timeout(250));
    rig.server.frozen = true;
    let late = rig.submit(&["get a", "subscribe x"].map(call));
    rig.pass(ms(200));
    let timely = rig.issue("get b");
    rig.pass(ms(60));
    rig.server.frozen = false;
    rig.settle();
    let outcomes = [late, late + 1, timely].map(|id| rig.outcome(id));
    assert_eq!(outcomes, ["E_TIMEOUT?", "E_TIMEOUT?", "db0 get b"]);
    rig.finish();
}

#[test]
fn a_late_command_is_not_sent_again() {
    let mut rig = Rig::ready_with(with_timeout(250));
    rig.server.frozen = true;
    rig.issue("get a");
    rig.pass(ms(300));
    rig.server.frozen = false;
    rig.cut();
    rig.settle();
    assert_eq!(rig.server.heard.iter().filter(|c| *c == "get a").count(), 0);
    rig.finish();
}

#[test]
fn replies_that_are_there_are_delivered_before_deadlines_are_judged() {
    let mut rig = Rig::ready_with(with_timeout(250));
    let id = rig.issue("get a");
    // The thread was busy; the driver looks at the socket before it fires the timer.
    rig.now = rig.now + ms(400);
    rig.read();
    rig.link.on_timer(rig.now);
    rig.drain();
    assert_eq!(rig.outcome(id), "db0 get a");
}

#[test]
fn deadlines_do_not_apply_to_commands_that_may_block() {
    let mut rig = Rig::ready_with(with_timeout(250));
    rig.server.blocking = ["blpop".to_owned(), "xread".to_owned()].into();
    rig.server.frozen = true;
    let blocking = rig.submit(&["blpop q 0", "get behind"].map(call));
    rig.pass(ms(300));
    assert_eq!((rig.outcome(blocking).as_str(), rig.outcome(blocking + 1).as_str()), ("pending", "E_TIMEOUT?"));
    rig.server.frozen = false;
    rig.settle();
    assert_eq!(rig.outcome(blocking), "db0 blpop q 0");
    rig.finish();
}

#[test]
fn a_blocking_command_delays_nothing_before_it() {
    let mut rig = Rig::ready();
    rig.server.blocking = ["blpop".to_owned()].into();
    rig.server.eager = false;
    rig.submit(&["get a", "blpop q 0", "get b"].map(call));
    rig.settle();
    assert_eq!([0, 1, 2].map(|id| rig.outcome(id)), ["db0 get a", "db0 blpop q 0", "pending"]);
    if let Some(connection) = &mut rig.connection {
        connection.unblock(&mut rig.server);
    }
    rig.settle();
    assert_eq!(rig.outcome(2), "db0 get b");
}

#[test]
fn a_multi_past_its_deadline_takes_its_transaction_along() {
    let mut rig = Rig::new(with_timeout(250));
    let multi = rig.issue("multi");
    rig.pass(ms(100));
    let rest = rig.submit(&[call("set t0 1").inside(), call("blpop t1 0").inside()]);
    rig.pass(ms(160));
    assert_eq!([multi, rest, rest + 1].map(|id| rig.outcome(id)), ["E_TIMEOUT"; 3]);
    let end = rig.submit(&[call("incr t2").inside(), call("exec").inside(), call("get a")]);
    rig.connect();
    rig.settle();
    assert_eq!([end, end + 1, end + 2].map(|id| rig.outcome(id)), ["E_ABORTED", "E_ABORTED", "db0 get a"]);
    assert_eq!(rig.server.heard, ["hello 3", "get a"]);
}

#[test]
fn what_the_server_refuses_for_now_is_sent_again() {
    for error in ["LOADING Redis is loading", "TRYAGAIN Multiple keys", "CLUSTERDOWN down", "MASTERDOWN link"] {
        let mut rig = refusing("incr a", error, 3);
        let ids = rig.submit(&["incr a", "get b"].map(call));
        rig.settle();
        assert_eq!(
            (rig.outcome(ids).as_str(), rig.outcome(ids + 1).as_str(), rig.ran("incr a")),
            ("db0 incr a", "db0 get b", 1),
            "{error}"
        );
        assert_eq!(rig.connections, 1);
        rig.finish();
    }
}

#[test]
fn what_the_server_refuses_for_good_is_an_error() {
    let mut rig = refusing("incr a", "WRONGTYPE no", 1);
    rig.issue("incr a");
    rig.settle();
    assert_eq!(rig.outcome(0), "-WRONGTYPE no");
}

#[test]
fn nothing_overtakes_what_was_refused() {
    let mut rig = refusing("set a 1", "LOADING soon", 1);
    rig.issue("set a 1");
    rig.read();
    rig.issue("set a 2");
    rig.settle();
    assert_eq!(rig.server.heard, ["hello 3", "set a 1", "set a 1", "set a 2"]);
    assert_eq!(rig.order(), [0, 1]);
}

#[test]
fn the_rest_of_a_half_answered_pipeline_is_not_sent_again() {
    let mut rig = Rig::ready();
    rig.submit(&pipeline(&["get a", "get b", "get c"]));
    rig.submit(&pipeline(&["get d", "get e"]));
    let whole = "$9\r\ndb0 get a\r\n".len();
    rig.deliver(whole);
    rig.cut();
    rig.settle();
    let outcomes: Vec<String> = (0..5).map(|id| rig.outcome(id)).collect();
    assert_eq!(outcomes, ["db0 get a", "E_ABORTED?", "E_ABORTED?", "db0 get d", "db0 get e"]);
}

#[test]
fn a_server_that_keeps_refusing_is_believed_in_the_end() {
    let mut rig = refusing("incr a", "LOADING still", 1000);
    rig.issue("incr a");
    rig.pass(Duration::from_secs(60));
    assert_eq!(rig.outcome(0), "-LOADING still");
    rig.finish();
}

#[test]
fn refusals_reach_the_caller_where_that_is_asked_for() {
    let mut rig = Rig::ready();
    rig.server.refusals.insert("incr a".into(), ["READONLY You can't write".to_owned()].into());
    rig.issue("incr a");
    rig.settle();
    assert_eq!((rig.outcome(0).as_str(), rig.connections), ("-READONLY You can't write", 1));
}

#[test]
fn a_replica_is_left_for_another_server_once_in_a_while() {
    let mut rig = refusing("incr a", "READONLY You can't write", 4);
    rig.server.refusals.insert("incr b".into(), ["READONLY You can't write".to_owned()].into());
    rig.submit(&["incr a", "incr b"].map(call));
    rig.settle();
    assert_eq!((rig.outcome(0).as_str(), rig.outcome(1).as_str()), ("db0 incr a", "db0 incr b"));
    assert_eq!(rig.connections, 2, "not for every refusal");
    assert_eq!((rig.ran("incr a"), rig.ran("incr b")), (1, 1));
    rig.finish();
}

#[test]
fn a_refused_command_survives_a_cut() {
    let mut rig = refusing("incr a", "LOADING soon", 1);
    rig.link.options.resend = Resend::None;
    rig.issue("incr a");
    rig.read();
    rig.retry = Some(Duration::from_secs(60));
    rig.cut();
    assert!(rig.link.next_wakeup().is_some_and(|at| at > rig.now + ms(1000)), "nothing to do before the reconnect");
    rig.pass(Duration::from_secs(61));
    assert_eq!(rig.outcome(0), "db0 incr a", "it has not run: it is sent again whatever the rule");
}

#[test]
fn a_hundred_thousand_commands_are_no_trouble() {
    let calls: Vec<Call> = (0..1000).map(|n| call(&format!("incr k{n}"))).collect();
    let begun = Clock::now();
    let mut rig = Rig::new(with_timeout(60_000));
    for _ in 0..100 {
        rig.submit(&calls);
        rig.pass(ms(1));
    }
    rig.connect();
    rig.server.frozen = true;
    rig.read();
    rig.cut();
    for _ in 0..1000 {
        // Timers of other commands keep firing.
        rig.pass(ms(1));
    }
    rig.pass(Duration::from_secs(60));
    rig.finish();
    assert_eq!(rig.outcome(99_999), "E_TIMEOUT?");
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
}

#[test]
fn commands_taken_over_by_the_driver_are_counted_too() {
    let mut rig = Rig::ready_with(quiet_with(Resend::None));
    rig.server.frozen = true;
    rig.issue("incr a");
    assert_eq!(rig.link.queued(), 1);
    rig.cut();
    assert_eq!((rig.outcome(0).as_str(), rig.link.queued()), ("E_ABORTED?", 0));
    assert_eq!(rig.count(|o| matches!(o, Output::Closed { .. })), 1);
    rig.finish();
}
