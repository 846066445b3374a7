//! The core under Node.js: converts, delegates, maps errors. No decision is made here.
//!
//! Memory that JavaScript and the core share is in `pinned`, JavaScript values are built in `values`; those two files hold
//! all of the crate's unsafe code. Every export catches panics: one that reached Node would end the process.

#![allow(clippy::needless_pass_by_value, reason = "what JavaScript passes is owned by the call")]

mod cache;
mod clock;
mod entropy;
mod events;
mod host;
mod link;
mod link_memory;
mod pinned;
mod pure;
mod replies;
mod values;
