//! The versions of repositories that this process has seen last: a write tries the latest one before it knows whether that is still
//! current, and a load does not ask again how long it lives.

use std::num::NonZeroUsize;

use lru::LruCache;

use crate::clock::Instant;
use crate::store::{Id, Key};

/// How many are remembered. A repository on a cluster has one for each range of slots.
const REMEMBERED_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Known {
    id: Id,
    /// It lives at least until then, unless somebody removes it.
    until: Instant,
}

/// Versions by their keys.
#[derive(Debug)]
pub(super) struct Latest {
    known: LruCache<Key, Known>,
}

impl Default for Latest {
    fn default() -> Self {
        Self { known: LruCache::new(NonZeroUsize::new(REMEMBERED_MAX).unwrap_or(NonZeroUsize::MIN)) }
    }
}

impl Latest {
    /// The version that was current last.
    pub(super) fn of(&mut self, key: &Key) -> Option<Id> {
        self.known.get(key).map(|known| known.id)
    }

    /// A version is current. `until`: it lives at least until then.
    pub(super) fn note(&mut self, key: &Key, id: Id, until: Instant) {
        match self.known.get_mut(key).filter(|known| known.id == id) {
            Some(known) => known.until = known.until.max(until),
            None => drop(self.known.put(key.clone(), Known { id, until })),
        }
    }

    /// Whether this version, if it is current, is known to live until then.
    pub(super) fn lasts(&mut self, key: &Key, id: Id, until: Instant) -> bool {
        self.known.get(key).is_some_and(|known| known.id == id && known.until >= until)
    }

    /// The version is not current any more.
    pub(super) fn forget(&mut self, key: &Key) {
        self.known.pop(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_known_life_of_the_latest_version_counts() {
        let (key, at) = (Key::from(&b"sc#c{:}"[..]), Instant::from_millis);
        let [a, b] = [b'a', b'b'].map(|letter| Id::parse(&[letter; Id::LEN]).unwrap());
        let mut latest = Latest::default();
        assert_eq!((latest.of(&key), latest.lasts(&key, a, at(0))), (None, false));
        latest.note(&key, a, at(20));
        latest.note(&key, a, at(10));
        assert!(latest.lasts(&key, a, at(20)) && !latest.lasts(&key, a, at(21)) && !latest.lasts(&key, b, at(1)));
        latest.note(&key, b, at(5));
        assert_eq!((latest.of(&key), latest.lasts(&key, a, at(5))), (Some(b), false));
        latest.forget(&key);
        assert_eq!(latest.of(&key), None);
    }
}
