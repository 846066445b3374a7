//! The cache of a session: the engine wired to its store. The store's commands go to the links; the engine's decisions wait
//! for the driver.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::links::Links;
use crate::cache::{Context, Decision, Engine, EngineConfig, Output};
use crate::clock::Instant;
use crate::conn::{CoreEvent, LinkId, Transport};
use crate::entropy::Entropy;
use crate::store::{Effect, Store};

/// Requests are leaving if the other side has acknowledged some so lately.
const ACKNOWLEDGED_LATELY: Duration = Duration::from_millis(250);

/// The cache engine with its store.
pub struct Cache {
    engine: Engine,
    store: Store,
    entropy: Box<dyn Entropy + Send>,
    /// The link that the store uses whenever it is ready.
    link: Option<LinkId>,
    pub(super) decisions: VecDeque<Decision>,
}

impl Cache {
    /// A cache without a store.
    pub fn new(config: EngineConfig, entropy: Box<dyn Entropy + Send>) -> Self {
        Self { engine: Engine::new(config), store: Store::new(), entropy, link: None, decisions: VecDeque::new() }
    }

    /// When the engine wants its timer.
    pub(super) fn next_wakeup(&mut self) -> Option<Instant> {
        self.engine.next_wakeup()
    }

    /// The link that the store uses whenever it is ready.
    pub(super) fn link(&self) -> Option<LinkId> {
        self.link
    }

    pub(super) fn set_link(&mut self, link: LinkId) {
        self.link = Some(link);
    }

    /// An input to the engine. [`Cache::run`] carries out its outputs.
    pub(super) fn input<R>(&mut self, now: Instant, act: impl FnOnce(&mut Engine, &mut Context<'_>) -> R) -> R {
        act(&mut self.engine, &mut Context { now, entropy: &mut *self.entropy })
    }

    /// Bytes have arrived on the store's link.
    pub(super) fn on_heard(&mut self, now: Instant) {
        self.engine.on_heard(now);
    }

    /// The engine's time has come. `unanswered`: bytes of requests on the store's link that are not answered. Says whether the
    /// link's transport should be asked about them.
    pub(super) fn on_timer(&mut self, unanswered: usize, now: Instant) -> bool {
        let asks = self.engine.set_unanswered(unanswered);
        self.input(now, Engine::on_timer);
        asks
    }

    /// The state of the transport of the store's link.
    pub(super) fn on_transport(&mut self, transport: Transport, now: Instant) {
        if matches!(transport, Transport::Waiting { last_acknowledgement } if last_acknowledgement < ACKNOWLEDGED_LATELY) {
            self.engine.on_leaving(now);
        }
    }

    /// The store's link is ready.
    pub(super) fn on_ready(&mut self, link: LinkId, tag: u32, now: Instant) {
        self.store.use_server(link, tag);
        self.input(now, Engine::on_store_up);
    }

    /// Uses a store in this process from now on.
    pub(super) fn use_memory(&mut self, max_bytes: usize, now: Instant) {
        self.store.use_memory(max_bytes);
        self.input(now, Engine::on_memory_up);
    }

    /// The store has lost its place. The engine learns it first; operations under way are answered as cut when the cache runs.
    pub(super) fn leave_store(&mut self, now: Instant) {
        if self.store.leave() {
            self.input(now, Engine::on_store_down);
        }
    }

    /// The cache has no link and no store from now on, by the driver's will.
    pub(super) fn detach(&mut self, now: Instant) {
        self.link = None;
        self.leave_store(now);
        self.input(now, Engine::on_detached);
    }

    /// An outcome of one of the store's commands, or a push.
    pub(super) fn on_core_event(&mut self, link: LinkId, event: CoreEvent) {
        match event {
            CoreEvent::Reply { tag, reply } => self.store.on_reply(link, tag, reply),
            CoreEvent::Lost { tag, sent } => self.store.on_lost(link, tag, sent),
            // The cache does not track keys.
            CoreEvent::Push(_) => {}
        }
    }

    /// Carries out the engine's outputs: operations go to the store, commands to their links, answers to the engine. Adds
    /// the links that got commands to `touched`.
    pub(super) fn run(&mut self, links: &mut Links, now: Instant, touched: &mut Vec<LinkId>) {
        loop {
            self.deliver(links, now, touched);
            match self.engine.poll_output() {
                Some(Output::Decision(decision)) => self.decisions.push_back(decision),
                Some(Output::Store { ticket, op }) => {
                    let is_open = |link| links.get(link).is_some_and(|peer| peer.link.takes_core());
                    self.store.submit(ticket, op, now, is_open);
                }
                None => return,
            }
        }
    }

    fn deliver(&mut self, links: &mut Links, now: Instant, touched: &mut Vec<LinkId>) {
        while let Some(effect) = self.store.poll_effect() {
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

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("engine", &self.engine).field("store", &self.store).finish_non_exhaustive()
    }
}
