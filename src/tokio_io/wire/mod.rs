//! Connections whose bytes a thread of its own moves: it reads and writes the sockets and does their TLS, while the links and
//! their decoder stay with the caller, who only exchanges buffers with it.
//!
//! | file | owns |
//! |---|---|
//! | `exchange` | what both threads share of one connection |
//! | `pump` | moves bytes between a socket and its exchange |
//! | `reactor` | the thread |
//! | `tls` | certificates and the handshake |

mod exchange;
mod failure;
mod pump;
mod reactor;
#[cfg(test)]
mod tests;
mod tls;

pub use exchange::{Bell, Exchange, Order, Status};
pub use failure::Failure;
pub use reactor::{Plug, Reactor};
pub use tls::{Tls, TlsSettings};
