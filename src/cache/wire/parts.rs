//! The parts of one message: texts, numbers, durations, values, tags.

use std::time::Duration;

use super::message::{Handling, Wish};
use crate::cache::ids::{CallId, Codec, Reader, RepoId};
use crate::cache::payload::Payload;
use crate::cache::request::ResultOptions;
use crate::store::entry::{Algorithm, Content, Form, Tag};
use crate::store::Value;

/// The longest duration, some thirty years. Longer ones are cut to it.
const LONGEST_MS: f64 = 1e12;

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

/// Whose call it is: `repo`, or `repo:codec`.
pub(super) fn reader(part: &[u8]) -> Option<Reader> {
    let colon = part.iter().position(|byte| *byte == b':');
    let (repo, codec) = colon.map_or((part, &b"0"[..]), |at| (&part[..at], &part[at + 1..]));
    let number = |digits| u32::try_from(whole(digits)?).ok();
    Some(Reader { repo: RepoId(number(repo)?), codec: Codec::from_number(number(codec)?) })
}

/// Milliseconds. An empty part means none.
#[allow(clippy::option_option, reason = "the outer one is a part that is malformed")]
pub(super) fn duration(part: &[u8]) -> Option<Option<Duration>> {
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

/// Whether the result brings tags, and from which part of the fresh period on, in thousandths, a refresh may begin.
pub(super) fn extras(part: &[u8]) -> Option<(bool, Option<u32>)> {
    let (tags_result, early) = part.strip_prefix(b"t").map_or((false, part), |rest| (true, rest));
    let early = if early.is_empty() { None } else { Some(std::str::from_utf8(early).ok()?.parse().ok()?) };
    Some((tags_result, early))
}

/// The parts of one RESP array of strings, one after another.
pub(super) struct Parts<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) left: usize,
    pub(super) handling: Handling,
}

impl<'a> Parts<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
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

    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
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

    pub(super) fn owned(&mut self) -> Option<Vec<u8>> {
        self.next().map(<[u8]>::to_vec)
    }

    /// A value, and before it what it is and what is to be done with it; nothing says that it is a text.
    pub(super) fn payload(&mut self) -> Option<Payload> {
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
    pub(super) fn rest(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut rest = Vec::with_capacity(self.left);
        while self.left > 0 {
            rest.push(self.owned()?);
        }
        Some(rest)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        whole(self.next()?)?.try_into().ok()
    }

    /// Number of the call, and whose it is.
    pub(super) fn head(&mut self) -> Option<(CallId, Reader)> {
        let call = CallId(self.number()?);
        Some((call, reader(self.next()?)?))
    }

    /// Milliseconds. An empty part means none.
    #[allow(clippy::option_option, reason = "the outer one is a part that is missing or malformed")]
    pub(super) fn duration(&mut self) -> Option<Option<Duration>> {
        duration(self.next()?)
    }

    pub(super) fn options(&mut self) -> Option<ResultOptions> {
        let [ttl, keep, fresh] = [self.duration()?, self.duration()?, self.duration()?];
        Some(ResultOptions { ttl, keep, fresh, tags: Vec::new() })
    }

    pub(super) fn tags(&mut self) -> Option<Vec<Tag>> {
        let mut tags = Vec::with_capacity(self.left);
        while self.left > 0 {
            tags.push(Tag::from(self.next()?));
        }
        Some(tags)
    }
}
