//! A cluster whose outputs are read as text. Nodes are named by their ports: `a` is 7001, `b` 7002, and so on.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Instant;
use crate::cluster::{Address, Cluster, ClusterOptions, FenceId, NodeId, Output, RequestId, Returned, Ticket, Trail};
use crate::contract::{ClusterNodeNumber, ClusterRejection};

/// `a` serves slots 0 to 99, `b` all others.
pub const TWO: &str = r#"[[0,99,["h",7001]],[100,16383,["h",7002]]]"#;

pub struct Rig {
    pub cluster: Cluster,
    pub now: Instant,
    pub request: Option<RequestId>,
    pub fences: Vec<(FenceId, char)>,
    names: BTreeMap<NodeId, char>,
    /// The order that a command had when it was sent.
    orders: BTreeMap<u32, u64>,
}

impl Rig {
    pub fn new(options: ClusterOptions) -> Self {
        Self {
            cluster: Cluster::new(options, 7),
            now: Instant::from_millis(10_000),
            request: None,
            fences: Vec::new(),
            names: BTreeMap::new(),
            orders: BTreeMap::new(),
        }
    }

    /// A cluster that has this map, which its first node gave.
    pub fn with(options: ClusterOptions, map: &str) -> Self {
        let mut rig = Self::new(options);
        rig.start("a");
        rig.take();
        rig.map(map);
        rig.take();
        // The limit of rounds is not what most tests are about.
        rig.pass(5_000);
        rig
    }

    pub fn start(&mut self, names: &str) {
        let addresses = names.chars().map(address).collect();
        self.cluster.start(addresses, self.now);
    }

    pub fn pass(&mut self, ms: u64) {
        self.now = self.now + std::time::Duration::from_millis(ms);
        self.cluster.on_timer(self.now);
    }

    pub fn map(&mut self, rows: &str) {
        self.map_of(rows, None);
    }

    pub fn map_of(&mut self, rows: &str, epoch: Option<u64>) {
        let request = self.request.take().expect("a map was asked for");
        self.cluster.on_map(request, rows, epoch, &BTreeMap::new(), self.now);
    }

    pub fn no_map(&mut self, text: &str) {
        let request = self.request.take().expect("a map was asked for");
        self.cluster.on_map_failed(request, text, self.now);
    }

    /// `node` refuses a command for the first time.
    pub fn refuse(&mut self, ticket: u32, node: char, slot: u16, text: &str) -> bool {
        self.refuse_again(ticket, node, Some(slot), text, 0)
    }

    pub fn refuse_again(&mut self, ticket: u32, node: char, slot: Option<u16>, text: &str, times: u32) -> bool {
        let returned =
            Returned { ticket: Ticket(ticket), node: self.id(node), slot, trail: self.trail(ticket, times), maybe_executed: false };
        self.cluster.refused(returned, text, None, self.now)
    }

    /// The number that a node had before it got another one.
    pub fn former(&self, node: char) -> NodeId {
        *self.names.iter().find(|(_, name)| **name == node).expect("a node with that name").0
    }

    pub fn refuse_by(&mut self, ticket: u32, node: NodeId, slot: u16, text: &str) -> bool {
        let returned = Returned { ticket: Ticket(ticket), node, slot: Some(slot), trail: self.trail(ticket, 0), maybe_executed: false };
        self.cluster.refused(returned, text, None, self.now)
    }

    pub fn hand_back(&mut self, ticket: u32, node: char, slot: u16, times: u32) -> bool {
        let returned = Returned {
            ticket: Ticket(ticket),
            node: self.id(node),
            slot: Some(slot),
            trail: self.trail(ticket, times),
            maybe_executed: true,
        };
        self.cluster.handed_back(returned, self.now)
    }

    fn trail(&self, ticket: u32, times: u32) -> Trail {
        Trail { order: self.orders.get(&ticket).copied().unwrap_or_default(), times }
    }

    pub fn route(&mut self, ticket: u32, slot: u16) {
        self.cluster.route(Ticket(ticket), slot, self.now);
    }

    pub fn up(&mut self, node: char) {
        self.cluster.node_up(self.id(node));
    }

    pub fn down(&mut self, node: char) {
        self.cluster.node_down(self.id(node), true, self.now);
    }

    /// The oldest fence of a node is answered.
    pub fn answer(&mut self, node: char) {
        let index = self.fences.iter().position(|(_, of)| *of == node).expect("a fence of that node");
        let (fence, _) = self.fences.remove(index);
        self.cluster.answered(fence, self.now);
    }

    /// Commands of these slots are in flight behind the oldest fence of a node.
    pub fn pending(&mut self, node: char, slots: &[u16]) {
        let fence = self.fences.iter().find(|(_, of)| *of == node).expect("a fence of that node").0;
        self.cluster.pending(fence, &slots.iter().copied().collect::<BTreeSet<_>>(), self.now);
    }

    /// Who serves a slot: a node's name, `wait` or `none`. A driver sees that after it has drained.
    pub fn entry(&self, slot: u16) -> String {
        let entry = self.cluster.entry(slot);
        match u32::from(entry) {
            n if n == ClusterNodeNumber::Wait.number() => "wait".to_owned(),
            n if n == ClusterNodeNumber::Uncovered.number() => "none".to_owned(),
            _ => self.names[&NodeId(entry)].to_string(),
        }
    }

    /// What the cluster wants done, as text.
    pub fn take(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(output) = self.cluster.poll_output() {
            all.push(self.note(&output));
        }
        all
    }

    /// What becomes of commands, as text: `7 to b`, `7 asks b`, `7 fails: ...`.
    pub fn sent(&mut self) -> Vec<String> {
        self.take().into_iter().filter(|text| text.starts_with(|first: char| first.is_ascii_digit())).collect()
    }

    fn note(&mut self, output: &Output) -> String {
        match output {
            Output::Open { node, address, is_replica } => {
                self.names.insert(*node, name(address));
                format!("open {}{}", name(address), if *is_replica { " as replica" } else { "" })
            }
            Output::Close { node, .. } => format!("close {}", self.names[node]),
            Output::Role { node, is_replica } => {
                format!("{} is a {}", self.names[node], if *is_replica { "replica" } else { "master" })
            }
            Output::AskMap { request, address, with_epoch, .. } => {
                self.request = Some(*request);
                format!("ask {} for the map{}", name(address), if *with_epoch { " and its epoch" } else { "" })
            }
            Output::DropMap { .. } => "drop the request".to_owned(),
            Output::Send { ticket, node, is_asking, trail } => {
                self.orders.insert(ticket.0, trail.order);
                format!("{} {} {}", ticket.0, if *is_asking { "asks" } else { "to" }, self.names[node])
            }
            Output::Reject { ticket, rejection: ClusterRejection::Protocol, text, .. } => format!("{} is refused: {text}", ticket.0),
            Output::Reject { ticket, text, maybe_executed, .. } => {
                format!("{} fails{}: {text}", ticket.0, if *maybe_executed { ", maybe executed" } else { "" })
            }
            Output::Back { ticket } => format!("{} back", ticket.0),
            Output::Fence { fence, node } => {
                self.fences.push((*fence, self.names[node]));
                format!("fence {}", self.names[node])
            }
            Output::Refreshed { is_other } => format!("refreshed{}", if *is_other { ", other" } else { "" }),
            Output::RefreshFailed { text, .. } => format!("refresh failed: {text}"),
            Output::NodeError { address, text, is_protocol, .. } => {
                format!("error of {}{}: {text}", name(address), if *is_protocol { ", protocol" } else { "" })
            }
            Output::Mapped => "mapped".to_owned(),
            Output::Cut { node } => format!("cut {}", self.names[node]),
        }
    }

    fn id(&self, node: char) -> NodeId {
        let found = self.names.iter().rev().find(|(_, name)| **name == node);
        *found.expect("a node with that name").0
    }
}

pub fn address(name: char) -> Address {
    Address::announced("h", 7001 + (name as u16 - 'a' as u16)).unwrap()
}

fn name(address: &Address) -> char {
    char::from((address.port() - 7001) as u8 + b'a')
}
