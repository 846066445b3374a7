use std::time::Duration;

use super::*;
use crate::cache::decision::Hit;
use crate::cache::ids::{LoadId, ParsedId, Reader, RepoId};
use crate::cache::request::{LoadOutcome, Request};
use crate::store::entry::{Algorithm, Form, Packed};

const LONGEST: usize = 1 << 20;

fn text(length: usize) -> Vec<u8> {
    b"a value that repeats itself, ".iter().copied().cycle().take(length).collect()
}

/// Bytes without a pattern.
fn noise(length: usize) -> Vec<u8> {
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 40) as u8)
    };
    std::iter::repeat_n((), length).scan(1, |state, ()| next(state)).collect()
}

fn wish(algorithm: Algorithm) -> Handling {
    Handling { wish: Some(Wish { algorithm, level: 3, min_bytes: 100 }), awaits_word: false }
}

fn call(number: u32, request: Request) -> Message {
    Message::Call(CallId(number), Reader { repo: RepoId(1), codec: None }, request)
}

fn set(number: u32, key: &str, length: usize) -> Message {
    let request = Request::Set {
        key: key.into(),
        ttl: Duration::from_secs(1),
        keep: None,
        fresh: None,
        payload: text(length).into(),
        tags: Vec::new(),
    };
    call(number, request)
}

fn get(number: u32, key: &str) -> Message {
    call(number, Request::Has { key: key.into() })
}

fn number_of(message: &Message) -> u32 {
    if let Message::Call(call, ..) = message {
        call.0
    } else {
        0
    }
}

fn packed_length(message: &mut Message) -> Option<usize> {
    message.payload_mut()?.form().packed.map(|packed| packed.length)
}

/// Runs what is due.
fn work(packing: &mut Packing) -> Vec<Freed> {
    packing.take_jobs().iter().map(Job::run).map(|finished| packing.done(finished)).collect()
}

#[test]
fn a_short_value_is_packed_at_once_and_one_below_the_bound_or_without_gain_stays_as_it_is() {
    let mut packing = Packing::new(LONGEST);
    for algorithm in [Algorithm::Zstd, Algorithm::Lz4] {
        for (length, packed) in [(99, None), (100, Some(100)), (PACK_HERE, Some(PACK_HERE))] {
            let mut message = packing.admit(set(1, "k", length), wish(algorithm)).unwrap();
            assert_eq!(packed_length(&mut message), packed);
        }
        let noise = noise(1000);
        let mut message = packing.admit(Message::Loaded(LoadId(1), LoadOutcome::Value(noise.clone().into())), wish(algorithm)).unwrap();
        assert_eq!(message.payload_mut().unwrap().as_bytes(), noise);
    }
    let mut plain = packing.admit(set(1, "k", 1_000_000), Handling::default()).unwrap();
    assert_eq!((packed_length(&mut plain), packing.due()), (None, 0));
}

#[test]
fn a_long_value_is_packed_elsewhere_and_nothing_about_its_key_overtakes_it() {
    let mut packing = Packing::new(LONGEST);
    assert_eq!(packing.admit(set(1, "k", PACK_HERE + 1), wish(Algorithm::Zstd)), None);
    assert_eq!(packing.due(), 1);
    for message in [get(2, "k"), call(3, Request::Delete { keys: vec![b"x".to_vec(), b"k".to_vec()] })] {
        assert_eq!(packing.admit(message, Handling::default()), None);
    }
    assert!(packing.admit(get(4, "other"), Handling::default()).is_some(), "another key");
    assert_eq!(packing.admit(call(5, Request::InvalidateTags { tags: Vec::new() }), Handling::default()), None);
    assert_eq!(packing.admit(get(6, "other"), Handling::default()), None, "behind what concerns the whole repository");
    let mut freed = work(&mut packing).remove(0).messages;
    assert_eq!(freed.iter().map(number_of).collect::<Vec<_>>(), [1, 2, 3, 5, 6]);
    assert_eq!(packed_length(&mut freed[0]), Some(PACK_HERE + 1));
    assert!(packing.admit(get(7, "k"), Handling::default()).is_some());
}

#[test]
fn what_a_loader_brought_is_packed_elsewhere_and_delays_no_key() {
    let mut packing = Packing::new(LONGEST);
    let loaded = Message::Loaded(LoadId(1), LoadOutcome::Value(text(1_000_000).into()));
    assert_eq!(packing.admit(loaded, wish(Algorithm::Lz4)), None);
    assert!(packing.admit(call(2, Request::Delete { keys: vec![b"k".to_vec()] }), Handling::default()).is_some());
    assert_eq!(work(&mut packing).remove(0).messages.len(), 1);
}

#[test]
fn a_message_that_awaits_a_word_goes_on_or_counts_as_never_sent() {
    for may_go in [true, false] {
        let mut packing = Packing::new(LONGEST);
        let handling = Handling { awaits_word: true, ..wish(Algorithm::Zstd) };
        assert_eq!(packing.admit(set(1, "k", 1_000_000), handling), None);
        assert_eq!(packing.admit(get(2, "k"), Handling::default()), None);
        assert_eq!(work(&mut packing).remove(0).messages, [], "packed, and still without a word");
        let freed: Vec<u32> = packing.word(CallId(1), may_go).iter().map(number_of).collect();
        assert_eq!(freed, if may_go { vec![1, 2] } else { vec![2] });
        assert_eq!(packing.word(CallId(1), true), [], "it has been said");
    }
}

fn stored(length: usize, algorithm: Algorithm) -> Payload {
    let plain = Payload::new(Value::new(text(length)), 0, Form::plain(Content::Buffer));
    Work::Pack(plain, Wish { algorithm, level: 1, min_bytes: 0 }).run().unwrap()
}

use crate::store::entry::Content;

fn hit(call: u32, payload: &Payload) -> Decision {
    Decision::Hit { call: CallId(call), payload: payload.clone(), hit: Hit::Stale }
}

#[test]
fn a_short_value_is_unpacked_at_once() {
    let mut packing = Packing::new(LONGEST);
    for algorithm in [Algorithm::Zstd, Algorithm::Lz4] {
        let mut ready = VecDeque::new();
        let payload = stored(UNPACK_HERE, algorithm);
        packing.decide(hit(1, &payload), &mut ready);
        packing.decide(hit(2, &payload), &mut ready);
        let plain = Payload::new(Value::new(text(UNPACK_HERE)), 0, Form::plain(Content::Buffer));
        assert_eq!(ready, [hit(1, &plain), hit(2, &plain)]);
        packing.forget_recent();
    }
}

#[test]
fn a_long_value_is_unpacked_elsewhere_once_for_all_its_readers_and_later_decisions_about_them_wait() {
    let mut packing = Packing::new(LONGEST);
    let mut ready = VecDeque::new();
    let (payload, plain) = (stored(500_000, Algorithm::Lz4), Payload::new(Value::new(text(500_000)), 0, Form::plain(Content::Buffer)));
    let parsed = ParsedId(9);
    let told = [
        Decision::Keep { parsed, payload: payload.clone() },
        Decision::HitParsed { call: CallId(1), parsed, hit: Hit::Fresh },
        hit(2, &payload),
        Decision::LoadOver { call: Some(CallId(2)), load: None },
    ];
    for decision in told.clone() {
        packing.decide(decision, &mut ready);
    }
    assert_eq!(ready, []);
    let other = Decision::Done { call: CallId(7), number: 1 };
    packing.decide(other.clone(), &mut ready);
    assert_eq!(ready, [other], "nothing to do with it");
    assert_eq!(packing.due(), 1);
    let freed = work(&mut packing).remove(0).decisions;
    let [_, by_number, _, over] = told;
    assert_eq!(freed, [Decision::Keep { parsed, payload: plain.clone() }, by_number, hit(2, &plain), over]);
}

#[test]
fn what_cannot_be_unpacked_or_claims_to_be_too_long_is_unreadable() {
    let mut packing = Packing::new(LONGEST);
    for length in [10, UNPACK_HERE + 1, LONGEST + 1, usize::MAX] {
        let form = Form { content: Content::Text, packed: Some(Packed { algorithm: Algorithm::Zstd, length }) };
        let payload = Payload::new(Value::new(b"not packed at all".to_vec()), 0, form);
        let mut ready = VecDeque::new();
        packing.decide(hit(1, &payload), &mut ready);
        ready.extend(work(&mut packing).into_iter().flat_map(|freed| freed.decisions));
        assert_eq!(ready, [hit(1, &Payload::unreadable())], "{length}");
        assert_eq!(packing.open(&payload), Payload::unreadable());
    }
    assert_eq!((packing.jobs.len(), packing.decisions.is_empty()), (0, true));
}
