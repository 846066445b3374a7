//! Marks: versions that no caller's tag has. In headers they stand among the tags, under names that are not UTF-8, so that what holds
//! for a tag's version holds for them.
//!
//! On a cluster a mark is sharded: each of a few ranges of slots has its own, in a slot of that range. Slots are mostly dealt out in
//! equal ranges, to 2, 3, 4, 6, 8 or 12 masters, and these are parts of theirs. So a mark is mostly on the node of the keys that it
//! belongs to, and a node that is down stops its own keys only.

use once_cell::sync::Lazy;

use crate::store::entry::{Tag, REPOSITORY};
use crate::store::{slot_of, SLOTS};

/// How many ranges of slots have a mark of their own.
pub(super) const SHARDS: usize = 24;
/// The first byte of a mark's name. No UTF-8 has it.
const FIRST: u8 = REPOSITORY[0];

/// What a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It changes whenever a tag is invalidated: any tag with a version in its range.
    AnyTag,
    /// It changes whenever the repository is cleared: every entry in its range carries it.
    Repository,
}

impl Mark {
    const fn letter(self) -> u8 {
        match self {
            Self::AnyTag => b'a',
            Self::Repository => REPOSITORY[1],
        }
    }

    /// The mark of the range that `key` is in.
    pub(super) fn of(self, key: &[u8], is_cluster: bool) -> Tag {
        if is_cluster {
            self.shard(shard_of(key))
        } else {
            Tag::from([FIRST, self.letter()])
        }
    }

    /// The marks of all ranges.
    pub(super) fn all(self, is_cluster: bool) -> Vec<Tag> {
        if is_cluster {
            (0..SHARDS).map(|shard| self.shard(shard)).collect()
        } else {
            vec![self.of(b"", false)]
        }
    }

    fn shard(self, shard: usize) -> Tag {
        Tag::from([FIRST, self.letter(), b'a' + shard as u8])
    }
}

/// The range of slots that a key is in.
pub(super) fn shard_of(key: &[u8]) -> usize {
    shard_of_slot(usize::from(slot_of(key)))
}

fn shard_of_slot(slot: usize) -> usize {
    let shard = slot * SHARDS / SLOTS;
    shard + usize::from(first_slot(shard + 1) <= slot)
}

/// The first slot of a range, rounded as those who deal slots out do.
const fn first_slot(shard: usize) -> usize {
    (shard * SLOTS + SHARDS / 2) / SHARDS
}

/// Whether a name in a header is a mark's.
pub(super) fn is_mark(name: &[u8]) -> bool {
    name.first() == Some(&FIRST)
}

/// The letter of a mark, and what its key has in braces after a colon: so that the key is in the mark's range.
pub(super) fn place_of(name: &[u8]) -> Option<(u8, &'static [u8])> {
    let [FIRST, letter, shard @ ..] = name else { return None };
    let place = match shard {
        [] => &b""[..],
        [shard] => PLACES.get(usize::from(shard.checked_sub(b'a')?))?.as_slice(),
        _ => return None,
    };
    Some((*letter, place))
}

/// For each range a text whose slot is in it, with a colon before it.
static PLACES: Lazy<Vec<Vec<u8>>> = Lazy::new(|| {
    let mut places = vec![Vec::new(); SHARDS];
    let mut missing = SHARDS;
    for n in 0u32.. {
        let text = format!(":{n}");
        let place = &mut places[shard_of(text.as_bytes())];
        if place.is_empty() {
            *place = text.as_bytes()[1..].to_vec();
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    places
});

#[cfg(test)]
mod tests {
    use super::super::names::Names;
    use super::*;
    use crate::store::entry::is_repository;

    #[test]
    fn a_mark_is_in_the_range_of_the_keys_it_belongs_to() {
        for prefix in ["sc", "a{b}c", "{", "}", "{}"] {
            let names = Names::new(prefix).unwrap();
            for n in 0..500 {
                let key = format!("{prefix}:{n}");
                for mark in [Mark::AnyTag, Mark::Repository] {
                    let mark = names.version(&mark.of(key.as_bytes(), true));
                    assert_eq!(shard_of(&mark), shard_of(key.as_bytes()), "{key}");
                }
            }
        }
    }

    #[test]
    fn masters_that_share_the_slots_evenly_have_whole_ranges() {
        for masters in [2, 3, 4, 6, 8, 12, 24] {
            // Source: `redis-cli --cluster create`.
            let first = |master: usize| (master as f64 * SLOTS as f64 / masters as f64).round() as usize;
            for master in 1..masters {
                let (last, next) = (shard_of_slot(first(master) - 1), shard_of_slot(first(master)));
                assert_eq!((last + 1, next * masters), (next, master * SHARDS), "{masters} masters");
            }
        }
        assert_eq!((shard_of_slot(0), shard_of_slot(SLOTS - 1)), (0, SHARDS - 1));
    }

    #[test]
    fn marks_are_told_from_tags_and_from_each_other() {
        let all = [Mark::AnyTag.all(true), Mark::Repository.all(true)].concat();
        assert_eq!(all.len(), 2 * SHARDS);
        let mut names: Vec<_> = all.iter().map(|mark| place_of(mark).unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 2 * SHARDS);
        assert_eq!(all.iter().filter(|mark| is_repository(mark)).count(), SHARDS);
        assert!(all.iter().all(|mark| is_mark(mark)) && std::str::from_utf8(&all[0]).is_err());
        assert!(!is_mark(b"a") && !is_mark(b"") && place_of(b"a").is_none() && place_of(&[FIRST, b'a', b'z', 0]).is_none());
    }
}
