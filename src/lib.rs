//! hawser's core: a Redis client and a tag cache as plain state machines, and the drivers that connect them to sockets.
//!
//! # Rooms
//!
//! | room | owns |
//! |---|---|
//! | [`contract`] | what crosses to the facade as numbers and options, declared once |
//! | [`resp`] | RESP2 and RESP3: decodes replies, encodes arguments |
//! | [`command`] | what a command means for its connection: replay class, blocking, state |
//! | [`conn`] | the link: handshake, queues, replay, subscriptions, reconnect |
//! | [`sentinel`] | finds the master or a replica through Sentinel |
//! | [`cluster`] | where a command of a cluster goes: slot map, nodes, redirects, refresh |
//! | [`store`] | the cache's port to its data: operations, Redis and in-memory, and the state of a server (`store::node`) |
//! | [`cache`] | the cache engine: machines for lookups, leases, loads, refreshes and writes, and the engine that routes between them |
//! | [`session`] | the links of one client and the cache that uses them, wired together |
//! | [`tokio_io`] | the core on tokio sockets |
//! | `node` | the core under Node.js; the only room that names napi |
//!
//! # The rule
//!
//! A room uses the rooms above it in this table and nothing below it. The core (everything but `tokio_io` and `node`) has no
//! socket, no clock, no thread and no entropy source: bytes, events, `now` and random bytes go in; bytes, replies, timers
//! and decisions come out. After every input, the driver drains the outputs until the core says when it wants to be woken.

pub mod cache;
pub mod clock;
pub mod cluster;
pub mod command;
pub mod config;
pub mod conn;
pub mod contract;
pub mod entropy;
pub mod error;
pub mod resp;
pub mod sentinel;
pub mod session;
pub mod store;
pub mod tokio_io;

#[cfg(test)]
mod seeds;

// Excluded from unit tests, where no Node calls it. The jest specs test it.
#[cfg(all(feature = "node", not(test)))]
mod node;
