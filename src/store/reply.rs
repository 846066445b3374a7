//! Answers to operations, and the reasons for a missing answer. [`StoreReply`] is the answer as the server gave it;
//! the node turns it into an [`Answer`], which tells own values from foreign ones and shows no replication id.

use std::fmt;
use std::time::Duration;

use super::{entry, Id, Key, Replication, ReplicationId, Value, Version, SLOTS};
use crate::resp::error_code;

/// The value at an entry's key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Its value: an entry, a lease, or any other string. A server's answer never says [`Seen::Foreign`]; the node finds out.
    pub value: Seen<Value>,
    /// Its remaining life in milliseconds as the PTTL command tells it, if it was asked for.
    pub pttl: Option<i64>,
    /// Whether there may be more of it than was read.
    pub is_head: bool,
}

/// What is at a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// A string, or its start.
    Text(Value),
    /// A value of another type.
    Other,
}

impl Held {
    /// The string, or its start.
    pub fn text(&self) -> Option<&Value> {
        match self {
            Self::Text(value) => Some(value),
            Self::Nothing | Self::Other => None,
        }
    }
}

/// What `Inspect` says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// What is there.
    pub held: Held,
    /// How many bytes a string has.
    pub size: Option<u64>,
    /// Its remaining life in milliseconds as the PTTL command tells it.
    pub pttl: i64,
    /// The store's clock in milliseconds, if it tells it.
    pub at: Option<u64>,
    /// The replication id that counts there. The node fills it in.
    pub replication: Replication,
}

impl Inspected {
    /// Whether hawser wrote it under another replication id than the one that counts there.
    pub fn is_foreign(&self) -> bool {
        let id = |text| entry::replication_id(text).or_else(|| Some(entry::parse_version(text)?.replication_id));
        self.held.text().and_then(|text| id(text)).is_some_and(|id| !self.replication.accepts(id.as_bytes()))
    }
}

impl Default for Inspected {
    fn default() -> Self {
        Self { held: Held::Nothing, size: None, pttl: -2, at: None, replication: Replication::TRUSTING }
    }
}

/// The result of `Place`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// The lease is there.
    Yes {
        /// How long the former value had to live; zero if there was none.
        left: Duration,
        /// When it would have ended, in milliseconds of the store's clock.
        end: u64,
    },
    /// The value that was read is not there any more.
    No(Found),
}

/// The result of `PlaceInside`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    /// The lease is in the header.
    Yes,
    /// Another lease lives there.
    Held {
        /// The lease as it is in the header.
        lease: Vec<u8>,
        /// How long it lives if nobody prolongs it.
        remaining: Duration,
    },
    /// The value that was read is not there any more.
    No(Found),
}

/// The answer to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreReply {
    /// To `Identify`.
    Identity {
        /// The server's replication id.
        id: ReplicationId,
        /// Whether the server is a master.
        is_master: bool,
    },
    /// To `Read`.
    Read {
        /// One per entry asked for.
        entries: Vec<Found>,
        /// One per version asked for; `None` if there is none of hawser's.
        versions: Vec<Option<Version>>,
        /// Whether all was read at one moment. Otherwise the versions may be older than the entries.
        atomic: bool,
    },
    /// To `ReadVersions`.
    Versions(Vec<Option<Version>>),
    /// To `Ensure`: the current versions.
    Ensured(Vec<Id>),
    /// To `Place`.
    Placed(Placed),
    /// To `PlaceInside`.
    PlacedInside(Inside),
    /// Whether the lease was still there.
    Held(bool),
    /// How many.
    Number(u64),
    /// To `Scan`.
    Scanned {
        /// The next cursor; `b"0"`: this was the last step.
        cursor: Vec<u8>,
        /// Keys found in this step.
        keys: Vec<Key>,
    },
    /// To `Inspect`: one per key.
    Inspected(Vec<Inspected>),
    /// To `Set` and `Track`.
    Done,
}

/// Why an operation has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The server refused it; nothing has happened. The code of its error and the command, see [`StoreError::refused`].
    Refused(String),
    /// The server does not hold the key and says who does. Nothing has happened.
    Redirected(Redirect),
    /// The connection was lost with the operation under way.
    Cut {
        /// Whether the server may carry it out all the same, now or a little later.
        maybe_executed: bool,
    },
    /// It was never sent.
    NotSent,
    /// The answer makes no sense: this is not the server it is taken for.
    Unexpected,
}

/// What MOVED and ASK say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// ASK: only this operation goes there. MOVED: the slot has moved.
    pub asks: bool,
    /// The slot of the key.
    pub slot: u16,
    /// `host:port` of its node. The host is empty if it is that of the server that says so.
    pub address: String,
}

impl Redirect {
    /// Reads the text of an error. `None`: it is no redirect, or not a valid one.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        let asks = match words.next()? {
            "ASK" => true,
            "MOVED" => false,
            _ => return None,
        };
        let slot: u16 = words.next()?.parse().ok().filter(|slot| usize::from(*slot) < SLOTS)?;
        let address = words.next()?;
        let (host, port) = address.rsplit_once(':')?;
        let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
        Some(Self { asks, slot, address: format!("{host}:{port}") })
    }
}

impl<T> From<Option<T>> for Seen<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Self::Own)
    }
}

impl StoreError {
    /// The server refused `command` with this error. Only the code is kept, which is the first word: the rest may show
    /// arguments, and they are keys and values.
    pub fn refused(text: &[u8], command: &str) -> Self {
        if let Some(redirect) = Redirect::parse(text) {
            return Self::Redirected(redirect);
        }
        Self::Refused(format!("{} ({command})", error_code(text).unwrap_or("an error without a code")))
    }

    /// Whether the refusal comes from a state of the server that passes, not from the command.
    pub fn is_passing(&self) -> bool {
        const PASSING: &[&str] =
            &["LOADING", "READONLY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "BUSY", "MOVED", "ASK", "NOREPLICAS", "MISCONF"];
        match self {
            Self::Refused(text) => PASSING.iter().any(|code| text.split(' ').next() == Some(code)),
            Self::Redirected(_) | Self::Cut { .. } | Self::NotSent => true,
            Self::Unexpected => false,
        }
    }

    /// Whether the operation may have been carried out.
    pub const fn is_maybe_executed(&self) -> bool {
        matches!(self, Self::Cut { maybe_executed: true } | Self::Unexpected)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) => write!(f, "the server refused it: {text}"),
            Self::Redirected(Redirect { asks, .. }) => write!(f, "the server refused it: {}", if *asks { "ASK" } else { "MOVED" }),
            Self::Cut { .. } => f.write_str("the connection was lost before the server answered"),
            Self::NotSent => f.write_str("the connection was lost before it was sent"),
            Self::Unexpected => f.write_str("the server's answer is not one that this command has"),
        }
    }
}

/// The value at a key, from the point of view of its node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Seen<T> {
    /// Nothing.
    #[default]
    Nothing,
    /// A value that was written under another replication id. It counts as missing.
    Foreign,
    /// A value.
    Own(T),
}

/// The answer to an operation as the engine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To `Read`.
    Read {
        /// One per entry asked for.
        entries: Vec<Found>,
        /// One per version asked for.
        versions: Vec<Seen<Id>>,
        /// Whether all was read at one moment. Otherwise the versions may be older than the entries.
        atomic: bool,
    },
    /// To `ReadVersions`.
    Versions(Vec<Seen<Id>>),
    /// To `Ensure`: the current versions.
    Ensured(Vec<Id>),
    /// To `Place`: the lease is there. How long the former value had to live (zero if there was none), and when it would have
    /// ended, in milliseconds of the store's clock.
    Placed {
        /// How long the former value had to live.
        left: Duration,
        /// When it would have ended.
        end: u64,
    },
    /// To `PlaceInside`: the lease is in the header.
    PlacedInside,
    /// To `PlaceInside`: another lease lives there.
    Held {
        /// The lease as it is in the header.
        lease: Vec<u8>,
        /// How long it lives if nobody prolongs it.
        remaining: Duration,
    },
    /// To `Place` and `PlaceInside`: the value that was read is not there any more.
    Changed(Found),
    /// Whether the lease was still there.
    Lease(bool),
    /// How many.
    Number(u64),
    /// To `Scan`.
    Scanned {
        /// The next cursor; `b"0"`: this was the last step.
        cursor: Vec<u8>,
        /// Keys found in this step.
        keys: Vec<Key>,
    },
    /// To `Inspect`: one per key.
    Inspected(Vec<Inspected>),
    /// To `Set`.
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_the_code_and_the_command_and_nothing_else_of_what_the_server_said() {
        for (text, kept) in [
            ("NOPERM this user has no permissions to access the 'secret' key", "NOPERM (SET)"),
            ("ERR unknown command 'SET', with args beginning with: 'secret' 'value'", "ERR (SET)"),
            ("READONLY You can't write", "READONLY (SET)"),
            ("WRONG_TYPE2", "WRONG_TYPE2 (SET)"),
            ("secret is not allowed", "an error without a code (SET)"),
            ("Secret", "an error without a code (SET)"),
            ("", "an error without a code (SET)"),
        ] {
            assert_eq!(StoreError::refused(text.as_bytes(), "SET"), StoreError::Refused(kept.to_owned()));
        }
        for invalid in ["MOVED", "MOVED x 1.2.3.4:1", "MOVED 16384 1.2.3.4:1", "ASK 1 1.2.3.4:99999", "MOVED 1 1.2.3.4", "MOVED 1 host:0"] {
            assert!(matches!(StoreError::refused(invalid.as_bytes(), "GET"), StoreError::Refused(_)), "{invalid}");
        }
        let moved = Redirect { asks: false, slot: 3999, address: "127.0.0.1:6381".to_owned() };
        assert_eq!(StoreError::refused(b"MOVED 3999 127.0.0.1:6381", "GET"), StoreError::Redirected(moved));
        let ask = Redirect { asks: true, slot: 0, address: ":6381".to_owned() };
        assert_eq!(StoreError::refused(b"ASK 0 :6381", "GET"), StoreError::Redirected(ask));
        assert!(StoreError::refused(b"LOADING the dataset", "INFO").is_passing());
        assert!(!StoreError::refused(b"\xff", "INFO").is_passing());
    }
}
