//! Sets of tags, their known current versions, and whether a header's versions are current. Pure.

use super::tag_set::{unite, TagSet};
use crate::store::entry::{is_repository, Tag, Tags};
use crate::store::{Id, Seen};

/// The current version, if the store has one that counts.
pub(super) fn current(version: &Seen<Id>) -> Option<Id> {
    match version {
        Seen::Own(id) => Some(*id),
        Seen::Nothing | Seen::Foreign => None,
    }
}

/// The maximum number of tags of an entry, those of the loader included.
pub(super) const TAGS_MAX: usize = 64;
/// The maximum number of versions that an entry carries: those of its tags, and that of its repository.
pub(super) const VERSIONS_MAX: usize = TAGS_MAX + 1;

/// Adds the tags that callers named in a header to those of a new load, unless both together pass the bound. Says whether it did.
#[must_use]
pub(super) fn inherit(tags: &mut Vec<Tag>, header: &Tags<'_>) -> bool {
    let own = tags.len();
    unite(tags, header.named_by_callers());
    let fits = tags.len() <= TAGS_MAX || tags.len() == own;
    if !fits {
        tags.truncate(own);
    }
    fits
}

/// Whether `tags` and `more` together are within the bound.
pub(super) fn fit_together(tags: &[Tag], more: &[Tag]) -> bool {
    tags.len() + more.iter().filter(|tag| !tags.contains(tag)).count() <= TAGS_MAX
}

/// The version of the repository among those that were captured.
pub(super) fn captured_repository(captured: &[(Tag, Id)]) -> Option<Id> {
    captured.first().filter(|(name, _)| is_repository(name)).map(|(_, id)| *id)
}

/// The current versions that were read.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// That of the repository; nothing also stands for one that was not read.
    repository: Option<Id>,
    /// The tags that were read first, and their versions.
    first: TagSet,
    of_first: Vec<Option<Id>>,
    others: Vec<(Tag, Option<Id>)>,
    /// Whether the versions were read no earlier than the value they are compared with. Otherwise they may confirm it, not condemn
    /// it.
    pub is_after: bool,
}

/// Whether a header's versions are the current ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Currency {
    /// All of them are. `has_first`: the header has the tags that were read first.
    Current { has_first: bool },
    /// At least one is not.
    Outdated,
    /// The versions of these tags have to be read first.
    Unknown(Vec<Tag>),
}

impl Known {
    /// The versions that were read just now: that of the repository, and those of tags.
    pub(super) fn new(repository: Option<Id>, versions: Vec<(Tag, Option<Id>)>, is_after: bool) -> Self {
        Self { repository, others: versions, is_after, ..Self::default() }
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.set(None, &TagSet::default(), std::iter::empty(), false);
    }

    /// These instead: that of the repository, and one for each of these tags.
    pub(super) fn set(&mut self, repository: Option<Id>, tags: &TagSet, versions: impl Iterator<Item = Option<Id>>, is_after: bool) {
        self.repository = repository;
        self.first.clone_from(tags);
        self.of_first.clear();
        self.of_first.extend(versions);
        self.others.clear();
        self.is_after = is_after;
    }

    /// The current version of the repository, if there is one.
    pub(super) fn repository(&self) -> Option<Id> {
        self.repository
    }

    /// Whether it is this set that was read first.
    pub(super) fn are_first(&self, tags: &TagSet) -> bool {
        self.first.address() == tags.address()
    }

    /// Whether a tag is at this place among the first, where it probably is.
    fn is_at(&self, place: usize, name: &[u8]) -> bool {
        self.first.get(place).is_some_and(|tag| **tag == *name)
    }

    /// The current version of a tag; `None` if it was not read.
    fn of(&self, name: &[u8]) -> Option<&Option<Id>> {
        match self.first.iter().position(|tag| **tag == *name) {
            Some(place) => self.of_first.get(place),
            None => self.others.iter().find(|(tag, _)| **tag == *name).map(|(_, id)| id),
        }
    }

    /// Takes newer versions over. Those of other tags stay.
    pub(super) fn update(&mut self, newer: impl Iterator<Item = (Tag, Option<Id>)>) {
        for (tag, id) in newer {
            if is_repository(&tag) {
                self.repository = id;
                continue;
            }
            let of_first = self.first.iter().position(|known| *known == tag).and_then(|place| self.of_first.get_mut(place));
            match of_first.or_else(|| self.others.iter_mut().find(|(known, _)| *known == tag).map(|(_, old)| old)) {
                Some(old) => *old = id,
                None => self.others.push((tag, id)),
            }
        }
    }

    /// Compares a header's versions with the current ones. One that differs is enough if it was read late enough. Versions that are
    /// not known have to be read; that of the repository has the name `own`. A header without that one is of no use.
    pub(super) fn currency_of(&self, tags: &Tags<'_>, own: &Tag) -> Currency {
        let mut unknown = Vec::new();
        let Some(captured) = tags.repository() else { return Currency::Outdated };
        match self.repository {
            Some(current) if current == captured => {}
            _ if self.is_after => return Currency::Outdated,
            _ => unknown.push(own.clone()),
        }
        let mut in_place = 0;
        for (place, (name, captured)) in tags.iter().enumerate() {
            let is_in_place = self.is_at(place, name);
            in_place += usize::from(is_in_place);
            match if is_in_place { self.of_first.get(place) } else { self.of(name) } {
                Some(Some(current)) if *current == captured => {}
                Some(_) if self.is_after => return Currency::Outdated,
                _ => unknown.push(Tag::from(name)),
            }
        }
        if unknown.is_empty() {
            Currency::Current { has_first: in_place == self.first.len() }
        } else {
            Currency::Unknown(unknown)
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::marks::Mark;
    use super::*;

    /// Name and version of the repository of the machines' unit tests.
    pub(in crate::cache) fn own() -> (Tag, Id) {
        (Mark::Repository.of(b"", false), Id::parse(&[b'r'; Id::LEN]).expect("an id"))
    }

    /// Captured versions with that of the repository.
    pub(in crate::cache) fn with_own(tags: &[(Tag, Id)]) -> Vec<(Tag, Id)> {
        [&[own()], tags].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::super::marks::Mark;
    use super::*;
    use crate::store::entry::{encode_lease, parse, Stored};

    const CURRENT: Currency = Currency::Current { has_first: true };

    fn id(letter: u8) -> Id {
        Id::parse(&[letter; Id::LEN]).unwrap()
    }

    fn tag(name: &str) -> Tag {
        Tag::from(name.as_bytes())
    }

    #[test]
    fn a_header_is_condemned_only_by_versions_read_after_it() {
        let own = Mark::Repository.of(b"", false);
        let captured = [(own.clone(), id(b'r')), (tag("a"), id(b'1')), (tag("b"), id(b'2'))];
        let lease = encode_lease(id(b't'), std::time::Duration::from_secs(60), &captured);
        let Some(Stored::Lease(lease)) = parse(&lease) else { panic!("a lease") };
        let (a, b) = ((tag("a"), Some(id(b'1'))), (tag("b"), Some(id(b'2'))));
        let changed = (tag("b"), Some(id(b'3')));
        let missing = (tag("b"), None);
        for (versions, is_after, want) in [
            (vec![a.clone(), b.clone()], false, CURRENT),
            (vec![a.clone(), b.clone()], true, CURRENT),
            (vec![a.clone()], true, Currency::Unknown(vec![tag("b")])),
            (vec![], false, Currency::Unknown(vec![tag("a"), tag("b")])),
            (vec![a.clone(), changed.clone()], false, Currency::Unknown(vec![tag("b")])),
            (vec![a.clone(), changed.clone()], true, Currency::Outdated),
            (vec![a.clone(), missing.clone()], true, Currency::Outdated),
            (vec![missing], true, Currency::Outdated),
        ] {
            let known = Known::new(Some(id(b'r')), versions.clone(), is_after);
            assert_eq!(known.currency_of(&lease.tags, &own), want, "{versions:?} {is_after}");
        }
        let mut known = Known::new(Some(id(b'r')), vec![a.clone(), changed], false);
        known.update([b.clone()].into_iter());
        assert_eq!(known.currency_of(&lease.tags, &own), CURRENT);
        for (repository, is_after, want) in [
            (Some(id(b's')), true, Currency::Outdated),
            (None, true, Currency::Outdated),
            (Some(id(b's')), false, Currency::Unknown(vec![own.clone()])),
        ] {
            let mut known = Known::new(repository, vec![a.clone(), b.clone()], is_after);
            assert_eq!(known.currency_of(&lease.tags, &own), want, "{repository:?} {is_after}");
            known.update([(own.clone(), Some(id(b'r')))].into_iter());
            assert_eq!(known.currency_of(&lease.tags, &own), CURRENT);
        }
    }

    #[test]
    fn a_header_has_the_tags_that_were_read_first_or_it_does_not() {
        let own = Mark::Repository.of(b"", false);
        let captured = [(own.clone(), id(b'r')), (tag("a"), id(b'1')), (tag("b"), id(b'2'))];
        let lease = encode_lease(id(b't'), std::time::Duration::from_secs(60), &captured);
        let Some(Stored::Lease(lease)) = parse(&lease) else { panic!("a lease") };
        let version = |name: &Tag| Some(if **name == *b"a" { id(b'1') } else { id(b'2') });
        let other = TagSet::from(vec![tag("a"), tag("b")]);
        let mut known = Known::default();
        for (names, more, want) in [
            (&["a", "b"][..], None, true),
            (&["a"], Some("b"), true),
            (&["b"], Some("a"), false),
            (&["a", "b", "c"], None, false),
            (&["c"], None, false),
            (&[], None, true),
        ] {
            let set = TagSet::from(names.iter().map(|name| tag(name)).collect::<Vec<_>>());
            known.set(Some(id(b'r')), &set, set.iter().map(version), true);
            if names.is_empty() || names == ["c"] {
                known.update(["a", "b"].iter().map(|name| (tag(name), version(&tag(name)))));
            }
            known.update(more.into_iter().map(|name| (tag(name), version(&tag(name)))));
            assert_eq!(known.currency_of(&lease.tags, &own), Currency::Current { has_first: want }, "{names:?}");
            assert!(known.are_first(&set) && !known.are_first(&other));
        }
    }

    #[test]
    fn a_header_without_the_version_of_its_repository_is_of_no_use() {
        let lease = encode_lease(id(b't'), std::time::Duration::from_secs(60), &[]);
        let Some(Stored::Lease(lease)) = parse(&lease) else { panic!("a lease") };
        let own = Mark::Repository.of(b"", false);
        for is_after in [false, true] {
            for known in [Known::new(None, vec![], is_after), Known::new(Some(id(b'r')), vec![], is_after)] {
                assert_eq!(known.currency_of(&lease.tags, &own), Currency::Outdated);
            }
        }
    }
}
