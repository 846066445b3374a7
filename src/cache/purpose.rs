//! The purpose of an operation: which machine takes its answer, and with which data it continues.

use crate::clock::Instant;
use crate::store::entry::Tag;
use crate::store::node::Patience;
use crate::store::{Id, Key};

/// The machine that an answer of the store is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// Nobody waits for the answer.
    Unobserved,
    /// How long this version of a repository lives, asked at this moment.
    Prolong(Key, Id, Instant),
    Lookup(ForLookup),
    Placement(ForPlacement),
    Load(ForLoad),
    Refresh(ForRefresh),
    TagAddition(ForTagAddition),
    Write(ForWrite),
    /// This inspection.
    Inspection(u64),
}

impl Purpose {
    /// How much of the server's silence the answer is worth.
    pub(super) fn patience(&self) -> Patience {
        match self {
            Self::Lookup(_)
            | Self::Placement(_)
            | Self::Load(ForLoad::Commit(_) | ForLoad::Prove(..))
            | Self::Refresh(_)
            | Self::TagAddition(_) => Patience::Read,
            Self::Write(_) | Self::Inspection(_) => Patience::Write,
            Self::Load(ForLoad::Renew(_)) | Self::Prolong(..) | Self::Unobserved => Patience::Endless,
        }
    }
}

#[derive(Debug)]
pub(super) enum ForLookup {
    /// A batch of reads.
    Batch(Batch),
    /// The versions of these tags, for one lookup.
    Versions(u64, Vec<Tag>),
}

/// The lookups that one operation reads for, each with the place of its repository's version in the answer, and where in `places` those
/// of its tags' versions begin.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub lookups: Vec<(u64, u32, u32)>,
    pub places: Vec<u32>,
}

#[derive(Debug)]
pub(super) enum ForPlacement {
    Ensure(u64),
    /// With the lease's entry and token: if nobody waits for the answer any more, the lease is given back.
    Place(u64, Key, Id),
}

#[derive(Debug)]
pub(super) enum ForLoad {
    /// The versions of the tags that its result brought, and of the marks that may prove them.
    Prove(u32, Vec<Tag>),
    Commit(u32),
    Renew(u32),
}

#[derive(Debug)]
pub(super) enum ForRefresh {
    Ensure(u64),
    /// With the lease's entry and token.
    Place(u64, Key, Id),
}

#[derive(Debug)]
pub(super) enum ForTagAddition {
    Ensure(u64, Vec<Tag>),
    Amend(u64),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ForWrite {
    pub write: u64,
    pub step: WriteStep,
}

/// A step of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteStep {
    Ensure,
    Set,
    /// Of a check, not of a write: which version of the repository is current.
    Check,
    Delete,
    Invalidate,
    /// A step of the scan that began in this epoch.
    Scan(u64),
    /// The deletion of keys that the scan of this epoch found.
    Unlink(u64),
}
