//! The callers' requests and the engine's decisions.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::report::Report;
use crate::contract::Shortfall;
use crate::error::Error;
use crate::store::entry::{self, Entry, Form, Tag};
use crate::store::{Id, Value};

/// Names a call. The caller chooses it and may use it again when the call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// Names a load. The engine chooses it, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoadId(pub u32);

/// Names a repository. The engine chooses it, from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoId(pub u32);

/// Names a parsed value that the driver keeps. The engine chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParsedId(pub u32);

/// Names a serializer: callers with the same one may share a parsed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Codec(NonZeroU32);

impl Codec {
    /// The one with this number. 0 is none: such a caller wants the text.
    pub fn from_number(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }
}

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The repository.
    pub repo: RepoId,
    /// The serializer, if parsed values will do.
    pub codec: Option<Codec>,
}

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
        tags: Vec<Tag>,
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
pub struct Terms {
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
    /// With this value, on these terms.
    ValueOn(Payload, Terms),
    /// The value that it was to replace is still the right one.
    Unmodified(Terms),
    /// With nothing to store.
    Nothing,
    /// It failed.
    Failed,
}

/// A value on its way to the store, or to a caller: a part of the stored bytes, not a copy.
#[derive(Debug, Clone)]
pub struct Payload {
    raw: Value,
    from: usize,
    form: Form,
    /// The serializer of the caller, if a parsed value will do for it.
    pub(super) codec: Option<Codec>,
    /// Whether only the start of `raw` was read, so that nothing but the parsed value will do.
    pub(super) is_head: bool,
    is_unreadable: bool,
}

impl Payload {
    /// The bytes of `raw` from `from` on.
    pub fn new(raw: Value, from: usize, form: Form) -> Self {
        Self { raw, from, form, codec: None, is_head: false, is_unreadable: false }
    }

    /// The payload of this entry, whose bytes are `raw`.
    pub(super) fn of(raw: &Value, entry: &Entry<'_>) -> Self {
        Self::new(Value::clone(raw), entry.payload, entry.form)
    }

    /// The same, for a caller with this serializer.
    #[must_use]
    pub(super) fn decoded_by(self, codec: Option<Codec>) -> Self {
        Self { codec, ..self }
    }

    /// The stamp of the entry that it is a part of.
    pub(super) fn stamp(&self) -> Option<Id> {
        (self.from > 0).then(|| entry::name(&self.raw)).flatten()
    }

    /// In the place of one that cannot be unpacked.
    pub(super) fn unreadable() -> Self {
        Self { is_unreadable: true, ..Self::new(Value::default(), 0, Form::TEXT) }
    }

    /// Whether it has no value.
    pub const fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// The bytes that it is a part of.
    pub(super) const fn raw(&self) -> &Value {
        &self.raw
    }

    /// How many bytes the value has.
    pub(super) fn length(&self) -> usize {
        self.form.packed.map_or_else(|| self.as_bytes().len(), |packed| packed.length)
    }

    /// What the bytes are.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The value's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.raw.get(self.from..).unwrap_or_default()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        (self.form, self.is_unreadable) == (other.form, other.is_unreadable) && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Payload {}

impl From<Vec<u8>> for Payload {
    fn from(text: Vec<u8>) -> Self {
        Self::new(Arc::new(text), 0, Form::TEXT)
    }
}

/// A copy of an entry. Times count from the moment at which the facade asked for it, so that they end too early rather than too late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// Which fill it is the result of.
    pub fill: u32,
    /// Names the copy.
    pub copy: u32,
    /// Names the stored value.
    pub stamp: Id,
    /// The value.
    pub payload: Payload,
    /// The entry's age.
    pub age: Duration,
    /// How long it may be served, from its storing on.
    pub ttl: Duration,
    /// How long it is fresh.
    pub fresh: Duration,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// How a served value is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// A hit.
    Fresh,
    /// A hit. A refresh by this call's loader may follow, as after a stale one.
    Early,
    /// A stale value. A refresh by this call's loader may follow; `LoadOver` with this call's number says that none will.
    Stale,
    /// The value of another caller's load: a miss.
    Joined,
    /// A value kept for `staleIfError`, after this call's own loader failed. Counts as nothing: the load was counted as a miss.
    Kept,
}

/// A decision of the engine about a call. A call is over with its first decision other than `Load`, `Refresh` and `Waiting`. Hits are
/// `HitParsed` only for callers with a [`Codec`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This value.
    Hit {
        /// The call.
        call: CallId,
        /// The value.
        payload: Payload,
        /// How it is counted.
        hit: Hit,
    },
    /// This parsed value, which the driver keeps.
    HitParsed {
        /// The call.
        call: CallId,
        /// The value.
        parsed: ParsedId,
        /// How it is counted.
        hit: Hit,
    },
    /// Keep this value parsed. Decisions that name it follow.
    Keep {
        /// Its number.
        parsed: ParsedId,
        /// The value.
        payload: Payload,
    },
    /// There is none.
    Miss {
        /// The call.
        call: CallId,
    },
    /// Run this call's loader and report its outcome.
    Load {
        /// The call.
        call: CallId,
        /// The load.
        load: LoadId,
        /// Whether its result will be offered to the store.
        storing: bool,
    },
    /// This call has been answered. Run its loader in the background and report its outcome.
    Refresh {
        /// The call.
        call: CallId,
        /// The load.
        load: LoadId,
    },
    /// The call may resolve with the value of its own loader.
    Stored {
        /// The call.
        call: CallId,
        /// The load.
        load: LoadId,
        /// Whether it was stored.
        stored: bool,
    },
    /// The call fails with its load: its own, or the one it joined.
    FailedWith {
        /// The call.
        call: CallId,
        /// The load.
        load: LoadId,
    },
    /// The call resolves with nothing, like its load: its own, or the one it joined.
    Nothing {
        /// The call.
        call: CallId,
        /// The load.
        load: LoadId,
    },
    /// Done.
    Done {
        /// The call.
        call: CallId,
        /// How many were deleted or invalidated; 1 if `has` is true.
        number: u64,
    },
    /// The call fails.
    Error {
        /// The call.
        call: CallId,
        /// Why.
        error: Error,
        /// Whether the engine will repeat it when the store is back.
        kept: bool,
    },
    /// A step through the keys of a repository.
    Scanned {
        /// The call.
        call: CallId,
        /// The cursor of the next step; `None`: this was the last one.
        cursor: Option<Vec<u8>>,
        /// The keys that it found.
        keys: Vec<Vec<u8>>,
    },
    /// What is at keys.
    Inspected {
        /// The call.
        call: CallId,
        /// The value of the first one, if it was asked for and is an entry.
        payload: Option<Payload>,
        /// For each key.
        reports: Vec<Report>,
    },
    /// The call waits for another's load.
    Waiting {
        /// The call.
        call: CallId,
    },
    /// The facade may serve this copy of an entry.
    NearFilled(Box<Filled>),
    /// There is no copy for this fill.
    NearRefused {
        /// The fill.
        fill: u32,
    },
    /// This copy may not be served any more.
    NearDropped {
        /// The copy.
        copy: u32,
    },
    /// Nothing can be tracked on the lane of this node: it is not needed.
    LaneUseless {
        /// The node.
        node: u16,
    },
    /// An event for listeners.
    Event {
        /// The repository it concerns, if it is one.
        repo: Option<RepoId>,
        /// Its name.
        name: &'static str,
        /// Its text.
        text: String,
    },
    /// Something that the cache did not do.
    Counted {
        /// The repository, unless all are concerned.
        repo: Option<RepoId>,
        /// The kind.
        what: Shortfall,
        /// How many since the last decision about it; of [`Shortfall::PendingInvalidations`], how many there are.
        number: u64,
    },
    /// A packed value was stored.
    Packed {
        /// The repository.
        repo: RepoId,
        /// How many bytes the value has.
        before: u64,
        /// How many bytes were stored for it.
        after: u64,
    },
    /// The load is over, and no decision about it follows. With a call instead of a load: no refresh follows that call's stale hit.
    LoadOver {
        /// The call that was answered with a stale value.
        call: Option<CallId>,
        /// The load.
        load: Option<LoadId>,
    },
}

impl Decision {
    /// The value that it brings.
    pub(super) fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Self::Hit { payload, .. } | Self::Keep { payload, .. } => Some(payload),
            Self::Inspected { payload, .. } => payload.as_mut(),
            Self::NearFilled(filled) => Some(&mut filled.payload),
            _ => None,
        }
    }
}
