//! Which master a value was written under. A promoted replica, or a server restored from an old snapshot, brings deleted values
//! back. They carry the replication id of their time, and a node treats every id but its own as missing.

use std::fmt;

use crate::entropy::write_base64url;

/// A short hash of a server's `master_replid`, which is new at every promotion and every restart. 8 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplicationId([u8; ReplicationId::LEN]);

impl ReplicationId {
    /// Its length in bytes.
    pub const LEN: usize = 8;
    /// The id of a server that reports none, and of values whose writer does not check ids. The engine writes it as a placeholder.
    pub const EMPTY: Self = Self(*b"--------");

    /// The short id for this `master_replid`.
    pub fn of(replid: &[u8]) -> Self {
        if replid.is_empty() {
            return Self::EMPTY;
        }
        let mut text = [0; Self::LEN];
        write_base64url(&sha1_smol::Sha1::from(replid).digest().bytes(), &mut text);
        Self(text)
    }

    /// One that was written down before; `None` if `text` has another length.
    pub fn parse(text: &[u8]) -> Option<Self> {
        text.try_into().ok().map(Self)
    }

    /// Its characters.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// The replication id that a node writes, and whether it refuses values with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replication {
    /// The node's own id.
    pub id: ReplicationId,
    /// Whether values with another id count as missing.
    pub is_checked: bool,
}

impl Replication {
    /// Every id is accepted.
    pub const TRUSTING: Self = Self { id: ReplicationId::EMPTY, is_checked: false };

    /// Whether a value with this id counts.
    pub fn accepts(&self, id: &[u8]) -> bool {
        !self.is_checked || id == self.id.as_bytes()
    }

    /// The argument of the scripts: the id to be met, or nothing where any will do.
    pub fn demanded(&self) -> &[u8] {
        if self.is_checked {
            self.id.as_bytes()
        } else {
            b""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_a_short_hash_of_the_replication_id() {
        let id = ReplicationId::of(b"8a2e6d8b2c5f4f0f9f1d3a4b5c6d7e8f90a1b2c3");
        assert_eq!(id.as_bytes().len(), ReplicationId::LEN);
        assert_ne!(id, ReplicationId::of(b"9a2e6d8b2c5f4f0f9f1d3a4b5c6d7e8f90a1b2c3"));
        assert_eq!(ReplicationId::of(b""), ReplicationId::EMPTY);
        assert_eq!(ReplicationId::parse(b"short"), None);
    }

    #[test]
    fn another_id_is_refused_only_where_it_is_checked() {
        let own = ReplicationId::of(b"a");
        let replication = Replication { id: own, is_checked: true };
        assert!(replication.accepts(own.as_bytes()));
        assert!(!replication.accepts(ReplicationId::of(b"b").as_bytes()));
        assert!(Replication::TRUSTING.accepts(ReplicationId::of(b"b").as_bytes()));
    }
}
