//! The cache of a session: the engine wired to its store. The store's commands go to the links; the engine's decisions wait
//! for the driver.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use super::links::Links;
use crate::cache::packing::{Finished, Freed, Job, Packing};
use crate::cache::wire::{Crossed, Message, Messages};
use crate::cache::{Context, Decision, Engine, EngineConfig, LaneEvent, LoadId, Output, Stale};
use crate::clock::Instant;
use crate::conn::{CoreEvent, LinkId, Transport};
use crate::entropy::Entropy;
use crate::error::{Error, ErrorKind};
use crate::resp::Reply;
use crate::store::nodes::Change;
use crate::store::{Effect, Key, NodeId, Store};

/// Requests are leaving if the other side has acknowledged some so lately.
const ACKNOWLEDGED_LATELY: Duration = Duration::from_millis(250);

/// The cache engine with its store.
pub struct Cache {
    engine: Engine,
    store: Store,
    entropy: Box<dyn Entropy + Send>,
    /// The links that the store uses whenever they are ready: one for each node.
    links: Vec<(LinkId, NodeId)>,
    /// The lanes: links for the near cache, one for each node, on which the servers track what is read. They have a store of their own.
    lanes: Vec<(LinkId, NodeId)>,
    lane_store: Store,
    is_in_process: bool,
    is_cluster: bool,
    /// Whether a server has redirected an operation since the driver last asked.
    is_map_outdated: bool,
    /// What lies between the facade and the engine.
    packing: Packing,
    messages: Messages,
    pub(super) decisions: VecDeque<Decision>,
}

impl Cache {
    /// A cache without a store.
    pub fn new(config: EngineConfig, entropy: Box<dyn Entropy + Send>) -> Self {
        Self {
            packing: Packing::new(config.longest_value),
            messages: Messages::default(),
            engine: Engine::new(config),
            store: Store::new(),
            entropy,
            links: Vec::new(),
            lanes: Vec::new(),
            lane_store: Store::new(),
            is_in_process: false,
            is_cluster: false,
            is_map_outdated: false,
            decisions: VecDeque::new(),
        }
    }

    /// When the engine wants its timer.
    pub(super) fn next_wakeup(&mut self) -> Option<Instant> {
        self.engine.next_wakeup()
    }

    /// The links that the store uses whenever they are ready.
    pub(super) fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.links.iter().map(|(link, _)| *link)
    }

    /// Whether the store uses this link, or the near cache does.
    pub(super) fn uses(&self, link: LinkId) -> bool {
        self.is_on(link) || self.lane_on(link).is_some()
    }

    fn lane_on(&self, link: LinkId) -> Option<NodeId> {
        self.lanes.iter().find(|(id, _)| *id == link).map(|(_, node)| *node)
    }

    /// Near copies may be served until this moment; `None`: as long as they are not dropped.
    pub(super) fn near_proven_until(&self) -> Option<Instant> {
        self.engine.near_proven_until()
    }

    /// Whether the store uses this link.
    pub(super) fn is_on(&self, link: LinkId) -> bool {
        self.node_on(link).is_some()
    }

    /// The node behind a link.
    pub(super) fn node_on(&self, link: LinkId) -> Option<NodeId> {
        self.links.iter().find(|(id, _)| *id == link).map(|(_, node)| *node)
    }

    /// The store is the server behind this link.
    pub(super) fn use_link(&mut self, link: LinkId, now: Instant) {
        self.is_cluster = false;
        self.links = vec![(link, NodeId::ONLY)];
        self.input(now, |engine, cx| engine.on_store_change(cx, Change::One));
    }

    /// The store is a cluster. Its nodes and its map of slots follow.
    pub(super) fn use_cluster(&mut self, now: Instant) {
        self.is_cluster = true;
        self.input(now, |engine, cx| engine.on_store_change(cx, Change::Cluster));
    }

    /// The cluster has this node behind this link. A former link of the node is let go.
    pub(super) fn add_node(&mut self, link: LinkId, node: NodeId, address: String, now: Instant) {
        if let Some((former, _)) = self.links.iter().find(|(id, own)| *own == node && *id != link) {
            let former = *former;
            self.leave_link(former, now);
            self.links.retain(|(id, _)| *id != former);
        }
        if !self.is_on(link) {
            self.links.push((link, node));
        }
        self.input(now, |engine, cx| engine.on_store_change(cx, Change::Joined(node, address)));
    }

    /// What servers call nodes that are reached at other addresses.
    pub(super) fn set_aliases(&mut self, aliases: BTreeMap<String, NodeId>, now: Instant) {
        self.input(now, |engine, cx| engine.on_store_change(cx, Change::Aliases(aliases)));
    }

    /// The node behind this link has left the cluster. Without a cluster, the store has lost its only one.
    pub(super) fn remove_node(&mut self, link: LinkId, now: Instant) {
        let Some(node) = self.node_on(link) else { return };
        if !self.is_cluster {
            return self.detach(now);
        }
        self.store.leave_server(link);
        self.links.retain(|(id, _)| *id != link);
        self.input(now, |engine, cx| engine.on_store_change(cx, Change::Left(node)));
    }

    /// The lane of this node is this link. A former one is let go.
    pub(super) fn add_lane(&mut self, link: LinkId, node: NodeId, now: Instant) {
        let former: Vec<LinkId> = self.lanes.iter().filter(|(id, own)| *own == node && *id != link).map(|(id, _)| *id).collect();
        for link in former {
            self.remove_lane(link, now);
        }
        if self.lane_on(link).is_none() {
            self.lanes.push((link, node));
        }
    }

    /// This link is no lane any more.
    pub(super) fn remove_lane(&mut self, link: LinkId, now: Instant) {
        self.leave_lane(link, now);
        self.lanes.retain(|(id, _)| *id != link);
    }

    /// A lane's link is ready, and speaks this protocol.
    fn on_lane_ready(&mut self, link: LinkId, node: NodeId, tag: u32, protocol: u8, now: Instant) {
        self.lane_store.use_server(node, link, tag);
        let event = if protocol == 3 { LaneEvent::Up } else { LaneEvent::Useless };
        self.input(now, |engine, cx| engine.on_lane(cx, node, event));
    }

    fn leave_lane(&mut self, link: LinkId, now: Instant) {
        let node = self.lane_on(link).filter(|_| self.lane_store.leave_server(link));
        if let Some(node) = node {
            self.input(now, |engine, cx| engine.on_lane(cx, node, LaneEvent::Down));
        }
    }

    /// Whether a server has redirected an operation since the last call.
    pub(super) fn take_map_outdated(&mut self) -> bool {
        std::mem::take(&mut self.is_map_outdated)
    }

    /// An input to the engine. [`Cache::run`] carries out its outputs.
    pub(super) fn input<R>(&mut self, now: Instant, act: impl FnOnce(&mut Engine, &mut Context<'_>) -> R) -> R {
        act(&mut self.engine, &mut Context { now, entropy: &mut *self.entropy })
    }

    /// Takes a buffer of messages. Anything that is not a message of the protocol ends it, as an error.
    pub(super) fn take_messages(&mut self, bytes: &[u8], now: Instant) -> Result<(), Error> {
        let mut at = 0;
        while at < bytes.len() {
            let Some(Crossed { message, handling, length }) = self.messages.parse(&bytes[at..]) else {
                return Err(Error::new(ErrorKind::Internal, "a cache call that crossed over cannot be understood"));
            };
            at += length;
            if let Message::Word(call, may_go) = message {
                let messages = self.packing.word(call, may_go);
                self.take(messages, now);
            } else if let Some(message) = self.packing.admit(message, handling) {
                self.input(now, |engine, cx| engine.take(cx, message));
            }
        }
        Ok(())
    }

    fn take(&mut self, messages: Vec<Message>, now: Instant) {
        for message in messages {
            self.input(now, |engine, cx| engine.take(cx, message));
        }
    }

    /// Payloads that wait to be packed or unpacked.
    pub(super) fn jobs_due(&self) -> usize {
        self.packing.due()
    }

    /// Takes the work with these payloads.
    pub(super) fn take_jobs(&mut self) -> Vec<Job> {
        self.packing.take_jobs()
    }

    /// A payload has been packed or unpacked.
    pub(super) fn on_job(&mut self, finished: Finished, now: Instant) {
        let Freed { messages, decisions } = self.packing.done(finished);
        self.decisions.extend(decisions);
        self.take(messages, now);
    }

    /// The value that a load replaces, as its loader gets it.
    pub(super) fn stale_of(&self, load: LoadId) -> Option<Stale> {
        Some(match self.engine.stale_of(load)? {
            Stale::Value(payload) => Stale::Value(self.packing.open(&payload)),
            parsed @ Stale::Parsed(_) => parsed,
        })
    }

    /// Bytes have arrived on a link.
    pub(super) fn on_heard(&mut self, link: LinkId, now: Instant) {
        if let Some(node) = self.node_on(link) {
            self.engine.on_heard(node, now);
        }
    }

    /// How many bytes of requests on a link are not answered. Returns whether the link's transport should be asked about them.
    pub(super) fn set_unanswered(&mut self, link: LinkId, unanswered: usize) -> bool {
        self.node_on(link).is_some_and(|node| self.engine.set_unanswered(node, unanswered))
    }

    /// The engine's time has come.
    pub(super) fn on_timer(&mut self, now: Instant) {
        self.input(now, Engine::on_timer);
    }

    /// The state of a link's transport.
    pub(super) fn on_transport(&mut self, link: LinkId, transport: Transport, now: Instant) {
        let Some(node) = self.node_on(link) else { return };
        if matches!(transport, Transport::Waiting { last_acknowledgement } if last_acknowledgement < ACKNOWLEDGED_LATELY) {
            self.engine.on_leaving(node, now);
        }
    }

    /// A link is ready.
    pub(super) fn on_ready(&mut self, link: LinkId, tag: u32, protocol: u8, now: Instant) {
        if let Some(node) = self.lane_on(link) {
            return self.on_lane_ready(link, node, tag, protocol, now);
        }
        let Some(node) = self.node_on(link) else { return };
        self.store.use_server(node, link, tag);
        self.input(now, |engine, cx| engine.on_store_up(cx, node));
    }

    /// Uses a store in this process from now on.
    pub(super) fn use_memory(&mut self, max_bytes: usize, now: Instant) {
        self.is_cluster = false;
        self.is_in_process = true;
        self.store.use_memory(max_bytes);
        self.input(now, |engine, cx| engine.on_store_change(cx, Change::One));
        self.input(now, Engine::on_memory_up);
    }

    /// A link of the store is lost. The engine learns it first; operations under way are answered as cut when the cache runs.
    pub(super) fn leave_link(&mut self, link: LinkId, now: Instant) {
        self.leave_lane(link, now);
        let node = self.node_on(link).filter(|_| self.store.leave_server(link));
        if let Some(node) = node {
            self.input(now, |engine, cx| engine.on_store_down(cx, node));
        }
    }

    /// The store gives its place up.
    pub(super) fn leave_store(&mut self, now: Instant) {
        for (link, _) in self.links.clone() {
            self.leave_link(link, now);
        }
        self.links.clear();
        for (link, _) in std::mem::take(&mut self.lanes) {
            self.lane_store.leave_server(link);
        }
        self.is_in_process = false;
        if self.store.leave() {
            self.input(now, |engine, cx| engine.on_store_down(cx, NodeId::ONLY));
        }
    }

    /// The cache has no link and no store from now on, by the driver's will.
    pub(super) fn detach(&mut self, now: Instant) {
        self.leave_store(now);
        self.input(now, Engine::on_detached);
    }

    /// An outcome of one of the store's commands, or a push.
    pub(super) fn on_core_event(&mut self, link: LinkId, event: CoreEvent, now: Instant) {
        let lane = self.lane_on(link);
        match event {
            CoreEvent::Reply { tag, reply } if lane.is_some() => self.lane_store.on_reply(link, tag, reply),
            CoreEvent::Lost { tag, sent } if lane.is_some() => self.lane_store.on_lost(link, tag, sent),
            CoreEvent::Push(push) => {
                let Some(node) = lane else { return };
                self.input(now, |engine, cx| engine.on_lane(cx, node, LaneEvent::Push(changed(&push))));
            }
            CoreEvent::Reply { tag, reply } => self.store.on_reply(link, tag, reply),
            CoreEvent::Lost { tag, sent } => self.store.on_lost(link, tag, sent),
        }
    }

    /// Carries out the engine's outputs: operations go to the store, commands to their links, answers to the engine. Adds
    /// the links that got commands to `touched`.
    pub(super) fn run(&mut self, links: &mut Links, now: Instant, touched: &mut Vec<LinkId>) {
        loop {
            self.deliver(links, now, touched);
            match self.engine.poll_output() {
                Some(Output::Decision(decision)) => {
                    self.packing.decide(decision, &mut self.decisions);
                    while let Some(decision) = self.engine.next_decision() {
                        self.packing.decide(decision, &mut self.decisions);
                    }
                }
                Some(Output::Store { ticket, node, op }) => {
                    let is_open = |link| links.get(link).is_some_and(|peer| peer.link.takes_core());
                    self.store.submit(node, ticket, op, now, is_open);
                }
                Some(Output::Lane { ticket, node, op }) => {
                    let is_open = |link| links.get(link).is_some_and(|peer| peer.link.takes_core());
                    let store = if self.is_in_process { &mut self.store } else { &mut self.lane_store };
                    store.submit(node, ticket, op, now, is_open);
                }
                Some(Output::MapOutdated) => self.is_map_outdated = true,
                None => break,
            }
        }
        self.packing.forget_recent();
    }

    fn deliver(&mut self, links: &mut Links, now: Instant, touched: &mut Vec<LinkId>) {
        while let Some(effect) = self.store.poll_effect().or_else(|| self.lane_store.poll_effect()) {
            match effect {
                Effect::Send { link, tag, commands } => {
                    if let Some(peer) = links.get_mut(link) {
                        peer.link.submit_core(&commands, tag, now);
                        if touched.last() != Some(&link) {
                            touched.push(link);
                        }
                    }
                }
                Effect::Answer { ticket, answer } => self.input(now, |engine, cx| engine.on_store(cx, ticket, answer)),
            }
        }
    }
}

/// The keys that a push names; `None`: all.
fn changed(push: &Reply) -> Option<Vec<Key>> {
    let keys = push.items()?.get(1)?.items()?;
    Some(keys.iter().filter_map(Reply::as_bytes).map(Key::from).collect())
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("engine", &self.engine).field("store", &self.store).finish_non_exhaustive()
    }
}
