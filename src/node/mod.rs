//! The core under Node.js. This room converts values, delegates calls and maps errors; it makes no decisions.
//!
//! `pinned` holds the memory that JavaScript and the core share, `values` builds JavaScript values, `transport` deals with
//! sockets by their numbers, and `bell` calls JavaScript from another thread; these four files contain all of the crate's unsafe code. Every export catches panics, because a panic that reached Node would end the
//! process.

#![allow(clippy::needless_pass_by_value, reason = "napi passes owned values")]

mod actions;
mod bell;
mod cache;
mod clock;
mod cluster;
mod entropy;
mod environment;
mod errors;
mod events;
mod host;
mod jobs;
mod link;
mod link_memory;
mod pinned;
mod pure;
mod replies;
mod sentinel;
mod transport;
mod values;
mod wire;
