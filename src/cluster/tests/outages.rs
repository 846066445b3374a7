//! Nodes that are lost, freeze or leave.

use super::rig::{Rig, TWO};
use crate::cluster::ClusterOptions;

fn two() -> Rig {
    Rig::with(ClusterOptions::default(), TWO)
}

#[test]
fn the_commands_of_a_lost_node_wait_and_go_out_in_order() {
    let mut rig = two();
    assert!(rig.hand_back(1, 'a', 5, 0));
    assert!(rig.hand_back(2, 'a', 6, 0));
    assert!(rig.hand_back(3, 'a', 5, 0));
    rig.down('a');
    assert_eq!((rig.entry(5), rig.entry(7), rig.entry(500)), ("wait".to_owned(), "wait".to_owned(), "b".to_owned()));
    rig.route(4, 5);
    assert!(rig.take().iter().any(|text| text.starts_with("ask ")));
    rig.pass(99);
    assert_eq!(rig.sent(), [] as [&str; 0]);
    rig.pass(1);
    assert_eq!(rig.take(), ["open a", "1 to a", "3 to a", "4 to a", "2 to a"]);
    assert_eq!(rig.entry(5), "a");
}

#[test]
fn the_successor_of_a_lost_node_gets_its_commands_at_once() {
    let mut rig = two();
    rig.hand_back(1, 'a', 5, 0);
    rig.down('a');
    rig.take();
    rig.map(r#"[[0,16383,["h",7002]]]"#);
    let outputs = rig.take();
    assert!(outputs.contains(&"1 to b".to_owned()), "{outputs:?}");
    assert!(outputs.contains(&"close a".to_owned()), "{outputs:?}");
    assert_eq!(rig.entry(5), "b");
}

#[test]
fn losses_are_bounded_and_say_what_may_have_happened() {
    let mut rig = two();
    rig.hand_back(1, 'a', 5, 16);
    assert_eq!(rig.sent(), ["1 fails, maybe executed: Error: Connection is closed."]);
    let mut rig = Rig::with(ClusterOptions { on_failover: None, ..ClusterOptions::default() }, TWO);
    assert!(!rig.hand_back(1, 'a', 5, 0));
}

#[test]
fn a_lost_node_ends_its_fences() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "MOVED 5 h:7002");
    rig.take();
    rig.hand_back(2, 'a', 5, 0);
    rig.down('a');
    assert_eq!(rig.sent(), ["1 to b", "2 to b"]);
}

#[test]
fn a_frozen_master_that_was_replaced_is_cut() {
    let mut rig = two();
    rig.cluster.refresh(rig.now);
    rig.take();
    rig.map(r#"[[0,16383,["h",7002]]]"#);
    rig.take();
    rig.pending('a', &[5]);
    rig.route(9, 5);
    rig.take();
    assert_eq!((rig.entry(5), rig.entry(6)), ("wait".to_owned(), "b".to_owned()));
    rig.pass(999);
    assert_eq!(rig.take(), [] as [&str; 0]);
    rig.pass(1);
    assert_eq!(rig.take(), ["cut a"]);
    rig.hand_back(1, 'a', 5, 0);
    rig.down('a');
    let outputs = rig.take();
    assert_eq!(outputs[outputs.len() - 3..], ["1 to b", "9 to b", "close a"]);
}

#[test]
fn a_busy_master_that_serves_other_slots_is_not_cut() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "MOVED 5 h:7002");
    rig.take();
    rig.pending('a', &[5]);
    for _ in 0..4 {
        rig.pass(1_000);
        assert_eq!(rig.sent(), [] as [&str; 0]);
    }
    rig.pass(1_000);
    let outputs = rig.take();
    assert!(outputs.contains(&"1 to b".to_owned()) && !outputs.contains(&"cut a".to_owned()), "{outputs:?}");
}

#[test]
fn a_node_that_leaves_is_closed_behind_what_it_has_in_flight() {
    let mut rig = two();
    rig.cluster.refresh(rig.now);
    rig.take();
    rig.map(r#"[[0,16383,["h",7001]]]"#);
    assert_eq!(rig.take(), ["mapped", "refreshed, other", "fence b"]);
    rig.pending('b', &[]);
    assert_eq!(rig.take(), [] as [&str; 0], "a command without a slot is in flight");
    rig.answer('b');
    assert_eq!(rig.take(), ["close b"]);
}

#[test]
fn a_node_that_comes_back_before_it_was_closed_stays() {
    let mut rig = two();
    rig.cluster.refresh(rig.now);
    rig.take();
    rig.map(r#"[[0,16383,["h",7001]]]"#);
    rig.pass(500);
    rig.cluster.refresh(rig.now);
    rig.take();
    rig.map(TWO);
    rig.take();
    rig.answer('b');
    rig.answer('a');
    assert!(!rig.take().contains(&"close b".to_owned()));
    assert_eq!(rig.entry(500), "b");
}

#[test]
fn a_silent_node_is_asked_last() {
    let mut rig = two();
    rig.up('a');
    rig.up('b');
    rig.cluster.node_silent(crate::cluster::NodeId(0), rig.now);
    assert_eq!(rig.take(), ["ask b for the map and its epoch"]);
}

#[test]
fn a_replica_that_is_lost_delays_nobody() {
    let mut rig = Rig::with(ClusterOptions::default(), r#"[[0,16383,["h",7001],["h",7002]]]"#);
    rig.hand_back(1, 'b', 5, 0);
    assert_eq!(rig.sent(), ["1 to a"]);
    assert_eq!(rig.entry(5), "a");
}
