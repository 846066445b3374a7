//! Requests and decisions as they cross into Node.js (`docs/design/crossing.md`): calls come as RESP arrays of strings, decisions
//! leave as flat slots. No input makes it panic.

use std::time::Duration;

use super::request::{CallId, Decision, Hit, LoadId, LoadOutcome, Payload, RepoId, Request};
use crate::store::entry::Tag;

/// The longest duration, some thirty years. Longer ones are cut to it.
const LONGEST_MS: f64 = 1e12;

/// One message of the facade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A call.
    Call(CallId, RepoId, Request),
    /// A loader's outcome.
    Loaded(LoadId, LoadOutcome),
    /// Tags that a loader adds.
    AddTags(CallId, LoadId, Vec<Tag>),
    /// A call was given up.
    Cancel(CallId),
}

/// The message at the start of `bytes` and its length; `None` if it is no message of this protocol.
pub fn parse(bytes: &[u8]) -> Option<(Message, usize)> {
    let mut parts = Parts::open(bytes)?;
    let message = match parts.next()? {
        kind @ (b"G" | b"N") => {
            let (call, repo) = parts.head()?;
            let key = parts.owned()?;
            let ttl = parts.duration()??;
            let [keep, fresh, max_age, lock_timeout] = [parts.duration()?, parts.duration()?, parts.duration()?, parts.duration()?];
            let (replaces, tags) = (kind == b"N", parts.tags()?);
            Message::Call(call, repo, Request::GetOrSet { key, ttl, keep, fresh, max_age, lock_timeout, tags, replaces })
        }
        b"R" => {
            let (call, repo) = parts.head()?;
            Message::Call(call, repo, Request::Get { key: parts.owned()?, fresh: parts.duration()?, max_age: parts.duration()? })
        }
        b"H" => {
            let (call, repo) = parts.head()?;
            Message::Call(call, repo, Request::Has { key: parts.owned()? })
        }
        b"S" => {
            let (call, repo) = parts.head()?;
            let key = parts.owned()?;
            let ttl = parts.duration()??;
            let [keep, fresh] = [parts.duration()?, parts.duration()?];
            let payload = parts.owned()?;
            Message::Call(call, repo, Request::Set { key, ttl, keep, fresh, payload, tags: parts.tags()? })
        }
        b"D" => {
            let (call, repo) = parts.head()?;
            let mut keys = Vec::with_capacity(parts.left);
            while parts.left > 0 {
                keys.push(parts.owned()?);
            }
            Message::Call(call, repo, Request::Delete { keys })
        }
        b"P" => {
            let (call, repo) = parts.head()?;
            Message::Call(call, repo, Request::DeletePattern { glob: parts.owned()? })
        }
        b"T" => {
            let (call, repo) = parts.head()?;
            Message::Call(call, repo, Request::InvalidateTags { tags: parts.tags()? })
        }
        b"V" => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Value(parts.owned()?)),
        b"U" => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Nothing),
        b"F" => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Failed),
        b"A" => Message::AddTags(CallId(parts.number()?), LoadId(parts.number()?), parts.tags()?),
        b"X" => Message::Cancel(CallId(parts.number()?)),
        _ => return None,
    };
    (parts.left == 0).then_some((message, parts.at))
}

/// One value of a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Slot {
    /// `undefined`.
    None,
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A value's text.
    Payload(Payload),
}

/// The four slots of a decision: kind, id, a, b.
pub fn slots(decision: Decision) -> [Slot; 4] {
    let number = |n: u32| Slot::Number(f64::from(n));
    let four = |kind: u32, id: u32, a: Slot, b: Slot| [number(kind), number(id), a, b];
    match decision {
        Decision::Hit { call, payload, hit } => {
            let hit = match hit {
                Hit::Fresh => 0,
                Hit::Stale => 1,
                Hit::Joined => 2,
                Hit::Kept => 3,
            };
            four(0, call.0, Slot::Payload(payload), number(hit))
        }
        Decision::Miss { call } => four(1, call.0, Slot::None, Slot::None),
        Decision::Load { call, load, storing } => four(2, call.0, number(load.0), number(u32::from(!storing))),
        Decision::Refresh { call, load } => four(3, call.0, number(load.0), Slot::None),
        Decision::Stored { call, load, stored } => four(4, call.0, number(load.0), number(u32::from(stored))),
        Decision::FailedWith { call, load } => four(5, call.0, number(load.0), Slot::None),
        Decision::Nothing { call, load } => four(6, call.0, number(load.0), Slot::None),
        Decision::Done { call, number } => four(7, call.0, Slot::Number(number as f64), Slot::None),
        Decision::Error { call, error, kept } => {
            let flags = u32::from(error.is_maybe_executed()) | u32::from(kept) << 1;
            four(8, call.0, Slot::Text(format!("{} {}", error.kind().code(), error.message())), number(flags))
        }
        Decision::Waiting { call } => four(9, call.0, Slot::None, Slot::None),
        Decision::Event { repo, name, text } => four(10, repo.map_or(0, |repo| repo.0), Slot::Text(name.to_owned()), Slot::Text(text)),
        Decision::LoadOver { call, load } => four(11, call.map_or(0, |call| call.0), number(load.map_or(0, |load| load.0)), Slot::None),
    }
}

/// The parts of one RESP array of strings, one after another.
struct Parts<'a> {
    bytes: &'a [u8],
    at: usize,
    left: usize,
}

impl<'a> Parts<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let mut parts = Self { bytes, at: 0, left: 0 };
        let left = parts.length(b'*')?;
        // A part takes at least five bytes.
        (left <= bytes.len() / 5).then_some(Self { left, ..parts })
    }

    fn length(&mut self, mark: u8) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        if rest.first() != Some(&mark) {
            return None;
        }
        let end = memchr::memchr(b'\r', rest)?;
        if rest.get(end + 1) != Some(&b'\n') {
            return None;
        }
        self.at += end + 2;
        std::str::from_utf8(&rest[1..end]).ok()?.parse().ok()
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let length = self.length(b'$')?;
        let end = self.at.checked_add(length)?;
        let part = self.bytes.get(self.at..end)?;
        if self.bytes.get(end..end.checked_add(2)?)? != b"\r\n" {
            return None;
        }
        self.at = end + 2;
        Some(part)
    }

    fn owned(&mut self) -> Option<Vec<u8>> {
        self.next().map(<[u8]>::to_vec)
    }

    fn number(&mut self) -> Option<u32> {
        std::str::from_utf8(self.next()?).ok()?.parse().ok()
    }

    fn head(&mut self) -> Option<(CallId, RepoId)> {
        Some((CallId(self.number()?), RepoId(self.number()?)))
    }

    /// Milliseconds. An empty part means none.
    #[allow(clippy::option_option, reason = "the outer one is a part that is missing or malformed")]
    fn duration(&mut self) -> Option<Option<Duration>> {
        let part = self.next()?;
        if part.is_empty() {
            return Some(None);
        }
        let ms: f64 = std::str::from_utf8(part).ok()?.parse().ok()?;
        let ms = if ms.is_nan() { return None } else { ms.clamp(0.0, LONGEST_MS) };
        Some(Some(Duration::from_millis(ms.ceil() as u64)))
    }

    fn tags(&mut self) -> Option<Vec<Tag>> {
        let mut tags = Vec::with_capacity(self.left);
        while self.left > 0 {
            tags.push(Tag::from(self.next()?));
        }
        Some(tags)
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
