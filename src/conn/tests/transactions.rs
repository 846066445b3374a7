//! Databases and transactions: every command runs in the database it was issued for, no transaction runs in part, and nothing
//! of the core's ends up inside one.

use super::super::{LinkOptions, Output, Resend};
use super::calls::{call, quiet, quiet_with, transaction, Call};
use super::rig::Rig;

#[test]
fn core_commands_stay_in_the_links_database() {
    let mut rig = Rig::ready_with(LinkOptions { db: 1, ..quiet() });
    rig.issue("select 5");
    let id = rig.issue("get a");
    rig.submit_core(&["get core"], 9);
    let after = rig.issue("get b");
    rig.settle();
    assert_eq!(rig.core(), [(9, "db1 get core".to_owned())]);
    assert_eq!((rig.outcome(id).as_str(), rig.outcome(after).as_str()), ("db5 get a", "db5 get b"));
    assert_eq!(rig.link.database(), 5);
    rig.finish();
}

#[test]
fn core_commands_wait_for_the_end_of_a_transaction() {
    for end in ["exec", "discard"] {
        let mut rig = Rig::ready();
        rig.submit(&[call("multi"), call("set t 1")]);
        rig.submit_core(&["get core"], 9);
        rig.settle();
        assert_eq!(rig.core(), []);
        rig.issue(end);
        rig.settle();
        assert_eq!(rig.core(), [(9, "db0 get core".to_owned())], "{end}");
        rig.finish();
    }
}

#[test]
fn a_hundred_thousand_held_core_commands_are_written_without_recursion() {
    let mut rig = Rig::ready();
    rig.issue("multi");
    for _ in 0..100_000 {
        rig.link.submit_core(&one("get core"), 1, rig.now);
    }
    rig.link.submit(b"*1\r\n$4\r\nEXEC\r\n", &[14, crate::command::classify("exec").bits()], 1, rig.now);
    assert!(rig.link.take_output().len() > 100_000 * 20);
}

fn one(text: &str) -> crate::resp::Commands {
    let mut commands = crate::resp::Commands::new();
    commands.push(&text.split(' ').collect::<Vec<_>>());
    commands
}

#[test]
fn a_refused_multi_does_not_hold_the_core_up() {
    let mut rig = Rig::ready();
    rig.server.refusals.insert("multi".into(), ["NOPERM no".to_owned()].into());
    let multi = rig.issue("multi");
    rig.submit_core(&["get core"], 9);
    rig.settle();
    assert_eq!(rig.outcome(multi), "-NOPERM no");
    assert_eq!(rig.core(), [(9, "db0 get core".to_owned())]);
    let inside = rig.submit(&[call("set t 1").inside(), call("exec").inside(), call("set u 1")]);
    rig.settle();
    assert_eq!((rig.outcome(inside).as_str(), rig.outcome(inside + 1).as_str()), ("E_ABORTED", "E_ABORTED"));
    assert_eq!(rig.outcome(inside + 2), "db0 set u 1");
}

#[test]
fn a_select_counts_once_the_server_has_confirmed_it() {
    let mut rig = Rig::ready();
    rig.submit(&["select 3", "select 3", "select 99", "get a", "select 4", "get b"].map(call));
    rig.settle();
    assert_eq!((rig.outcome(2).as_str(), rig.outcome(5).as_str()), ("-ERR DB index is out of range", "db4 get b"));
    assert_eq!(rig.link.database(), 4);
}

#[test]
fn a_refused_select_leaves_later_commands_where_they_are() {
    let mut rig = Rig::ready();
    rig.issue("select 2");
    rig.submit(&["select 99", "get a"].map(call));
    rig.settle();
    assert_eq!(rig.link.database(), 2);
    rig.cut();
    let id = rig.issue("get b");
    rig.settle();
    assert_eq!(rig.outcome(id), "db2 get b");
    assert_eq!(rig.failures(), [], "the link did not try 99 again");
}

#[test]
fn the_callers_database_is_restored_before_their_commands() {
    let mut rig = Rig::ready();
    rig.submit(&["select 7", "incr a"].map(call));
    rig.settle();
    rig.cut();
    let offline = rig.submit(&["get b", "select 8", "get c"].map(call));
    rig.settle();
    assert_eq!((rig.outcome(offline).as_str(), rig.outcome(offline + 2).as_str()), ("db7 get b", "db8 get c"));
}

#[test]
fn a_select_in_a_transaction_counts_only_if_it_runs() {
    let mut rig = Rig::ready();
    rig.submit(&["multi", "select 3", "get in", "discard", "get after"].map(call));
    rig.settle();
    assert_eq!(rig.outcome(4), "db0 get after");
    let exec = rig.submit(&["multi", "select 3", "get in", "exec", "get after"].map(call));
    rig.settle();
    assert_eq!((rig.outcome(exec + 3).as_str(), rig.outcome(exec + 4).as_str()), ("OK|db3 get in", "db3 get after"));
}

/// Cuts the connection, and returns where the next command runs.
fn after_a_cut(rig: &mut Rig) -> String {
    rig.cut();
    let id = rig.issue("get next");
    rig.settle();
    rig.outcome(id)
}

#[test]
fn a_select_in_a_transaction_that_does_not_run_changes_nothing() {
    for strict in [false, true] {
        for abort in ["*-1", "_", "-EXECABORT Transaction discarded because of previous errors.", "-NOPERM no"] {
            let mut rig = Rig::ready_with(LinkOptions { strict_database: strict, ..quiet() });
            rig.issue("select 2");
            rig.server.aborts.push_back(abort.to_owned());
            let first = rig.submit(&["multi", "select 5", "get in", "exec", "get behind"].map(call));
            assert!(!rig.server.heard.contains(&"get behind".to_owned()), "nobody knows where it belongs");
            rig.settle();
            assert_eq!(rig.outcome(first + 4), "db2 get behind", "{abort}");
            assert_eq!(rig.link.database(), 2);
            assert!(rig.events.contains(&Output::Database), "the driver is told");
            assert_eq!(rig.count(|event| *event == Output::NothingRan), 1);
            assert_eq!(rig.server.heard.iter().filter(|text| *text == "select 2").count(), 1, "{abort}: the connection is there");
            let first = rig.submit(&["multi", "select 5", "get t", "discard", "get last"].map(call));
            rig.settle();
            assert_eq!(rig.outcome(first + 4), "db2 get last", "{abort}");
            assert_eq!(rig.count(|event| *event == Output::NothingRan), 2);
            assert_eq!(after_a_cut(&mut rig), "db2 get next");
            rig.finish();
        }
    }
}

#[test]
fn what_a_transaction_selects_counts_as_far_as_it_was_selected() {
    for (texts, want) in [
        (["multi", "select 5", "get a", "select 99", "exec"], "db5 get b"),
        (["multi", "select 99", "multi", "select 6", "exec"], "db6 get b"),
        (["multi", "select 99", "get a", "select 98", "exec"], "db2 get b"),
        (["multi", "get a", "select 3", "select 4", "exec"], "db4 get b"),
        (["multi", "get a", "select 3", "select 4", "discard"], "db2 get b"),
    ] {
        let mut rig = Rig::ready();
        rig.issue("select 2");
        rig.submit(&texts.map(call));
        let behind = rig.issue("get b");
        rig.settle();
        assert_eq!(rig.outcome(behind), want, "{texts:?}");
        assert_eq!(after_a_cut(&mut rig), want.replace("get b", "get next"), "{texts:?}");
        rig.finish();
    }
}

#[test]
fn later_selects_count_whatever_becomes_of_a_transaction() {
    let mut rig = Rig::ready();
    rig.server.aborts.push_back("*-1".to_owned());
    rig.submit(&["multi", "select 5", "exec", "get a", "select 6", "get b", "multi", "select 7", "discard", "get c"].map(call));
    rig.settle();
    assert_eq!([3, 5, 9].map(|id| rig.outcome(id)), ["db0 get a", "db6 get b", "db6 get c"]);
    assert_eq!(rig.link.database(), 6);
    rig.finish();
}

#[test]
fn a_transaction_that_is_lost_with_its_connection_selects_nothing() {
    for answered in [0, 1, 2] {
        for is_executed in [false, true] {
            let mut rig = Rig::ready_with(quiet_with(Resend::Idempotent));
            rig.issue("select 2");
            rig.settle();
            rig.server.eager = false;
            rig.submit(&[call("multi"), call("select 5").inside()]);
            for _ in 0..answered {
                rig.deliver(if answered == 2 { 9 } else { 5 });
            }
            let rest: &[&str] = if is_executed { &["get in", "exec", "get behind"] } else { &["get in"] };
            let all: Vec<Call> = rest.iter().map(|text| if text.ends_with("behind") { call(text) } else { call(text).inside() }).collect();
            let first = rig.submit(&all);
            rig.cut();
            rig.server.eager = true;
            rig.settle();
            assert_eq!(rig.link.database(), 2, "{answered} {is_executed}");
            if is_executed {
                assert_eq!(rig.outcome(first + 2), "db2 get behind");
            } else {
                rig.submit(&[call("select 7").inside(), call("exec").inside()]);
            }
            let next = rig.issue("get next");
            rig.settle();
            assert_eq!(rig.outcome(next), "db2 get next", "{answered} {is_executed}");
            rig.finish();
        }
    }
}

#[test]
fn core_commands_do_not_wait_for_the_database_of_a_transaction() {
    let mut rig = Rig::ready_with(LinkOptions { db: 1, ..quiet() });
    rig.server.aborts.push_back("*-1".to_owned());
    rig.submit(&["multi", "select 5", "exec"].map(call));
    rig.submit_core(&["get core"], 9);
    let behind = rig.issue("get b");
    rig.settle();
    assert_eq!(rig.core(), [(9, "db1 get core".to_owned())]);
    assert_eq!(rig.outcome(behind), "db1 get b");
    rig.finish();
}

#[test]
fn reset_leaves_the_core_in_its_own_database() {
    let mut rig = Rig::ready_with(LinkOptions { protocol: 2, ..quiet() });
    rig.submit(&["select 5", "reset", "select 6"].map(call));
    rig.settle();
    rig.submit_core(&["get core"], 1);
    rig.settle();
    assert_eq!(rig.core(), [(1, "db0 get core".to_owned())]);
}

#[test]
fn a_transaction_is_sent_again_whole_or_not_at_all() {
    for (resend, ran) in [(Resend::All, 2), (Resend::Idempotent, 1), (Resend::None, 1)] {
        let mut rig = Rig::ready_with(quiet_with(resend));
        let first = rig.submit(&transaction(&["set t0 1", "incr t1"]));
        let plain = rig.issue("get a");
        rig.cut();
        rig.settle();
        let outcomes: Vec<String> = (first..first + 4).map(|id| rig.outcome(id)).collect();
        let want = if resend == Resend::All { ["OK", "QUEUED", "QUEUED", "db0 set t0 1|db0 incr t1"] } else { ["E_ABORTED?"; 4] };
        assert_eq!((outcomes, rig.ran("incr t1")), (want.map(str::to_owned).to_vec(), ran), "{resend:?}");
        assert_eq!(rig.outcome(plain) == "db0 get a", resend != Resend::None);
        rig.finish();
    }
}

#[test]
fn a_transaction_without_its_exec_has_not_run() {
    for resend in [Resend::All, Resend::Idempotent, Resend::None] {
        let mut rig = Rig::ready_with(quiet_with(resend));
        let first = rig.submit(&[call("multi"), call("set t0 1").inside()]);
        rig.read();
        let second = rig.issue("incr t1");
        rig.cut();
        assert_eq!(rig.outcome(second), "E_ABORTED", "{resend:?}");
        let rest = rig.submit(&[call("incr t2").inside(), call("exec").inside()]);
        rig.settle();
        assert_eq!((rig.outcome(first).as_str(), rig.outcome(first + 1).as_str()), ("OK", "QUEUED"));
        assert_eq!((rig.outcome(rest).as_str(), rig.outcome(rest + 1).as_str()), ("E_ABORTED", "E_ABORTED"));
        assert_eq!(rig.server.ran.len(), 0, "{resend:?}: nothing of it runs by itself");
        let next = rig.submit(&transaction(&["incr t3"]));
        rig.settle();
        assert_eq!(rig.outcome(next + 2), "db0 incr t3", "{resend:?}: the next transaction is another one");
        rig.finish();
    }
}

#[test]
fn a_bounded_queue_takes_a_transaction_whole_or_not_at_all() {
    let mut rig = Rig::new(LinkOptions { max_queue_commands: 3, ..quiet() });
    let taken = rig.submit(&transaction(&["set t0 1", "incr t1"]));
    let refused = rig.submit(&transaction(&["set t2 1"]));
    rig.connect();
    rig.settle();
    assert_eq!(rig.outcome(taken + 3), "db0 set t0 1|db0 incr t1");
    let outcomes: Vec<String> = (refused..refused + 3).map(|id| rig.outcome(id)).collect();
    assert_eq!(outcomes, ["E_QUEUE_FULL", "E_ABORTED", "E_ABORTED"]);
    rig.finish();
}

#[test]
fn commands_of_a_transaction_are_not_pulled_out_of_it_by_a_refusal() {
    let mut rig = Rig::ready_with(LinkOptions { retry_refused: true, ..quiet() });
    rig.server.refusals.insert("set t0 1".into(), ["LOADING soon".to_owned()].into());
    let first = rig.submit(&transaction(&["set t0 1"]));
    rig.settle();
    assert_eq!(rig.outcome(first + 1), "-LOADING soon");
    assert_eq!(rig.ran("set t0 1"), 0);
}

#[test]
fn a_refused_command_does_not_end_up_in_a_transaction() {
    let mut rig = Rig::ready_with(LinkOptions { retry_refused: true, ..quiet() });
    rig.server.refusals.insert("get a".into(), ["LOADING soon".to_owned()].into());
    rig.submit(&["get a", "multi"].map(call));
    rig.settle();
    assert_eq!(rig.outcome(0), "pending", "it waits for the end of the transaction");
    rig.submit(&["incr t"].map(call));
    rig.settle();
    assert_eq!(rig.outcome(2), "QUEUED", "the transaction goes on meanwhile");
    rig.issue("exec");
    rig.settle();
    assert_eq!((rig.outcome(3).as_str(), rig.outcome(0).as_str()), ("db0 incr t", "db0 get a"));
    rig.finish();
}

#[test]
fn a_transaction_that_is_not_sent_again_has_one_reason() {
    let mut rig = Rig::ready_with(LinkOptions { max_retries_per_request: Some(0), ..quiet() });
    let first = rig.submit(&transaction(&["set t 1"]));
    rig.cut();
    let outcomes: Vec<String> = (first..first + 3).map(|id| rig.outcome(id)).collect();
    assert_eq!(outcomes, ["E_MAX_RETRIES?", "E_MAX_RETRIES?", "E_MAX_RETRIES?"]);
    rig.settle();
    rig.finish();
}

#[test]
fn a_batch_may_be_issued_for_another_database_than_the_callers_present_one() {
    let mut rig = Rig::ready();
    rig.issue("select 5");
    rig.settle();
    for connected in [true, false] {
        if !connected {
            rig.reachable = false;
            rig.cut();
        }
        rig.link.issue_in(2);
        let again = rig.issue("get a");
        let next = rig.issue("get b");
        if !connected {
            rig.reachable = true;
        }
        rig.settle();
        assert_eq!((rig.outcome(again).as_str(), rig.outcome(next).as_str()), ("db2 get a", "db5 get b"));
    }
    assert_eq!(rig.link.database(), 5);
    rig.finish();
}

#[test]
fn a_command_that_waits_may_be_written_otherwise() {
    let mut rig = Rig::ready();
    rig.reachable = false;
    rig.cut();
    let first = rig.submit(&["get a", "get b", "get c"].map(call));
    rig.link.rewrite(first + 1, b"*2\r\n$3\r\nget\r\n$5\r\nother\r\n");
    rig.link.rewrite(99, b"nobody's");
    rig.reachable = true;
    rig.settle();
    let outcomes: Vec<String> = (first..first + 3).map(|id| rig.outcome(id)).collect();
    assert_eq!(outcomes, ["db0 get a", "db0 get other", "db0 get c"]);
    rig.finish();
}
