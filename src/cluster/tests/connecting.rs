//! Connecting, maps that change, nodes that come and go, whom to believe.

use std::time::Duration;

use super::rig::{Rig, TWO};
use crate::cluster::ClusterOptions;

fn defaults() -> ClusterOptions {
    ClusterOptions::default()
}

#[test]
fn the_first_start_node_that_gives_a_map_is_enough() {
    let mut rig = Rig::new(defaults());
    rig.start("xy");
    let first = rig.take();
    assert_eq!(first[..2], ["open x", "open y"]);
    rig.no_map("refused");
    let second = rig.take();
    assert_ne!(first[2], second[1], "each is asked once");
    rig.map(TWO);
    let mut outputs = rig.take();
    assert_eq!(outputs[..4], ["open a", "open b", "mapped", "refreshed, other"]);
    outputs[4..].sort();
    assert_eq!(outputs[4..], ["fence x", "fence y"]);
    rig.answer('x');
    rig.answer('y');
    assert_eq!(rig.take(), ["close x", "close y"]);
    assert_eq!((rig.entry(0), rig.entry(100)), ("a".to_owned(), "b".to_owned()));
}

#[test]
fn a_round_fails_when_no_node_gives_a_usable_map() {
    let mut rig = Rig::new(defaults());
    rig.start("abc");
    rig.take();
    rig.map(r#"[[0,99,["h",99999]]]"#);
    assert!(rig.take()[0].contains(", protocol: a node of the slot map has no valid port"));
    rig.map("[]");
    assert!(rig.take()[0].contains(": the node knows no slots"));
    rig.no_map("ERR This instance has cluster support disabled");
    assert_eq!(rig.take()[1], "refresh failed: ERR This instance has cluster support disabled");
    assert_eq!(rig.entry(0), "none");
}

#[test]
fn a_node_that_does_not_answer_costs_its_time_out() {
    let mut rig = Rig::new(ClusterOptions { refresh_timeout: Duration::from_millis(300), ..defaults() });
    rig.start("ab");
    rig.take();
    let late = rig.request;
    rig.pass(299);
    assert_eq!(rig.take(), [] as [&str; 0]);
    rig.pass(1);
    let outputs = rig.take();
    assert_eq!(outputs.len(), 3);
    assert_eq!(outputs[0], "drop the request");
    assert!(outputs[1].ends_with(": timeout"));
    let next = rig.request;
    rig.request = late;
    rig.map(r#"[[0,16383,["h",7009]]]"#);
    assert_eq!(rig.take(), [] as [&str; 0], "a late map is not looked at");
    rig.request = next;
    rig.map(TWO);
    rig.take();
    assert_eq!(rig.entry(0), "a");
}

#[test]
fn a_bad_map_changes_nothing() {
    let mut rig = Rig::with(defaults(), TWO);
    rig.cluster.refresh(rig.now);
    rig.take();
    rig.map(r#"[[0,16383,["h",7003]],[0,16384,["h",7003]]]"#);
    let outputs = rig.take();
    assert!(outputs[0].contains("protocol"), "{outputs:?}");
    assert!(!outputs.iter().any(|text| text == "open c"), "{outputs:?}");
    assert_eq!(rig.entry(0), "a");
}

#[test]
fn roles_and_replicas_follow_the_map() {
    let mut rig = Rig::with(defaults(), r#"[[0,16383,["h",7001],["h",7002]]]"#);
    rig.cluster.refresh(rig.now);
    rig.take();
    rig.map(r#"[[0,16383,["h",7002],["h",7001],["h",7003]]]"#);
    assert_eq!(rig.take(), ["b is a master", "a is a replica", "open c as replica", "mapped", "refreshed, other", "fence a"]);
    assert_eq!(rig.cluster.shards()[0].len(), 3);
    assert_eq!(rig.entry(5), "wait", "until a has answered");
    rig.answer('a');
    assert_eq!(rig.entry(5), "wait", "until the driver has done what was in front of it");
    rig.take();
    assert_eq!(rig.entry(5), "b");
}

#[test]
fn an_older_map_counts_only_if_nobody_knows_more() {
    let moved = r#"[[0,16383,["h",7002]]]"#;
    let mut rig = Rig::with(defaults(), TWO);
    rig.cluster.note_epoch(7);
    for (newer, expected) in [(Some(8), "a"), (None, "b")] {
        rig.pass(2_000);
        rig.cluster.refresh(rig.now);
        assert!(rig.take()[0].ends_with("and its epoch"));
        rig.map_of(moved, Some(6));
        assert!(rig.take()[0].starts_with("ask "), "another node is asked");
        match newer {
            Some(epoch) => rig.map_of(TWO, Some(epoch)),
            None => rig.no_map("refused"),
        }
        rig.take();
        for node in rig.fences.clone() {
            rig.answer(node.1);
        }
        rig.take();
        assert_eq!(rig.entry(5), expected);
    }
}

#[test]
fn what_a_redirect_said_during_a_round_survives_an_older_map() {
    let mut rig = Rig::with(defaults(), TWO);
    rig.cluster.refresh(rig.now);
    rig.take();
    rig.refuse(1, 'a', 5, "MOVED 5 h:7002");
    rig.take();
    rig.answer('a');
    rig.map(TWO);
    let outputs = rig.take();
    assert_eq!(rig.entry(5), "b");
    assert!(outputs.iter().any(|text| text.starts_with("ask ")), "and the map is read again");
    rig.map(TWO);
    rig.take();
    rig.answer('b');
    rig.take();
    assert_eq!(rig.entry(5), "a", "a map made after the redirect counts");
}

#[test]
fn rounds_begin_at_most_twice_a_second() {
    let mut rig = Rig::with(defaults(), TWO);
    let mut asked = Vec::new();
    for ms in 0..3_000 {
        rig.cluster.refresh(rig.now);
        if rig.take().iter().any(|text| text.starts_with("ask ")) {
            asked.push(ms);
            rig.map(TWO);
        }
        rig.pass(1);
    }
    assert_eq!(asked, [0, 1, 1000, 1001, 2000, 2001]);
}

#[test]
fn the_map_is_read_at_its_interval_and_while_a_master_is_lost() {
    let mut rig = Rig::with(ClusterOptions { refresh_interval: Some(Duration::from_secs(3)), ..defaults() }, TWO);
    let asks = |ms: u64, rig: &mut Rig| {
        let mut times = 0;
        for _ in 0..ms {
            rig.pass(1);
            if rig.take().iter().any(|text| text.starts_with("ask ")) {
                times += 1;
                rig.map(TWO);
            }
        }
        times
    };
    assert_eq!(asks(9_000, &mut rig), 3);
    rig.down('b');
    let while_lost = asks(9_000, &mut rig);
    assert!((4..=8).contains(&while_lost), "{while_lost}");
    rig.up('b');
    asks(3_000, &mut rig);
    assert_eq!(asks(9_000, &mut rig), 3);
}

#[test]
fn what_waits_is_the_drivers_again_when_the_cluster_stops() {
    let mut rig = Rig::with(defaults(), TWO);
    rig.refuse(1, 'a', 5, "MOVED 5 h:7002");
    rig.route(2, 5);
    rig.refuse(3, 'a', 6, "TRYAGAIN");
    rig.take();
    rig.cluster.stop();
    assert_eq!(rig.take(), ["1 back", "2 back", "3 back", "drop the request", "close a", "close b"]);
    assert!(rig.cluster.next_wakeup().is_none());
    assert!(!rig.refuse_again(4, 'a', Some(5), "MOVED 5 h:7002", 0));
    rig.route(5, 5);
    assert_eq!(rig.take(), ["5 back"]);
    assert_eq!(rig.entry(5), "none");
}
