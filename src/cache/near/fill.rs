//! One fill: reads an entry and the current versions of its tags, and says whether the facade may keep it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cache::decision::Filled;
use crate::cache::freshness::{age, Periods};
use crate::cache::names::Repo;
use crate::cache::payload::Payload;
use crate::cache::tags::{current, Currency, Known};
use crate::store::entry::{self, Stored, Tag};
use crate::store::{Answer, Found, Key, NodeId, Op, ReadEntry, Seen};

/// An entry to read together with its remaining life.
pub(super) fn aged(entry: &Key) -> ReadEntry {
    ReadEntry { key: entry.clone(), with_age: true, head_bytes: None }
}

/// What a fill reads on one node.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    has_entry: bool,
    tags: Vec<Tag>,
}

impl Part {
    pub(super) fn keys(&self, fill: &Fill) -> Vec<Key> {
        let versions = self.tags.iter().map(|tag| fill.repo.names.version(tag));
        self.has_entry.then(|| fill.entry.clone()).into_iter().chain(versions).collect()
    }

    pub(super) fn op(&self, fill: &Fill) -> Op {
        let versions = self.tags.iter().map(|tag| fill.repo.names.version(tag)).collect();
        if self.has_entry {
            Op::Read { entries: vec![aged(&fill.entry)], versions }
        } else {
            Op::ReadVersions { versions }
        }
    }
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Others are still due.
    Wait,
    /// The versions of these tags are needed too.
    Versions(Vec<Tag>),
    Keep,
    Refuse,
}

#[derive(Debug, Clone)]
pub(super) struct Fill {
    /// The facade's name for it.
    pub number: u32,
    repo: Arc<Repo>,
    pub entry: Key,
    /// The name of the repository's version.
    own: Tag,
    /// How many answers are due.
    pub waits: usize,
    found: Found,
    known: Vec<(Tag, Option<crate::store::Id>)>,
    has_more: bool,
}

impl Fill {
    pub(super) fn new(number: u32, repo: Arc<Repo>, entry: Key, own: Tag) -> Self {
        Self { number, repo, entry, own, waits: 0, found: Found::default(), known: Vec::new(), has_more: false }
    }

    /// The reads of the entry (if it `starts`) and of these versions, by node.
    pub(super) fn parts(&mut self, starts: bool, tags: Vec<Tag>, node_of: impl Fn(&Key) -> NodeId) -> BTreeMap<NodeId, Part> {
        let mut parts: BTreeMap<NodeId, Part> = BTreeMap::new();
        if starts {
            parts.entry(node_of(&self.entry)).or_default().has_entry = true;
        }
        self.has_more = !starts;
        for tag in tags {
            parts.entry(node_of(&self.repo.names.version(&tag))).or_default().tags.push(tag);
        }
        parts
    }

    pub(super) fn on_answer(&mut self, part: Part, answer: Answer) -> Step {
        self.waits -= 1;
        let versions = match answer {
            Answer::Read { mut entries, versions, .. } if part.has_entry && !entries.is_empty() => {
                self.found = entries.swap_remove(0);
                versions
            }
            Answer::Versions(versions) if !part.has_entry => versions,
            _ => return Step::Refuse,
        };
        self.known.extend(part.tags.into_iter().zip(versions.iter().map(current)));
        if self.waits > 0 {
            return Step::Wait;
        }
        self.judge()
    }

    /// Whatever was read is tracked, so what is current now stays so until a push says otherwise.
    fn judge(&self) -> Step {
        let Seen::Own(value) = &self.found.value else { return Step::Refuse };
        let Some(Stored::Entry(entry)) = entry::parse(value) else { return Step::Refuse };
        let mut known = Known::new(None, Vec::new(), true);
        known.update(self.known.iter().cloned());
        match known.currency_of(&entry.tags, &self.own) {
            // Without a life there is no age.
            Currency::Current { .. } if self.found.pttl.is_some_and(|pttl| pttl > 0) => Step::Keep,
            Currency::Unknown(tags) if !self.has_more => Step::Versions(tags),
            _ => Step::Refuse,
        }
    }

    /// The copy. The fill has been judged.
    pub(super) fn filled(self, copy: u32) -> Option<Filled> {
        let Seen::Own(value) = &self.found.value else { return None };
        let Some(Stored::Entry(entry)) = entry::parse(value) else { return None };
        let periods = Periods::from(&entry);
        let pttl = self.found.pttl?;
        Some(Filled {
            fill: self.number,
            copy,
            stamp: entry.stamp,
            payload: Payload::of(value, &entry),
            age: age(&periods, pttl),
            ttl: periods.ttl,
            fresh: periods.fresh,
            tags: entry.tags.iter().map(|(name, _)| Tag::from(name)).collect(),
        })
    }
}
