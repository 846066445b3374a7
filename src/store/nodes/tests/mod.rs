//! The nodes of the cache without a socket: a test plays the links.

mod asking;
mod pending;
mod places;
mod redirects;

use super::*;
use crate::store::node::Limits;
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
    Id::parse(&[letter; Id::LEN]).unwrap()
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

    /// Two nodes that are known and have no connection yet.
    fn joined() -> Self {
        let mut rig = Self::one();
        rig.input(|nodes, at| {
            nodes.on_change(Change::Cluster, at);
            nodes.on_change(Change::Joined(A, "one:1".to_owned()), at);
            nodes.on_change(Change::Joined(B, "two:2".to_owned()), at);
            nodes.on_change(Change::Slots(&map()), at);
        });
        rig
    }

    /// Two nodes that can be read.
    fn cluster() -> Self {
        let mut rig = Self::joined();
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
    Op::Read { entries: vec![ReadEntry { key: key("{a}"), with_age: false, head_bytes: None }], versions: vec![key("{b}")] }
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
