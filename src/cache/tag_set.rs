//! The tags of a call as a set that several calls share: calls for one thing mostly name the same ones. And lists of tags
//! that nobody shares.

use std::ops::Deref;
use std::sync::Arc;

use crate::store::entry::Tag;

/// Tags, each once. A copy costs no memory. Without tags there is nothing to count the copies of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagSet(Option<Arc<[Tag]>>);

impl TagSet {
    /// Adds tags.
    pub(super) fn add<'a>(&mut self, more: impl Iterator<Item = &'a [u8]>) {
        let mut all = Vec::new();
        for name in more {
            if !self.iter().any(|tag| **tag == *name) {
                unite(&mut all, std::iter::once(name));
            }
        }
        if !all.is_empty() {
            self.0 = Some(self.iter().cloned().chain(all).collect());
        }
    }

    /// Equal for copies, and different for sets that live at the same time and are not copies.
    pub(super) fn address(&self) -> u64 {
        self.as_ptr().addr() as u64
    }
}

impl Deref for TagSet {
    type Target = [Tag];

    fn deref(&self) -> &[Tag] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<Vec<Tag>> for TagSet {
    fn from(tags: Vec<Tag>) -> Self {
        Self((!tags.is_empty()).then(|| normalize(tags).into()))
    }
}

/// `tags` sorted, without duplicates.
pub(super) fn normalize(mut tags: Vec<Tag>) -> Vec<Tag> {
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Adds `more` to `tags`.
pub(super) fn unite<'a>(tags: &mut Vec<Tag>, more: impl Iterator<Item = &'a [u8]>) {
    for name in more {
        if !tags.iter().any(|tag| **tag == *name) {
            tags.push(Tag::from(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Vec<Tag> {
        names.iter().map(|name| Tag::from(name.as_bytes())).collect()
    }

    #[test]
    fn a_set_holds_each_tag_once_and_leaves_its_copies_alone() {
        let mut set = TagSet::from(tags(&["b", "a", "b"]));
        let copy = set.clone();
        assert_eq!((&*copy, copy.address()), (&*tags(&["a", "b"]), set.address()));
        set.add([&b"b"[..], b"a"].into_iter());
        assert_eq!(set.address(), copy.address(), "nothing is new");
        set.add([&b"c"[..], b"a", b"c"].into_iter());
        assert_eq!(*set, *tags(&["a", "b", "c"]));
        assert_eq!(*copy, *tags(&["a", "b"]));
    }

    #[test]
    fn sets_hold_each_tag_once() {
        let mut list = normalize(tags(&["b", "a", "b"]));
        assert_eq!(list, tags(&["a", "b"]));
        unite(&mut list, [&b"b"[..], b"c"].into_iter());
        assert_eq!(list, tags(&["a", "b", "c"]));
    }
}
