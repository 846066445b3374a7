//! Invalidations that are not delivered yet, and leases that nobody holds.

use super::*;

#[test]
fn pending_invalidations_hold_up_the_reads_of_their_node_alone() {
    let mut rig = Rig::cluster();
    rig.input(|nodes, at| nodes.on_down(B, at));
    assert!(rig.keep(Invalidation::Tag(key("{b}"), key("{b}h")), None));
    assert!(rig.nodes.group_of([key("{a}")].iter()).is_some());
    rig.up(B, "b");
    assert!(rig.nodes.may_write(&[key("{b}")]) && rig.nodes.group_of([key("{b}")].iter()).is_none());
    // A read of a version there, for an entry of another node, waits.
    rig.submit(1, Op::ReadVersions { versions: vec![key("{b}")] }, Patience::Read);
    let (_, delivery, op) = rig.take(B);
    assert_eq!(op.op, Op::Invalidate { tags: vec![(key("{b}"), key("{b}h"))] });
    assert!(rig.sent.is_empty());
    rig.answer(delivery, Ok(StoreReply::Number(1)));
    assert!(rig.told.contains(&NodesOutput::Readable(B)) && rig.told.contains(&NodesOutput::Pending(0)));
    assert!(matches!(rig.take(B).2.op, Op::ReadVersions { .. }));
}

#[test]
fn a_read_that_waits_for_a_delivery_is_given_up_with_its_budget() {
    let mut rig = Rig::cluster();
    rig.input(|nodes, at| nodes.on_down(B, at));
    rig.keep(Invalidation::Entry(key("{b}")), None);
    rig.up(B, "b");
    rig.submit(1, Op::ReadVersions { versions: vec![key("{b}")] }, Patience::Read);
    assert_eq!(rig.nodes.due(), Some(Duration::from_millis(250)));
    rig.now += 250;
    rig.input(Nodes::on_look);
    assert!(rig.told.contains(&NodesOutput::GivenUp { ticket: Ticket(1), was_sent: false }));
}

#[test]
fn pending_invalidations_follow_their_slot() {
    let mut rig = Rig::cluster();
    rig.input(|nodes, at| nodes.on_down(B, at));
    rig.keep(Invalidation::Entry(key("{b}")), None);
    let mut map = map();
    map[usize::from(slot_of(b"{b}"))] = A.0;
    rig.input(|nodes, at| nodes.on_change(Change::Slots(&map), at));
    let (_, delivery, op) = rig.take(A);
    assert_eq!(op.op, delete(&["{b}"]));
    assert!(rig.nodes.group_of([key("{a}")].iter()).is_none(), "reads of the new node wait");
    rig.answer(delivery, Ok(StoreReply::Number(0)));
    assert!(rig.nodes.group_of([key("{a}"), key("{b}")].iter()).is_some());
}

#[test]
fn delivered_parts_of_a_given_up_write_are_not_pending() {
    let mut rig = Rig::cluster();
    rig.submit(1, delete(&["{a}", "{b}"]), Patience::Write);
    let (_, done, _) = rig.take(A);
    let (_, due, _) = rig.take(B);
    rig.answer(done, Ok(StoreReply::Number(1)));
    rig.now += 5000;
    rig.input(Nodes::on_look);
    assert!(rig.told.contains(&NodesOutput::GivenUp { ticket: Ticket(1), was_sent: true }));
    let invalidations = vec![Invalidation::Entry(key("{a}")), Invalidation::Entry(key("{b}"))];
    assert!(rig.input(|nodes, at| nodes.keep(invalidations, Some(Ticket(1)), at)));
    assert!(rig.told.contains(&NodesOutput::Pending(1)));
    assert!(rig.nodes.group_of([key("{b}")].iter()).is_some(), "it is in flight on the link that reads take");
    // The slot has moved meanwhile: a read could overtake it.
    rig.answer(due, Err(StoreError::Redirected(Redirect { asks: false, slot: slot_of(b"{b}"), address: "one:1".to_owned() })));
    assert!(rig.nodes.group_of([key("{b}")].iter()).is_none());
    rig.now += 1000;
    rig.input(Nodes::on_timer);
    let (_, delivery, _) = rig.take(A);
    rig.answer(delivery, Ok(StoreReply::Number(1)));
    assert!(rig.told.contains(&NodesOutput::Pending(0)));
}

#[test]
fn pending_invalidations_are_delivered_before_reads_go() {
    let mut rig = Rig::one();
    assert!(rig.keep(Invalidation::Entry(key("e")), None));
    rig.up(NodeId::ONLY, "a");
    let (_, delivery, op) = rig.take(NodeId::ONLY);
    assert_eq!(op.op, delete(&["e"]));
    assert!(rig.nodes.may_write(&[]) && rig.nodes.group_of([key("e")].iter()).is_none());
    rig.answer(delivery, Err(StoreError::Refused("READONLY (DEL)".to_owned())));
    assert!(rig.told.contains(&NodesOutput::WakeAt(moment(1000).now)));
    rig.now += 1000;
    rig.input(Nodes::on_timer);
    let (_, delivery, _) = rig.take(NodeId::ONLY);
    rig.answer(delivery, Ok(StoreReply::Number(0)));
    assert!(rig.nodes.group_of([key("e")].iter()).is_some());
}

#[test]
fn an_invalidation_that_is_not_allowed_is_given_up_with_a_warning() {
    let mut rig = Rig::one();
    rig.up(NodeId::ONLY, "a");
    rig.submit(7, Op::Invalidate { tags: vec![(key("v"), key("h"))] }, Patience::Write);
    assert!(rig.keep(Invalidation::Tag(key("v"), key("h")), Some(7)));
    assert!(rig.nodes.group_of([key("v")].iter()).is_some(), "its operation is in flight: it reaches the server before a later read");
    rig.answer(Ticket(7), Err(StoreError::Refused("NOPERM (DEL)".to_owned())));
    assert!(rig.told.iter().any(|output| matches!(output, NodesOutput::Event { name: "warning", .. })));
    assert!(rig.nodes.group_of([key("v")].iter()).is_some());
}

#[test]
fn a_cut_delivery_holds_reads_up() {
    let mut rig = Rig::one();
    rig.up(NodeId::ONLY, "a");
    rig.submit(7, delete(&["e"]), Patience::Write);
    rig.keep(Invalidation::Entry(key("e")), Some(7));
    rig.answer(Ticket(7), Err(StoreError::Cut { maybe_executed: true }));
    assert!(rig.nodes.group_of([key("e")].iter()).is_none() && rig.nodes.may_write(&[]));
}

#[test]
fn leases_that_nobody_holds_are_given_back_when_their_node_is_there() {
    let mut rig = Rig::cluster();
    rig.input(|nodes, at| nodes.on_down(B, at));
    rig.input(|nodes, at| nodes.give_back(key("{b}"), id(b't'), at));
    assert!(rig.sent.is_empty());
    rig.up(B, "b");
    let (_, ticket, op) = rig.take(B);
    assert_eq!(op.op, Op::GiveBack { entry: key("{b}"), token: id(b't') });
    rig.input(|nodes, at| nodes.on_down(B, at));
    rig.answer(ticket, Err(StoreError::Cut { maybe_executed: true }));
    rig.up(B, "b");
    assert!(matches!(rig.take(B).2.op, Op::GiveBack { .. }), "again on the next link");
}
