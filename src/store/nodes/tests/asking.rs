//! What counts of what was carried out behind ASKING: the ASK may be old.

use super::*;

/// An operation that A sends to B, and what B answers there. Returns the ticket of its part.
fn asked(rig: &mut Rig, op: Op, patience: Patience, reply: StoreReply) -> Ticket {
    rig.submit(1, op, patience);
    let (_, part, _) = rig.take(A);
    rig.answer(part, Err(ask("two:2")));
    let (_, part, op) = rig.take(B);
    assert!(op.asks);
    rig.answer(part, Ok(reply));
    assert!(rig.answers().is_empty(), "A is heard once more");
    part
}

fn set() -> Op {
    Op::Set { entry: key("{a}"), value: crate::store::Value::new(vec![b'x'; 40]), life: Duration::from_secs(1) }
}

fn ensure() -> Op {
    Op::Ensure { items: vec![(key("{a}"), id(b'v'))], need: Duration::from_secs(60) }
}

#[test]
fn a_deletion_behind_an_old_ask_is_carried_out_where_the_key_is() {
    let mut rig = Rig::cluster();
    asked(&mut rig, delete(&["{a}"]), Patience::Write, StoreReply::Number(0));
    // The slot was at B meanwhile, it came back, and is on its way to B once more: the key is still at A.
    let (_, part, op) = rig.take(A);
    assert_eq!((op.op, op.asks), (delete(&["{a}"]), false));
    rig.answer(part, Ok(StoreReply::Number(1)));
    assert_eq!(rig.answers(), [(1, Ok(Answer::Number(1)))]);
}

#[test]
fn a_removal_behind_asking_counts_when_both_nodes_agree_and_is_counted_once() {
    for op in [delete(&["{a}"]), Op::Invalidate { tags: vec![(key("{a}"), key("{a}h"))] }, Op::Unlink { keys: vec![key("{a}")] }] {
        let mut rig = Rig::cluster();
        asked(&mut rig, op, Patience::Write, StoreReply::Number(2));
        let (_, part, _) = rig.take(A);
        rig.answer(part, Err(ask("two:2")));
        // The key may have left A between the two.
        let (_, part, op) = rig.take(B);
        assert!(op.asks);
        rig.answer(part, Ok(StoreReply::Number(0)));
        assert_eq!(rig.answers(), [(1, Ok(Answer::Number(2)))]);
        assert!(rig.sent.is_empty());
    }
}

#[test]
fn a_removal_follows_a_slot_that_went_elsewhere() {
    let mut rig = Rig::cluster();
    asked(&mut rig, delete(&["{a}"]), Patience::Write, StoreReply::Number(0));
    let (_, part, _) = rig.take(A);
    rig.answer(part, Err(moved("two:2")));
    let (_, part, op) = rig.take(B);
    assert!(!op.asks);
    rig.answer(part, Ok(StoreReply::Number(1)));
    assert_eq!(rig.answers(), [(1, Ok(Answer::Number(1)))]);
}

#[test]
fn a_write_behind_asking_counts_if_the_other_node_has_nothing() {
    for agreed in [ask("two:2"), moved("two:2")] {
        for (op, reply, answer) in
            [(set(), StoreReply::Done, Answer::Done), (ensure(), StoreReply::Ensured(vec![id(b'v')]), Answer::Ensured(vec![id(b'v')]))]
        {
            let mut rig = Rig::cluster();
            asked(&mut rig, op, Patience::Write, reply);
            let (_, part, op) = rig.take(A);
            assert!(matches!(op.op, Op::Read { .. }) && !op.asks);
            rig.answer(part, Err(agreed.clone()));
            assert_eq!(rig.answers(), [(1, Ok(answer))]);
        }
    }
}

#[test]
fn a_write_beside_a_key_that_is_still_elsewhere_is_lost() {
    for op in [set(), ensure()] {
        let mut rig = Rig::cluster();
        let reply = if matches!(op, Op::Set { .. }) { StoreReply::Done } else { StoreReply::Ensured(vec![id(b'v')]) };
        asked(&mut rig, op, Patience::Read, reply);
        let (_, part, _) = rig.take(A);
        rig.answer(part, Ok(nothing_read()));
        assert_eq!(rig.answers(), [(1, Err(StoreError::Cut { maybe_executed: true }))], "it is not sent again with the same random");
        assert!(rig.sent.is_empty());
    }
}

#[test]
fn what_changes_only_what_it_finds_needs_no_proof() {
    let mut rig = Rig::cluster();
    rig.submit(1, Op::GiveBack { entry: key("{a}"), token: id(b't') }, Patience::Write);
    let (_, part, _) = rig.take(A);
    rig.answer(part, Err(ask("two:2")));
    let (_, part, _) = rig.take(B);
    rig.answer(part, Ok(StoreReply::Held(true)));
    assert_eq!(rig.answers(), [(1, Ok(Answer::Lease(true)))]);
    assert!(rig.sent.is_empty());
}
