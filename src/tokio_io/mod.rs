//! The core on tokio sockets: one task per link, and a handle to it. Alone in naming tokio and in reading a clock; makes no
//! decision that the link could make. What cargo's tests talk to real servers with.
//!
//! [`Client`] is the handle, `task` does what the link asks for and tells it what happened, `socket` is TCP or a unix socket.

mod batch;
mod client;
mod pending;
mod socket;
mod task;

pub use batch::Batch;
pub use client::{Client, Policy};
pub use socket::Endpoint;
