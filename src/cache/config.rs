//! The settings of the engine. Their defaults are those of the tables in docs/options.md.

use std::time::Duration;

use super::loads::LoadConfig;
use super::lookups::LookupConfig;
use super::refresh::RefreshConfig;
use crate::contract::{millis, AfterFailoverSetting, CacheSettings};
use crate::store::node::{Limits, NodeConfig};

/// The settings of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// How much silence of the store a step of a read bears, and how long a read waits for a store that is not up.
    pub command_timeout: Duration,
    /// How long a read waits for the first connection.
    pub connect_budget: Duration,
    /// The same for a write.
    pub write_timeout: Duration,
    /// How long a lease lives.
    pub lease: Duration,
    /// How often it is renewed.
    pub renew_every: Duration,
    /// How long a call waits for another's load, unless the call sets it.
    pub lock_timeout: Duration,
    /// How long a load may run for its result to be stored.
    pub longest_load: Duration,
    /// Time-outs in a row that open the breaker.
    pub breaker_after: u32,
    /// How long the breaker opens the first time.
    pub breaker_first: Duration,
    /// The longest.
    pub breaker_longest: Duration,
    /// The first backoff after a failed refresh.
    pub backoff_first: Duration,
    /// The longest.
    pub backoff_longest: Duration,
    /// How much is out at a time: commands, keys that are read, kilobytes. The rest of a burst waits for its turn.
    pub window: usize,
    /// How many undelivered invalidations are kept.
    pub undelivered_max: usize,
    /// The longest value, in bytes.
    pub longest_value: usize,
    /// Bound of the parsed values that the driver keeps, in bytes: twice their length. 0: it keeps none.
    pub parsed_bytes: usize,
    /// From this length on, a parsed value is validated by the start of its entry alone.
    pub conditional_bytes: usize,
    /// Whether stale entries are served while they are refreshed; otherwise they are misses.
    pub swr: bool,
    /// Whether values with another replication id are used (`afterFailover: 'trust'`).
    pub trust_after_failover: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            command_timeout: Duration::from_millis(250),
            connect_budget: Duration::from_secs(1),
            write_timeout: Duration::from_secs(5),
            lease: Duration::from_secs(10),
            renew_every: Duration::from_secs(3),
            lock_timeout: Duration::from_secs(30),
            longest_load: Duration::from_secs(300),
            breaker_after: 5,
            breaker_first: Duration::from_secs(1),
            breaker_longest: Duration::from_secs(30),
            backoff_first: Duration::from_secs(1),
            backoff_longest: Duration::from_secs(60),
            window: 4096,
            undelivered_max: 10_000,
            longest_value: 64 << 20,
            parsed_bytes: 0,
            conditional_bytes: 16 << 10,
            swr: true,
            trust_after_failover: false,
        }
    }
}

impl From<&CacheSettings> for EngineConfig {
    fn from(settings: &CacheSettings) -> Self {
        let default = Self::default();
        let or = |ms: Option<f64>, default: Duration| ms.and_then(millis).unwrap_or(default);
        Self {
            command_timeout: or(settings.command_timeout_ms, default.command_timeout),
            connect_budget: or(settings.connect_budget_ms, default.connect_budget),
            write_timeout: or(settings.write_timeout_ms, default.write_timeout),
            lease: or(settings.lease_ms, default.lease),
            renew_every: or(settings.renew_ms, default.renew_every),
            lock_timeout: or(settings.lock_timeout_ms, default.lock_timeout),
            longest_load: or(settings.longest_load_ms, default.longest_load),
            undelivered_max: settings.max_undelivered.map_or(default.undelivered_max, |n| n as usize),
            longest_value: settings.max_value_bytes.map_or(default.longest_value, |n| n as usize),
            parsed_bytes: settings.parsed_bytes.map_or(default.parsed_bytes, |n| n as usize),
            swr: settings.swr.unwrap_or(default.swr),
            trust_after_failover: settings.after_failover == Some(AfterFailoverSetting::Trust),
            ..default
        }
    }
}

impl EngineConfig {
    pub(super) fn lookups(&self) -> LookupConfig {
        LookupConfig { budget: self.command_timeout, lease: self.lease, swr: self.swr }
    }

    pub(super) fn loads(&self) -> LoadConfig {
        let backoff = (self.backoff_first, self.backoff_longest);
        LoadConfig { lease: self.lease, renew_every: self.renew_every, backoff, longest: self.longest_load, swr: self.swr }
    }

    pub(super) fn refreshes(&self) -> RefreshConfig {
        RefreshConfig { retry_after: self.command_timeout, lease: self.lease, backoff: (self.backoff_first, self.backoff_longest) }
    }

    pub(super) fn node(&self) -> NodeConfig {
        let breaker = Limits {
            after: self.breaker_after,
            first: self.breaker_first,
            longest: self.breaker_longest,
            trial: self.command_timeout.saturating_mul(2),
        };
        NodeConfig {
            breaker,
            pending_max: self.undelivered_max,
            trusts_all: self.trust_after_failover,
            window: self.window,
            read_budget: self.command_timeout,
            write_budget: self.write_timeout,
        }
    }
}
