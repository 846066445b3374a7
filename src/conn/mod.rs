//! The link: one connection to one server as a value. Bytes, commands, timers and socket events go in; bytes to write,
//! replies, rejections and requests (connect, close, wait) come out.

mod credentials;
mod databases;
mod hand_back;
mod handshake;
mod intake;
mod late;
mod link;
mod liveness;
mod options;
mod outbound;
mod output;
mod pending;
mod probe;
mod push;
mod queues;
mod reader;
mod replay;
mod retained;
mod secrets;
mod selection;
mod subscriptions;
mod timers;
mod transaction;
mod unanswered;
mod undone;
mod watch;
mod watchdog;

#[cfg(test)]
mod tests;

pub use intake::Unused;
pub use link::Link;
pub use options::{ClientInfo, LinkOptions, Resend};
pub use output::{CoreEvent, LinkId, Message, MessageKind, Output, Reason, Sink, State, Transport};
pub use probe::ProbeRequest;
