//! The cache's port to its data: every operation of the protocol as a value, with its reply and its failures. A store carries
//! operations out and decides nothing. The cache engine decides what is read, placed or stored, and what that means.
//!
//! Two stores carry operations out: [`RedisStore`] turns them into commands and replies back, and [`MemoryStore`] applies them in
//! this process. One specification of tests runs against both. [`Store`] is the one that a cache has at the moment. [`node`] is
//! the state of one server: whether it can be read and written, and which values are its own. [`nodes`] are all servers of a
//! cache: it splits operations by node and joins the answers.
//!
//! | file | owns |
//! |---|---|
//! | `op`, `reply` | operations and answers as values |
//! | `entry` | the format of what is stored |
//! | `replication` | which master a value was written under |
//! | `node` | one server: availability, replication id, flow of operations, breaker |
//! | `nodes` | the servers of a cache: slots, operations in parts, redirects, pending invalidations |
//! | `redis`, `script`, `info` | operations as commands, replies as answers |
//! | `memory`, `cells`, `glob` | operations in this process |
//! | `port` | the store of one cache, in this process or on a link |

mod cells;
pub mod entry;
mod glob;
mod info;
mod memory;
pub mod node;
pub mod nodes;
mod numbered;
mod op;
mod port;
mod redis;
mod replication;
mod reply;
mod script;

use std::sync::Arc;

pub use crate::cluster::{slot_of, SLOTS};
pub use entry::{Id, Version};
pub use glob::{escape as escape_glob, matches as glob_matches};
pub use memory::MemoryStore;
pub use nodes::NodeId;
pub(crate) use numbered::{Named, Numbered};
pub use op::{NodeOp, Op, ReadEntry};
pub use port::{Effect, Store};
pub use redis::{RedisStore, Replied};
pub use replication::{Replication, ReplicationId};
pub use reply::{Answer, Found, Held, Inside, Inspected, Placed, Redirect, Seen, StoreError, StoreReply};

/// A key of the store: shared, since an operation and the call behind it both name it.
pub type Key = Arc<[u8]>;

/// A value of the store: shared, since several calls may be answered from it.
pub type Value = Arc<Vec<u8>>;

/// Names one operation between the engine and its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);
