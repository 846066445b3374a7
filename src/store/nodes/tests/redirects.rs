//! Slots that have moved or are on their way.

use super::*;

#[test]
fn a_moved_slot_is_followed_at_once_and_told() {
    let mut rig = Rig::cluster();
    let epoch = rig.nodes.epoch();
    rig.submit(1, delete(&["{a}"]), Patience::Write);
    let (_, part, _) = rig.take(A);
    rig.answer(part, Err(moved("two:2")));
    assert!(rig.told.contains(&NodesOutput::MapOutdated));
    assert_eq!(rig.nodes.node_of(b"{a}"), B);
    assert!(rig.nodes.epoch() > epoch, "a scan under way starts again");
    let (_, again, op) = rig.take(B);
    assert_eq!((again, op.replication.id, op.asks), (part, ReplicationId::of(b"b"), false), "under the id of the new node");
    rig.answer(again, Ok(StoreReply::Number(1)));
    assert_eq!(rig.answers(), [(1, Ok(Answer::Number(1)))]);
}

#[test]
fn a_read_of_several_keys_of_which_one_is_elsewhere_goes_on_key_by_key() {
    let mut rig = Rig::cluster();
    rig.submit(1, Op::ReadVersions { versions: vec![key("{a}1"), key("{b}"), key("{a}2")] }, Patience::Read);
    let (_, of_b, _) = rig.take(B);
    rig.answer(of_b, Ok(StoreReply::Versions(vec![Some(version("b"))])));
    let (_, of_a, op) = rig.take(A);
    assert_eq!(op.op, Op::ReadVersions { versions: vec![key("{a}1"), key("{a}2")] });
    rig.answer(of_a, Err(ask("two:2")));
    let (_, first, _) = rig.take(A);
    let (_, second, _) = rig.take(A);
    rig.answer(first, Ok(StoreReply::Versions(vec![Some(version("a"))])));
    rig.answer(second, Err(ask("two:2")));
    let (_, second, op) = rig.take(B);
    assert!(op.asks);
    rig.answer(second, Ok(StoreReply::Versions(vec![None])));
    let own = || Seen::Own(version("a").id);
    assert_eq!(rig.answers(), [(1, Ok(Answer::Versions(vec![own(), own(), Seen::Nothing])))]);
}

#[test]
fn an_ask_sends_one_part_on_and_leaves_the_map() {
    let mut rig = Rig::cluster();
    rig.submit(1, delete(&["{a}"]), Patience::Write);
    let (_, part, _) = rig.take(A);
    // The same host, another port: no node is there. Then one that is known.
    rig.answer(part, Err(ask(":2")));
    assert!(rig.sent.is_empty());
    rig.now += 20;
    rig.input(Nodes::on_timer);
    let (_, part, _) = rig.take(A);
    rig.answer(part, Err(ask("two:2")));
    let (_, part, op) = rig.take(B);
    assert!(op.asks);
    assert_eq!(rig.nodes.node_of(b"{a}"), A);
    rig.answer(part, Err(StoreError::Refused("TRYAGAIN (DEL)".to_owned())));
    rig.now += 50;
    rig.input(Nodes::on_timer);
    let (_, part, op) = rig.take(A);
    assert!(!op.asks, "it asks the node of the slot again");
    rig.answer(part, Ok(StoreReply::Number(0)));
    assert_eq!(rig.answers(), [(1, Ok(Answer::Number(0)))]);
}

#[test]
fn redirects_end_with_the_budget() {
    let mut rig = Rig::cluster();
    rig.submit(1, delete(&["{a}"]), Patience::Read);
    for _ in 0..100 {
        if let Some(at) = rig.sent.iter().position(|(id, ..)| *id == A) {
            let (_, part, _) = rig.sent.remove(at);
            rig.answer(part, Err(StoreError::Refused("CLUSTERDOWN (DEL)".to_owned())));
        }
        rig.now += 10;
        rig.input(Nodes::on_timer);
    }
    assert_eq!(rig.answers(), [(1, Err(StoreError::Refused("CLUSTERDOWN (DEL)".to_owned())))]);
    rig.submit(2, delete(&["{a}"]), Patience::Write);
    for n in 0..17 {
        let (_, part, _) = rig.take(if n % 2 == 0 { A } else { B });
        rig.answer(part, Err(moved(if n % 2 == 0 { "two:2" } else { "one:1" })));
    }
    assert!(matches!(rig.answers()[..], [(2, Err(StoreError::Redirected(_)))]), "two nodes that send it to each other");
}

#[test]
fn redirects_name_nodes_as_servers_know_them() {
    for (redirect, asks) in [(moved("10.0.0.2:6379"), false), (ask("10.0.0.2:6379"), true)] {
        let mut rig = Rig::cluster();
        let aliases = BTreeMap::from([("10.0.0.2:6379".to_owned(), B)]);
        rig.input(|nodes, at| nodes.on_change(Change::Aliases(aliases), at));
        rig.submit(1, delete(&["{a}"]), Patience::Write);
        let (_, due, _) = rig.take(A);
        rig.answer(due, Err(redirect));
        assert_eq!(rig.take(B).2.asks, asks);
    }
}

#[test]
fn a_failure_names_its_node() {
    let mut rig = Rig::cluster();
    rig.submit(1, delete(&["{a}", "{b}"]), Patience::Write);
    let (_, due, _) = rig.take(B);
    rig.answer(due, Err(StoreError::Refused("NOPERM (DEL)".to_owned())));
    let (_, done, _) = rig.take(A);
    rig.answer(done, Ok(StoreReply::Number(1)));
    assert_eq!(rig.nodes.take_blamed(Ticket(1)).as_deref(), Some("two:2"));
    assert_eq!(rig.nodes.take_blamed(Ticket(1)), None);
    rig.input(|nodes, at| nodes.on_down(A, at));
    assert_eq!(rig.nodes.blocked(&[key("{b}"), key("{a}")]).as_deref(), Some("one:1"));
    assert_eq!(rig.nodes.blocked(&[key("{b}")]), None);
}
