//! The values that the driver keeps parsed, by their stamps. A stamp names one stored value forever, so a caller whose value is here
//! gets its number instead of a text. The driver bounds what it keeps and says what it has dropped; nothing here decides whether
//! an entry may be served.
//!
//! A long value is not moved again: the next read of its entry asks for the start alone, as many bytes as hold the header. If the
//! stamp there is another one, the entry is read in full.

use super::caller::{Caller, ReadKind};
use super::ids::{Codec, ParsedId};
use super::lookup::Lookup;
use super::payload::Payload;
use super::timers::Numbered;
use crate::store::entry::{self, Stored};
use crate::store::{Id, Key, Named, Seen};

/// What a value takes besides its text. The driver counts the same.
const OVERHEAD: usize = 256;
/// Room for a lease in a header that is read again, where the header is short.
const SHORT_HEAD: usize = 700;

/// How a value with a stamp is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// The driver has it.
    Already(ParsedId),
    /// The driver is to keep it under this number.
    FromNow(ParsedId),
}

/// A long value, as it was read in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Large {
    stamp: Id,
    codec: Codec,
    /// How many bytes hold its header, even with a lease that is not there yet.
    head_bytes: usize,
}

#[derive(Debug)]
struct Value {
    stamp: Id,
    codec: Codec,
    /// The entry that it is known to be large by.
    entry: Option<Key>,
}

/// The stamps of the values that the driver keeps. Serializers give values of their own.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    max_bytes: usize,
    conditional_bytes: usize,
    by_stamp: Named<(Id, Codec), ParsedId>,
    by_id: Numbered<u32, Value>,
    /// Long values among them, by their entries.
    large: Named<Key, Large>,
    last: u32,
}

impl Parsed {
    /// The driver keeps values of at most `max_bytes`; 0: none. Those of `conditional_bytes` and more are not moved again.
    pub(super) fn new(max_bytes: usize, conditional_bytes: usize) -> Self {
        Self { max_bytes, conditional_bytes, ..Self::default() }
    }

    /// How a value is handed over; `None`: as a text.
    pub(super) fn hold(&mut self, payload: &Payload) -> Option<Held> {
        let codec = payload.codec?;
        let stamp = payload.stamp()?;
        if let Some(id) = self.by_stamp.get(&(stamp, codec)) {
            return Some(Held::Already(*id));
        }
        if payload.length().saturating_mul(2).saturating_add(OVERHEAD) > self.max_bytes {
            return None;
        }
        let id = self.next();
        self.by_stamp.insert((stamp, codec), id);
        self.by_id.insert(id.0, Value { stamp, codec, entry: None });
        Some(Held::FromNow(id))
    }

    /// The number of a value that the driver keeps.
    pub(super) fn id_of(&self, stamp: Id, codec: Codec) -> Option<ParsedId> {
        self.by_stamp.get(&(stamp, codec)).copied()
    }

    /// The driver does not keep this value any longer.
    pub(super) fn drop(&mut self, id: ParsedId) {
        let Some(Value { stamp, codec, entry }) = self.by_id.remove(&id.0) else { return };
        self.by_stamp.remove(&(stamp, codec));
        if let Some(entry) = entry.filter(|entry| self.large.get(entry).is_some_and(|large| (large.stamp, large.codec) == (stamp, codec))) {
            self.large.remove(&entry);
        }
    }

    /// How many bytes at the start of the entry are enough for this lookup; `None`: the whole entry.
    pub(super) fn head_of(&self, lookup: &Lookup) -> Option<usize> {
        let large = self.large.get(&lookup.entry)?;
        let has_it = |caller: &Caller| !caller.replaces && self.has(large.stamp, caller);
        (!lookup.in_full && lookup.callers.iter().all(has_it)).then_some(large.head_bytes)
    }

    /// Whether the driver has the value whose header was read, forevery caller that wants it.
    pub(super) fn is_held(&self, lookup: &Lookup) -> bool {
        let Seen::Own(value) = &lookup.found.value else { return false };
        entry::name(value).is_some_and(|stamp| lookup.callers.iter().all(|caller| self.has(stamp, caller)))
    }

    fn has(&self, stamp: Id, caller: &Caller) -> bool {
        matches!(caller.kind, ReadKind::Has) || caller.codec.is_some_and(|codec| self.by_stamp.contains_key(&(stamp, codec)))
    }

    /// The value that a lookup has read, if it is long and one of its callers may keep it.
    pub(super) fn large(&self, lookup: &Lookup) -> Option<Large> {
        let Seen::Own(value) = &lookup.found.value else { return None };
        if lookup.found.is_head || self.max_bytes == 0 || value.len() < self.conditional_bytes {
            return None;
        }
        let codec = lookup.callers.iter().find_map(|caller| caller.codec)?;
        let Some(Stored::Entry(entry)) = entry::parse(value) else { return None };
        let head = entry.payload;
        // A lease makes the header about twice as long.
        let head_bytes = (2 * head).min(SHORT_HEAD.max(head)) + 64;
        let payload = value.len() - head;
        (payload >= self.conditional_bytes && head_bytes <= payload / 2).then_some(Large { stamp: entry.stamp, codec, head_bytes })
    }

    /// The value was handed over, unless nobody was served with it.
    pub(super) fn note(&mut self, entry: &Key, large: Large) {
        let Some(id) = self.by_stamp.get(&(large.stamp, large.codec)) else { return };
        let Some(value) = self.by_id.get_mut(&id.0) else { return };
        value.entry = Some(entry.clone());
        self.large.insert(entry.clone(), large);
    }

    /// A number that no value has.
    fn next(&mut self) -> ParsedId {
        loop {
            self.last = self.last.wrapping_add(1);
            if !self.by_id.contains_key(&self.last) {
                return ParsedId(self.last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Value as Bytes;

    fn payload(stamp: u8, text: &str, codec: u32) -> Payload {
        let header = format!("hw2e {} 00000000 \n", char::from(stamp).to_string().repeat(12));
        let raw = Bytes::new([header.as_bytes(), text.as_bytes()].concat());
        Payload::new(raw, header.len(), entry::Form::TEXT).decoded_by(Codec::from_number(codec))
    }

    #[test]
    fn a_value_is_handed_over_as_a_text_once_and_then_by_its_number() {
        let mut parsed = Parsed::new(1000, 500);
        let first = ParsedId(1);
        assert_eq!(parsed.hold(&payload(b'a', "1", 1)), Some(Held::FromNow(first)));
        assert_eq!(parsed.hold(&payload(b'a', "1", 1)), Some(Held::Already(first)));
        assert_eq!(parsed.hold(&payload(b'a', "1", 2)), Some(Held::FromNow(ParsedId(2))), "another serializer");
        assert_eq!(parsed.hold(&payload(b'b', "1", 1)), Some(Held::FromNow(ParsedId(3))), "another value");
        parsed.drop(first);
        parsed.drop(first);
        assert_eq!(parsed.hold(&payload(b'a', "1", 1)), Some(Held::FromNow(ParsedId(4))));
        assert_eq!((parsed.by_id.len(), parsed.by_stamp.len()), (3, 3));
    }

    #[test]
    fn what_is_too_long_or_has_no_stamp_or_no_codec_stays_a_text() {
        let mut parsed = Parsed::new(1000, 500);
        assert_eq!(parsed.hold(&payload(b'a', &"x".repeat(373), 1)), None);
        assert!(parsed.hold(&payload(b'a', &"x".repeat(372), 1)).is_some());
        assert_eq!(parsed.hold(&payload(b'b', "1", 0)), None);
        let bare = Payload::from(b"hw2e aaaaaaaaaaaa 00000000 \n".to_vec());
        assert_eq!(parsed.hold(&bare.decoded_by(Codec::from_number(1))), None, "a text that looks like an entry");
        assert_eq!(Parsed::new(0, 500).hold(&payload(b'a', "1", 1)), None);
    }
}
