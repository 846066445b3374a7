//! What a link tells its driver: where it is, what to do, what became of commands.

use std::sync::Arc;
use std::time::Duration;

use super::probe::ProbeRequest;
use crate::command::Class;
use crate::error::ErrorKind;
use crate::resp::Reply;

/// Where a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not asked to connect yet.
    Idle,
    /// The driver opens a socket.
    Connecting,
    /// The socket is open; the handshake is under way.
    Handshake,
    /// Commands are written as they come.
    Ready,
    /// The connection is gone; the policy decides, or its delay runs.
    Closed,
    /// Gone for good, until `connect` is called again.
    Ended,
}

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// By the link.
    Kind(ErrorKind),
    /// By the server, which refused the connection with this text.
    Server(Arc<str>),
    /// The server does not select the command's database, says this text.
    NoDatabase(Arc<str>),
}

/// What a transport knows about the bytes that were given to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Nothing: it does not tell, or there is none.
    Unknown,
    /// All of them have arrived.
    Delivered,
    /// Some are waiting to be acknowledged, and the last acknowledgement came so long ago.
    Waiting {
        /// Time since the other side was last heard of.
        last_acknowledgement: Duration,
    },
}

/// What kind of message a subscriber received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// SUBSCRIBE
    Channel,
    /// PSUBSCRIBE
    Pattern,
    /// SSUBSCRIBE
    Shard,
}

/// A message to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By which kind of subscription it came.
    pub kind: MessageKind,
    /// The pattern that matched; empty for the others.
    pub pattern: Vec<u8>,
    /// The channel it was published to.
    pub channel: Vec<u8>,
    /// What was published.
    pub payload: Vec<u8>,
}

/// Names a link among those of one session. A number is used again once its link is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u32);

/// What happened to the core's own commands on a link, and what the server tells the core unasked. These events are outputs
/// like any other, so they come in the order of the bytes: a reply before the push that arrived after it, a loss after both.
#[derive(Debug, Clone, PartialEq)]
pub enum CoreEvent {
    /// The reply to the oldest command with this tag that has no outcome.
    Reply {
        /// The command's tag.
        tag: u32,
        /// The reply.
        reply: Reply,
    },
    /// Keys that the server tracks for this connection have changed (`CLIENT TRACKING`, RESP3).
    Push(Reply),
    /// The oldest command with this tag that has no outcome will have no reply.
    Lost {
        /// The command's tag.
        tag: u32,
        /// Whether the server may have run it.
        sent: bool,
    },
}

/// What the driver has to do or to tell, besides callers' replies and bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a socket, then call `on_connected` or `on_closed`.
    Connect,
    /// Close the socket: `destroy` at once (RST where the socket can), else after what was written. Then call `on_closed`,
    /// whether there was a socket or not.
    Close {
        /// At once.
        destroy: bool,
    },
    /// The server is ready and said this to INFO (nothing, if it may not be asked). Answer with `on_checked`.
    Check(Vec<u8>),
    /// The handshake is done.
    Ready,
    /// The connection is gone. Answer with `reconnect_after`; `attempts` counts since it was last ready.
    Closed {
        /// Connections lost or not made in a row.
        attempts: u32,
    },
    /// Gone for good.
    Ended,
    /// The command of this number will have no reply.
    Rejected {
        /// Its number.
        id: u32,
        /// Why.
        reason: Reason,
        /// Whether the server may have run it.
        maybe_executed: bool,
    },
    /// The link gives up the command of this number: its owner may send it elsewhere (`LinkOptions::hands_back`). All of them come
    /// before `Closed` or `Ended`, in the order in which they were issued.
    HandedBack {
        /// Its number.
        id: u32,
        /// Whether the server may have run it.
        sent: bool,
        /// The time that is left until its deadline, which its owner watches from now on.
        left: Option<Duration>,
    },
    /// A subscriber's message.
    Message(Message),
    /// A line of MONITOR.
    Monitor(Vec<u8>),
    /// The server unsubscribed this shard channel: its slot moved.
    Moved(Vec<u8>),
    /// What the server said to the handshake, or what is wrong with its bytes. `Close` follows where the connection cannot be used.
    Failed {
        /// `Reply` for a handshake that was refused, `Protocol` for bytes that are not RESP.
        kind: ErrorKind,
        /// The text.
        text: String,
    },
    /// The server does not prepare a fieldset. The connection becomes ready all the same.
    FieldsetRefused {
        /// Its index in the options.
        index: u16,
        /// The server's error.
        text: String,
    },
    /// The server refuses the credentials that were to replace those in use. The connection keeps those in use.
    CredentialsRefused {
        /// The server's error.
        text: String,
    },
    /// Callers are in another database than they have selected last: that SELECT was not carried out.
    Database,
    /// The commands of a transaction have not run, so the server has learned nothing from them.
    NothingRan,
    /// Worth a line in the log. The server's words, if there are any, follow the first `: `.
    Warning(String),
    /// Ask the transport about bytes that are waiting to be acknowledged, and call `on_transport`.
    AskTransport,
    /// Make a second connection to the same node in the same way, and write its bytes to it. Call `on_probe_bytes` for what
    /// arrives, and `on_probe_failed` if it cannot be made, is closed, or is silent.
    Probe(ProbeRequest),
    /// For the part of the core that uses this link.
    Core(CoreEvent),
}

/// Takes callers' replies as they are completed, in the order of the commands. Called by `on_bytes`.
pub trait Sink {
    /// The error that comes next answers a command with a deadline, which is so far away. The owner that sends the command again watches it.
    fn left(&mut self, _: Duration) {}
    /// The reply to the command `id`, which was issued for the database `db`, as one whole and valid frame.
    fn reply(&mut self, id: u32, class: Class, db: u32, frame: &[u8]);
    /// The reply to a subscription command: how many subscriptions there are now.
    fn count(&mut self, id: u32, count: i64);
}
