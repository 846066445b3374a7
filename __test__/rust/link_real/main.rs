//! The link on tokio sockets against a real redis-server: what the state machine's own tests cannot show.

#![allow(missing_docs, clippy::unwrap_used, reason = "test code")]

mod clients;
mod closing;
mod outages;
#[path = "../support/mod.rs"]
mod support;
mod traffic;
