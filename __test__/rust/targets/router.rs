//! The cluster under any maps, refusals and orders of inputs: each command is settled once, and goes only to nodes that are open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hawser::clock::Instant;
use hawser::cluster::{Address, Cluster, ClusterOptions, FenceId, NodeId, Output, RequestId, Returned, Ticket, Trail, SLOTS};
use hawser::contract::ClusterNodeNumber;

use super::input::Input;

/// The slots that commands use. There are few, so that commands share them.
const COMMANDS_OF: &[u16] = &[0, 1, 99, 100, 8192, 16383];

const REFUSALS: &[&str] = &[
    "MOVED 0 h:7001",
    "MOVED 0 h:7002",
    "MOVED 100 h:7003",
    "MOVED 16383 :7001",
    "MOVED 99999 h:7001",
    "MOVED -1 h:99999",
    "ASK 0 h:7002",
    "ASK 100 h:7003",
    "ASK 1 a b:1",
    "TRYAGAIN wait",
    "CLUSTERDOWN no",
    "READONLY no",
    "LOADING data",
    "MASTERDOWN link",
    "ERR no",
];

/// Where a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The cluster has it.
    Cluster,
    /// The link of a node has it.
    Node(NodeId, Trail),
    /// Its caller has the outcome.
    Settled,
}

struct World {
    cluster: Cluster,
    now: Instant,
    commands: Vec<(Place, u16)>,
    open: BTreeSet<NodeId>,
    requests: Vec<RequestId>,
    fences: Vec<FenceId>,
    outputs: usize,
}

pub fn router(data: &[u8]) {
    let mut input = Input::new(data);
    let mut world = World::new(&mut input);
    world.start(&mut input);
    for _ in 0..2000 {
        if input.is_over() {
            break;
        }
        world.step(&mut input);
    }
    world.finish();
}

fn options(input: &mut Input<'_>) -> ClusterOptions {
    let delay = [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(100)];
    let optional = [None, Some(Duration::ZERO), Some(Duration::from_millis(100))];
    ClusterOptions {
        max_redirections: u32::from(input.byte() % 20),
        on_moved: input.pick(&delay),
        on_failover: input.pick(&optional),
        on_cluster_down: input.pick(&optional),
        on_try_again: input.pick(&delay),
        refresh_timeout: Duration::from_secs(1),
        refresh_interval: input.pick(&[None, Some(Duration::from_secs(5))]),
    }
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        Self {
            cluster: Cluster::new(options(input), u64::from(input.byte())),
            now: Instant::from_millis(10_000),
            commands: Vec::new(),
            open: BTreeSet::new(),
            requests: Vec::new(),
            fences: Vec::new(),
            outputs: 0,
        }
    }

    fn start(&mut self, input: &mut Input<'_>) {
        let nodes = (0..input.byte() % 4).filter_map(|at| Address::announced("h", 7001 + u16::from(at))).collect();
        self.cluster.start(nodes, self.now);
        self.drain();
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 18 {
            0..=2 => self.issue(input),
            3..=6 => self.end_of_one(input),
            7 | 8 => self.map(input),
            9 => {
                let request = self.request(input);
                self.cluster.on_map_failed(request, &String::from_utf8_lossy(input.text()), self.now);
            }
            10 => self.cluster.node_up(node(input)),
            11 => self.cluster.node_down(node(input), input.flag(), self.now),
            12 => self.cluster.node_silent(node(input), self.now),
            13 => self.fence(input),
            14 | 15 => self.pass(input),
            16 => match input.byte() % 8 {
                0 => {
                    self.cluster.stop();
                    self.drain();
                    self.start(input);
                }
                1..=3 => self.cluster.refresh(self.now),
                4 => self.cluster.note_epoch(u64::from(input.byte() % 4)),
                _ => self.cluster.on_timer(self.now),
            },
            _ => {
                let at = usize::from(input.byte());
                if let Some((place @ Place::Cluster, _)) = self.commands.get_mut(at) {
                    *place = Place::Settled;
                    self.cluster.forget(Ticket(at as u32));
                }
            }
        }
        self.drain();
    }

    /// As a driver does: to the node of the slot, or to the cluster.
    fn issue(&mut self, input: &mut Input<'_>) {
        let slot = input.pick(COMMANDS_OF);
        let entry = NodeId(self.cluster.entry(slot));
        if self.open.contains(&entry) {
            return self.commands.push((Place::Node(entry, Trail::default()), slot));
        }
        self.commands.push((Place::Cluster, slot));
        self.cluster.route(Ticket(self.commands.len() as u32 - 1), slot, self.now);
    }

    /// A link answers a command, or a server refuses it, or it comes back.
    fn end_of_one(&mut self, input: &mut Input<'_>) {
        let sent: Vec<usize> = (0..self.commands.len()).filter(|at| matches!(self.commands[*at].0, Place::Node(..))).collect();
        let Some(at) = sent.get(usize::from(input.byte()) % sent.len().max(1)) else { return };
        let (Place::Node(node, trail), slot) = self.commands[*at] else { return };
        let what = input.byte();
        if what.is_multiple_of(8) {
            self.commands[*at].0 = Place::Settled;
            return;
        }
        let slot = (what & 0x40 == 0).then_some(slot);
        let returned = Returned { ticket: Ticket(*at as u32), node, slot, trail, maybe_executed: what & 0x80 != 0 };
        let is_taken = match what % 8 {
            1 | 2 => self.cluster.handed_back(returned, self.now),
            3 => self.cluster.refused(returned, &String::from_utf8_lossy(input.text()), None, self.now),
            4 => self.cluster.refused(returned, input.pick(REFUSALS), Address::announced("n", 7004), self.now),
            _ => self.cluster.refused(returned, input.pick(REFUSALS), None, self.now),
        };
        self.commands[*at].0 = if is_taken { Place::Cluster } else { Place::Settled };
    }

    fn request(&mut self, input: &mut Input<'_>) -> RequestId {
        if input.flag() || self.requests.is_empty() {
            return self.requests.last().copied().unwrap_or_else(|| RequestId(u32::from(input.byte())));
        }
        input.pick(&self.requests)
    }

    fn map(&mut self, input: &mut Input<'_>) {
        let request = self.request(input);
        let rows = if input.byte().is_multiple_of(4) { String::from_utf8_lossy(input.text()).into_owned() } else { rows(input) };
        let epoch = input.pick(&[None, Some(0), Some(1), Some(2), Some(u64::MAX)]);
        let nat = if input.flag() { BTreeMap::new() } else { BTreeMap::from([("h:7003".to_owned(), "n:7004".to_owned())]) };
        self.cluster.on_map(request, &rows, epoch, &nat, self.now);
    }

    fn fence(&mut self, input: &mut Input<'_>) {
        let fence = if self.fences.is_empty() { FenceId(u32::from(input.byte())) } else { input.pick(&self.fences) };
        if input.flag() {
            let slots: BTreeSet<u16> = (0..input.byte() % 4).map(|_| input.pick(COMMANDS_OF)).collect();
            self.cluster.pending(fence, &slots, self.now);
        } else {
            self.fences.retain(|other| *other != fence);
            self.cluster.answered(fence, self.now);
        }
    }

    fn pass(&mut self, input: &mut Input<'_>) {
        self.now = self.now + Duration::from_millis(input.pick(&[1, 50, 100, 500, 1000, 10_000]));
        self.cluster.on_timer(self.now);
        self.drain();
        assert!(self.cluster.next_wakeup().is_none_or(|at| at > self.now), "the timer fires for ever");
    }

    fn drain(&mut self) {
        let before = self.outputs;
        while let Some(output) = self.cluster.poll_output() {
            self.outputs += 1;
            self.note(&output);
        }
        // Each command goes on once, and each node is opened, closed and asked a few times.
        let most = 64 + 4 * self.commands.len() + 16 * self.open.len().max(64);
        assert!(self.outputs - before <= most, "{} outputs of one input", self.outputs - before);
        self.check_table();
    }

    fn note(&mut self, output: &Output) {
        match *output {
            Output::Open { node, .. } => drop(self.open.insert(node)),
            Output::Close { node, .. } => assert!(self.open.remove(&node), "a node that is closed was open"),
            // It is asked by its address, on a connection of its own: it may have been closed since the round began.
            Output::AskMap { request, .. } => self.requests.push(request),
            Output::Send { ticket, node, trail, .. } => {
                assert!(self.open.contains(&node), "a command goes to an open node");
                self.settle(ticket, Place::Node(node, trail));
            }
            Output::Reject { ticket, .. } | Output::Back { ticket } => self.settle(ticket, Place::Settled),
            Output::Fence { fence, .. } => self.fences.push(fence),
            _ => {}
        }
    }

    fn settle(&mut self, ticket: Ticket, place: Place) {
        let (present, _) = &mut self.commands[ticket.0 as usize];
        assert_eq!(*present, Place::Cluster, "the cluster disposes of what it has: {ticket:?} to {place:?}");
        *present = place;
    }

    fn check_table(&mut self) {
        let mut slots = self.cluster.take_changed();
        slots.extend(COMMANDS_OF);
        for slot in slots {
            assert!(usize::from(slot) < SLOTS);
            let entry = self.cluster.entry(slot);
            let is_node = u32::from(entry) != ClusterNodeNumber::Wait.number() && u32::from(entry) != ClusterNodeNumber::Uncovered.number();
            assert!(!is_node || self.open.contains(&NodeId(entry)), "slot {slot} is of node {entry}, which is not open");
            let shards = self.cluster.shards();
            assert!(self.cluster.shard_of(slot).is_none_or(|shard| usize::from(shard) < shards.len()), "the shard of slot {slot}");
        }
    }

    /// A cluster that was stopped holds nothing.
    fn finish(mut self) {
        self.cluster.stop();
        self.drain();
        assert!(self.commands.iter().all(|(place, _)| *place != Place::Cluster), "a command is lost");
        assert_eq!((self.cluster.next_wakeup(), self.open.len()), (None, 0), "something is kept");
    }
}

fn node(input: &mut Input<'_>) -> NodeId {
    NodeId(u16::from(input.byte() % 8))
}

/// A plausible map. Its rows may overlap, end before they begin, or leave slots out.
fn rows(input: &mut Input<'_>) -> String {
    let row = |input: &mut Input<'_>| {
        let first = input.pick(&[0i64, 0, 100, 8192, 16383, -1, 16384]);
        let last = input.pick(&[16383i64, 99, 8191, 16383, 0, i64::MAX]);
        let nodes: Vec<String> = (0..=input.byte() % 3)
            .map(|_| format!("[\"{}\",{},\"id\"]", input.pick(&["h", "h", "h", "", "?"]), 7001 + u32::from(input.byte() % 6)))
            .collect();
        format!("[{first},{last},{}]", nodes.join(","))
    };
    let all: Vec<String> = (0..input.byte() % 4).map(|_| row(input)).collect();
    format!("[{}]", all.join(","))
}
