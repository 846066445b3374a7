//! The cache engine: entries that tags invalidate, loads that run once in the fleet, and fallbacks for a store that is down.
//! `docs/design/cache.md` explains why it is correct.
//!
//! The engine is made of state machines. Each owns its state, takes inputs, and returns effects: send this operation, decide this,
//! wake me then, or a message for another machine. None of them knows the engine or another machine. `engine` owns them all;
//! its `router` passes the messages on.
//!
//! | file | owns |
//! |---|---|
//! | `engine`, `io`, `config` | inputs and outputs; settings |
//! | `machines`, `router` | the machines together; the way of messages between them |
//! | `request`, `decision` | the callers' requests, and what their loaders bring; the engine's decisions |
//! | `ids`, `payload` | what requests and decisions name, and the values that they bring |
//! | `wire` | requests and decisions as they cross into Node.js |
//! | `lookups` | machine: calls that read, batched, and their answers |
//! | `placement` | machine: from a miss to a lease in place |
//! | `loads`, `results` | machine: loads under a lease, their joiners and renewal; what loaders bring, on its way to the store |
//! | `tag_addition`, `added_tags` | machine: tags that a loader adds while it runs; the loads' part in it |
//! | `uncached` | machine: loads without storing |
//! | `refresh` | machine: revalidation behind a stale hit |
//! | `writes`, `job`, `checks`, `targets`, `pattern_scan` | machine: set, delete, invalidate, clear, deletePattern; what each does; whether a set took the right version; what it is told about the nodes |
//! | `inspections`, `report` | machine: what is at keys, for diagnosis |
//! | `near` | machine: which entries the process may serve from its memory, and who is woken by pushes |
//! | `effects`, `handoff`, `purpose`, `timers` | the machines' effects, messages to each other, operations and timers |
//! | `parsed` | the values that the driver keeps parsed, by their stamps |
//! | `evaluate` | decides on a lookup by the value and the versions that were read |
//! | `caller`, `lookup`, `load`, `awaited`, `ending` | the values that machines work on |
//! | `freshness`, `tags`, `tag_set`, `marks`, `latest`, `names`, `repos` | fresh or stale; tags and their versions; a set of tags that calls share; hawser's own versions; which were seen last; keys; the repositories in use |
//!
//! The store's node decides whether the store may be read or written (`store::node`).

mod added_tags;
mod awaited;
mod caller;
mod checks;
mod config;
mod decision;
mod effects;
mod ending;
mod engine;
mod evaluate;
mod freshness;
mod handoff;
mod ids;
mod inspections;
mod io;
mod job;
mod latest;
mod load;
mod loads;
mod lookup;
mod lookups;
mod machines;
mod marks;
mod names;
mod near;
pub mod packing;
mod parsed;
mod pattern_scan;
mod payload;
mod placement;
mod purpose;
mod refresh;
mod report;
mod repos;
mod request;
mod results;
mod router;
mod shortfall;
#[cfg(test)]
mod sim;
mod tag_addition;
mod tag_set;
mod tags;
mod targets;
#[cfg(test)]
mod tests;
mod timers;
mod uncached;
pub mod wire;
mod writes;

pub use config::EngineConfig;
pub use decision::{Decision, Filled, Hit};
pub use engine::{Engine, Stale};
pub use ids::{CallId, Codec, LoadId, ParsedId, Reader, RepoId};
pub use io::{Context, LaneEvent, Output};
pub use names::Names;
pub use payload::Payload;
pub use report::{EntryFacts, LeaseFacts, Origin, Report, TagFacts};
pub use request::{LoadOutcome, Request, ResultOptions};
pub use tag_set::TagSet;
