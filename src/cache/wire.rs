//! Requests and decisions as they cross into Node.js (`docs/design/contract.md`): calls come as RESP arrays of strings, decisions
//! leave as flat slots. No input makes it panic.

use std::time::Duration;

use super::decision::{Decision, Filled, Hit};
use super::ids::{CallId, Codec, LoadId, ParsedId, Reader, RepoId};
use super::marks::is_mark;
use super::payload::Payload;
use super::report::{LeaseFacts, Origin, Report};
use super::request::{LoadOutcome, Request, Terms};
use crate::contract::{self, CallLetter, Decision as Kind, DECISION_SLOTS};
use crate::error::Error;
use crate::store::entry::{Algorithm, Content, Form, Tag};
use crate::store::Value;

/// The longest duration, some thirty years. Longer ones are cut to it.
const LONGEST_MS: f64 = 1e12;

/// One message of the facade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A call.
    Call(CallId, Reader, Request),
    /// A loader's outcome.
    Loaded(LoadId, LoadOutcome),
    /// Tags that a loader adds.
    AddTags(CallId, LoadId, Vec<Tag>),
    /// A call was given up.
    Cancel(CallId),
    /// A parsed value is not kept any longer.
    Dropped(ParsedId),
    /// A near copy is wanted: the fill's number, the repository, the key, tags.
    NearFill(u32, RepoId, Vec<u8>, Vec<Tag>),
    /// The facade has let this near copy go.
    NearForget(Vec<u32>),
    /// A call's caller would rather have a stale value than wait any longer.
    Soften(CallId),
    /// A call that awaits a word may go on, or counts as never sent.
    Word(CallId, bool),
}

impl Message {
    /// The value that it brings to the store.
    pub(super) fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Self::Call(_, _, Request::Set { payload, .. })
            | Self::Loaded(_, LoadOutcome::Value(payload) | LoadOutcome::ValueOn(payload, _)) => Some(payload),
            _ => None,
        }
    }
}

/// How a value is to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its level, if it has levels.
    pub level: i32,
    /// Shorter values stay as they are.
    pub min_bytes: usize,
}

/// What is to be done with a message before the engine gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Handling {
    /// Pack its value.
    pub wish: Option<Wish>,
    /// Wait for [`Message::Word`].
    pub awaits_word: bool,
}

/// A message as it crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossed {
    /// The message.
    pub message: Message,
    /// What is to be done first.
    pub handling: Handling,
    /// How many bytes it took.
    pub length: usize,
}

/// The message at the start of `bytes`; `None` if it is no message of this protocol.
pub fn parse(bytes: &[u8]) -> Option<Crossed> {
    let mut parts = Parts::open(bytes)?;
    let &[letter] = parts.next()? else { return None };
    let message = match CallLetter::from_number(letter.into())? {
        kind @ (CallLetter::GetOrSet | CallLetter::GetOrSetReplacing) => {
            let (call, reader) = parts.head()?;
            let key = parts.owned()?;
            let ttl = parts.duration()??;
            let [keep, fresh, max_age, lock_timeout] = [parts.duration()?, parts.duration()?, parts.duration()?, parts.duration()?];
            let (tags_result, early) = parts.extras()?;
            let (replaces, tags) = (kind == CallLetter::GetOrSetReplacing, parts.tags()?);
            let request = Request::GetOrSet { key, ttl, keep, fresh, max_age, lock_timeout, tags, replaces, early, tags_result };
            Message::Call(call, reader, request)
        }
        CallLetter::Get => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Get { key: parts.owned()?, fresh: parts.duration()?, max_age: parts.duration()? })
        }
        CallLetter::Has => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Has { key: parts.owned()? })
        }
        CallLetter::Set => {
            let (call, reader) = parts.head()?;
            let key = parts.owned()?;
            let ttl = parts.duration()??;
            let [keep, fresh] = [parts.duration()?, parts.duration()?];
            let payload = parts.payload()?;
            Message::Call(call, reader, Request::Set { key, ttl, keep, fresh, payload, tags: parts.tags()? })
        }
        CallLetter::Delete => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Delete { keys: parts.rest()? })
        }
        CallLetter::DeletePattern => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::DeletePattern { glob: parts.owned()? })
        }
        CallLetter::Clear => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Clear)
        }
        CallLetter::InvalidateTags => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::InvalidateTags { tags: parts.tags()? })
        }
        CallLetter::Inspect => {
            let (call, reader) = parts.head()?;
            let in_full = parts.next()? == b"1";
            let [fresh, max_age, keep] = [parts.duration()?, parts.duration()?, parts.duration()?];
            Message::Call(call, reader, Request::Inspect { keys: parts.rest()?, in_full, fresh, max_age, keep })
        }
        CallLetter::Scan => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Scan { cursor: parts.owned()?, glob: parts.owned()? })
        }
        CallLetter::Loaded => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Value(parts.payload()?)),
        CallLetter::LoadedOn => {
            let (load, terms) = (LoadId(parts.number()?), parts.terms()?);
            let payload = parts.payload()?;
            Message::Loaded(load, LoadOutcome::ValueOn(payload, Terms { tags: parts.tags()?, ..terms }))
        }
        CallLetter::Unmodified => {
            let (load, terms) = (LoadId(parts.number()?), parts.terms()?);
            Message::Loaded(load, LoadOutcome::Unmodified(Terms { tags: parts.tags()?, ..terms }))
        }
        CallLetter::LoadedNothing => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Nothing),
        CallLetter::LoadFailed => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Failed),
        CallLetter::AddTags => Message::AddTags(CallId(parts.number()?), LoadId(parts.number()?), parts.tags()?),
        CallLetter::Cancel => Message::Cancel(CallId(parts.number()?)),
        CallLetter::Dropped => Message::Dropped(ParsedId(parts.number()?)),
        CallLetter::NearFill => Message::NearFill(parts.number()?, RepoId(parts.number()?), parts.owned()?, parts.tags()?),
        CallLetter::NearForget => {
            let mut copies = vec![parts.number()?];
            while parts.left > 0 {
                copies.push(parts.number()?);
            }
            Message::NearForget(copies)
        }
        CallLetter::Soften => Message::Soften(CallId(parts.number()?)),
        CallLetter::Word => {
            let call = CallId(parts.number()?);
            let word = match parts.next()? {
                b"1" => true,
                b"0" => false,
                _ => return None,
            };
            Message::Word(call, word)
        }
    };
    (parts.left == 0).then_some(Crossed { message, handling: parts.handling, length: parts.at })
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
    /// A value.
    Payload(Payload),
    /// An error, see [`contract::ErrorSlot`].
    Error(Error),
    /// An array.
    List(Vec<Slot>),
}

/// The four slots of a decision: kind, id, a, b.
pub fn slots(decision: Decision) -> [Slot; DECISION_SLOTS] {
    let number = |n: u32| Slot::Number(f64::from(n));
    let flag = |is_set: bool| number(u32::from(is_set));
    let (kind, id, a, b) = match decision {
        Decision::Hit { call, payload, hit } => (Kind::Hit, call.0, Slot::Payload(payload), number(counted_as(hit).number())),
        Decision::HitParsed { call, parsed, hit } => (Kind::HitParsed, call.0, number(parsed.0), number(counted_as(hit).number())),
        Decision::Keep { parsed, payload } => (Kind::Keep, parsed.0, Slot::Payload(payload), Slot::None),
        Decision::Miss { call } => (Kind::Miss, call.0, Slot::None, Slot::None),
        Decision::Load { call, load, storing } => (Kind::Load, call.0, number(load.0), flag(!storing)),
        Decision::Refresh { call, load } => (Kind::Refresh, call.0, number(load.0), Slot::None),
        Decision::Stored { call, load, stored } => (Kind::Stored, call.0, number(load.0), flag(stored)),
        Decision::FailedWith { call, load } => (Kind::FailedWith, call.0, number(load.0), Slot::None),
        Decision::Nothing { call, load } => (Kind::Nothing, call.0, number(load.0), Slot::None),
        Decision::Done { call, number } => (Kind::Done, call.0, Slot::Number(number as f64), Slot::None),
        Decision::Error { call, error, kept } => (Kind::Error, call.0, Slot::Error(error), flag(kept)),
        Decision::NearFilled(filled) => {
            let fill = filled.fill;
            let (payload, about) = copy(*filled);
            (Kind::NearFilled, fill, payload, about)
        }
        Decision::NearRefused { fill } => (Kind::NearRefused, fill, Slot::None, Slot::None),
        Decision::LaneUseless { node } => (Kind::LaneUseless, u32::from(node), Slot::None, Slot::None),
        Decision::NearDropped { copy } => (Kind::NearDropped, copy, Slot::None, Slot::None),
        Decision::Scanned { call, cursor, keys } => {
            let keys = keys.iter().filter_map(|key| std::str::from_utf8(key).ok()).map(|key| Slot::Text(key.to_owned()));
            let list = std::iter::once(cursor.map_or(Slot::None, |cursor| text(&cursor))).chain(keys).collect();
            (Kind::Scanned, call.0, Slot::List(list), Slot::None)
        }
        Decision::Inspected { call, payload, reports } => {
            let reports = Slot::List(reports.iter().map(report).collect());
            (Kind::Inspected, call.0, Slot::List(vec![payload.map_or(Slot::None, Slot::Payload), reports]), Slot::None)
        }
        Decision::Waiting { call } => (Kind::Waiting, call.0, Slot::None, Slot::None),
        Decision::Event { repo, name, text } => (Kind::Event, repo.map_or(0, |repo| repo.0), Slot::Text(name.to_owned()), Slot::Text(text)),
        Decision::Counted { repo, what, number: count } => {
            (Kind::Counted, repo.map_or(0, |repo| repo.0), number(what.number()), Slot::Number(count as f64))
        }
        Decision::Packed { repo, before, after } => (Kind::Packed, repo.0, Slot::Number(before as f64), Slot::Number(after as f64)),
        Decision::LoadOver { call, load } => {
            (Kind::LoadOver, call.map_or(0, |call| call.0), number(load.map_or(0, |load| load.0)), Slot::None)
        }
    };
    [number(kind.number()), number(id), a, b]
}

/// The payload of a near copy, and what the facade has to know about it.
fn copy(Filled { copy, stamp, payload, age, ttl, fresh, tags, .. }: Filled) -> (Slot, Slot) {
    let mut about = vec![Slot::Number(f64::from(copy)), text(stamp.as_bytes()), ms(age), ms(ttl), ms(fresh)];
    about.extend(tags.iter().map(|tag| text(tag)));
    (Slot::Payload(payload), Slot::List(about))
}

/// What is at a key, see `Report` of the facade.
fn report(report: &Report) -> Slot {
    let flag = |is_set: bool| Slot::Number(f64::from(u8::from(is_set)));
    let left = |duration: Option<Duration>| duration.map_or(Slot::None, ms);
    let list = |items: Option<Vec<Slot>>| items.map_or(Slot::None, Slot::List);
    let entry = report.entry.map(|facts| vec![left(facts.age), ms(facts.ttl), ms(facts.fresh), ms(facts.keep)]);
    let origin = |origin: &Origin| vec![text(origin.own.as_bytes()), text(origin.server.id.as_bytes()), flag(origin.differs())];
    let lease =
        |lease: LeaseFacts| vec![flag(lease.is_held), flag(lease.is_own), left(lease.left), Slot::Number(f64::from(lease.failures))];
    let tags = report
        .tags
        .iter()
        .filter(|tag| !is_mark(&tag.name))
        .flat_map(|tag| [text(&tag.name), Slot::Number(f64::from(tag.state.number())), flag(tag.is_added)]);
    Slot::List(vec![
        text(&report.key),
        Slot::Number(f64::from(report.state.number())),
        report.size.map_or(Slot::None, |size| Slot::Number(size as f64)),
        left(report.left),
        list(entry),
        list(report.origin.as_ref().map(origin)),
        list(report.lease.map(lease)),
        Slot::List(tags.collect()),
        report.repository.map_or(Slot::None, |state| Slot::Number(f64::from(state.number()))),
    ])
}

fn text(bytes: &[u8]) -> Slot {
    Slot::Text(String::from_utf8_lossy(bytes).into_owned())
}

fn ms(duration: Duration) -> Slot {
    Slot::Number(duration.as_secs_f64() * 1e3)
}

/// How a hit is counted, as a number of the contract.
pub const fn counted_as(hit: Hit) -> contract::Hit {
    match hit {
        Hit::Fresh => contract::Hit::Fresh,
        Hit::Stale => contract::Hit::Stale,
        Hit::Joined => contract::Hit::Joined,
        Hit::Kept => contract::Hit::Kept,
        Hit::Early => contract::Hit::Early,
    }
}

/// A whole number in digits.
fn whole(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit.checked_sub(b'0').filter(|digit| *digit <= 9)?));
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, add)
}

/// `<algorithm><level>:<least bytes>` if a value is to be packed, and `?` if its message waits for a word.
fn how(text: &[u8]) -> Option<Handling> {
    let (text, awaits_word) = text.strip_suffix(b"?").map_or((text, false), |rest| (rest, true));
    let Some((algorithm, rest)) = text.split_first() else { return Some(Handling { wish: None, awaits_word }) };
    let colon = rest.iter().position(|byte| *byte == b':')?;
    let level = whole(&rest[..colon])?.try_into().ok()?;
    let min_bytes = whole(&rest[colon + 1..])?.try_into().ok()?;
    let wish = Wish { algorithm: Algorithm::from_letter(*algorithm)?, level, min_bytes };
    Some(Handling { wish: Some(wish), awaits_word })
}

/// The parts of one RESP array of strings, one after another.
struct Parts<'a> {
    bytes: &'a [u8],
    at: usize,
    left: usize,
    handling: Handling,
}

impl<'a> Parts<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let mut parts = Self { bytes, at: 0, left: 0, handling: Handling::default() };
        let left = parts.length(b'*')?;
        // A part takes at least five bytes.
        (left <= bytes.len() / 5).then_some(Self { left, ..parts })
    }

    fn length(&mut self, mark: u8) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        if rest.first() != Some(&mark) {
            return None;
        }
        let mut length = 0_usize;
        for (at, byte) in rest.iter().enumerate().skip(1) {
            match byte {
                b'0'..=b'9' => length = length.checked_mul(10)?.checked_add(usize::from(byte - b'0'))?,
                b'\r' if at > 1 && rest.get(at + 1) == Some(&b'\n') => {
                    self.at += at + 2;
                    return Some(length);
                }
                _ => return None,
            }
        }
        None
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

    /// A value, and before it what it is and what is to be done with it; nothing says that it is a text.
    fn payload(&mut self) -> Option<Payload> {
        let word = self.next()?;
        let form = match word.split_first() {
            None => Form::TEXT,
            Some((content, handling)) => {
                self.handling = how(handling)?;
                Form::plain(Content::from_letter(*content)?)
            }
        };
        Some(Payload::new(Value::new(self.owned()?), 0, form))
    }

    /// All parts that are left.
    fn rest(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut rest = Vec::with_capacity(self.left);
        while self.left > 0 {
            rest.push(self.owned()?);
        }
        Some(rest)
    }

    fn number(&mut self) -> Option<u32> {
        whole(self.next()?)?.try_into().ok()
    }

    /// Number of the call, and whose it is: `repo`, or `repo:codec`.
    fn head(&mut self) -> Option<(CallId, Reader)> {
        let call = CallId(self.number()?);
        let reader = self.next()?;
        let colon = reader.iter().position(|byte| *byte == b':');
        let (repo, codec) = colon.map_or((reader, &b"0"[..]), |at| (&reader[..at], &reader[at + 1..]));
        let number = |digits| u32::try_from(whole(digits)?).ok();
        Some((call, Reader { repo: RepoId(number(repo)?), codec: Codec::from_number(number(codec)?) }))
    }

    /// Milliseconds. An empty part means none.
    #[allow(clippy::option_option, reason = "the outer one is a part that is missing or malformed")]
    fn duration(&mut self) -> Option<Option<Duration>> {
        let part = self.next()?;
        if part.is_empty() {
            return Some(None);
        }
        if let Some(ms) = whole(part) {
            return Some(Some(Duration::from_millis(ms.min(LONGEST_MS as u64))));
        }
        let ms: f64 = std::str::from_utf8(part).ok()?.parse().ok()?;
        let ms = if ms.is_nan() { return None } else { ms.clamp(0.0, LONGEST_MS) };
        Some(Some(Duration::from_millis(ms.ceil() as u64)))
    }

    fn terms(&mut self) -> Option<Terms> {
        let [ttl, keep, fresh] = [self.duration()?, self.duration()?, self.duration()?];
        Some(Terms { ttl, keep, fresh, tags: Vec::new() })
    }

    /// Whether the result brings tags, and from which part of the fresh period on, in thousandths, a refresh may begin.
    fn extras(&mut self) -> Option<(bool, Option<u32>)> {
        let part = self.next()?;
        let (tags_result, early) = part.strip_prefix(b"t").map_or((false, part), |rest| (true, rest));
        let early = if early.is_empty() { None } else { Some(std::str::from_utf8(early).ok()?.parse().ok()?) };
        Some((tags_result, early))
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
