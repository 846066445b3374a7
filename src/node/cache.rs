//! The cache engine under Node.js: calls come in batches, decisions leave in batches, the store is on a client's link or in
//! this process. One engine per manager; it survives the link it is on.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use napi::bindgen_prelude::{Env, Unknown};
use napi::{Error, Result};
use napi_derive::napi;
use serde_json::Value;

use super::clock::now;
use super::link::{LinkCore, NativeLink, Tenant};
use super::pinned::Pinned;
use super::values::{Maker, Values};
use crate::cache::wire::{slots, Slot};
use crate::cache::{Context, Decision, Engine, EngineConfig, Output};
use crate::clock::Instant;
use crate::conn::{Link, State};
use crate::entropy::Entropy;
use crate::resp::Reply;
use crate::store::{MemoryStore, Op, RedisStore, StoreError, Ticket};

/// Slots of the state array.
mod slot {
    pub const DECISIONS: usize = 0;
    pub const WRITABLE: usize = 1;
    pub const TICK_IN: usize = 2;
}

/// Memory that the store in this process may take, unless told otherwise.
const MEMORY_BYTES: u64 = 64 << 20;

/// Numbers of stores on links, across engines.
static EPOCHS: AtomicU32 = AtomicU32::new(1);

/// The operating system's generator, a page at a time.
struct SystemEntropy {
    page: [u8; 1536],
    used: usize,
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        if self.page.len() - self.used < bytes.len() {
            // Without randomness no lease is safe; the panic is caught at the boundary and the call fails.
            assert!(getrandom::fill(&mut self.page).is_ok(), "the operating system's generator does not answer");
            self.used = 0;
        }
        bytes.copy_from_slice(&self.page[self.used..self.used + bytes.len()]);
        self.used += bytes.len();
    }
}

/// Where the engine's data is.
enum Store {
    None,
    Memory(Box<MemoryStore>),
    Redis(RedisStore),
}

/// The engine with its store.
struct CacheCore {
    engine: Engine,
    store: Store,
    memory_bytes: usize,
    decisions: VecDeque<Decision>,
    entropy: SystemEntropy,
    /// The tag of this store's commands: outcomes of a former one's are not taken for its own.
    epoch: u32,
    state: Option<Pinned<f64>>,
    /// The link's bytes are JavaScript's to write.
    writable: bool,
}

impl CacheCore {
    /// An input to the engine, and all that follows from it.
    fn input<R>(&mut self, link: Option<&mut Link>, act: impl FnOnce(&mut Engine, &mut Context<'_>) -> R) -> R {
        let now = now();
        let result = act(&mut self.engine, &mut Context { now, entropy: &mut self.entropy });
        self.drain(link, now);
        result
    }

    fn drain(&mut self, mut link: Option<&mut Link>, now: Instant) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Decision(decision) => self.decisions.push_back(decision),
                Output::Store { ticket, op } => self.carry_out(ticket, op, link.as_deref_mut(), now),
            }
        }
        self.writable = self.writable || link.is_some_and(|link| link.has_output());
        self.report(now);
    }

    fn carry_out(&mut self, ticket: Ticket, op: Op, link: Option<&mut Link>, now: Instant) {
        let answer = match (&mut self.store, link) {
            (Store::Memory(store), _) => store.apply(now, &op),
            (Store::Redis(store), Some(link)) if link.takes_core() => {
                let commands = store.submit(ticket, op);
                link.submit_core(&commands, self.epoch, now);
                return;
            }
            _ => Err(StoreError::NotSent),
        };
        self.engine.on_store(&mut Context { now, entropy: &mut self.entropy }, ticket, answer);
    }

    /// The store that sent commands with this tag, if it is still there.
    fn store_of(&mut self, tag: u32) -> Option<&mut RedisStore> {
        match &mut self.store {
            Store::Redis(store) if tag == self.epoch => Some(store),
            _ => None,
        }
    }

    fn report(&mut self, now: Instant) {
        let decisions = self.decisions.len() as f64;
        let tick_in = self.engine.next_wakeup().map_or(-1.0, |at| at.since(now).as_secs_f64() * 1e3);
        let writable = f64::from(u8::from(self.writable));
        if let Some(state) = &mut self.state {
            state.set(slot::DECISIONS, decisions);
            state.set(slot::WRITABLE, writable);
            state.set(slot::TICK_IN, tick_in);
        }
    }
}

impl Tenant for CacheCore {
    fn on_up(&mut self, link: &mut Link, _: Instant) {
        self.store = Store::Redis(RedisStore::new());
        self.epoch = EPOCHS.fetch_add(1, Ordering::Relaxed);
        self.input(Some(link), Engine::on_store_up);
    }

    fn on_down(&mut self, now: Instant) {
        if let Store::Redis(store) = &mut self.store {
            for (ticket, error) in store.on_cut(true) {
                self.engine.on_store(&mut Context { now, entropy: &mut self.entropy }, ticket, Err(error));
            }
        }
        self.store = Store::None;
        self.input(None, Engine::on_store_down);
    }

    fn on_reply(&mut self, tag: u32, reply: Reply, link: &mut Link, now: Instant) {
        let Some(store) = self.store_of(tag) else { return };
        let replied = store.on_reply(reply);
        if let Some(more) = replied.more {
            link.submit_core(&more, tag, now);
        }
        if let Some((ticket, answer)) = replied.done {
            self.input(Some(link), |engine, cx| engine.on_store(cx, ticket, answer));
        }
    }

    fn on_cut(&mut self, tag: u32, sent: bool, _: Instant) {
        let Some(store) = self.store_of(tag) else { return };
        if let Some((ticket, answer)) = store.on_lost(sent).done {
            self.input(None, |engine, cx| engine.on_store(cx, ticket, answer));
        }
    }
}

/// The cache engine of one manager. `lib/cache/driver.ts` is its only user.
#[napi]
pub struct NativeCache {
    core: Rc<RefCell<CacheCore>>,
    link: Option<Weak<RefCell<LinkCore>>>,
    calls: Option<Pinned<u8>>,
    array: Option<Maker>,
}

#[napi]
impl NativeCache {
    /// An engine without a store (JSON, see `config`).
    #[napi(constructor, catch_unwind)]
    pub fn new(config_json: String) -> Result<Self> {
        let value: Value =
            serde_json::from_str(&config_json).map_err(|e| Error::from_reason(format!("E_BAD_OPTION cache options: {e}")))?;
        let core = CacheCore {
            engine: Engine::new(config(&value)),
            store: Store::None,
            memory_bytes: value["memoryBytes"].as_u64().unwrap_or(MEMORY_BYTES) as usize,
            decisions: VecDeque::new(),
            entropy: SystemEntropy { page: [0; 1536], used: 1536 },
            epoch: 0,
            state: None,
            writable: false,
        };
        Ok(Self { core: Rc::new(RefCell::new(core)), link: None, calls: None, array: None })
    }

    /// Pins the buffer of calls and the state array; `array` is `(...items) => items`.
    #[napi(catch_unwind)]
    pub fn share(&mut self, env: Env, calls: Unknown<'_>, state: Unknown<'_>, array: Unknown<'_>) -> Result<()> {
        self.calls = Some(Pinned::new(env, &calls)?);
        self.array = Some(Maker::new(env, &array)?);
        let mut core = self.core.borrow_mut();
        core.state = Some(Pinned::new(env, &state)?);
        core.report(now());
        Ok(())
    }

    /// The number of the repository with this prefix.
    #[napi(catch_unwind)]
    pub fn register(&mut self, prefix: String) -> Result<u32> {
        let registered = self.core.borrow_mut().engine.register(&prefix);
        registered.map(|repo| repo.0).map_err(|e| Error::from_reason(format!("{} {}", e.kind().code(), e.message())))
    }

    /// Takes the calls in the first `bytes` bytes of the buffer.
    #[napi(catch_unwind)]
    pub fn calls(&mut self, bytes: u32) -> Result<()> {
        let Some(calls) = self.calls.take() else { return Err(Error::from_reason("E_INTERNAL the cache has no shared memory yet")) };
        let taken = self.with_link(|core, link| core.input(link, |engine, cx| engine.take_messages(cx, calls.first(bytes as usize))));
        self.calls = Some(calls);
        taken.map_err(|e| Error::from_reason(format!("{} {}", e.kind().code(), e.message())))
    }

    /// Time has come to what the state array said.
    #[napi(catch_unwind)]
    pub fn tick(&mut self) {
        self.with_link(|core, link| core.input(link, Engine::on_timer));
    }

    /// Puts the engine on a link; its former store is let go.
    #[napi(catch_unwind)]
    pub fn attach(&mut self, link: &NativeLink) {
        self.detach();
        let link_core = Rc::clone(link.core());
        self.link = Some(Rc::downgrade(&link_core));
        let tenant: Rc<RefCell<dyn Tenant>> = self.core.clone();
        let mut link_core = link_core.borrow_mut();
        if let Some(former) = link_core.tenant.replace(tenant) {
            // Another engine's: it is told, or its calls would wait for replies that it no longer hears.
            former.borrow_mut().on_down(now());
        }
        if link_core.link.state() == State::Ready {
            self.core.borrow_mut().on_up(&mut link_core.link, now());
        }
        link_core.drain();
    }

    /// Puts the engine on the store in this process. It lives as long as the engine.
    #[napi(catch_unwind)]
    pub fn attach_memory(&mut self) {
        self.detach();
        let mut core = self.core.borrow_mut();
        core.store = Store::Memory(Box::new(MemoryStore::new(core.memory_bytes)));
        core.input(None, Engine::on_store_up);
    }

    /// Takes the engine off its store.
    #[napi(catch_unwind)]
    pub fn detach(&mut self) {
        if let Some(link) = self.link.take().and_then(|link| link.upgrade()) {
            let mut link = link.borrow_mut();
            // Unless another engine has taken it over.
            link.tenant.take_if(|tenant| Rc::as_ptr(tenant).cast::<()>() == Rc::as_ptr(&self.core).cast::<()>());
        }
        let mut core = self.core.borrow_mut();
        if !matches!(core.store, Store::None) {
            core.on_down(now());
        }
    }

    /// Takes the decisions: a flat array of four slots each, see `docs/design/crossing.md`.
    #[napi(catch_unwind)]
    pub fn decisions(&mut self, env: Env) -> Result<Unknown<'static>> {
        let Some(array) = &self.array else { return Err(Error::from_reason("E_INTERNAL the cache has no shared memory yet")) };
        let mut core = self.core.borrow_mut();
        let values = Values::plain(env);
        let mut flat = Vec::with_capacity(4 * core.decisions.len());
        for decision in std::mem::take(&mut core.decisions) {
            flat.extend(slots(decision).iter().map(|slot| match slot {
                Slot::None => values.undefined(),
                Slot::Number(n) => values.number(*n),
                Slot::Text(text) => values.text(text.as_bytes()),
                Slot::Payload(payload) => values.text(payload.as_bytes()),
            }));
        }
        core.writable = false;
        core.report(now());
        Ok(values.returned(values.array_by(array, &flat)))
    }

    /// Runs `act` with the link the engine is on, and sorts what the link has to tell afterwards.
    fn with_link<R>(&mut self, act: impl FnOnce(&mut CacheCore, Option<&mut Link>) -> R) -> R {
        let Some(link) = self.link.as_ref().and_then(Weak::upgrade) else {
            return act(&mut self.core.borrow_mut(), None);
        };
        let mut link = link.borrow_mut();
        let result = act(&mut self.core.borrow_mut(), Some(&mut link.link));
        link.drain();
        result
    }
}

/// The engine's settings from the facade's JSON; what is absent has its default.
fn config(value: &Value) -> EngineConfig {
    let default = EngineConfig::default();
    let ms = |key: &str, default: Duration| {
        value[key].as_f64().filter(|ms| *ms > 0.0).map_or(default, |ms| Duration::from_secs_f64(ms.min(1e12) / 1e3))
    };
    EngineConfig {
        command_timeout: ms("commandTimeoutMs", default.command_timeout),
        connect_budget: ms("connectBudgetMs", default.connect_budget),
        write_timeout: ms("writeTimeoutMs", default.write_timeout),
        lease: ms("leaseMs", default.lease),
        renew_every: ms("renewMs", default.renew_every),
        lock_timeout: ms("lockTimeoutMs", default.lock_timeout),
        undelivered_max: value["maxUndelivered"].as_u64().map_or(default.undelivered_max, |n| n as usize),
        swr: value["swr"].as_bool().unwrap_or(default.swr),
        trust_after_failover: value["afterFailover"].as_str() == Some("trust"),
        ..default
    }
}
