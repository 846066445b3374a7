//! The names that requests and decisions use: of calls, loads, repositories, parsed values and serializers.

use std::num::NonZeroU32;

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
