//! The cache engine: entries that tags make unusable, loads that run once in the fleet, and what is done when the store is down.
//! A state machine: calls, loaders' outcomes, the store's answers and time go in; operations for the store and decisions for the
//! callers come out. Why it is right is in `docs/design/cache.md`.
//!
//! | file | owns |
//! |---|---|
//! | `engine` | the engine's inputs and outputs |
//! | `request` | what callers ask for, and what is decided |
//! | `wire` | requests and decisions as they cross into Node.js |
//! | `names` | keys of entries, versions and counters |
//! | `freshness` | fresh, stale or expired |
//! | `tags` | sets of tags, and whether versions are current |
//! | `read`, `judge` | a read: its batch, and what is made of what was found |
//! | `place` | a lease: versions, placing, waiting for another's |
//! | `load` | a load under its lease: joiners, renewal, commit |
//! | `naming` | tags that a loader names while it runs |
//! | `bare` | loads without storing |
//! | `refresh` | revalidation behind a stale hit |
//! | `write` | set, delete, invalidate, deletePattern |
//! | `debts` | invalidations that could not be delivered |
//! | `link` | whether the store is up, and whose reign it is |
//! | `breaker`, `timers` | as they are called |

mod bare;
mod breaker;
mod debts;
mod engine;
mod freshness;
mod judge;
mod link;
mod load;
mod names;
mod naming;
mod place;
mod read;
mod refresh;
mod request;
#[cfg(test)]
mod sim;
mod tags;
#[cfg(test)]
mod tests;
mod timers;
pub mod wire;
mod write;

pub use engine::{Context, Engine, EngineConfig, Output};
pub use names::Names;
pub use request::{CallId, Decision, Hit, LoadId, LoadOutcome, Payload, RepoId, Request};
