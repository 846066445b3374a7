//! The cache under Node.js: calls come in batches, decisions leave in batches. One per manager; it outlives the links that its
//! store is on.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use napi::bindgen_prelude::{Env, Unknown};
use napi::{Error, Result};
use napi_derive::napi;
use serde_json::Value;

use super::clock::now;
use super::entropy::SystemEntropy;
use super::host::Host;
use super::link::NativeLink;
use super::pinned::Pinned;
use super::values::{Maker, Values};
use crate::cache::wire::{slots, Slot};
use crate::cache::{Context, Engine, EngineConfig, RepoId};
use crate::session::{Cache, Session};

/// Memory that the store in this process may take, unless told otherwise.
const MEMORY_BYTES: u64 = 64 << 20;

/// The cache engine of one manager. `lib/cache/driver.ts` is its only user.
#[napi]
pub struct NativeCache {
    host: Rc<RefCell<Host>>,
    memory_bytes: usize,
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
        let cache = Cache::new(config(&value), Box::new(SystemEntropy::new()));
        let memory_bytes = value["memoryBytes"].as_u64().unwrap_or(MEMORY_BYTES) as usize;
        Ok(Self { host: Host::shared(Session::with_cache(cache)), memory_bytes, calls: None, array: None })
    }

    /// Pins the buffer of calls and the state array; `array` is `(...items) => items`.
    #[napi(catch_unwind)]
    pub fn share(&mut self, env: Env, calls: Unknown<'_>, state: Unknown<'_>, array: Unknown<'_>) -> Result<()> {
        self.calls = Some(Pinned::new(env, &calls)?);
        self.array = Some(Maker::new(env, &array)?);
        let mut host = self.host.borrow_mut();
        host.cache_state = Some(Pinned::new(env, &state)?);
        host.report(now());
        Ok(())
    }

    /// The number of the repository with this prefix.
    #[napi(catch_unwind)]
    pub fn register(&mut self, prefix: String) -> Result<u32> {
        let registered = self.input(|engine, _| engine.register(&prefix))?;
        registered.map(|repo| repo.0).map_err(|e| Error::from_reason(format!("{} {}", e.kind().code(), e.message())))
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
        let taken = self.input(|engine, cx| engine.take_messages(cx, calls))?;
        taken.map_err(|e| Error::from_reason(format!("{} {}", e.kind().code(), e.message())))
    }

    /// Time has come to what the state array said.
    #[napi(catch_unwind)]
    pub fn tick(&mut self) -> Result<()> {
        self.input(Engine::on_timer)
    }

    /// Puts the engine on a link, which joins the cache's session; the former store is let go. Another cache that is on this
    /// link loses it.
    #[napi(catch_unwind)]
    pub fn attach(&mut self, link: &mut NativeLink) {
        let id = link.move_to(&self.host);
        let now = now();
        let mut host = self.host.borrow_mut();
        host.session.attach(id, now);
        host.report(now);
    }

    /// Puts the engine on a store in this process, which lives as long as the engine is on it.
    #[napi(catch_unwind)]
    pub fn attach_memory(&mut self) {
        let now = now();
        let mut host = self.host.borrow_mut();
        host.session.attach_memory(self.memory_bytes, now);
        host.report(now);
    }

    /// Takes the engine off its store.
    #[napi(catch_unwind)]
    pub fn detach(&mut self) {
        let now = now();
        let mut host = self.host.borrow_mut();
        host.session.detach(now);
        host.report(now);
    }

    /// Takes the decisions: a flat array of four slots each, see `docs/design/crossing.md`.
    #[napi(catch_unwind)]
    pub fn decisions(&mut self, env: Env) -> Result<Unknown<'static>> {
        let array = self.array.as_ref().ok_or_else(no_memory)?;
        let mut host = self.host.borrow_mut();
        let values = Values::plain(env);
        let mut flat = Vec::with_capacity(4 * host.session.decided());
        for decision in host.session.take_decisions() {
            flat.extend(slots(decision).iter().map(|slot| match slot {
                Slot::None => values.undefined(),
                Slot::Number(n) => values.number(*n),
                Slot::Text(text) => values.text(text.as_bytes()),
                Slot::Payload(payload) => values.text(payload.as_bytes()),
            }));
        }
        host.report(now());
        Ok(values.returned(values.array_by(array, &flat)))
    }

    /// An input to the engine; then the state array is up to date.
    fn input<R>(&self, act: impl FnOnce(&mut Engine, &mut Context<'_>) -> R) -> Result<R> {
        let now = now();
        let mut host = self.host.borrow_mut();
        let result = host.session.cache_input(now, act);
        host.report(now);
        result.ok_or_else(|| Error::from_reason("E_INTERNAL the session has no cache"))
    }
}

fn no_memory() -> Error {
    Error::from_reason("E_INTERNAL the cache has no shared memory yet")
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
