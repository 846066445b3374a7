//! The values that the driver keeps parsed, by their stamps. A stamp names one stored value for ever, so a caller whose value is here
//! gets its number instead of a text. The driver bounds what it keeps and says what it has dropped; nothing here decides whether
//! an entry may be served.

use std::collections::HashMap;

use super::request::{Codec, ParsedId, Payload};
use super::timers::Numbered;
use crate::store::Id;

/// What a value takes besides its text. The driver counts the same.
const OVERHEAD: usize = 256;

/// How a value with a stamp is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// The driver has it.
    Already(ParsedId),
    /// The driver is to keep it under this number.
    FromNow(ParsedId),
}

/// The stamps of the values that the driver keeps. Serializers give values of their own.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    max_bytes: usize,
    by_stamp: HashMap<(Id, Codec), ParsedId>,
    by_id: Numbered<u32, (Id, Codec)>,
    last: u32,
}

impl Parsed {
    /// The driver keeps values of at most `max_bytes`; 0: none.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, ..Self::default() }
    }

    /// How a value is handed over; `None`: as a text.
    pub(super) fn hold(&mut self, payload: &Payload) -> Option<Held> {
        let codec = payload.codec?;
        let stamp = payload.stamp()?;
        if let Some(id) = self.by_stamp.get(&(stamp, codec)) {
            return Some(Held::Already(*id));
        }
        if payload.as_bytes().len().saturating_mul(2).saturating_add(OVERHEAD) > self.max_bytes {
            return None;
        }
        let id = self.next();
        self.by_stamp.insert((stamp, codec), id);
        self.by_id.insert(id.0, (stamp, codec));
        Some(Held::FromNow(id))
    }

    /// The driver does not keep this value any longer.
    pub(super) fn drop(&mut self, id: ParsedId) {
        if let Some(value) = self.by_id.remove(&id.0) {
            self.by_stamp.remove(&value);
        }
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
    use crate::store::Value;

    fn payload(stamp: u8, text: &str, codec: u32) -> Payload {
        let header = format!("hw1e {} 000000000000 \n", char::from(stamp).to_string().repeat(16));
        let raw = Value::new([header.as_bytes(), text.as_bytes()].concat());
        Payload::new(raw, header.len()).decoded_by(Codec::from_number(codec))
    }

    #[test]
    fn a_value_is_handed_over_as_a_text_once_and_then_by_its_number() {
        let mut parsed = Parsed::new(1000);
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
        let mut parsed = Parsed::new(1000);
        assert_eq!(parsed.hold(&payload(b'a', &"x".repeat(373), 1)), None);
        assert!(parsed.hold(&payload(b'a', &"x".repeat(372), 1)).is_some());
        assert_eq!(parsed.hold(&payload(b'b', "1", 0)), None);
        let bare = Payload::from(b"hw1e aaaaaaaaaaaaaaaa 000000000000 \n".to_vec());
        assert_eq!(parsed.hold(&bare.decoded_by(Codec::from_number(1))), None, "a text that looks like an entry");
        assert_eq!(Parsed::new(0).hold(&payload(b'a', "1", 1)), None);
    }
}
