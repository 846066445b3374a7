//! MOVED, ASK and the other refusals: where a command goes, and in which order.

use std::time::Duration;

use super::rig::{Rig, TWO};
use crate::cluster::ClusterOptions;

fn two() -> Rig {
    Rig::with(ClusterOptions::default(), TWO)
}

#[test]
fn a_slot_turns_until_its_former_node_has_answered() {
    let mut rig = two();
    assert!(rig.refuse(1, 'a', 5, "MOVED 5 h:7002"));
    assert_eq!(rig.entry(5), "wait");
    assert_eq!(rig.entry(6), "a", "no other slot waits");
    rig.route(9, 5);
    assert!(rig.take().contains(&"fence a".to_owned()));
    rig.refuse(2, 'a', 5, "MOVED 5 h:7002");
    rig.refuse(3, 'a', 5, "MOVED 5 h:7002");
    assert_eq!(rig.sent(), [] as [&str; 0]);
    rig.answer('a');
    assert_eq!(rig.sent(), ["1 to b", "2 to b", "3 to b", "9 to b"], "what was issued first goes first");
    assert_eq!(rig.entry(5), "b");
}

#[test]
fn slots_without_commands_in_flight_do_not_wait() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "MOVED 5 h:7002");
    rig.refuse(2, 'a', 6, "MOVED 6 h:7002");
    assert_eq!(rig.take().iter().filter(|text| text.starts_with("fence")).count(), 1, "one fence for slots that turn together");
    rig.pending('a', &[6, 7]);
    assert_eq!(rig.sent(), ["1 to b"]);
    assert_eq!((rig.entry(5), rig.entry(6)), ("b".to_owned(), "wait".to_owned()));
    rig.answer('a');
    assert_eq!(rig.sent(), ["2 to b"]);
}

#[test]
fn a_moved_to_an_unknown_node_opens_it() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "MOVED 5 h:7003");
    let outputs = rig.take();
    assert_eq!(outputs[0], "open c");
    assert!(outputs.iter().any(|text| text.starts_with("ask ")), "the map is read again");
    rig.answer('a');
    assert_eq!(rig.sent(), ["1 to c"]);
    // The map does not know it: it is closed behind what it has in flight.
    rig.map(TWO);
    assert!(!rig.take().contains(&"close c".to_owned()));
    rig.answer('c');
    assert_eq!(rig.take(), ["close c"]);
    assert_eq!(rig.entry(5), "a");
}

#[test]
fn the_node_that_a_redirect_names_is_asked_for_the_map() {
    for _ in 0..5 {
        let mut rig = Rig::with(ClusterOptions::default(), r#"[[0,99,["h",7001]],[100,199,["h",7002]],[200,16383,["h",7003]]]"#);
        rig.up('a');
        rig.up('b');
        rig.refuse(1, 'a', 5, "MOVED 5 h:7003");
        assert!(rig.take().contains(&"ask c for the map and its epoch".to_owned()), "it knows best who serves the slot");
    }
    let mut rig = two();
    rig.down('b');
    rig.take();
    rig.map(TWO);
    rig.refuse(1, 'a', 5, "MOVED 5 h:7002");
    assert!(rig.take().contains(&"ask a for the map and its epoch".to_owned()), "unless it is lost");
}

#[test]
fn a_moved_to_the_node_itself_makes_a_new_connection() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "MOVED 5 h:7001");
    let outputs: Vec<String> = rig.take().into_iter().filter(|text| text.ends_with(" a")).collect();
    assert_eq!(outputs, ["open a", "fence a"], "the fence is of the former link");
    let former = rig.former('a');
    rig.pending('a', &[5, 6]);
    rig.route(3, 5);
    rig.refuse_by(2, former, 6, "MOVED 6 h:7001");
    rig.take();
    assert_eq!((rig.entry(6), rig.entry(7)), ("wait".to_owned(), "a".to_owned()), "what is in flight is not overtaken");
    rig.answer('a');
    assert_eq!(rig.take(), ["1 to a", "3 to a", "2 to a", "close a"], "one new link for all");
    rig.refuse_again(1, 'a', Some(5), "MOVED 5 h:7001", 1);
    assert!(rig.take().contains(&"open a".to_owned()));
}

#[test]
fn ask_changes_no_map_and_holds_no_slot() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "ASK 5 h:7002");
    assert_eq!(rig.take(), ["1 asks b"]);
    assert_eq!(rig.entry(5), "a");
    rig.refuse(2, 'a', 5, "ASK 5 h:7003");
    assert_eq!(rig.take(), ["open c", "2 asks c"]);
}

#[test]
fn a_slot_that_turns_waits_for_those_who_were_told_to_ask() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "ASK 5 h:7003");
    rig.take();
    rig.refuse(2, 'a', 5, "MOVED 5 h:7002");
    rig.take();
    rig.answer('a');
    assert_eq!(rig.sent(), [] as [&str; 0]);
    rig.refuse_again(1, 'c', Some(5), "MOVED 5 h:7002", 1);
    rig.answer('c');
    assert_eq!(rig.sent(), ["1 to b", "2 to b"], "in the order in which a refused them");
}

#[test]
fn a_slot_that_turns_waits_for_everybody_who_was_told_to_be_asked() {
    let mut rig = two();
    // Command 1 goes on from b to c, while 2 is in flight at b.
    rig.refuse(1, 'a', 5, "ASK 5 h:7002");
    rig.refuse(2, 'a', 5, "ASK 5 h:7002");
    rig.take();
    rig.refuse_again(1, 'b', Some(5), "ASK 5 h:7003", 1);
    rig.take();
    rig.hand_back(1, 'c', 5, 2);
    rig.down('c');
    rig.take();
    rig.answer('a');
    rig.pass(100);
    assert_eq!(rig.sent(), [] as [&str; 0], "b may still say where 2 goes");
    rig.refuse_again(2, 'b', Some(5), "ASK 5 h:7003", 1);
    rig.answer('b');
    rig.take();
    rig.answer('b');
    assert_eq!(rig.sent(), ["1 to a", "2 to a"]);
}

#[test]
fn an_ask_for_a_held_slot_waits_its_turn() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "CLUSTERDOWN");
    rig.refuse(2, 'a', 5, "ASK 5 h:7002");
    assert_eq!(rig.sent(), [] as [&str; 0]);
}

#[test]
fn what_was_held_does_not_go_before_what_its_node_had_in_flight() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "ASK 5 h:7002");
    // The slot waits for the node that was asked, while its own still has 2 in flight.
    rig.refuse_again(1, 'b', Some(5), "CLUSTERDOWN", 1);
    rig.route(9, 5);
    rig.take();
    rig.answer('b');
    rig.pass(100);
    assert_eq!(rig.sent(), ["1 to a", "9 to a"]);
    rig.refuse(2, 'a', 5, "MOVED 5 h:7002");
    rig.refuse_again(1, 'a', Some(5), "MOVED 5 h:7002", 2);
    rig.refuse(9, 'a', 5, "MOVED 5 h:7002");
    rig.take();
    rig.answer('a');
    assert_eq!(rig.sent(), ["1 to b", "2 to b", "9 to b"]);
}

#[test]
fn try_again_waits_and_holds_nobody() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "TRYAGAIN Multiple keys request during rehashing of slot");
    assert_eq!(rig.entry(5), "a");
    rig.pass(99);
    assert_eq!(rig.sent(), [] as [&str; 0]);
    rig.pass(1);
    assert_eq!(rig.sent(), ["1 to a"]);
}

#[test]
fn cluster_down_asks_another_node_after_its_delay_and_then_the_slots_own() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "CLUSTERDOWN");
    rig.route(2, 5);
    rig.take();
    rig.answer('a');
    rig.pass(100);
    assert_eq!(rig.sent(), ["1 to b", "2 to b"]);
    assert_eq!(rig.entry(5), "wait", "later commands do not overtake them");
    rig.route(3, 5);
    rig.refuse_again(1, 'b', Some(5), "MOVED 5 h:7001", 1);
    rig.refuse_again(2, 'b', Some(5), "MOVED 5 h:7001", 1);
    rig.answer('b');
    assert_eq!(rig.sent(), ["1 to a", "2 to a", "3 to a"]);
    assert_eq!(rig.entry(5), "a");
    let mut rig = Rig::with(ClusterOptions { on_cluster_down: None, ..ClusterOptions::default() }, TWO);
    assert!(!rig.refuse(1, 'a', 5, "CLUSTERDOWN"));
}

#[test]
fn a_demoted_master_is_asked_again_after_a_new_map() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "READONLY You can't write against a read only replica.");
    assert!(rig.take().iter().any(|text| text.starts_with("ask ")));
    rig.map(r#"[[0,16383,["h",7002],["h",7001]]]"#);
    rig.take();
    rig.answer('a');
    rig.answer('a');
    rig.pass(100);
    assert_eq!(rig.sent(), ["1 to b"]);
}

#[test]
fn a_replica_that_refuses_sends_to_the_master() {
    let map = r#"[[0,16383,["h",7001],["h",7002]]]"#;
    for text in ["READONLY", "LOADING", "MASTERDOWN", "MOVED 5 h:7001"] {
        let mut rig = Rig::with(ClusterOptions::default(), map);
        rig.refuse(1, 'b', 5, text);
        assert_eq!(rig.sent(), ["1 to a"], "{text}");
        assert_eq!(rig.entry(5), "a", "{text}");
    }
    let mut rig = Rig::with(ClusterOptions::default(), map);
    rig.refuse(1, 'b', 5, "MOVED 5 h:7003");
    assert_eq!(rig.sent(), ["1 to c"], "what a replica says sends one command");
    assert_eq!(rig.entry(5), "a", "and changes no map");
}

#[test]
fn redirects_are_bounded() {
    let mut rig = two();
    for times in 0..16 {
        rig.refuse_again(1, 'a', Some(5), "ASK 5 h:7002", times);
        assert_eq!(rig.sent(), ["1 asks b"]);
    }
    rig.refuse_again(1, 'a', Some(5), "ASK 5 h:7002", 16);
    assert_eq!(rig.sent(), ["1 fails: ReplyError: ASK 5 h:7002"]);
    let mut rig = Rig::with(ClusterOptions { max_redirections: 0, ..ClusterOptions::default() }, TWO);
    rig.refuse(1, 'a', 5, "TRYAGAIN x");
    assert_eq!(rig.sent(), ["1 fails: ReplyError: TRYAGAIN x"]);
}

#[test]
fn hostile_redirects_are_errors_of_their_node() {
    for text in ["MOVED __proto__ x", "MOVED 5 h:99999", "MOVED 16384 h:7002", "ASK 5 h", "MOVED 6 h:7002", "ASK 6 h:7002"] {
        let mut rig = two();
        assert!(rig.refuse(1, 'a', 5, text), "{text}");
        let outputs = rig.take();
        assert_eq!(outputs.len(), 2, "{text}: {outputs:?}");
        assert!(outputs[0].starts_with("error of a, protocol: a redirect names "), "{outputs:?}");
        assert!(outputs[1].starts_with("1 is refused: "), "{outputs:?}");
        assert_eq!((rig.entry(5), rig.entry(6)), ("a".to_owned(), "a".to_owned()));
    }
}

#[test]
fn redirects_cannot_open_nodes_without_bound() {
    let mut rig = two();
    for n in 0..200u32 {
        rig.refuse(n, 'a', 5, &format!("ASK 5 h:{}", 7010 + n));
    }
    let outputs = rig.take();
    assert_eq!(outputs.iter().filter(|text| text.starts_with("open")).count(), 64);
    assert!(outputs.iter().any(|text| text.contains("too many unknown nodes")));
}

#[test]
fn a_redirect_without_a_host_means_the_same_host() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "ASK 5 :7002");
    assert_eq!(rig.sent(), ["1 asks b"]);
    rig.refuse(2, 'a', 5, "MOVED 5 ?:7002");
    assert!(rig.take().iter().any(|text| text.starts_with("ask ")), "the map may name the node");
    rig.map(r#"[[0,16383,["h",7002]]]"#);
    rig.take();
    for node in ['a', 'a', 'b'] {
        rig.answer(node);
    }
    rig.pass(100);
    assert_eq!(rig.sent(), ["2 to b"]);
}

#[test]
fn a_command_without_a_known_key_follows_its_redirect_alone() {
    let mut rig = two();
    rig.refuse_again(1, 'a', None, "MOVED 200 h:7002", 0);
    assert_eq!(rig.sent(), ["1 to b"]);
    rig.refuse_again(2, 'a', None, "MOVED 5 h:7002", 0);
    assert_eq!(rig.sent(), ["2 to b"]);
    assert_eq!(rig.entry(5), "a");
}

#[test]
fn commands_of_a_slot_that_no_map_covers_go_somewhere_in_order() {
    let mut rig = Rig::with(ClusterOptions::default(), r#"[[0,99,["h",7001]]]"#);
    assert_eq!(rig.entry(500), "none");
    rig.route(1, 500);
    rig.route(2, 500);
    let outputs = rig.take();
    assert!(outputs.contains(&"1 to a".to_owned()) && outputs.iter().any(|text| text.starts_with("ask ")), "{outputs:?}");
    assert!(!outputs.contains(&"2 to a".to_owned()), "one at a time");
    rig.refuse(1, 'a', 500, "MOVED 500 h:7002");
    rig.answer('a');
    assert_eq!(rig.sent(), ["1 to b", "2 to b"]);
    assert_eq!(rig.entry(500), "b");
}

#[test]
fn a_forgotten_command_is_not_sent() {
    let mut rig = two();
    rig.refuse(1, 'a', 5, "MOVED 5 h:7002");
    rig.route(2, 5);
    rig.take();
    rig.cluster.forget(crate::cluster::Ticket(1));
    rig.answer('a');
    assert_eq!(rig.sent(), ["2 to b"]);
}

#[test]
fn a_delay_on_moved_is_kept() {
    let mut rig = Rig::with(ClusterOptions { on_moved: Duration::from_millis(50), ..ClusterOptions::default() }, TWO);
    rig.refuse(1, 'a', 5, "MOVED 5 h:7002");
    rig.take();
    rig.answer('a');
    assert_eq!(rig.sent(), [] as [&str; 0]);
    rig.pass(50);
    assert_eq!(rig.sent(), ["1 to b"]);
}
