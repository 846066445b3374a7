//! The operations of the protocol as values. An operation carries no replication id: the node that it is sent to fills it in
//! ([`NodeOp`]), so the cache engine never handles one.

use std::time::Duration;

#[allow(unused_imports, reason = "named in the documentation of the operations")]
use super::StoreReply;
use super::{Id, Key, Replication, Value};

/// An entry to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadEntry {
    /// Its key.
    pub key: Key,
    /// Whether its remaining life is read too, after its value.
    pub with_age: bool,
    /// Only so many bytes at its start are read: the caller has the payload, if it is still the same. Before every other key.
    pub head_bytes: Option<usize>,
}

/// One operation of the protocol. Unless its documentation says otherwise, it touches one slot of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Which replication id the server has now. Answers [`StoreReply::Identity`].
    Identify,
    /// Pushes about keys that are read on this connection from now on. Answers [`StoreReply::Done`].
    Track,
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
    /// The current version of each tag. If there is none, the offered one becomes current. Any number of slots.
    /// Answers [`StoreReply::Ensured`].
    Ensure {
        /// The key of each version, and the offered one.
        items: Vec<(Key, Id)>,
        /// How long each version has to live at least. A version gets twice that when it is made, and again when less than this is left.
        need: Duration,
    },
    /// Puts a lease in the place of an entry, if the value that was read is still there. Answers [`StoreReply::Placed`].
    Place {
        /// The entry's key.
        entry: Key,
        /// The stamp or token of the value that was read; `None` if there was none, or none of hawser's.
        expected: Option<Id>,
        /// The lease, encoded.
        lease: Vec<u8>,
        /// How long the lease lives.
        life: Duration,
        /// How long it stays after that, as the encoded lease says.
        tail: Duration,
    },
    /// Puts a lease into the header of an entry, which stays readable. Answers [`StoreReply::PlacedInside`].
    PlaceInside {
        /// The entry's key.
        entry: Key,
        /// The stamp of the entry that was read.
        stamp: Id,
        /// The new lease's token.
        token: Id,
        /// The lease's tags, encoded.
        tags: Vec<u8>,
        /// How long the lease lives.
        life: Duration,
    },
    /// Replaces the tags of a lease. Answers [`StoreReply::Held`].
    Amend {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
        /// All its tags, encoded.
        tags: Vec<u8>,
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
    },
    /// Gives an entry whose header holds the lease a new header and a new life. Its payload stays where it is. Answers
    /// [`StoreReply::Held`].
    Keep {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
        /// The stamp that the entry has.
        stamp: Id,
        /// Its new header, encoded.
        header: Vec<u8>,
        /// The length of its present header after the lease.
        rest: usize,
        /// Its physical life from now on.
        life: Duration,
    },
    /// Puts an entry back that a lease replaced, for the rest of its life. Answers [`StoreReply::Held`].
    Restore {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
        /// The entry, encoded.
        value: Value,
        /// When it ends, in milliseconds of the store's clock, as `Placed::Yes` said.
        end: u64,
        /// The first and the longest backoff, if the lease in its header becomes one.
        backoff: Option<(Duration, Duration)>,
    },
    /// Counts an entry under those of its tags whose versions are still the captured ones. Any number of slots (version and
    /// counter of one tag share theirs). Answers [`StoreReply::Number`]: how many tags counted it.
    Count {
        /// Key of the version, key of the counter, captured version.
        items: Vec<(Key, Key, Id)>,
        /// The entry that is counted.
        member: Key,
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
    },
    /// Prolongs the life of a version, if it is still the captured one. Answers [`StoreReply::Number`]: how many milliseconds it lives
    /// from now on; zero if it is not.
    Prolong {
        /// The key of the version.
        version: Key,
        /// The captured version.
        captured: Id,
        /// How long it has to live at least.
        need: Duration,
    },
    /// Removes a lease. An entry around it stays. Answers [`StoreReply::Held`].
    GiveBack {
        /// The entry's key.
        entry: Key,
        /// The lease's token.
        token: Id,
    },
    /// Turns the lease in an entry's header into a backoff, which doubles each time.
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
    /// Stores an entry over any value. Answers [`StoreReply::Done`].
    Set {
        /// The entry's key.
        entry: Key,
        /// The entry, encoded.
        value: Value,
        /// Its physical life.
        life: Duration,
    },
    /// Deletes these keys. Any number of slots. Answers [`StoreReply::Number`]: how many of them existed and were no lease.
    Delete {
        /// The entries' keys.
        entries: Vec<Key>,
    },
    /// Makes every entry of these tags unusable. Any number of slots. Answers [`StoreReply::Number`]: the sum of the counters.
    Invalidate {
        /// Key of the version and of the counter of each tag.
        tags: Vec<(Key, Key)>,
    },
    /// What is at these keys, for diagnosis: nothing is written, and a server that can leaves the order of eviction alone. Any number of
    /// slots. Answers [`StoreReply::Inspected`].
    Inspect {
        /// The keys.
        keys: Vec<Key>,
        /// Only so many bytes at the start of each value are read.
        head_bytes: Option<usize>,
    },
    /// One step through the keys. All slots. Answers [`StoreReply::Scanned`].
    Scan {
        /// The cursor; `b"0"` at first.
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

impl Op {
    /// The key whose slot decides where an operation on one slot goes; `None` for an operation on a whole node.
    pub fn routing_key(&self) -> Option<&Key> {
        match self {
            Self::Identify | Self::Track | Self::Scan { .. } => None,
            Self::Read { entries, versions } => entries.first().map(|entry| &entry.key).or(versions.first()),
            Self::ReadVersions { versions } => versions.first(),
            Self::Ensure { items, .. } => items.first().map(|(key, _)| key),
            Self::Count { items, .. } => items.first().map(|(key, ..)| key),
            Self::Delete { entries: keys } | Self::Unlink { keys } | Self::Inspect { keys, .. } => keys.first(),
            Self::Invalidate { tags } => tags.first().map(|(key, _)| key),
            Self::Prolong { version, .. } => Some(version),
            Self::Place { entry, .. }
            | Self::PlaceInside { entry, .. }
            | Self::Amend { entry, .. }
            | Self::Commit { entry, .. }
            | Self::Keep { entry, .. }
            | Self::Restore { entry, .. }
            | Self::Renew { entry, .. }
            | Self::GiveBack { entry, .. }
            | Self::Backoff { entry, .. }
            | Self::Set { entry, .. } => Some(entry),
        }
    }
}

/// An operation on its way to a node: entries, leases and versions that it writes carry the node's replication id at their fixed
/// place, and where the node checks ids, values with another one count as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOp {
    /// The operation.
    pub op: Op,
    /// The node's replication id.
    pub replication: Replication,
    /// Whether its commands are sent behind ASKING: the node is about to take the key's slot over.
    pub asks: bool,
    /// Whether its keys may be in several slots: each is read by a command of its own.
    pub reads_apart: bool,
}

impl NodeOp {
    /// The same for a store in this process, which does not move values: they are read in full.
    #[must_use]
    pub fn in_full(mut self) -> Self {
        if let Op::Read { entries, .. } = &mut self.op {
            for entry in entries {
                entry.head_bytes = None;
            }
        }
        self
    }
}

impl From<Op> for NodeOp {
    /// For a node that accepts every id.
    fn from(op: Op) -> Self {
        Self { op, replication: Replication::TRUSTING, asks: false, reads_apart: false }
    }
}
