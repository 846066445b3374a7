//! The core on tokio sockets: one task per link, and a handle to it. Only this room names tokio and reads its clock. It
//! makes no decision that the link could make. Cargo's tests use it to talk to real servers.
//!
//! [`wire`] moves the bytes of connections in a thread of its own, for the transport `thread` of the clients. [`pool`] has threads for long work. [`Client`] is the handle. `task` carries out what the link asks for and reports events to it. `socket` is TCP or a unix socket.

mod batch;
mod client;
mod pending;
pub mod pool;
mod socket;
mod task;
pub mod wire;

pub use batch::Batch;
pub use client::Client;
pub use socket::Endpoint;
pub use task::Policy;
