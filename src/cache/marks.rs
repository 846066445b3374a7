//! Marks: versions that no caller's tag has. In headers they stand among the tags, under names that are not UTF-8, so that what holds
//! for a tag's version holds for them.
//!
//! On a cluster a mark is sharded: each of a few ranges of slots has its own, in a slot of that range. Slots are mostly dealt out in
//! ranges, so a mark is mostly on the node of the keys that it belongs to, and a node that is down stops its own keys only.

use once_cell::sync::Lazy;

use crate::store::entry::Tag;
use crate::store::{slot_of, SLOTS};

/// How many ranges of slots have a mark of their own.
pub(super) const SHARDS: usize = 16;
/// How many shards' worth of slots there are.
const RANGE: usize = SLOTS / SHARDS;
/// The first byte of a mark's name. No UTF-8 has it.
const FIRST: u8 = 0xff;

/// What a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It changes whenever a tag is invalidated: any tag with a version in its range.
    AnyTag,
}

impl Mark {
    const fn letter(self) -> u8 {
        match self {
            Self::AnyTag => b'a',
        }
    }

    /// The mark of the range that `key` is in.
    pub(super) fn of(self, key: &[u8], is_cluster: bool) -> Tag {
        if is_cluster {
            self.shard(usize::from(slot_of(key)) / RANGE)
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
        let place = &mut places[usize::from(slot_of(text.as_bytes())) / RANGE];
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

    #[test]
    fn a_mark_is_in_the_range_of_the_keys_it_belongs_to() {
        for prefix in ["sc", "a{b}c", "{", "}", "{}"] {
            let names = Names::new(prefix).unwrap();
            for n in 0..500 {
                let key = format!("{prefix}:{n}");
                let mark = names.version(&Mark::AnyTag.of(key.as_bytes(), true));
                assert_eq!(usize::from(slot_of(&mark)) / RANGE, usize::from(slot_of(key.as_bytes())) / RANGE, "{key}");
            }
        }
    }

    #[test]
    fn marks_are_told_from_tags_and_from_each_other() {
        let all = Mark::AnyTag.all(true);
        assert_eq!(all.len(), SHARDS);
        let mut names: Vec<_> = all.iter().map(|mark| place_of(mark).unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SHARDS);
        assert!(all.iter().all(|mark| is_mark(mark)) && std::str::from_utf8(&all[0]).is_err());
        assert!(!is_mark(b"a") && !is_mark(b"") && place_of(b"a").is_none() && place_of(&[FIRST, b'a', b'z', 0]).is_none());
    }
}
