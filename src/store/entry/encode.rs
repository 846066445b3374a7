//! Headers to bytes.

use std::time::Duration;

use super::cursor::{COMMON, LEASE, REPLICATION_ID};
use super::form::Form;
use super::header::Stored;
use super::id::{is_repository, Id, Tag};
use super::parse::parse;
use crate::resp::push_number;
use crate::store::ReplicationId;

/// The fields of an entry's header.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// A fresh stamp.
    pub stamp: Id,
    /// How long it may be served.
    pub ttl: Duration,
    /// How long it is fresh.
    pub fresh: Duration,
    /// How long it is kept after that.
    pub keep: Duration,
    /// The captured versions: that of the repository, those of the tags that callers named, then those that the loader added.
    pub tags: &'a [(Tag, Id)],
    /// How many of them, at the end, the loader added.
    pub added: usize,
    /// What the payload is.
    pub form: Form,
}

/// An entry, and where its payload starts. The node that it is sent to writes its replication id into it.
pub fn encode(header: &Header<'_>, payload: &[u8]) -> (Vec<u8>, usize) {
    let mut out = Vec::with_capacity(96 + header.tags.iter().map(|(name, _)| name.len() + 24).sum::<usize>() + payload.len());
    push_common(&mut out, b"hw2e ", header.stamp, ReplicationId::EMPTY);
    out.extend_from_slice(b"000000 ");
    push_millis(&mut out, header.ttl);
    if header.fresh != header.ttl {
        out.push(b'/');
        push_millis(&mut out, header.fresh);
    }
    if !header.keep.is_zero() {
        out.push(b'+');
        push_millis(&mut out, header.keep);
    }
    out.push(b' ');
    header.form.push(&mut out);
    out.push(b' ');
    push_tags(&mut out, header.tags, header.added);
    out.push(b'\n');
    let from = out.len();
    out.extend_from_slice(payload);
    (out, from)
}

/// An entry with another lease in its header, or with none. The lease has run out; the holder of its token gives it a new deadline.
pub fn with_lease(value: &[u8], lease: Option<(Id, &[(Tag, Id)])>) -> Option<Vec<u8>> {
    let Some(Stored::Entry(entry)) = parse(value) else { return None };
    let length: usize = std::str::from_utf8(value.get(COMMON..LEASE - 1)?).ok()?.parse().ok()?;
    let mut inner = Vec::new();
    if let Some((token, tags)) = lease {
        let level = entry.lease.map_or(0, |former| former.level);
        inner.extend_from_slice(b"h ");
        inner.extend_from_slice(token.as_bytes());
        inner.extend_from_slice(format!(" {:015} {level:02} ", 0).as_bytes());
        push_tags(&mut inner, tags, 0);
    }
    let mut out = Vec::with_capacity(value.len() + inner.len());
    out.extend_from_slice(value.get(..COMMON)?);
    out.extend_from_slice(format!("{:06} ", inner.len()).as_bytes());
    out.extend_from_slice(&inner);
    out.extend_from_slice(value.get(LEASE + length..)?);
    Some(out)
}

/// A lease for an entry's place. The node that it is sent to writes its replication id into it.
pub fn encode_lease(token: Id, tail: Duration, tags: &[(Tag, Id)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(80);
    push_common(&mut out, b"hw2l ", token, ReplicationId::EMPTY);
    out.extend_from_slice(format!("{:015} ", tail.as_millis()).as_bytes());
    push_tags(&mut out, tags, 0);
    out.push(b'\n');
    out
}

/// Tags as a header holds them; the loader added the last `added` of them.
pub fn encode_tags(tags: &[(Tag, Id)], added: usize) -> Vec<u8> {
    let mut out = Vec::new();
    push_tags(&mut out, tags, added);
    out
}

/// A tag version.
pub fn encode_version(id: Id, replication_id: ReplicationId) -> Vec<u8> {
    let mut out = Vec::with_capacity(COMMON);
    push_common(&mut out, b"hw2v ", id, replication_id);
    out.pop();
    out
}

/// An encoded entry, lease or version in three pieces, with `id` in the place of its replication id.
pub(in crate::store) fn with_replication_id<'a>(value: &'a [u8], id: &'a ReplicationId) -> [&'a [u8]; 3] {
    let end = REPLICATION_ID + ReplicationId::LEN;
    match (value.get(..REPLICATION_ID), value.get(end..)) {
        (Some(before), Some(after)) => [before, id.as_bytes(), after],
        _ => [value, b"", b""],
    }
}

fn push_common(out: &mut Vec<u8>, kind: &[u8], id: Id, replication_id: ReplicationId) {
    out.extend_from_slice(kind);
    out.extend_from_slice(id.as_bytes());
    out.push(b' ');
    out.extend_from_slice(replication_id.as_bytes());
    out.push(b' ');
}

fn push_millis(out: &mut Vec<u8>, duration: Duration) {
    push_number(out, usize::try_from(duration.as_millis()).unwrap_or(usize::MAX));
}

/// The version of the repository comes first, and needs no name.
fn push_tags(out: &mut Vec<u8>, all: &[(Tag, Id)], added: usize) {
    let (repository, tags) = match all.split_first() {
        Some(((name, id), tags)) if is_repository(name) => (Some(id), tags),
        _ => (None, all),
    };
    push_number(out, tags.len().saturating_sub(added));
    if added > 0 {
        out.push(b'+');
        push_number(out, added);
    }
    if let Some(id) = repository {
        out.push(b'!');
        out.extend_from_slice(id.as_bytes());
    }
    if repository.is_none() && !tags.is_empty() {
        out.push(b' ');
    }
    for (name, id) in tags {
        push_number(out, name.len());
        out.push(b':');
        out.extend_from_slice(name);
        out.extend_from_slice(id.as_bytes());
    }
}
