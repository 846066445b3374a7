//! A server that does not select a database: nothing that was issued for it runs in another one.

use std::time::Duration;

use super::super::{LinkOptions, Output, State};
use super::calls::{call, quiet, transaction};
use super::rig::Rig;
use crate::error::ErrorKind;

fn strict() -> LinkOptions {
    LinkOptions { strict_database: true, ..quiet() }
}

fn cut(rig: &mut Rig) {
    rig.cut();
    rig.settle();
}

fn failures(rig: &Rig) -> Vec<ErrorKind> {
    rig.failures().into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn a_link_is_not_ready_in_another_database_than_its_own() {
    let mut rig = Rig::new(LinkOptions { db: 5, ..strict() });
    rig.server.databases = 2;
    rig.retry = Some(Duration::from_secs(5));
    let id = rig.issue("get a");
    rig.connect();
    rig.read();
    assert_eq!((rig.outcome(id).as_str(), rig.link.state()), ("E_NO_DATABASE", State::Closed));
    assert_eq!(rig.count(|o| matches!(o, Output::Ready)), 0);
    assert_eq!(failures(&rig), [ErrorKind::NoDatabase]);
    assert!(rig.failures()[0].1.contains("database 5 (ERR)"), "{:?}", rig.failures());
    rig.pass(Duration::from_secs(10));
    assert!(failures(&rig).len() > 1, "each connection says so");
    rig.server.databases = 16;
    rig.pass(Duration::from_secs(5));
    let id = rig.issue("get a");
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.server.ran.len()), ("db5 get a", 1));
    rig.finish();
}

#[test]
fn the_refusal_shows_the_code_of_the_servers_error_alone() {
    for (error, shown) in [
        ("NOPERM key 'secret'", "NOPERM"),
        ("secret", "an error without a code"),
        ("Secret: no", "an error without a code"),
        ("", "an error without a code"),
    ] {
        let mut rig = Rig::new(LinkOptions { db: 5, ..strict() });
        rig.retry = Some(Duration::from_secs(5));
        rig.server.refusals.insert("select 5".into(), [error.to_owned()].into());
        rig.connect();
        rig.settle();
        let text = &rig.failures()[0].1;
        assert!(text.contains(&format!("database 5 ({shown});")), "{text}");
    }
}

#[test]
fn one_that_only_cannot_now_is_waited_for() {
    let mut rig = Rig::new(LinkOptions { db: 5, ..strict() });
    rig.server.refusals.insert("select 5".into(), ["BUSY a script".to_owned()].into());
    let id = rig.issue("get a");
    rig.connect();
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.connections), ("db5 get a", 2));
}

#[test]
fn what_callers_have_selected_and_a_later_server_has_not_is_rejected_until_it_has() {
    let mut rig = Rig::ready_with(strict());
    rig.issue("select 5");
    rig.settle();
    rig.server.databases = 2;
    rig.cut();
    let waiting = rig.submit(&["get a", "get b"].map(call));
    let inside = rig.submit(&transaction(&["incr c"]));
    rig.settle();
    let rejected: Vec<String> = (waiting..inside + 3).map(|id| rig.outcome(id)).collect();
    assert_eq!(rejected, ["E_NO_DATABASE"; 5]);
    assert_eq!((rig.link.state(), failures(&rig)), (State::Ready, vec![ErrorKind::NoDatabase]));
    rig.submit_core(&["get core"], 1);
    rig.settle();
    assert_eq!(rig.core(), [(1, "db0 get core".to_owned())], "the link's own database is there");
    let at_once = rig.issue("get d");
    assert_eq!(rig.outcome(at_once), "E_NO_DATABASE", "it was refused just now");
    rig.pass(Duration::from_secs(1));
    let again = rig.issue("get e");
    rig.settle();
    assert_eq!((rig.outcome(again).as_str(), failures(&rig).len()), ("E_NO_DATABASE", 1), "the server is asked, and it is not said again");
    rig.server.databases = 16;
    rig.pass(Duration::from_secs(1));
    let there = rig.submit(&["get f", "get g"].map(call));
    rig.settle();
    assert_eq!([there, there + 1].map(|id| rig.outcome(id)), ["db5 get f", "db5 get g"]);
    assert_eq!(rig.server.ran.values().sum::<u32>(), 3);
    rig.finish();
}

#[test]
fn another_database_may_be_selected_meanwhile() {
    let mut rig = Rig::ready_with(strict());
    rig.issue("select 5");
    rig.settle();
    rig.server.databases = 2;
    cut(&mut rig);
    let first = rig.submit(&["get a", "select 1", "get b"].map(call));
    rig.settle();
    assert_eq!((first..first + 3).map(|id| rig.outcome(id)).collect::<Vec<_>>(), ["E_NO_DATABASE", "OK", "db1 get b"]);
    assert_eq!(rig.link.database(), 1);
}

#[test]
fn what_was_issued_behind_a_select_that_is_refused_does_not_run_elsewhere() {
    let mut rig = Rig::ready_with(strict());
    rig.issue("select 2");
    let first = rig.submit(&["select 99", "set a 1", "subscribe c", "select 3", "get b"].map(call));
    rig.settle();
    let outcomes: Vec<String> = (first..first + 5).map(|id| rig.outcome(id)).collect();
    assert_eq!(outcomes, ["-ERR DB index is out of range", "E_NO_DATABASE", "count 1", "OK", "db3 get b"]);
    let first = rig.submit(&["select 99", "set c 1"].map(call));
    rig.settle();
    let known = rig.issue("get d");
    rig.settle();
    assert_eq!([first + 1, known].map(|id| rig.outcome(id)), ["E_NO_DATABASE", "db3 get d"], "its caller has been told");
    assert_eq!((rig.ran("set a 1"), rig.ran("set c 1"), rig.link.database()), (0, 0, 3));
}

#[test]
fn a_database_that_is_there_costs_one_wait_per_connection() {
    let mut rig = Rig::ready_with(strict());
    let first = rig.submit(&["select 2", "get a", "select 3", "get b", "select 2", "get c"].map(call));
    rig.settle();
    assert_eq!([1, 3, 5].map(|n| rig.outcome(first + n)), ["db2 get a", "db3 get b", "db2 get c"]);
    rig.server.eager = false;
    rig.submit(&["select 3", "get d", "select 2", "get e"].map(call));
    assert_eq!(rig.link.queued(), 4);
    rig.settle();
    assert_eq!(rig.order(), &(0..10).collect::<Vec<u32>>()[..]);
}

#[test]
fn a_cut_while_the_answer_to_a_select_is_awaited_leaves_nothing_behind() {
    let mut rig = Rig::ready_with(strict());
    rig.server.frozen = true;
    rig.submit(&["select 2", "get a"].map(call));
    rig.server.frozen = false;
    cut(&mut rig);
    assert_eq!([0, 1].map(|id| rig.outcome(id)), ["OK", "db2 get a"]);
    rig.finish();
}

#[test]
fn one_that_is_not_strict_does_as_ioredis_does() {
    let mut rig = Rig::new(LinkOptions { db: 5, ..quiet() });
    rig.server.databases = 2;
    let id = rig.issue("get a");
    rig.connect();
    rig.settle();
    assert_eq!((rig.outcome(id).as_str(), rig.link.state(), failures(&rig)), ("db0 get a", State::Ready, vec![ErrorKind::Reply]));
}
