//! What is at an entry's key, for diagnosis. Pure: made of what an inspection has read.

use std::collections::HashMap;
use std::time::Duration;

use super::freshness::{self, classify, Freshness, Overrides, Periods};
use crate::contract::{EntryState, TagState};
use crate::store::entry::{self, Entry, InnerLease, Lease, Stored, Tag, Tags};
use crate::store::{Held, Id, Inspected, Replication, ReplicationId};

/// What is at one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The key, as callers name it.
    pub key: Vec<u8>,
    /// In one word.
    pub state: EntryState,
    /// How many bytes the value takes, with its header; `None`: nothing is there, or no string.
    pub size: Option<u64>,
    /// How long the store keeps it; `None`: without an end, or nothing is there.
    pub left: Option<Duration>,
    /// Of an entry.
    pub entry: Option<EntryFacts>,
    /// Under which replication id hawser wrote it, and the one that the server has now.
    pub origin: Option<Origin>,
    /// A lease in the entry's place, or in its header.
    pub lease: Option<LeaseFacts>,
    /// The version of the repository in the header, compared with the current one.
    pub repository: Option<TagState>,
    /// The tags of the entry, or of the lease in its place.
    pub tags: Vec<TagFacts>,
}

/// The times of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryFacts {
    /// Since it was stored; `None`: it has no end, so nobody can tell.
    pub age: Option<Duration>,
    /// How long it may be served.
    pub ttl: Duration,
    /// How long it is fresh.
    pub fresh: Duration,
    /// How long it is kept after its `ttl`.
    pub keep: Duration,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The replication id in its header.
    pub own: ReplicationId,
    /// The server's, and whether it matters.
    pub server: Replication,
}

impl Origin {
    /// Whether the value counts as missing because of it.
    pub fn differs(&self) -> bool {
        !self.server.accepts(self.own.as_bytes())
    }
}

/// A lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseFacts {
    /// Whether a load or a refresh holds it; otherwise it is the pause after one that failed.
    pub is_held: bool,
    /// Whether it is a load of this process.
    pub is_own: bool,
    /// How long it is still good for; `None`: the server's clock is not known.
    pub left: Option<Duration>,
    /// How many refreshes in a row have failed.
    pub failures: u8,
}

impl Report {
    /// Compares the versions in a header with the current ones.
    fn compare(&mut self, tags: &Tags<'_>, versions: &Versions, view: &View) {
        // A header without one is of a time before repositories had versions.
        self.repository = Some(tags.repository().map_or(TagState::Changed, |captured| state_of(versions.get(&view.own), captured)));
        self.tags = facts(tags, versions);
    }

    /// Whether the version of the repository and those of all tags are the current ones.
    fn is_current(&self) -> bool {
        self.repository == Some(TagState::Current) && self.tags.iter().all(|tag| tag.state == TagState::Current)
    }
}

/// A tag in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagFacts {
    /// Its name.
    pub name: Tag,
    /// Its version in the header compared with the current one.
    pub state: TagState,
    /// Whether the loader has added it.
    pub is_added: bool,
}

/// The versions that were read after the entries, by their tags.
pub(super) type Versions = HashMap<Tag, Inspected>;

/// From whose point of view.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// The name of the repository's version among the others.
    pub own: Tag,
    /// The options of the repository's calls.
    pub overrides: Overrides,
    /// Whether stale entries are served while they are refreshed.
    pub swr: bool,
}

/// The names of the versions in a value's header: `own`, that of its repository, and its tags.
pub(super) fn tags_of(found: &Inspected, own: &Tag) -> Vec<Tag> {
    let tags = match found.held.text().and_then(|value| entry::parse(value)) {
        Some(Stored::Entry(entry)) => entry.tags,
        Some(Stored::Lease(lease)) => lease.tags,
        None => return Vec::new(),
    };
    std::iter::once(own.clone()).chain(tags.iter().map(|(name, _)| Tag::from(name))).collect()
}

/// What is at `key`. `is_own` tells tokens of this process's loads.
pub(super) fn report(key: &[u8], found: &Inspected, versions: &Versions, view: &View, is_own: &impl Fn(Id) -> bool) -> Report {
    let left = u64::try_from(found.pttl).ok().map(Duration::from_millis);
    let mut report = Report {
        key: key.to_vec(),
        state: EntryState::Missing,
        size: found.size,
        left,
        entry: None,
        origin: None,
        lease: None,
        repository: None,
        tags: Vec::new(),
    };
    let value = match &found.held {
        Held::Nothing => return report,
        Held::Other => {
            report.state = EntryState::Foreign;
            return report;
        }
        Held::Text(value) => value,
    };
    report.origin = entry::replication_id(value).map(|own| Origin { own, server: found.replication });
    match entry::parse(value) {
        Some(Stored::Entry(entry)) => of_entry(&mut report, &entry, found, versions, view, is_own),
        Some(Stored::Lease(lease)) => of_lease(&mut report, &lease, found, versions, view, is_own),
        None if report.origin.is_some() => report.state = EntryState::Damaged,
        None => report.state = EntryState::Foreign,
    }
    report
}

fn of_entry(report: &mut Report, entry: &Entry<'_>, found: &Inspected, versions: &Versions, view: &View, is_own: &impl Fn(Id) -> bool) {
    let periods = Periods::from(entry);
    let age = freshness::age(&periods, found.pttl);
    report.entry = Some(EntryFacts { age: (found.pttl >= 0).then_some(age), ttl: entry.ttl, fresh: entry.fresh, keep: entry.keep });
    report.lease = entry.lease.as_ref().and_then(|lease| inner(lease, found.at, is_own));
    report.compare(&entry.tags, versions, view);
    report.state = if report.origin.as_ref().is_some_and(Origin::differs) {
        EntryState::OtherOrigin
    } else if !report.is_current() {
        EntryState::Invalidated
    } else {
        match classify(&periods, &view.overrides, age, view.swr) {
            Freshness::Fresh => EntryState::Fresh,
            Freshness::Stale => EntryState::Stale,
            Freshness::Expired(_) => EntryState::Expired,
        }
    };
}

/// The lease in a header, unless it has ended.
fn inner(lease: &InnerLease<'_>, at: Option<u64>, is_own: &impl Fn(Id) -> bool) -> Option<LeaseFacts> {
    let left = at.map(|at| Duration::from_millis(lease.deadline.saturating_sub(at)));
    if left == Some(Duration::ZERO) {
        return None;
    }
    Some(LeaseFacts { is_held: lease.is_held, is_own: lease.is_held && is_own(lease.token), left, failures: lease.level })
}

fn of_lease(report: &mut Report, lease: &Lease<'_>, found: &Inspected, versions: &Versions, view: &View, is_own: &impl Fn(Id) -> bool) {
    // One that has run out counts as nothing.
    let Some(left) = lease.remaining(found.pttl) else { return };
    report.compare(&lease.tags, versions, view);
    report.lease = Some(LeaseFacts { is_held: true, is_own: is_own(lease.token), left: Some(left), failures: 0 });
    let is_current = !report.origin.as_ref().is_some_and(Origin::differs) && report.is_current();
    report.state = if is_current { EntryState::Loading } else { EntryState::LoadingInVain };
}

fn facts(tags: &Tags<'_>, versions: &Versions) -> Vec<TagFacts> {
    let named = tags.named_by_callers().count();
    let fact = |(at, (name, captured)): (usize, (&[u8], Id))| TagFacts {
        name: Tag::from(name),
        state: state_of(versions.get(name), captured),
        is_added: at >= named,
    };
    tags.iter().enumerate().map(fact).collect()
}

fn state_of(found: Option<&Inspected>, captured: Id) -> TagState {
    let Some(found) = found else { return TagState::Missing };
    match found.held.text().and_then(|text| entry::parse_version(text)) {
        None => TagState::Missing,
        Some(version) if !found.replication.accepts(version.replication_id.as_bytes()) => TagState::OtherOrigin,
        Some(version) if version.id == captured => TagState::Current,
        Some(_) => TagState::Changed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tags::testing::{own, with_own};
    use super::*;
    use crate::store::entry::{encode, encode_lease, encode_version, Form, Header};
    use crate::store::Value;

    fn view(swr: bool) -> View {
        View { own: own().0, overrides: Overrides { fresh: None, max_age: None, keep: None, early: None }, swr }
    }

    /// The report, with the version of the repository.
    fn judged(found: &Inspected, versions: &Versions, view: &View, is_own: &impl Fn(Id) -> bool) -> Report {
        let mut versions = versions.clone();
        versions.insert(own().0, version(own().1, "now"));
        report(b"k", found, &versions, view, is_own)
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn id(letter: u8) -> Id {
        Id::parse(&[letter; Id::LEN]).unwrap()
    }

    fn reign(name: &str) -> ReplicationId {
        ReplicationId::of(name.as_bytes())
    }

    fn inspected(value: &[u8], written_in: &str, pttl: i64) -> Inspected {
        let replication = Replication { id: reign("now"), is_checked: true };
        let mut value = value.to_vec();
        if entry::replication_id(&value).is_some() {
            value[18..26].copy_from_slice(reign(written_in).as_bytes());
        }
        Inspected { size: Some(value.len() as u64), held: Held::Text(Value::new(value)), pttl, at: Some(5_000), replication }
    }

    fn stored(tags: &[(Tag, Id)], ttl: u64, fresh: u64, keep: u64) -> Vec<u8> {
        let [ttl, fresh, keep] = [ttl, fresh, keep].map(Duration::from_secs);
        encode(&Header { stamp: id(b's'), ttl, fresh, keep, tags: &with_own(tags), added: 0, form: Form::TEXT }, b"1").0
    }

    fn version(of: Id, reign_name: &str) -> Inspected {
        Inspected {
            replication: Replication { id: reign("now"), is_checked: true },
            held: Held::Text(Value::new(encode_version(of, reign(reign_name)))),
            ..Inspected::default()
        }
    }

    #[test]
    fn an_entry_is_what_a_reader_would_find() {
        let tag = Tag::from(&b"t"[..]);
        let tagged = stored(&[(tag.clone(), id(b'1'))], 60, 60, 0);
        let current = Versions::from([(tag.clone(), version(id(b'1'), "now"))]);
        for (value, written_in, pttl, versions, want) in [
            (stored(&[], 60, 60, 0), "now", 59_000, Versions::new(), EntryState::Fresh),
            (stored(&[], 60, 10, 0), "now", 49_000, Versions::new(), EntryState::Stale),
            (stored(&[], 60, 10, 30), "now", 29_000, Versions::new(), EntryState::Expired),
            (stored(&[], 60, 60, 0), "now", -1, Versions::new(), EntryState::Expired),
            (stored(&[], 60, 60, 0), "before", 59_000, Versions::new(), EntryState::OtherOrigin),
            (tagged.clone(), "now", 59_000, current.clone(), EntryState::Fresh),
            (tagged.clone(), "before", 59_000, current, EntryState::OtherOrigin),
            (tagged.clone(), "now", 59_000, Versions::new(), EntryState::Invalidated),
            (tagged.clone(), "now", 59_000, Versions::from([(tag.clone(), version(id(b'2'), "now"))]), EntryState::Invalidated),
            (tagged[..50].to_vec(), "now", 59_000, Versions::new(), EntryState::Damaged),
            (b"something".to_vec(), "now", 59_000, Versions::new(), EntryState::Foreign),
        ] {
            let found = inspected(&value, written_in, pttl);
            assert_eq!(judged(&found, &versions, &view(true), &|_| false).state, want, "{found:?}");
        }
        let facts = |versions: &Versions| judged(&inspected(&tagged, "now", 59_000), versions, &view(true), &|_| false).tags[0].state;
        assert_eq!(facts(&Versions::from([(tag.clone(), version(id(b'1'), "before"))])), TagState::OtherOrigin);
        assert_eq!(facts(&Versions::from([(tag.clone(), version(id(b'2'), "now"))])), TagState::Changed);
        assert_eq!(facts(&Versions::from([(tag, Inspected::default())])), TagState::Missing);
        let swr_off = view(false);
        let stale = inspected(&stored(&[], 60, 10, 0), "now", 49_000);
        assert_eq!(judged(&stale, &Versions::new(), &swr_off, &|_| false).state, EntryState::Expired);
        assert_eq!(judged(&Inspected::default(), &Versions::new(), &view(true), &|_| false).state, EntryState::Missing);
        let other = Inspected { held: Held::Other, ..Inspected::default() };
        assert_eq!(judged(&other, &Versions::new(), &view(true), &|_| false).state, EntryState::Foreign);
    }

    #[test]
    fn an_entry_of_a_repository_that_was_cleared_is_invalidated() {
        let found = inspected(&stored(&[], 60, 60, 0), "now", 59_000);
        for (known, state, repository) in [
            (Versions::from([(own().0, version(own().1, "now"))]), EntryState::Fresh, TagState::Current),
            (Versions::new(), EntryState::Invalidated, TagState::Missing),
            (Versions::from([(own().0, version(id(b'x'), "now"))]), EntryState::Invalidated, TagState::Changed),
            (Versions::from([(own().0, version(own().1, "before"))]), EntryState::Invalidated, TagState::OtherOrigin),
        ] {
            let report = report(b"k", &found, &known, &view(true), &|_| false);
            assert_eq!((report.state, report.repository), (state, Some(repository)));
        }
    }

    #[test]
    fn a_lease_is_told_as_long_as_it_is_good() {
        let tag = Tag::from(&b"t"[..]);
        let lease = encode_lease(id(b'l'), 60 * SECOND, &with_own(&[(tag.clone(), id(b'1'))]));
        let current = Versions::from([(tag, version(id(b'1'), "now"))]);
        let told = |pttl, versions: &Versions, written_in| {
            judged(&inspected(&lease, written_in, pttl), versions, &view(true), &|token| token == id(b'l'))
        };
        let facts = LeaseFacts { is_held: true, is_own: true, left: Some(4 * SECOND), failures: 0 };
        assert_eq!((told(64_000, &current, "now").state, told(64_000, &current, "now").lease), (EntryState::Loading, Some(facts)));
        assert_eq!(told(64_000, &Versions::new(), "now").state, EntryState::LoadingInVain);
        assert_eq!(told(64_000, &current, "before").state, EntryState::LoadingInVain);
        assert_eq!((told(59_000, &current, "now").state, told(59_000, &current, "now").lease), (EntryState::Missing, None));
    }

    #[test]
    fn a_lease_in_a_header_ends_by_the_clock_of_the_server() {
        let value = |deadline: u64| {
            let (entry, lease) = (stored(&[], 60, 10, 0), format!("h {} {deadline:015} 02 0", "l".repeat(12)));
            [&entry[..27], format!("{:06} {lease}", lease.len()).as_bytes(), &entry[34..]].concat()
        };
        let told = |deadline, at| {
            judged(&Inspected { at, ..inspected(&value(deadline), "now", 49_000) }, &Versions::new(), &view(true), &|_| false).lease
        };
        let facts = |left| Some(LeaseFacts { is_held: true, is_own: false, left, failures: 2 });
        assert_eq!(told(7_000, Some(5_000)), facts(Some(2 * SECOND)));
        assert_eq!(told(5_000, Some(5_000)), None);
        assert_eq!(told(5_000, None), facts(None));
    }
}
