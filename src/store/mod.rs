//! The cache's port to its data: every operation of the protocol as a value, with its reply and its failures. A store carries
//! an operation out and decides nothing: what is read, placed or stored, and what that means, is the cache engine's.
//!
//! Two stores speak it: [`RedisStore`] turns operations into commands and replies back, and [`MemoryStore`] carries them out in
//! process. One specification of tests runs against both. [`Store`] is the one that a cache has at the moment.

mod cells;
pub mod entry;
mod glob;
mod memory;
mod origin;
mod port;
mod redis;
mod script;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use entry::{Id, Version};
pub use glob::{escape as escape_glob, matches as glob_matches};
pub use memory::MemoryStore;
pub use origin::{Origin, Reign};
pub use port::{Effect, Store};
pub use redis::{RedisStore, Replied};

/// A key of the store: shared, since an operation and the call behind it both name it.
pub type Key = Arc<[u8]>;

/// A value of the store: shared, since several calls may be answered from it.
pub type Value = Arc<Vec<u8>>;

/// Names one operation between the engine and its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// An entry to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadEntry {
    /// Where it is.
    pub key: Key,
    /// Whether its remaining life is asked for too, after its value.
    pub with_age: bool,
}

/// One operation of the protocol. Unless it says otherwise, it touches one slot of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Which reign the server's data belongs to. Answers [`StoreReply::Origin`].
    Origin,
    /// Entries, and the current versions of tags. Any number of slots. Answers [`StoreReply::Read`].
    Read {
        /// The entries; each once.
        entries: Vec<ReadEntry>,
        /// The keys of the versions; each once.
        versions: Vec<Key>,
    },
    /// Versions alone. Any number of slots. Answers [`StoreReply::Versions`].
    ReadVersions {
        /// The keys of the versions.
        versions: Vec<Key>,
    },
    /// The current version of each tag; the offered one becomes current where there is none. Any number of slots.
    /// Answers [`StoreReply::Ensured`].
    Ensure {
        /// Key of the version, and the one that is offered.
        items: Vec<(Key, Id)>,
        /// How long each version has to live at least. It is given twice that, and more only when less than this is left.
        need: Duration,
        /// Whose versions count, and who offers.
        reign: Reign,
    },
    /// Puts a lease where an entry is, if what is there is still what was read. Answers [`StoreReply::Placed`].
    Place {
        /// The entry's key.
        entry: Key,
        /// Stamp or token of what was read; `None` where there was nothing, or nothing of ours.
        expected: Option<Id>,
        /// The lease, encoded.
        lease: Vec<u8>,
        /// How long the lease lives.
        life: Duration,
        /// Whose values count as ours.
        reign: Reign,
    },
    /// Puts a lease into the header of an entry, which stays readable. Answers [`StoreReply::PlacedInside`].
    PlaceInside {
        /// The entry's key.
        entry: Key,
        /// The stamp of what was read.
        stamp: Id,
        /// The new lease's token.
        token: Id,
        /// The lease's tags, encoded.
        tags: Vec<u8>,
        /// How long the lease lives.
        life: Duration,
        /// Whose values count as ours.
        reign: Reign,
    },
    /// Replaces the tags of a lease. Answers [`StoreReply::Held`].
    Amend {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
        /// All its tags, encoded.
        tags: Vec<u8>,
        /// Whose values count as ours.
        reign: Reign,
    },
    /// Stores an entry where the lease still is. Answers [`StoreReply::Held`].
    Commit {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
        /// The entry, encoded.
        value: Value,
        /// Its physical life.
        life: Duration,
        /// Whose values count as ours.
        reign: Reign,
    },
    /// Puts an entry back whose place a lease has taken, for the rest of its life. Answers [`StoreReply::Held`].
    Restore {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
        /// The entry, encoded.
        value: Value,
        /// When it ends, in milliseconds of the store's clock: what `Placed::Yes` said.
        end: u64,
        /// The first and the longest backoff, where the lease in its header is to become one.
        rest: Option<(Duration, Duration)>,
        /// Whose values count as ours.
        reign: Reign,
    },
    /// Counts an entry under its tags, where their versions are still the captured ones. Any number of slots (version and
    /// counter of one tag share theirs). Answers [`StoreReply::Number`]: how many tags counted it.
    Count {
        /// Key of the version, key of the counter, captured version.
        items: Vec<(Key, Key, Id)>,
        /// What is counted.
        member: Key,
        /// Whose versions count.
        reign: Reign,
    },
    /// Prolongs a lease, and the life of captured versions that are still current. Any number of slots.
    /// Answers [`StoreReply::Held`]: whether the lease is still there.
    Renew {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
        /// How long the lease lives from now on.
        life: Duration,
        /// Key and captured version of its tags.
        versions: Vec<(Key, Id)>,
        /// How long each version has to live at least.
        need: Duration,
        /// Whose values count as ours.
        reign: Reign,
    },
    /// Takes a lease away; an entry that it is inside of stays. Answers [`StoreReply::Held`].
    GiveBack {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
    },
    /// Leaves the lease inside an entry without a holder until a backoff has passed, which doubles each time.
    /// Answers [`StoreReply::Held`].
    Backoff {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
        /// The first backoff.
        base: Duration,
        /// The longest.
        max: Duration,
    },
    /// Stores an entry whatever is there. Answers [`StoreReply::Done`].
    Set {
        /// The entry's key.
        entry: Key,
        /// The entry, encoded.
        value: Value,
        /// Its physical life.
        life: Duration,
    },
    /// Deletes whatever is at these keys. Any number of slots. Answers [`StoreReply::Number`]: how many were there and no lease.
    Delete {
        /// The entries' keys.
        entries: Vec<Key>,
    },
    /// Makes every entry of these tags unusable. Any number of slots. Answers [`StoreReply::Number`]: the sum of the counters.
    Invalidate {
        /// Key of the version and of the counter of each tag.
        tags: Vec<(Key, Key)>,
    },
    /// One step through the keys. All slots. Answers [`StoreReply::Scanned`].
    Scan {
        /// Where to go on; `b"0"` at first.
        cursor: Vec<u8>,
        /// Which keys, as a glob.
        pattern: Vec<u8>,
    },
    /// Deletes keys that a scan found. Any number of slots. Answers [`StoreReply::Number`], as `Delete` does.
    Unlink {
        /// The keys.
        keys: Vec<Key>,
    },
}

/// What is at an entry's key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Its value; `None` where there is nothing, or no string.
    pub value: Option<Value>,
    /// Its remaining life in milliseconds as the PTTL command tells it, if it was asked for.
    pub pttl: Option<i64>,
}

/// What `Place` came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// The lease is there.
    Yes {
        /// How long what was there had to live; zero where there was nothing.
        left: Duration,
        /// When that would have ended, in milliseconds of the store's clock.
        end: u64,
    },
    /// Something else is there than what was read.
    No(Found),
}

/// What `PlaceInside` came to.
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
    /// Something else is there than what was read.
    No(Found),
}

/// The answer to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreReply {
    /// To `Origin`.
    Origin {
        /// The reign.
        origin: Origin,
        /// Whether the server is a master.
        master: bool,
    },
    /// To `Read`.
    Read {
        /// One per entry asked for.
        entries: Vec<Found>,
        /// One per version asked for; `None` where there is none of ours.
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
        /// Where to go on; `b"0"`: this was the last step.
        cursor: Vec<u8>,
        /// Keys found in this step.
        keys: Vec<Key>,
    },
    /// To `Set`.
    Done,
}

/// Why an operation has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The server refused it with this error; nothing has happened.
    Refused(String),
    /// The connection was lost with the operation under way.
    Cut {
        /// Whether it may have been carried out all the same, now or a little later.
        maybe_executed: bool,
    },
    /// It was never sent.
    NotSent,
    /// The answer does not make sense: the server is not what it is taken for.
    Unexpected,
}

impl StoreError {
    /// Whether the server's refusal is a state that passes, and not a verdict about the command.
    pub fn is_passing(&self) -> bool {
        const PASSING: &[&str] =
            &["LOADING", "READONLY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "BUSY", "MOVED", "ASK", "NOREPLICAS", "MISCONF"];
        match self {
            Self::Refused(text) => PASSING.iter().any(|code| text.split(' ').next() == Some(code)),
            Self::Cut { .. } | Self::NotSent => true,
            Self::Unexpected => false,
        }
    }

    /// Whether the operation may have been carried out all the same.
    pub const fn is_maybe_executed(&self) -> bool {
        matches!(self, Self::Cut { maybe_executed: true } | Self::Unexpected)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) => write!(f, "the server refused it: {text}"),
            Self::Cut { .. } => f.write_str("the connection was lost before the server answered"),
            Self::NotSent => f.write_str("the connection was lost before it was sent"),
            Self::Unexpected => f.write_str("the server's answer is not one that this command has"),
        }
    }
}
