use super::super::node::Limits;
use super::*;
use crate::store::{Found, Id, ReadEntry, Redirect, ReplicationId, Seen, Version, SLOTS};

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);

fn config() -> NodeConfig {
    let ms = Duration::from_millis;
    let breaker = Limits { after: 5, first: ms(1000), longest: ms(30_000), trial: ms(500) };
    NodeConfig { breaker, pending_max: 10, trusts_all: false, window: 4096, read_budget: ms(250), write_budget: ms(5000) }
}

fn moment(ms: u64) -> Moment {
    Moment { now: Instant::from_millis(1_000_000 + ms), attended: Duration::from_millis(ms) }
}

fn key(text: &str) -> Key {
    Key::from(text.as_bytes())
}

fn id(letter: u8) -> Id {
    Id::parse(&[letter; 16]).unwrap()
}

/// `{a}` is a key of node A and `{b}` one of node B.
fn map() -> Vec<u16> {
    let mut map = vec![u16::MAX; SLOTS];
    map[usize::from(slot_of(b"{a}"))] = A.0;
    map[usize::from(slot_of(b"{b}"))] = B.0;
    map
}

struct Rig {
    nodes: Nodes,
    now: u64,
    told: Vec<NodesOutput>,
    sent: Vec<(NodeId, Ticket, NodeOp)>,
}

impl Rig {
    fn one() -> Self {
        Self { nodes: Nodes::new(config()), now: 0, told: Vec::new(), sent: Vec::new() }
    }

    /// Two nodes that can be read.
    fn cluster() -> Self {
        let mut rig = Self::one();
        rig.input(|nodes, at| {
            nodes.on_change(Change::Cluster, at);
            nodes.on_change(Change::Joined(A, "one:1".to_owned()), at);
            nodes.on_change(Change::Joined(B, "two:2".to_owned()), at);
            nodes.on_change(Change::Slots(&map()), at);
        });
        rig.up(A, "a");
        rig.up(B, "b");
        rig.told.clear();
        rig
    }

    fn input<R>(&mut self, act: impl FnOnce(&mut Nodes, Moment) -> R) -> R {
        let at = moment(self.now);
        let result = act(&mut self.nodes, at);
        while let Some(output) = self.nodes.poll_output(at) {
            self.told.push(output);
        }
        while let Some(send) = self.nodes.next_to_send(at) {
            self.sent.push(send);
        }
        result
    }

    fn up(&mut self, node: NodeId, name: &str) {
        self.input(|nodes, at| nodes.on_up(node, at.now));
        let (_, ticket, _) = self.take(node);
        let reply = StoreReply::Identity { id: ReplicationId::of(name.as_bytes()), is_master: true };
        self.answer(ticket, Ok(reply));
    }

    fn submit(&mut self, ticket: u64, op: Op, patience: Patience) {
        self.input(|nodes, at| nodes.submit(Ticket(ticket), op, patience, at));
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<StoreReply, StoreError>) {
        self.input(|nodes, at| nodes.on_outcome(ticket, answer, at));
    }

    /// What was sent to a node first.
    fn take(&mut self, node: NodeId) -> (NodeId, Ticket, NodeOp) {
        let at = self.sent.iter().position(|(id, ..)| *id == node).unwrap_or_else(|| panic!("nothing for {node:?}: {:?}", self.sent));
        self.sent.remove(at)
    }

    /// The answers so far.
    fn answers(&mut self) -> Vec<(u64, Result<Answer, StoreError>)> {
        let told = std::mem::take(&mut self.told).into_iter();
        told.filter_map(|output| if let NodesOutput::Answer { ticket, answer } = output { Some((ticket.0, answer)) } else { None })
            .collect()
    }

    fn keep(&mut self, invalidation: Invalidation, in_flight: Option<u64>) -> bool {
        self.input(|nodes, at| nodes.keep(vec![invalidation], in_flight.map(Ticket), at))
    }
}

fn read() -> Op {
    Op::Read { entries: vec![ReadEntry { key: key("{a}"), with_age: false }], versions: vec![key("{b}")] }
}

fn delete(keys: &[&str]) -> Op {
    Op::Delete { entries: keys.iter().map(|text| key(text)).collect() }
}

fn nothing_read() -> StoreReply {
    StoreReply::Read { entries: vec![Found::default()], versions: vec![], atomic: true }
}

fn version(of: &str) -> Version {
    Version { id: id(b'v'), replication_id: ReplicationId::of(of.as_bytes()) }
}

fn moved(address: &str) -> StoreError {
    StoreError::Redirected(Redirect { asks: false, slot: slot_of(b"{a}"), address: address.to_owned() })
}

fn ask(address: &str) -> StoreError {
    StoreError::Redirected(Redirect { asks: true, slot: slot_of(b"{a}"), address: address.to_owned() })
}

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
    let mut rig = Rig::one();
    rig.input(|nodes, at| {
        nodes.on_change(Change::Cluster, at);
        nodes.on_change(Change::Joined(A, "one:1".to_owned()), at);
        nodes.on_change(Change::Joined(B, "two:2".to_owned()), at);
        nodes.on_change(Change::Slots(&map()), at);
    });
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
