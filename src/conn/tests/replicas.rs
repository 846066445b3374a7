//! A link that is told which server is the master leaves one that says READONLY.

use super::super::LinkOptions;
use super::calls::{call, quiet, transaction};
use super::rig::Rig;

const READONLY: &str = "READONLY You can't write against a read only replica.";

/// A server that refuses these commands once each.
fn refusing(texts: &[&str], error: &str) -> Rig {
    let mut rig = Rig::ready_with(LinkOptions { leaves_replicas: true, ..quiet() });
    for text in texts {
        rig.server.refusals.insert((*text).into(), [error.to_owned()].into());
    }
    rig
}

#[test]
fn what_a_replica_refused_is_sent_to_the_next_server() {
    let mut rig = refusing(&["incr a", "incr c"], READONLY);
    rig.submit(&["incr a", "get b", "incr c"].map(call));
    rig.settle();
    let outcomes: Vec<String> = (0..3).map(|id| rig.outcome(id)).collect();
    assert_eq!(outcomes, ["db0 incr a", "db0 get b", "db0 incr c"]);
    assert_eq!((rig.connections, rig.ran("incr a"), rig.ran("get b"), rig.ran("incr c")), (2, 1, 1, 1));
    rig.finish();
}

#[test]
fn the_next_one_is_left_as_well_if_it_is_no_better() {
    let mut rig = refusing(&[], READONLY);
    rig.server.refusals.insert("incr a".into(), [READONLY.to_owned(), READONLY.to_owned()].into());
    rig.issue("incr a");
    rig.settle();
    assert_eq!((rig.outcome(0).as_str(), rig.connections), ("db0 incr a", 3));
}

#[test]
fn a_transaction_fails_and_the_server_is_left() {
    let mut rig = refusing(&["set t0 1"], READONLY);
    let first = rig.submit(&transaction(&["set t0 1"]));
    rig.settle();
    assert_eq!((rig.outcome(first + 1), rig.connections), (format!("-{READONLY}"), 2));
    assert_eq!(rig.ran("set t0 1"), 0);
}

#[test]
fn other_refusals_are_the_callers() {
    for error in ["LOADING soon", "CLUSTERDOWN", "ERR my READONLY field", "WRONGTYPE -READONLY"] {
        let mut rig = refusing(&["incr a"], error);
        rig.issue("incr a");
        rig.settle();
        assert_eq!((rig.outcome(0), rig.connections), (format!("-{error}"), 1));
    }
}

#[test]
fn the_error_of_a_script_on_an_older_server_counts() {
    let error =
        "ERR Error running script (call to f_a): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.";
    let mut rig = refusing(&["eval x 0"], error);
    rig.issue("eval x 0");
    rig.settle();
    assert_eq!((rig.outcome(0), rig.connections), (format!("-{error}"), 2));
}
