//! What a write does: its operations, the keys that it needs and changes, and what has to be repeated if it cannot be delivered.

use std::sync::Arc;
use std::time::Duration;

use super::caller::EntryOptions;
use super::checks::Checked;
use super::effects::Fx;
use super::lookup::keys_of;
use super::marks::Mark;
use super::names::{OwnVersion, Repo};
use super::pattern_scan::PatternScan;
use super::payload::Payload;
use super::purpose::WriteStep;
use super::request::Request;
use super::tag_set::normalize;
use crate::store::entry::{self, Header, Tag};
use crate::store::nodes::Invalidation;
use crate::store::{Id, Key, Op, Value};

/// What a write does.
#[derive(Debug)]
pub(super) enum Job {
    Set {
        repo: Arc<Repo>,
        entry: Key,
        own: Arc<OwnVersion>,
        options: EntryOptions,
        payload: Payload,
        /// The versions that it is stored with: that of the repository, and those of its tags. Those that are not known yet are missing.
        captured: Vec<(Tag, Id)>,
        checked: Checked,
        is_sent: bool,
    },
    Delete {
        entries: Vec<Key>,
    },
    /// The keys of versions and counters; the first `marks` of them are marks.
    Invalidate {
        tags: Vec<(Key, Key)>,
        marks: usize,
    },
    Pattern {
        scan: PatternScan,
    },
}

impl Job {
    pub(super) fn of(repo: &Arc<Repo>, request: Request, is_cluster: bool) -> Option<Self> {
        let names = &repo.names;
        Some(match request {
            Request::Set { key, ttl, keep, fresh, payload, tags } => {
                let options = EntryOptions::new(ttl, fresh, keep, tags.into());
                let entry = names.entry(&key);
                let own = Arc::clone(repo.own_version(&entry, is_cluster));
                Self::Set {
                    repo: Arc::clone(repo),
                    entry,
                    own,
                    options,
                    payload,
                    captured: Vec::new(),
                    checked: Checked::None,
                    is_sent: false,
                }
            }
            Request::Delete { keys } => {
                let mut entries: Vec<Key> = keys.iter().map(|key| names.entry(key)).collect();
                entries.sort_unstable();
                entries.dedup();
                Self::Delete { entries }
            }
            Request::InvalidateTags { tags } => {
                let tags = normalize(tags);
                // Loads that bring tags with their results learn from the marks that a tag was invalidated. They come first: one server changes
                // them before the tags (`results`).
                let marks = normalize(tags.iter().map(|tag| Mark::AnyTag.of(&names.version(tag), is_cluster)).collect());
                Self::Invalidate {
                    marks: marks.len(),
                    tags: marks.iter().chain(&tags).map(|tag| (names.version(tag), names.counter(tag))).collect(),
                }
            }
            Request::Clear => {
                let own = repo.own_versions(is_cluster).iter();
                Self::Invalidate { marks: 0, tags: own.map(|own| (own.key.clone(), names.counter(&own.name))).collect() }
            }
            Request::DeletePattern { glob } => Self::Pattern { scan: PatternScan::new(names.pattern(&glob)) },
            _ => return None,
        })
    }

    /// The keys whose nodes it needs.
    pub(super) fn keys(&self) -> Vec<Key> {
        match self {
            Self::Set { repo, entry, options, .. } => keys_of(repo, entry, &options.tags),
            Self::Delete { entries } => entries.clone(),
            Self::Invalidate { tags, .. } => tags.iter().map(|(version, _)| version.clone()).collect(),
            // All nodes.
            Self::Pattern { .. } => Vec::new(),
        }
    }

    /// The keys whose values it changes; `None`: they are not known.
    pub(super) fn changes(&self) -> Option<Vec<Key>> {
        match self {
            Self::Set { entry, .. } => Some(vec![entry.clone()]),
            Self::Delete { entries } => Some(entries.clone()),
            Self::Invalidate { tags, .. } => Some(tags.iter().map(|(version, _)| version.clone()).collect()),
            Self::Pattern { .. } => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Delete { entries } => entries.is_empty(),
            Self::Invalidate { tags, .. } => tags.is_empty(),
            _ => false,
        }
    }

    pub(super) fn invalidations(&self) -> Vec<Invalidation> {
        match self {
            Self::Delete { entries } => entries.iter().cloned().map(Invalidation::Entry).collect(),
            Self::Invalidate { tags, marks } => {
                let (marks, tags) = tags.split_at(*marks);
                let marks = marks.iter().cloned().map(|(version, counter)| Invalidation::Mark(version, counter));
                marks.chain(tags.iter().cloned().map(|(version, counter)| Invalidation::Tag(version, counter))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The version of the repository is not known yet. A value without tags is stored before it is; one with tags waits for theirs anyhow.
    pub(super) fn takes_a_guess(&self) -> Option<(&OwnVersion, &EntryOptions)> {
        match self {
            Self::Set { own, options, captured, .. } if captured.is_empty() => Some((own, options)),
            _ => None,
        }
    }

    /// It takes this version, and a check says whether it is the current one.
    pub(super) fn guess(&mut self, id: Id) {
        if let Self::Set { own, captured, checked, .. } = self {
            *captured = vec![(own.name.clone(), id)];
            *checked = Checked::Due;
        }
    }

    /// It will be sent again. A check that is still due is of no use to it.
    pub(super) fn forget_guess(&mut self) {
        if let Self::Set { captured, checked, .. } = self {
            if std::mem::take(checked) != Checked::None {
                captured.clear();
            }
        }
    }

    pub(super) fn is_checking(&self) -> bool {
        matches!(self, Self::Set { checked: Checked::Due, .. })
    }

    /// Its value has left, and may be there.
    pub(super) fn is_sent(&self) -> bool {
        matches!(self, Self::Set { is_sent: true, .. })
    }

    /// The next operation. It draws new random values for every attempt.
    pub(super) fn next(&mut self, fx: &mut Fx<'_>, lease: Duration, epoch: u64) -> (Op, WriteStep) {
        match self {
            Self::Set { repo, options, captured, .. } if captured.len() <= options.tags.len() => {
                (fx.ensure(repo, &options.tags, options, lease), WriteStep::Ensure)
            }
            Self::Set { entry, options, payload, captured, is_sent, .. } => {
                *is_sent = true;
                let EntryOptions { ttl, fresh, keep, .. } = *options;
                let header = Header { stamp: Id::draw(fx.entropy), ttl, fresh, keep, tags: captured, added: 0, form: payload.form() };
                let value = Value::new(entry::encode(&header, payload.as_bytes()).0);
                (Op::Set { entry: entry.clone(), value, life: options.life() }, WriteStep::Set)
            }
            Self::Delete { entries } => (Op::Delete { entries: entries.clone() }, WriteStep::Delete),
            Self::Invalidate { tags, .. } => (Op::Invalidate { tags: tags.clone() }, WriteStep::Invalidate),
            Self::Pattern { scan } => (scan.scan(epoch), WriteStep::Scan(epoch)),
        }
    }
}
