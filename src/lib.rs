//! hawser's core: a Redis client and tag cache as plain state machines, and the drivers that give them sockets.
//!
//! # Rooms
//!
//! | room | owns |
//! |---|---|
//! | [`resp`] | RESP2 and RESP3: bytes to replies, arguments to bytes |
//! | [`command`] | what a command is: class for replay, keys, scripts |
//! | [`conn`] | the link: handshake, queues, replay, subscriptions, reconnect |
//! | [`store`] | the cache's port to its data: Redis and in-memory |
//! | [`cache`] | the cache engine: entries, tags, leases, flights |
//! | [`pubsub`] | the invalidation bus: message codec |
//! | [`session`] | the links of one client and the cache that uses them, wired together |
//! | [`tokio_io`] | the core on tokio sockets |
//! | `node` | the core under Node.js; alone names napi |
//!
//! # The rule
//!
//! A room uses the rooms above it in this table and nothing below it. The core (everything but `tokio_io` and `node`) has no
//! socket, no clock, no thread and no entropy source: bytes, events, `now` and random bytes go in; bytes, replies, timers and
//! decisions come out. After every input its outputs are drained until it says when it wants to be woken.

pub mod cache;
pub mod clock;
pub mod command;
pub mod config;
pub mod conn;
pub mod entropy;
pub mod error;
pub mod pubsub;
pub mod resp;
pub mod session;
pub mod store;
pub mod tokio_io;

// Not in unit tests: without Node there is nothing that calls it. Its tests are the jest specs.
#[cfg(all(feature = "node", not(test)))]
mod node;
