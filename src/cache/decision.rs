//! The engine's decisions.

use std::time::Duration;

use super::ids::{CallId, LoadId, ParsedId, RepoId};
use super::payload::Payload;
use super::report::Report;
use crate::contract::Shortfall;
use crate::error::Error;
use crate::store::entry::Tag;
use crate::store::Id;

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
