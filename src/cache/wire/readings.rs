//! `getOrSet` has a form of its own, since it is most calls: numbers in bytes, then the key, then the *reading*, which is everything else.
//! Calls of one repository for one kind of thing mostly have the same reading, so what was read last is remembered by its bytes.
//!
//! ```text
//! <letter> <call: 4 bytes> <length of the key: 4> <length of the reading: 4> <key> <reading>
//! reading: <length of the words: 2 bytes> <words> and for each tag: <its length: 2 bytes> <tag>
//! words:   reader,ttl,keep,fresh,maxAge,lockTimeout,extras
//! ```
//!
//! Numbers have their least byte first, and there is no blank between the parts.

use std::num::NonZeroUsize;
use std::time::Duration;

use foldhash::quality::RandomState;
use lru::LruCache;

use super::message::{Crossed, Handling, Message};
use super::parse::parse;
use super::parts::{duration, extras, reader};
use crate::cache::ids::{CallId, Reader};
use crate::cache::request::Request;
use crate::cache::tag_set::TagSet;
use crate::contract::CallLetter;
use crate::store::entry::Tag;

const HEAD: usize = 13;
/// How many readings are remembered.
const READINGS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");
/// Longer ones are not remembered.
const LONGEST: usize = 1024;

/// What a `getOrSet` says besides its number and its key.
#[derive(Debug, Clone)]
struct Reading {
    reader: Reader,
    ttl: Duration,
    keep: Option<Duration>,
    fresh: Option<Duration>,
    max_age: Option<Duration>,
    lock_timeout: Option<Duration>,
    tags_result: bool,
    early: Option<u32>,
    tags: TagSet,
}

/// Reads messages.
#[derive(Debug)]
pub struct Messages {
    recent: LruCache<Box<[u8]>, Reading, RandomState>,
}

impl Default for Messages {
    fn default() -> Self {
        Self { recent: LruCache::with_hasher(READINGS, RandomState::default()) }
    }
}

impl Messages {
    /// The message at the start of `bytes`; `None` if it is no message of this protocol.
    pub fn parse(&mut self, bytes: &[u8]) -> Option<Crossed> {
        let letter = *bytes.first()?;
        if letter == b'*' {
            return parse(bytes);
        }
        let replaces = match CallLetter::from_number(letter.into())? {
            CallLetter::GetOrSet => false,
            CallLetter::GetOrSetReplacing => true,
            _ => return None,
        };
        let head = bytes.get(..HEAD)?;
        let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let (call, key, reading) = (CallId(number(1)?), number(5)? as usize, number(9)? as usize);
        let from = HEAD.checked_add(key)?;
        let length = from.checked_add(reading)?;
        let key = bytes.get(HEAD..from)?.to_vec();
        let said = bytes.get(from..length)?;
        let message = if let Some(reading) = self.recent.get(said) {
            reading.of(call, key, replaces)
        } else {
            let reading = Reading::parse(said)?;
            let message = reading.of(call, key, replaces);
            if said.len() <= LONGEST {
                self.recent.put(said.into(), reading);
            }
            message
        };
        Some(Crossed { message, handling: Handling::default(), length })
    }
}

impl Reading {
    /// The call for this key.
    fn of(&self, call: CallId, key: Vec<u8>, replaces: bool) -> Message {
        let Self { reader, ttl, keep, fresh, max_age, lock_timeout, tags_result, early, ref tags } = *self;
        let tags = tags.clone();
        Message::Call(call, reader, Request::GetOrSet { key, ttl, keep, fresh, max_age, lock_timeout, tags, replaces, early, tags_result })
    }

    fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut words = part(&mut bytes)?.split(|byte| *byte == b',');
        let reader = reader(words.next()?)?;
        let ttl = duration(words.next()?)??;
        let mut optional = || duration(words.next()?);
        let [keep, fresh, max_age, lock_timeout] = [optional()?, optional()?, optional()?, optional()?];
        let (tags_result, early) = extras(words.next()?)?;
        let mut tags = Vec::new();
        while !bytes.is_empty() {
            tags.push(Tag::from(part(&mut bytes)?));
        }
        let tags = TagSet::from(tags);
        let has_more = words.next().is_some();
        (!has_more).then_some(Self { reader, ttl, keep, fresh, max_age, lock_timeout, tags_result, early, tags })
    }
}

/// Takes a part with its length off the start of `bytes`.
fn part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (part, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *bytes = rest;
    Some(part)
}
