//! The callers' requests, and what their loaders bring.

use std::time::Duration;

use super::payload::Payload;
use super::tag_set::TagSet;
use crate::store::entry::Tag;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The entry, or the value of a loader.
    GetOrSet {
        /// The key.
        key: Vec<u8>,
        /// How long the loaded value may be served.
        ttl: Duration,
        /// How long the value is kept after that, in case a loader fails. Also bounds the age of an entry that this reader accepts in that case.
        keep: Option<Duration>,
        /// How long an entry is fresh.
        fresh: Option<Duration>,
        /// The age at which an entry expires for this reader.
        max_age: Option<Duration>,
        /// How long it waits for another's load.
        lock_timeout: Option<Duration>,
        /// Its tags.
        tags: TagSet,
        /// Whether an entry that is there counts as missing: the caller has read it and could not decode it.
        replaces: bool,
        /// The part of an entry's fresh period, in thousandths, after which this caller's loader may refresh it.
        early: Option<u32>,
        /// Whether its loader's result brings tags.
        tags_result: bool,
    },
    /// The entry, if there is one.
    Get {
        /// The key.
        key: Vec<u8>,
        /// How long an entry is fresh.
        fresh: Option<Duration>,
        /// The age at which an entry expires for this reader.
        max_age: Option<Duration>,
    },
    /// Whether there is an entry.
    Has {
        /// The key.
        key: Vec<u8>,
    },
    /// Stores a value.
    Set {
        /// The key.
        key: Vec<u8>,
        /// How long it may be served.
        ttl: Duration,
        /// How long it is kept after that, in case a loader fails.
        keep: Option<Duration>,
        /// How long it is fresh.
        fresh: Option<Duration>,
        /// The value.
        payload: Payload,
        /// Its tags.
        tags: Vec<Tag>,
    },
    /// Deletes entries.
    Delete {
        /// Their keys.
        keys: Vec<Vec<u8>>,
    },
    /// Deletes the entries whose keys match.
    DeletePattern {
        /// A glob on the key.
        glob: Vec<u8>,
    },
    /// Makes every entry of the repository unusable.
    Clear,
    /// What is at these keys, for diagnosis.
    Inspect {
        /// The keys.
        keys: Vec<Vec<u8>>,
        /// Whether the payload is read too.
        in_full: bool,
        /// How long an entry is fresh.
        fresh: Option<Duration>,
        /// The age at which an entry expires.
        max_age: Option<Duration>,
        /// How long after that it may replace the value of a loader that fails.
        keep: Option<Duration>,
    },
    /// One step through the keys that match.
    Scan {
        /// The cursor that the step before gave; empty at first.
        cursor: Vec<u8>,
        /// A glob on the key.
        glob: Vec<u8>,
    },
    /// Makes every entry of these tags unusable.
    InvalidateTags {
        /// The tags.
        tags: Vec<Tag>,
    },
}

/// What a loader says about its result. What it leaves open is as its caller said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultOptions {
    /// How long it may be served.
    pub ttl: Option<Duration>,
    /// How long it is kept after that.
    pub keep: Option<Duration>,
    /// How long it is fresh.
    pub fresh: Option<Duration>,
    /// Its further tags. Nobody has named them before the source was read.
    pub tags: Vec<Tag>,
}

/// How a loader ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadOutcome {
    /// With this value.
    Value(Payload),
    /// With this value and these options.
    ValueWith(Payload, ResultOptions),
    /// The value that it was to replace is still the right one.
    Unmodified(ResultOptions),
    /// With nothing to store.
    Nothing,
    /// It failed.
    Failed,
}
