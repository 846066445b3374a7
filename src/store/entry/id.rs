//! Identifiers of stored values: stamps, tokens and tag versions.

use std::fmt;
use std::sync::Arc;

use crate::entropy::{Entropy, Random};
use crate::store::ReplicationId;

/// Twelve characters that name one stored value (a stamp), one lease (a token) or one version of a tag, and never another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id([u8; Id::LEN]);

impl Id {
    /// Its length in bytes.
    pub const LEN: usize = 12;

    /// A fresh one.
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        Random::draw(entropy).into()
    }

    /// The one that was written as `text`; `None` if that has not 12 characters.
    pub fn parse(text: &[u8]) -> Option<Self> {
        text.try_into().ok().map(Self)
    }

    /// Its characters.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Random> for Id {
    fn from(random: Random) -> Self {
        Self::parse(&random.as_bytes()[..Self::LEN]).unwrap_or(Self([b'A'; Self::LEN]))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// A tag's name.
pub type Tag = Arc<[u8]>;

/// How the name of a repository's own version begins. No tag's name does, since it is no UTF-8.
pub const REPOSITORY: [u8; 2] = [0xff, b'c'];

/// Whether a name is that of a repository's own version.
pub fn is_repository(name: &[u8]) -> bool {
    name.starts_with(&REPOSITORY)
}

/// A tag's current version, and the replication id it was made under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The version.
    pub id: Id,
    /// Its replication id.
    pub replication_id: ReplicationId,
}
