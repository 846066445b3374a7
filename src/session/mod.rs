//! A session: the links of one client, and the cache that uses them. It wires the engine, its store and the links together.
//! A driver owns the sockets, the clock and the callers.
//!
//! An input names a link (submitted commands, bytes, socket events, its timer) or belongs to the cache (calls, its timer, its
//! store). After each input the driver takes the outputs: bytes for links ([`Session::writable`], [`Session::take_output`]),
//! events of each link ([`Session::poll_link`]), decisions for the cache's callers ([`Session::take_decisions`]), and the next
//! wake-up. Replies for callers go to the [`Sink`] that the driver passes in with the bytes.
//!
//! The cache receives a link's events in the order of the link's stream: ready, replies, pushes, lost commands, closed. The session
//! finishes everything that follows from one event (decisions, commands on any link) before it looks at the next one.
//!
//! | file | owns |
//! |---|---|
//! | `links` | the links by their numbers |
//! | `cache` | the engine wired to its store |

mod cache;
mod links;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

pub use cache::Cache;
pub use links::Peer;

use crate::cache::packing::{Finished, Job};
use crate::cache::{CallId, Context, Decision, Engine, Hit, LoadId, ParsedId, Stale};
use crate::clock::Instant;
use crate::conn::{Link, LinkId, LinkOptions, Output, Sink, State, Transport, Unused};
use crate::error::Error;
use crate::store::nodes::Change;
use crate::store::NodeId;
use links::Links;

/// The links of one client, and the cache that uses them.
#[derive(Debug, Default)]
pub struct Session {
    links: Links,
    cache: Option<Box<Cache>>,
    /// Links whose outputs are not routed yet. Empty between inputs.
    touched: Vec<LinkId>,
    /// Whether the cache has run since the driver last asked.
    cache_ran: bool,
}

impl Session {
    /// A session without links and without a cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// A session without links whose cache is this one.
    pub fn with_cache(cache: Cache) -> Self {
        Self { cache: Some(Box::new(cache)), ..Self::default() }
    }

    // ---- links

    /// Adds a new link. It does not connect yet.
    pub fn open(&mut self, options: LinkOptions) -> LinkId {
        self.links.add(Box::new(Peer::new(Link::new(options))))
    }

    /// Takes over a link from another session, with everything it has under way.
    pub fn adopt(&mut self, peer: Box<Peer>) -> LinkId {
        self.links.add(peer)
    }

    /// Takes a link out. If the cache is on that link, it loses the node behind it.
    pub fn remove(&mut self, id: LinkId, now: Instant) -> Option<Box<Peer>> {
        self.remove_node(id, now);
        self.remove_lane(id, now);
        self.links.take(id)
    }

    /// The link with this number.
    pub fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(id).map(|peer| &peer.link)
    }

    /// Takes over a batch of callers' commands, see [`Link::submit`].
    pub fn submit(&mut self, id: LinkId, batch: &[u8], meta: &[u32], first_id: u32, now: Instant) -> bool {
        self.input(id, now, |link| link.submit(batch, meta, first_id, now)).unwrap_or(false)
    }

    /// Bytes arrived. Callers' replies go to `sink` as they are completed.
    pub fn on_bytes<S: Sink>(&mut self, id: LinkId, chunk: &[u8], now: Instant, sink: &mut S) {
        if let Some(cache) = &mut self.cache {
            cache.on_heard(id, now);
        }
        self.input(id, now, |link| link.on_bytes(chunk, now, sink));
    }

    /// Bytes arrived behind those that the driver has kept, see [`Link::on_kept_bytes`].
    pub fn on_kept_bytes<S: Sink>(&mut self, id: LinkId, kept: &[u8], now: Instant, sink: &mut S) -> Unused {
        if let Some(cache) = &mut self.cache {
            cache.on_heard(id, now);
        }
        self.input(id, now, |link| link.on_kept_bytes(kept, now, sink)).unwrap_or_default()
    }

    /// The answer of a link's transport.
    pub fn on_transport(&mut self, id: LinkId, transport: Transport, now: Instant) {
        if let Some(cache) = &mut self.cache {
            cache.on_transport(id, transport, now);
        }
        self.input(id, now, |link| link.on_transport(transport, now));
    }

    /// Any other input to a link. `None` if there is no such link.
    pub fn input<R>(&mut self, id: LinkId, now: Instant, act: impl FnOnce(&mut Link) -> R) -> Option<R> {
        let result = act(&mut self.links.get_mut(id)?.link);
        self.touched.push(id);
        self.settle(now);
        Some(result)
    }

    /// The next event of a link for its driver.
    pub fn poll_link(&mut self, id: LinkId) -> Option<Output> {
        self.links.get_mut(id)?.outputs.pop_front()
    }

    /// Whether a link has events for its driver.
    pub fn has_outputs(&self, id: LinkId) -> bool {
        self.links.get(id).is_some_and(|peer| !peer.outputs.is_empty())
    }

    /// The links that have bytes to write.
    pub fn writable(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.links.iter().filter(|(_, peer)| peer.link.has_output()).map(|(id, _)| id)
    }

    /// Takes the bytes that a link wants to write.
    pub fn take_output(&mut self, id: LinkId) -> Vec<u8> {
        self.links.get_mut(id).map(|peer| peer.link.take_output()).unwrap_or_default()
    }

    /// Passes the bytes that a link wants to write to `write`. Returns what that returns; `true`: they are written.
    pub fn write_output(&mut self, id: LinkId, write: impl FnOnce(&[u8]) -> bool) -> bool {
        self.links.get_mut(id).is_none_or(|peer| peer.link.write_output(write))
    }

    // ---- the cache

    /// The cache's wake-up has come, and the driver has looked at the sockets once more.
    pub fn on_cache_timer(&mut self, now: Instant) {
        let Some(cache) = &mut self.cache else { return };
        for id in cache.links().collect::<Vec<_>>() {
            let Some(peer) = self.links.get_mut(id) else { continue };
            if cache.set_unanswered(id, peer.link.unanswered_bytes()) {
                peer.link.ask_transport();
                self.touched.push(id);
            }
        }
        cache.on_timer(now);
        self.run_cache(now);
        self.settle(now);
    }

    /// An input to the cache engine: calls, loaders' outcomes. `None` without a cache.
    pub fn cache_input<R>(&mut self, now: Instant, act: impl FnOnce(&mut Engine, &mut Context<'_>) -> R) -> Option<R> {
        let result = self.cache.as_mut()?.input(now, act);
        self.run_cache(now);
        self.settle(now);
        Some(result)
    }

    /// Takes a buffer of messages for the cache. `None` without a cache.
    pub fn take_messages(&mut self, bytes: &[u8], now: Instant) -> Option<Result<(), Error>> {
        let taken = self.cache.as_mut()?.take_messages(bytes, now);
        self.run_cache(now);
        self.settle(now);
        Some(taken)
    }

    /// Payloads that wait to be packed or unpacked on another thread.
    pub fn jobs_due(&self) -> usize {
        self.cache.as_ref().map_or(0, |cache| cache.jobs_due())
    }

    /// Takes the work with these payloads. Each of them comes back by [`Session::on_job`].
    pub fn take_jobs(&mut self) -> Vec<Job> {
        self.cache.as_mut().map(|cache| cache.take_jobs()).unwrap_or_default()
    }

    /// A payload has been packed or unpacked.
    pub fn on_job(&mut self, finished: Finished, now: Instant) {
        let Some(cache) = &mut self.cache else { return };
        cache.on_job(finished, now);
        self.run_cache(now);
        self.settle(now);
    }

    /// The value that a load of the cache replaces.
    pub fn stale_of(&self, load: LoadId) -> Option<Stale> {
        self.cache.as_ref()?.stale_of(load)
    }

    /// Puts the cache on a link of this session; its former store is let go.
    pub fn attach(&mut self, id: LinkId, now: Instant) {
        self.detach(now);
        let Some((cache, peer)) = self.cache.as_mut().zip(self.links.get_mut(id)) else { return };
        cache.use_link(id, now);
        if peer.link.state() == State::Ready {
            cache.on_ready(id, peer.new_tag(), peer.link.protocol(), now);
        }
        self.run_cache(now);
        self.settle(now);
    }

    /// Puts the cache on a store in this process of at most `max_bytes`; its former store is let go.
    pub fn attach_memory(&mut self, max_bytes: usize, now: Instant) {
        self.detach(now);
        let Some(cache) = &mut self.cache else { return };
        cache.use_memory(max_bytes, now);
        self.run_cache(now);
        self.settle(now);
    }

    /// Puts the cache on a cluster, whose nodes and map of slots follow; its former store is let go.
    pub fn attach_cluster(&mut self, now: Instant) {
        self.detach(now);
        let Some(cache) = &mut self.cache else { return };
        cache.use_cluster(now);
        self.run_cache(now);
        self.settle(now);
    }

    /// The cluster of the cache has this node, at this address (`host:port`), behind a link of this session.
    pub fn add_node(&mut self, id: LinkId, node: NodeId, address: String, now: Instant) {
        let Some((cache, peer)) = self.cache.as_mut().zip(self.links.get_mut(id)) else { return };
        cache.add_node(id, node, address, now);
        if peer.link.state() == State::Ready {
            cache.on_ready(id, peer.new_tag(), peer.link.protocol(), now);
        }
        self.run_cache(now);
        self.settle(now);
    }

    /// What servers call nodes of the cache's cluster that are reached at other addresses (`natMap`): all such names.
    pub fn set_aliases(&mut self, aliases: BTreeMap<String, NodeId>, now: Instant) {
        let Some(cache) = &mut self.cache else { return };
        cache.set_aliases(aliases, now);
    }

    /// The node behind this link has left the cluster of the cache.
    pub fn remove_node(&mut self, id: LinkId, now: Instant) {
        let Some(cache) = self.cache.as_mut().filter(|cache| cache.is_on(id)) else { return };
        cache.remove_node(id, now);
        self.run_cache(now);
        self.settle(now);
    }

    /// The near cache reads what is on this node on a link of this session, its lane.
    pub fn add_lane(&mut self, id: LinkId, node: NodeId, now: Instant) {
        let Some((cache, peer)) = self.cache.as_mut().zip(self.links.get_mut(id)) else { return };
        cache.add_lane(id, node, now);
        if peer.link.state() == State::Ready {
            cache.on_ready(id, peer.new_tag(), peer.link.protocol(), now);
        }
        self.run_cache(now);
        self.settle(now);
    }

    /// This link is no lane any more.
    pub fn remove_lane(&mut self, id: LinkId, now: Instant) {
        let Some(cache) = self.cache.as_mut().filter(|cache| cache.uses(id)) else { return };
        cache.remove_lane(id, now);
        self.run_cache(now);
        self.settle(now);
    }

    /// Near copies may be served until this moment; `None`: as long as they are not dropped.
    pub fn near_proven_until(&self) -> Option<Instant> {
        self.cache.as_ref()?.near_proven_until()
    }

    /// The map of slots of the cache's cluster: for each slot the number of its node.
    pub fn set_slots(&mut self, numbers: &[u16], now: Instant) {
        self.cache_input(now, |engine, cx| engine.on_store_change(cx, Change::Slots(numbers)));
    }

    /// Whether a server has redirected an operation of the cache since the last call: the map of slots is out of date.
    pub fn take_map_outdated(&mut self) -> bool {
        self.cache.as_mut().is_some_and(|cache| cache.take_map_outdated())
    }

    /// Takes the cache off its store. Operations under way end as after a cut.
    pub fn detach(&mut self, now: Instant) {
        let Some(cache) = &mut self.cache else { return };
        cache.detach(now);
        self.run_cache(now);
        self.settle(now);
    }

    /// How many decisions wait for their callers.
    pub fn decided(&self) -> usize {
        self.cache.as_ref().map_or(0, |cache| cache.decisions.len())
    }

    /// Takes hits on parsed values out of the decisions, as most are, as long as `take` accepts them. No refresh follows them, so they may come after the
    /// others.
    pub fn take_hits(&mut self, mut take: impl FnMut(CallId, ParsedId, Hit) -> bool) {
        let Some(cache) = &mut self.cache else { return };
        cache.decisions.retain(|decision| match decision {
            Decision::HitParsed { call, parsed, hit: hit @ (Hit::Fresh | Hit::Joined) } => !take(*call, *parsed, *hit),
            _ => true,
        });
    }

    /// Takes the decisions.
    pub fn take_decisions(&mut self) -> VecDeque<Decision> {
        self.cache.as_mut().map(|cache| std::mem::take(&mut cache.decisions)).unwrap_or_default()
    }

    /// When [`Session::on_cache_timer`] wants to be called.
    pub fn cache_wakeup(&mut self) -> Option<Instant> {
        self.cache.as_mut()?.next_wakeup()
    }

    /// Whether the cache has run since the last call of this method. If not, its outputs have not changed.
    pub fn take_cache_ran(&mut self) -> bool {
        std::mem::take(&mut self.cache_ran)
    }

    // ---- time, for drivers with one timer

    /// When [`Session::on_timer`] wants to be called.
    pub fn next_wakeup(&mut self) -> Option<Instant> {
        let links = self.links.iter().filter_map(|(_, peer)| peer.link.next_wakeup()).min();
        [links, self.cache_wakeup()].into_iter().flatten().min()
    }

    /// The time of [`Session::next_wakeup`] has come, and the driver has read from the sockets once more.
    pub fn on_timer(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let due: Vec<LinkId> = self.links.iter().filter(|(_, peer)| is_due(peer.link.next_wakeup())).map(|(id, _)| id).collect();
        for id in due {
            self.input(id, now, |link| link.on_timer(now));
        }
        if is_due(self.cache_wakeup()) {
            self.on_cache_timer(now);
        }
    }

    // ---- the wiring

    /// Routes the outputs of every touched link: events for the core go to the cache, all others wait for the driver.
    fn settle(&mut self, now: Instant) {
        while let Some(id) = self.touched.pop() {
            while let Some(output) = self.links.get_mut(id).and_then(|peer| peer.link.poll_output()) {
                self.route(id, output, now);
            }
        }
    }

    fn route(&mut self, id: LinkId, output: Output, now: Instant) {
        let Some(peer) = self.links.get_mut(id) else { return };
        let on_it = self.cache.as_mut().filter(|cache| cache.uses(id));
        match (output, on_it) {
            (Output::Core(event), Some(cache)) => cache.on_core_event(id, event, now),
            (Output::Core(_), None) => return,
            (Output::Ready, Some(cache)) => {
                cache.on_ready(id, peer.new_tag(), peer.link.protocol(), now);
                peer.outputs.push_back(Output::Ready);
            }
            (output @ (Output::Closed { .. } | Output::Ended), Some(cache)) => {
                cache.leave_link(id, now);
                peer.outputs.push_back(output);
            }
            (output, _) => return peer.outputs.push_back(output),
        }
        self.run_cache(now);
    }

    fn run_cache(&mut self, now: Instant) {
        if let Some(cache) = &mut self.cache {
            cache.run(&mut self.links, now, &mut self.touched);
            self.cache_ran = true;
        }
    }
}
