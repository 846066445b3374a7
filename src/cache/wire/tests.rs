use std::time::Duration;

use super::*;
use crate::cache::decision::{Decision, Hit};
use crate::cache::ids::{CallId, Codec, LoadId, ParsedId, Reader, RepoId};
use crate::cache::payload::Payload;
use crate::cache::request::{LoadOutcome, Request, ResultOptions};
use crate::error::{Error, ErrorKind};
use crate::resp::Commands;
use crate::store::entry::{Algorithm, Content, Form, Tag};
use crate::store::Value;

fn bytes(content: Content, bytes: &[u8]) -> Payload {
    Payload::new(Value::new(bytes.to_vec()), 0, Form::plain(content))
}

fn encode(parts: &[&str]) -> Vec<u8> {
    let mut commands = Commands::new();
    commands.push(parts);
    let encoded = commands.iter().next().unwrap().to_vec();
    encoded
}

fn parse(bytes: &[u8]) -> Option<Crossed> {
    Messages::default().parse(bytes)
}

fn message(parts: &[&str]) -> Option<Message> {
    message_of(&encode(parts))
}

fn message_of(bytes: &[u8]) -> Option<Message> {
    let crossed = parse(bytes)?;
    assert_eq!(crossed.length, bytes.len());
    Some(crossed.message)
}

/// A `getOrSet` in its own form.
fn reading(letter: &str, call: u32, key: &str, words: &str, tags: &[&str]) -> Vec<u8> {
    let part = |text: &str| [&(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat();
    let reading = [&[words], tags].concat().into_iter().flat_map(part).collect::<Vec<u8>>();
    let length = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
    [letter.as_bytes(), &call.to_le_bytes(), &length(key.as_bytes()), &length(&reading), key.as_bytes(), &reading].concat()
}

fn get_or_set(tags: &[&str]) -> Request {
    Request::GetOrSet {
        key: b"k".to_vec(),
        ttl: MS(1000),
        keep: None,
        fresh: Some(MS(500)),
        max_age: None,
        lock_timeout: Some(MS(250)),
        tags: self::tags(tags).into(),
        replaces: false,
        early: Some(800),
        tags_result: true,
    }
}

fn tags(names: &[&str]) -> Vec<Tag> {
    names.iter().map(|name| Tag::from(name.as_bytes())).collect()
}

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn every_message_is_understood() {
    let call = |request| Some(Message::Call(CallId(7), Reader { repo: RepoId(1), codec: None }, request));
    for (parts, want) in [
        (
            &["L", "9", "1000", "", "500", "", "v", "a"][..],
            Some(Message::Loaded(
                LoadId(9),
                LoadOutcome::ValueWith(
                    b"v".to_vec().into(),
                    ResultOptions { ttl: Some(MS(1000)), keep: None, fresh: Some(MS(500)), tags: tags(&["a"]) },
                ),
            )),
        ),
        (
            &["K", "9", "", "0", ""],
            Some(Message::Loaded(LoadId(9), LoadOutcome::Unmodified(ResultOptions { keep: Some(MS(0)), ..ResultOptions::default() }))),
        ),
        (&["Y", "7"], Some(Message::Soften(CallId(7)))),
        (&["R", "7", "1", "k", "", "9"], call(Request::Get { key: b"k".to_vec(), fresh: None, max_age: Some(MS(9)) })),
        (
            &["R", "7", "1:2", "k", "", ""],
            Some(Message::Call(
                CallId(7),
                Reader { repo: RepoId(1), codec: Codec::from_number(2) },
                Request::Get { key: b"k".to_vec(), fresh: None, max_age: None },
            )),
        ),
        (&["H", "7", "1", "k"], call(Request::Has { key: b"k".to_vec() })),
        (
            &["S", "7", "1", "k", "1.5", "60000", "", "", "\"v\r\n\"", "a"],
            call(Request::Set {
                key: b"k".to_vec(),
                ttl: MS(2),
                keep: Some(MS(60_000)),
                fresh: None,
                payload: b"\"v\r\n\"".to_vec().into(),
                tags: tags(&["a"]),
            }),
        ),
        (&["D", "7", "1", "a", "b"], call(Request::Delete { keys: vec![b"a".to_vec(), b"b".to_vec()] })),
        (&["D", "7", "1"], call(Request::Delete { keys: vec![] })),
        (&["P", "7", "1", "user:*"], call(Request::DeletePattern { glob: b"user:*".to_vec() })),
        (&["T", "7", "1", "a"], call(Request::InvalidateTags { tags: tags(&["a"]) })),
        (&["V", "3", "", "null"], Some(Message::Loaded(LoadId(3), LoadOutcome::Value(b"null".to_vec().into())))),
        (&["V", "3", "b", "\0\r\n"], Some(Message::Loaded(LoadId(3), LoadOutcome::Value(bytes(Content::Buffer, b"\0\r\n"))))),
        (&["V", "3", "u", ""], Some(Message::Loaded(LoadId(3), LoadOutcome::Value(bytes(Content::Uint8Array, b""))))),
        (&["V", "3", "x", "v"], None),
        (&["J", "7", "1"], Some(Message::Word(CallId(7), true))),
        (&["J", "7", "0"], Some(Message::Word(CallId(7), false))),
        (&["J", "7", "2"], None),
        (&["V", "3", "bu", "v"], None),
        (&["U", "3"], Some(Message::Loaded(LoadId(3), LoadOutcome::Nothing))),
        (&["F", "4294967295"], Some(Message::Loaded(LoadId(u32::MAX), LoadOutcome::Failed))),
        (&["A", "7", "3", "a"], Some(Message::AddTags(CallId(7), LoadId(3), tags(&["a"])))),
        (&["X", "7"], Some(Message::Cancel(CallId(7)))),
        (&["E", "7"], Some(Message::Dropped(ParsedId(7)))),
    ] {
        assert_eq!(message(parts), want, "{parts:?}");
    }
}

#[test]
fn a_get_or_set_is_understood_with_a_reading_that_is_new_and_with_one_that_is_remembered() {
    let mut messages = Messages::default();
    let mut read = |bytes: &[u8]| messages.parse(bytes).map(|crossed| (crossed.message, crossed.length));
    let words = "1:2,1000,,500,,250,t800";
    let reader = |codec| Reader { repo: RepoId(1), codec: Codec::from_number(codec) };
    for round in 0..2 {
        let bytes = reading("G", 7, "k", words, &["b", "a"]);
        let want = Message::Call(CallId(7), reader(2), get_or_set(&["a", "b"]));
        assert_eq!(read(&[&bytes[..], b"rest"].concat()), Some((want, bytes.len())), "{round}");
        let bytes = reading("N", u32::MAX, "", "1,1000,,,,,", &[]);
        let Some((Message::Call(CallId(u32::MAX), whose, request), _)) = read(&bytes) else { panic!("a call") };
        let Request::GetOrSet { key, ttl, tags, replaces: true, early: None, tags_result: false, .. } = request else { panic!("a read") };
        assert_eq!((whose, &*key, ttl, tags.len()), (reader(0), &b""[..], MS(1000), 0));
    }
    let long = "t".repeat(1000);
    for n in 0..10_000_u32 {
        let tag = [long.as_str(), &n.to_string()].concat();
        let bytes = reading("G", n, "k", words, &[&tag, "a"]);
        assert_eq!(read(&bytes), Some((Message::Call(CallId(n), reader(2), get_or_set(&["a", &tag])), bytes.len())), "{n}");
    }
}

#[test]
fn a_get_or_set_that_is_cut_or_damaged_is_none_and_never_a_panic() {
    let mut messages = Messages::default();
    let whole = reading("G", 7, "key", "1:2,1000,,500,,250,t800", &["a", "bc"]);
    for round in 0..2 {
        for end in 0..whole.len() {
            assert_eq!(messages.parse(&whole[..end]), None, "cut at {end}, {round}");
        }
        for at in 0..whole.len() {
            for byte in [0, b'0', b',', b':', b'R', b'*', 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _ = messages.parse(&damaged);
            }
        }
        assert!(messages.parse(&whole).is_some());
    }
    for words in
        ["", "1", "1,,,,,,", "1,soon,,,,,", "1,nan,,,,,", "1,1000,,,,", "1,1000,,,,,,", ":1,1000,,,,,", "1:,1000,,,,,", "1,1000,,,,,x"]
    {
        assert_eq!(messages.parse(&reading("G", 1, "k", words, &[])), None, "{words}");
    }
}

#[test]
fn what_is_not_a_message_is_none_and_never_a_panic() {
    for parts in [
        &["Z"][..],
        &["X"],
        &["X", "7", "8"],
        &["X", "-1"],
        &["X", "4294967296"],
        &["G", "7", "1", "k"],
        &["S", "7", "1", "k", "soon", "", "", "", "v"],
        &["S", "7", "1", "k", "nan", "", "", "", "v"],
        &["R", "x", "1", "k", "", ""],
        &["R", "1", "1:", "k", "", ""],
        &["R", "1", ":1", "k", "", ""],
        &["R", "1", "1:1:1", "k", "", ""],
        &["E", ""],
    ] {
        assert_eq!(message(parts), None, "{parts:?}");
    }
    let whole = encode(&["S", "7", "1", "k", "1000", "", "", "b", "payload", "a"]);
    for end in 0..whole.len() {
        assert_eq!(parse(&whole[..end]), None, "cut at {end}");
    }
    for at in 0..whole.len() {
        for byte in [0, b'0', b'9', b'*', b'$', b'\r', b'\n', 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            let _ = parse(&damaged);
        }
    }
    assert_eq!(parse(b"*99999999999\r\n$1\r\nD\r\n"), None);
    assert_eq!(parse(b"*2\r\n$18446744073709551615\r\nD\r\n"), None);
}

#[test]
fn durations_are_bounded() {
    let Some(Message::Call(_, _, Request::GetOrSet { ttl, .. })) = message_of(&reading("G", 1, "k", "1,1e300,,,,,", &[])) else {
        panic!("a call")
    };
    assert_eq!(ttl, MS(1_000_000_000_000));
    let Some(Message::Call(_, _, Request::GetOrSet { ttl, .. })) = message_of(&reading("G", 1, "k", "1,-5,,,,,", &[])) else {
        panic!("a call")
    };
    assert_eq!(ttl, Duration::ZERO);
}

#[test]
fn decisions_are_four_slots() {
    let n = Slot::Number;
    let payload = Payload::new(Value::new(b"header\n\"v\"".to_vec()), 7, Form::TEXT);
    assert_eq!(payload.as_bytes(), b"\"v\"");
    let call = CallId(7);
    let load = LoadId(3);
    let hit = |hit| Decision::Hit { call, payload: payload.clone(), hit };
    let error = Error::new(ErrorKind::Timeout, "too late").maybe_executed(true);
    for (decision, want) in [
        (hit(Hit::Fresh), [n(0.0), n(7.0), Slot::Payload(payload.clone()), n(0.0)]),
        (hit(Hit::Stale), [n(0.0), n(7.0), Slot::Payload(payload.clone()), n(1.0)]),
        (hit(Hit::Joined), [n(0.0), n(7.0), Slot::Payload(payload.clone()), n(2.0)]),
        (Decision::Keep { parsed: ParsedId(5), payload: payload.clone() }, [n(13.0), n(5.0), Slot::Payload(payload.clone()), Slot::None]),
        (Decision::HitParsed { call, parsed: ParsedId(5), hit: Hit::Stale }, [n(14.0), n(7.0), n(5.0), n(1.0)]),
        (hit(Hit::Kept), [n(0.0), n(7.0), Slot::Payload(payload.clone()), n(3.0)]),
        (Decision::Miss { call }, [n(1.0), n(7.0), Slot::None, Slot::None]),
        (Decision::Load { call, load, storing: true }, [n(2.0), n(7.0), n(3.0), n(0.0)]),
        (Decision::Load { call, load, storing: false }, [n(2.0), n(7.0), n(3.0), n(1.0)]),
        (Decision::Refresh { call, load }, [n(3.0), n(7.0), n(3.0), Slot::None]),
        (Decision::Stored { call, load, stored: true }, [n(4.0), n(7.0), n(3.0), n(1.0)]),
        (Decision::FailedWith { call, load }, [n(5.0), n(7.0), n(3.0), Slot::None]),
        (Decision::Nothing { call, load }, [n(6.0), n(7.0), n(3.0), Slot::None]),
        (Decision::Done { call, number: 2 }, [n(7.0), n(7.0), n(2.0), Slot::None]),
        (Decision::Error { call, error: error.clone(), kept: true }, [n(8.0), n(7.0), Slot::Error(error), n(1.0)]),
        (Decision::Waiting { call }, [n(9.0), n(7.0), Slot::None, Slot::None]),
        (
            Decision::Event { repo: None, name: "breaker", text: "closed".into() },
            [n(10.0), n(0.0), Slot::Text("breaker".into()), Slot::Text("closed".into())],
        ),
        (Decision::LoadOver { call: None, load: Some(load) }, [n(11.0), n(0.0), n(3.0), Slot::None]),
        (Decision::LoadOver { call: Some(call), load: None }, [n(11.0), n(7.0), n(0.0), Slot::None]),
    ] {
        assert_eq!(slots(decision), want);
    }
}

#[test]
fn a_message_says_how_its_value_is_to_be_packed_and_whether_it_waits_for_a_word() {
    let zstd = |level, min_bytes| Some(Wish { algorithm: Algorithm::Zstd, level, min_bytes });
    for (form, content, wish, awaits_word) in [
        ("", Content::Text, None, false),
        ("-", Content::Text, None, false),
        ("-?", Content::Text, None, true),
        ("b?", Content::Buffer, None, true),
        ("-z3:1024", Content::Text, zstd(3, 1024), false),
        ("uz19:1?", Content::Uint8Array, zstd(19, 1), true),
        ("bl0:7", Content::Buffer, Some(Wish { algorithm: Algorithm::Lz4, level: 0, min_bytes: 7 }), false),
    ] {
        let Crossed { message, handling, .. } = parse(&encode(&["V", "3", form, "value"])).unwrap();
        assert_eq!(message, Message::Loaded(LoadId(3), LoadOutcome::Value(bytes(content, b"value"))), "{form}");
        assert_eq!(handling, Handling { wish, awaits_word }, "{form}");
    }
    for form in ["?", "z3:1", "-z3", "-z:1", "-z3:", "-z3:1x", "-q3:1", "-z-3:1", "-z3:1??", "-z99999999999:1", "b "] {
        assert_eq!(parse(&encode(&["V", "3", form, "value"])), None, "{form}");
    }
}
