//! Where operations go, and nodes that are not there.

use super::*;

#[test]
fn a_read_goes_to_the_nodes_of_its_keys_and_each_answer_is_judged_by_its_node() {
    let mut rig = Rig::cluster();
    rig.submit(1, read(), Patience::Read);
    let (_, version_part, op) = rig.take(B);
    assert_eq!(op.op, Op::Read { entries: vec![], versions: vec![key("{b}")] });
    assert!(op.reads_apart);
    assert_eq!(op.replication.id, ReplicationId::of(b"b"));
    let (_, entry_part, op) = rig.take(A);
    assert_eq!(op.replication.id, ReplicationId::of(b"a"));
    // The version was written on A, before its slot moved to B.
    rig.answer(version_part, Ok(StoreReply::Versions(vec![Some(version("a"))])));
    assert_eq!(rig.answers(), []);
    rig.answer(entry_part, Ok(nothing_read()));
    let joined = Answer::Read { entries: vec![Found::default()], versions: vec![Seen::Foreign], atomic: false };
    assert_eq!(rig.answers(), [(1, Ok(joined))]);
}

#[test]
fn a_node_that_is_down_stops_its_own_keys_only() {
    let mut rig = Rig::cluster();
    rig.input(|nodes, at| nodes.on_down(B, at));
    assert_eq!(rig.nodes.group_of([key("{a}")].iter()), Some(1));
    assert_eq!(rig.nodes.group_of([key("{a}"), key("{b}")].iter()), None);
    assert!(rig.nodes.may_write(&[key("{a}")]) && !rig.nodes.may_write(&[key("{b}")]) && !rig.nodes.may_write(&[]));
    rig.submit(1, delete(&["{a}", "{b}"]), Patience::Write);
    let (_, unsent, _) = rig.take(NodeId::NONE);
    rig.answer(unsent, Err(StoreError::NotSent));
    let (_, sent, _) = rig.take(A);
    rig.answer(sent, Ok(StoreReply::Number(1)));
    assert_eq!(rig.answers(), [(1, Err(StoreError::Cut { maybe_executed: true }))], "a part was carried out");
}

#[test]
fn a_read_waits_for_a_node_that_connects() {
    let mut rig = Rig::joined();
    rig.up(A, "a");
    // The tag's node has no connection yet.
    rig.submit(1, Op::Ensure { items: vec![(key("{b}"), id(b'n'))], need: Duration::from_secs(1) }, Patience::Read);
    assert!(rig.sent.is_empty() && rig.answers().is_empty(), "it waits");
    rig.now += 100;
    rig.up(B, "b");
    let (_, ticket, _) = rig.take(B);
    rig.answer(ticket, Ok(StoreReply::Ensured(vec![id(b'n')])));
    assert_eq!(rig.answers(), [(1, Ok(Answer::Ensured(vec![id(b'n')])))]);
}

#[test]
fn a_read_of_a_node_that_never_connects_is_given_up_with_its_budget() {
    let mut rig = Rig::cluster();
    rig.input(|nodes, at| nodes.on_down(B, at));
    rig.submit(1, Op::Ensure { items: vec![(key("{b}"), id(b'n'))], need: Duration::from_secs(1) }, Patience::Read);
    assert!(rig.sent.is_empty(), "it waits");
    rig.now += 250;
    rig.input(Nodes::on_look);
    assert!(rig.told.iter().any(|output| matches!(output, NodesOutput::GivenUp { ticket: Ticket(1), was_sent: false })), "{:?}", rig.told);
}

#[test]
fn a_silent_node_gives_up_what_it_holds_up_and_its_parts_that_have_not_left() {
    let mut rig = Rig::cluster();
    rig.submit(1, read(), Patience::Read);
    let (_, entry_part, _) = rig.take(A);
    let (_, version_part, _) = rig.take(B);
    rig.answer(entry_part, Ok(nothing_read()));
    rig.now += 250;
    rig.input(Nodes::on_look);
    assert!(rig.told.contains(&NodesOutput::GivenUp { ticket: Ticket(1), was_sent: true }));
    rig.answer(version_part, Ok(StoreReply::Versions(vec![None])));
    assert_eq!(rig.answers().len(), 1, "the late answer");
}

#[test]
fn a_node_that_leaves_takes_nothing_along() {
    let mut rig = Rig::cluster();
    rig.submit(1, read(), Patience::Read);
    let (_, entry_part, _) = rig.take(A);
    let (_, version_part, _) = rig.take(B);
    rig.input(|nodes, at| nodes.on_change(Change::Left(B), at));
    rig.answer(version_part, Ok(StoreReply::Versions(vec![Some(version("b"))])));
    rig.answer(entry_part, Ok(nothing_read()));
    assert_eq!(rig.answers(), [(1, Err(StoreError::Cut { maybe_executed: true }))], "its answer cannot be judged any more");
    rig.input(|nodes, at| nodes.on_change(Change::One, at));
    assert!(!rig.nodes.is_cluster() && rig.nodes.group_of([key("x")].iter()).is_none());
}

#[test]
fn a_read_is_one_trial_at_each_of_its_nodes_and_none_if_one_refuses_it() {
    let mut rig = Rig::joined();
    let silence = |rig: &mut Rig, text: &str, from: u64| {
        for n in from..from + 5 {
            let at = moment(250 * n).now;
            rig.nodes.on_silence(&[key(text)], moment(250 * n + 250).now, at);
        }
    };
    let both = [key("{a}1"), key("{b}"), key("{a}2")];
    silence(&mut rig, "{a}", 0);
    let at = |ms| moment(ms).now;
    assert!(!rig.nodes.allows(&both, at(1300)), "the breaker of the first node is open");
    silence(&mut rig, "{b}", 5);
    assert!(!rig.nodes.allows(&both, at(2600)), "that of the second one is, so the first one is not tried");
    assert!(rig.nodes.allows(&[key("{a}1"), key("{a}2")], at(2600)), "two keys of one node are one trial");
    assert!(!rig.nodes.allows(&[key("{a}1")], at(2700)));
    assert!(rig.nodes.allows(&both, at(3600)));
}
