//! One specification of the store port, run against the in-memory store and against a real server: what a script does and what
//! its counterpart in memory does is the same thing.

#![allow(missing_docs, clippy::format_push_string, clippy::unwrap_used, reason = "test code")]

mod calls;
mod inner_leases;
mod keys;
mod leases;
mod server;
mod subject;
#[path = "../support/mod.rs"]
mod support;
