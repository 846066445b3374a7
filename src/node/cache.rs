//! The cache under Node.js: calls come in batches, decisions leave in batches. One per manager; it outlives the links that its
//! store is on.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use napi::bindgen_prelude::{Env, Unknown};
use napi::sys::napi_value;
use napi_derive::napi;

use super::clock::now;
use super::entropy::SystemEntropy;
use super::errors::{defect, thrown, Code, Result};
use super::host::Host;
use super::jobs::Jobs;
use super::link::NativeLink;
use super::pinned::Pinned;
use super::values::{Maker, Values};
use crate::cache::wire::{slots, Slot};
use crate::cache::{Context, Engine, EngineConfig, LoadId, Payload, RepoId, Stale};
use crate::clock::Instant;
use crate::contract::{CacheSettings, DECISION_SLOTS};
use crate::session::{Cache, Session};
use crate::store::entry::Content;
use crate::store::NodeId;

/// The default memory limit of the store in this process.
const MEMORY_BYTES: usize = 64 << 20;

/// The cache engine of one manager. `lib/cache/driver.ts` is its only user.
#[napi]
pub struct NativeCache {
    host: Rc<RefCell<Host>>,
    memory_bytes: usize,
    /// The application's clock, if it brought one: the time that it last said.
    time: Option<Instant>,
    calls: Option<Pinned<u8>>,
    array: Option<Maker>,
    /// Is called when jobs are done.
    worked: Option<Maker>,
    jobs: Jobs,
    /// The cluster's map of slots.
    slots: Option<Pinned<u16>>,
}

#[napi]
impl NativeCache {
    /// An engine without a store. Its settings are JSON, see `CacheSettings`.
    #[napi(constructor, catch_unwind)]
    pub fn new(settings: String) -> Result<Self> {
        let settings = CacheSettings::from_json(&settings).map_err(|error| thrown(&error))?;
        let cache = Cache::new(EngineConfig::from(&settings), Box::new(SystemEntropy::new()));
        let memory_bytes = settings.memory_bytes.map_or(MEMORY_BYTES, |n| n as usize);
        Ok(Self {
            host: Host::shared(Session::with_cache(cache)),
            memory_bytes,
            time: None,
            calls: None,
            array: None,
            worked: None,
            jobs: Jobs::new(),
            slots: None,
        })
    }

    /// Pins the buffer of calls and the state array; `array` is `(...items) => items`; `worked` is called when payloads have been packed or unpacked.
    #[napi(catch_unwind)]
    pub fn share(&mut self, env: Env, calls: Unknown<'_>, state: Unknown<'_>, array: Unknown<'_>, worked: Unknown<'_>) -> Result<()> {
        self.calls = Some(Pinned::new(env, &calls)?);
        self.array = Some(Maker::new(env, &array)?);
        self.worked = Some(Maker::new(env, &worked)?);
        let mut host = self.host.borrow_mut();
        host.cache_state = Some(Pinned::new(env, &state)?);
        host.report(self.now());
        Ok(())
    }

    /// Pins the array of hits, see `CacheSlot::Hits`. Without one, hits are decisions like others.
    #[napi(catch_unwind)]
    pub fn share_hits(&mut self, env: Env, hits: Unknown<'_>) -> Result<()> {
        self.host.borrow_mut().cache_hits = Some(Pinned::new(env, &hits)?);
        Ok(())
    }

    /// Sets the time of the application's clock, in milliseconds. The time does not run backwards.
    #[napi(catch_unwind)]
    pub fn set_time(&mut self, ms: f64) {
        let time = Instant::new(Duration::from_secs_f64(ms.clamp(0.0, 1e15) / 1e3));
        self.time = Some(self.time.map_or(time, |last| last.max(time)));
    }

    /// The value that a load replaces: its text or bytes, or the number of a parsed value; `undefined` if there is none that was usable when the load began.
    #[napi(catch_unwind)]
    pub fn stale(&self, env: Env, load: u32) -> Unknown<'static> {
        let host = self.host.borrow();
        let values = Values::plain(env);
        let text = host.session.stale_of(LoadId(load));
        let text = match text {
            None => values.undefined(),
            Some(Stale::Value(payload)) => stored(&values, &payload),
            Some(Stale::Parsed(id)) => values.number(f64::from(id.0)),
        };
        let text = if values.take_failure().is_some() { values.undefined() } else { text };
        values.returned(text)
    }

    /// The number of the repository with this prefix.
    #[napi(catch_unwind)]
    pub fn register(&mut self, prefix: String) -> Result<u32> {
        let registered = self.input(|engine, _| engine.register(&prefix))?;
        registered.map(|repo| repo.0).map_err(|error| thrown(&error))
    }

    /// No further call names this repository.
    #[napi(catch_unwind)]
    pub fn forget(&mut self, repo: u32) -> Result<()> {
        self.input(|engine, _| engine.forget(RepoId(repo)))
    }

    /// Takes the calls in the first `bytes` bytes of the buffer.
    #[napi(catch_unwind)]
    pub fn calls(&mut self, bytes: u32) -> Result<()> {
        let calls = self.calls.as_ref().ok_or_else(no_memory)?.first(bytes as usize);
        let now = self.now();
        let mut host = self.host.borrow_mut();
        let taken = host.session.take_messages(calls, now);
        host.report(now);
        taken.ok_or_else(|| defect("the session has no cache"))?.map_err(|error| thrown(&error))
    }

    /// Begins the work that the state array named, on other threads. Returns how many payloads are being worked on.
    #[napi(catch_unwind)]
    pub fn work(&mut self, env: Env) -> u32 {
        let jobs = self.host.borrow_mut().session.take_jobs();
        self.jobs.start(env, self.worked.as_ref(), jobs);
        self.worked(env, false)
    }

    /// Takes the results of that work. `all`: waits until everything is done. Returns how many payloads are still being worked on.
    #[napi(catch_unwind)]
    pub fn worked(&mut self, env: Env, all: bool) -> u32 {
        let done = if all { self.jobs.wait(env) } else { self.jobs.take(env) };
        let now = self.now();
        let mut host = self.host.borrow_mut();
        for finished in done {
            host.session.on_job(finished, now);
        }
        host.report(now);
        self.jobs.running()
    }

    /// The time that the state array named has come.
    #[napi(catch_unwind)]
    pub fn tick(&mut self) {
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.on_cache_timer(now);
        host.report(now);
    }

    /// Puts the engine on a link, which joins the cache's session; the former store is let go. Another cache that is on this
    /// link loses it.
    #[napi(catch_unwind)]
    pub fn attach(&mut self, link: &mut NativeLink) {
        let id = link.move_to(&self.host);
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.attach(id, now);
        host.report(now);
    }

    /// Puts the engine on a store in this process, which lives as long as the engine is on it.
    #[napi(catch_unwind)]
    pub fn attach_memory(&mut self) {
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.attach_memory(self.memory_bytes, now);
        host.report(now);
    }

    /// Puts the engine on a cluster, whose nodes follow. `slots` is its map: the number of each slot's node. JavaScript changes it and
    /// then calls `slots_changed`.
    #[napi(catch_unwind)]
    pub fn attach_cluster(&mut self, env: Env, slots: Unknown<'_>) -> Result<()> {
        self.slots = Some(Pinned::new(env, &slots)?);
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.attach_cluster(now);
        host.report(now);
        Ok(())
    }

    /// The cluster has this node, at this address (`host:port`), behind a link, which joins the cache's session.
    #[napi(catch_unwind)]
    pub fn add_node(&mut self, link: &mut NativeLink, node: u16, address: String) {
        let id = link.move_to(&self.host);
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.add_node(id, NodeId(node), address, now);
        host.report(now);
    }

    /// What servers call nodes that are reached at other addresses (`natMap`), in place of all former names: `host:port`, and the node's number.
    #[napi(catch_unwind)]
    pub fn set_aliases(&mut self, addresses: Vec<String>, nodes: Vec<u16>) {
        let aliases = addresses.into_iter().zip(nodes.into_iter().map(NodeId)).collect();
        let now = self.now();
        self.host.borrow_mut().session.set_aliases(aliases, now);
    }

    /// The node behind this link has left the cluster, or has another link.
    #[napi(catch_unwind)]
    pub fn remove_node(&mut self, link: &mut NativeLink) {
        let Some(id) = link.id_in(&self.host) else { return };
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.remove_node(id, now);
        host.report(now);
    }

    /// The near cache reads what is on this node on a link, which joins the cache's session.
    #[napi(catch_unwind)]
    pub fn add_lane(&mut self, link: &mut NativeLink, node: u16) {
        let id = link.move_to(&self.host);
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.add_lane(id, NodeId(node), now);
        host.report(now);
    }

    /// This link is no lane any more.
    #[napi(catch_unwind)]
    pub fn remove_lane(&mut self, link: &mut NativeLink) {
        let Some(id) = link.id_in(&self.host) else { return };
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.remove_lane(id, now);
        host.report(now);
    }

    /// The map of slots has changed.
    #[napi(catch_unwind)]
    pub fn slots_changed(&mut self) {
        let Some(slots) = &self.slots else { return };
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.set_slots(slots.get(), now);
        host.report(now);
    }

    /// Takes the engine off its store.
    #[napi(catch_unwind)]
    pub fn detach(&mut self) {
        let now = self.now();
        let mut host = self.host.borrow_mut();
        host.session.detach(now);
        host.report(now);
    }

    /// Takes the decisions: a flat array of `DECISION_SLOTS` slots each, see `Decision`.
    #[napi(catch_unwind)]
    pub fn decisions(&mut self, env: Env) -> Result<Unknown<'static>> {
        let array = self.array.as_ref().ok_or_else(no_memory)?;
        let mut host = self.host.borrow_mut();
        let values = Values::plain(env);
        let mut flat = Vec::with_capacity(DECISION_SLOTS * host.session.decided());
        for decision in host.session.take_decisions() {
            flat.extend(slots(decision).iter().map(|slot| value(&values, array, slot)));
        }
        host.report(self.now());
        Ok(values.returned(values.array_by(array, &flat)))
    }

    fn now(&self) -> Instant {
        self.time.unwrap_or_else(now)
    }

    /// An input to the engine; then the state array is up to date.
    fn input<R>(&self, act: impl FnOnce(&mut Engine, &mut Context<'_>) -> R) -> Result<R> {
        let now = self.now();
        let mut host = self.host.borrow_mut();
        let result = host.session.cache_input(now, act);
        host.report(now);
        result.ok_or_else(|| defect("the session has no cache"))
    }
}

/// One slot of a decision. An error is an array of its own slots. A text that JavaScript cannot hold is null.
fn value(values: &Values<'_>, array: &Maker, slot: &Slot) -> napi_value {
    let value = match slot {
        Slot::None => values.undefined(),
        Slot::Number(n) => values.number(*n),
        Slot::Text(text) => values.text(text.as_bytes()),
        Slot::Payload(payload) => stored(values, payload),
        Slot::List(items) => {
            let items: Vec<napi_value> = items.iter().map(|item| value(values, array, item)).collect();
            values.array_by(array, &items)
        }
        Slot::Error(e) => {
            let [code, message, open] = values.error(e.kind(), Some(e.message()), e.is_maybe_executed());
            let node = e.node().map_or_else(|| values.undefined(), |node| values.text(node.as_bytes()));
            values.array_by(array, &[code, message, open, node])
        }
    };
    if values.take_failure().is_some() {
        values.null()
    } else {
        value
    }
}

/// A value for its caller alone.
fn stored(values: &Values<'_>, payload: &Payload) -> napi_value {
    if payload.is_unreadable() {
        return values.null();
    }
    let bytes = payload.as_bytes();
    match payload.form().content {
        Content::Text => values.text(bytes),
        Content::Buffer => values.buffer(bytes),
        Content::Uint8Array => values.uint8_array(bytes),
    }
}

fn no_memory() -> napi::Error<Code> {
    defect("the cache has no shared memory yet")
}
