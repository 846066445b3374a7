//! Which master's reign a value was written in. A promoted replica or a server restored from an old snapshot brings deleted
//! values back; they carry the origin of their reign, and another one than the link's own counts as missing.

use std::fmt;

/// A short hash of a server's `master_replid`, which is new at every promotion and every restart. 12 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin([u8; Origin::LEN]);

impl Origin {
    /// Its length in bytes.
    pub const LEN: usize = 12;
    /// Of a server that reports no id, and of values whose writer does not look at origins.
    pub const EMPTY: Self = Self(*b"------------");

    /// The origin of the reign with this `master_replid`.
    pub fn of(replid: &[u8]) -> Self {
        if replid.is_empty() {
            return Self::EMPTY;
        }
        let digest = sha1_smol::Sha1::from(replid).digest().to_string();
        Self::parse(&digest.as_bytes()[..Self::LEN]).unwrap_or(Self::EMPTY)
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

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// The origin that is written, and whether values of another one are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reign {
    /// The link's own origin.
    pub origin: Origin,
    /// Whether another origin counts as missing.
    pub checked: bool,
}

impl Reign {
    /// Every origin is accepted.
    pub const TRUSTING: Self = Self { origin: Origin::EMPTY, checked: false };

    /// Whether a value of `origin` counts.
    pub fn accepts(&self, origin: &[u8]) -> bool {
        !self.checked || origin == self.origin.as_bytes()
    }

    /// As the scripts take it: the origin to be met, or nothing where any will do.
    pub fn demanded(&self) -> &[u8] {
        if self.checked {
            self.origin.as_bytes()
        } else {
            b""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_a_short_hash_of_the_replication_id() {
        let origin = Origin::of(b"8a2e6d8b2c5f4f0f9f1d3a4b5c6d7e8f90a1b2c3");
        assert_eq!(origin.as_bytes().len(), Origin::LEN);
        assert_ne!(origin, Origin::of(b"9a2e6d8b2c5f4f0f9f1d3a4b5c6d7e8f90a1b2c3"));
        assert_eq!(Origin::of(b""), Origin::EMPTY);
        assert_eq!(Origin::parse(b"short"), None);
    }

    #[test]
    fn another_origin_is_refused_only_where_it_is_checked() {
        let own = Origin::of(b"a");
        let reign = Reign { origin: own, checked: true };
        assert!(reign.accepts(own.as_bytes()));
        assert!(!reign.accepts(Origin::of(b"b").as_bytes()));
        assert!(Reign::TRUSTING.accepts(Origin::of(b"b").as_bytes()));
    }
}
