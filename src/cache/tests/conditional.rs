//! Parsed values that the driver keeps, and long ones whose entries are validated by their start.

use super::super::ids::{Codec, ParsedId, Reader};
use super::*;

const LONG: usize = 2000;

fn config() -> EngineConfig {
    EngineConfig { parsed_bytes: 100_000, conditional_bytes: LONG, ..EngineConfig::default() }
}

fn long(letter: &str) -> String {
    letter.repeat(LONG)
}

impl Shared {
    /// A call of a caller with a serializer.
    fn ask_parsed(&mut self, p: &mut Process, call: u32, codec: u32, request: Request) {
        let reader = Reader { repo: p.repo, codec: Codec::from_number(codec) };
        self.input(p, |engine, cx| engine.call_by(cx, CallId(call), reader, request));
    }

    /// The decisions of a call by a caller with a serializer.
    fn read_parsed(&mut self, p: &mut Process, codec: u32, request: Request) -> Vec<Decision> {
        self.ask_parsed(p, 1, codec, request);
        self.serve(p);
        take(p)
    }
}

fn keep(parsed: u32, text: &str) -> Decision {
    Decision::Keep { parsed: ParsedId(parsed), payload: Payload::from(text.as_bytes().to_vec()) }
}

fn no_refresh(call: u32) -> Decision {
    Decision::LoadOver { call: Some(CallId(call)), load: None }
}

fn hit_parsed(call: u32, parsed: u32) -> Decision {
    Decision::HitParsed { call: CallId(call), parsed: ParsedId(parsed), hit: Hit::Fresh }
}

/// How many bytes of the entry the next operation reads; `None`: all.
fn head_bytes(p: &Process) -> Option<usize> {
    match &p.ops.front().expect("an operation").1.op {
        Op::Read { entries, .. } => entries[0].head_bytes,
        other => panic!("{other:?}"),
    }
}

/// Carries everything out, and fails if the entry is read in full.
fn serve_heads(shared: &mut Shared, p: &mut Process) {
    while !p.ops.is_empty() {
        let op = shared.step(p).op;
        assert!(!matches!(&op, Op::Read { entries, .. } if entries[0].head_bytes.is_none()), "{op:?}");
    }
}

#[test]
fn callers_with_a_serializer_get_a_text_once_and_then_its_number() {
    let mut shared = Shared::new();
    let mut p = shared.process_with(config());
    shared.done(&mut p, set("v", &["t"]));
    assert_eq!(shared.read_parsed(&mut p, 1, get_or_set(&["t"])), [keep(1, "v"), hit_parsed(1, 1)]);
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [hit_parsed(1, 1)]);
    assert_eq!(shared.read_parsed(&mut p, 2, get()), [keep(2, "v"), hit_parsed(1, 2)]);
    assert_eq!(shared.read_parsed(&mut p, 0, get()), [hit(1, "v", Hit::Fresh)]);
    p.engine.dropped(ParsedId(1));
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [keep(3, "v"), hit_parsed(1, 3)]);
    shared.done(&mut p, invalidate(&["t"]));
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [miss(1)], "the store decides");
    shared.done(&mut p, set("w", &[]));
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [keep(4, "w"), hit_parsed(1, 4)]);
}

#[test]
fn a_long_value_is_validated_by_its_header() {
    let mut shared = Shared::new();
    let mut p = shared.process_with(config());
    shared.done(&mut p, set(&long("a"), &["t"]));
    shared.ask_parsed(&mut p, 1, 1, get());
    assert_eq!(head_bytes(&p), None);
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [keep(1, &long("a")), hit_parsed(1, 1)]);
    // The same value: one operation, which does not move it.
    shared.ask_parsed(&mut p, 2, 1, get_or_set(&["t"]));
    assert!(head_bytes(&p).is_some_and(|bytes| (100..400).contains(&bytes)), "{:?}", p.ops);
    shared.step(&mut p);
    assert_eq!((take(&mut p), p.ops.len()), (vec![hit_parsed(2, 1)], 0));
    // Another one: it is read in full after its header.
    shared.done(&mut p, set(&long("b"), &["t"]));
    shared.ask_parsed(&mut p, 3, 1, get_or_set(&["t"]));
    shared.step(&mut p);
    assert_eq!((take(&mut p), head_bytes(&p)), (vec![], None));
    shared.step(&mut p);
    assert_eq!(take(&mut p), [keep(2, &long("b")), hit_parsed(3, 2)]);
    shared.ask_parsed(&mut p, 4, 1, get());
    assert!(head_bytes(&p).is_some());
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [hit_parsed(4, 2)]);
}

#[test]
fn a_header_that_is_read_alone_is_judged_like_every_other() {
    let mut shared = Shared::new();
    let mut p = shared.process_with(config());
    let fill = |shared: &mut Shared, p: &mut Process| {
        shared.done(p, set(&long("a"), &["t"]));
        shared.read_parsed(p, 1, get());
    };
    fill(&mut shared, &mut p);
    shared.done(&mut p, invalidate(&["t"]));
    shared.ask_parsed(&mut p, 1, 1, get_or_set(&["t"]));
    assert!(head_bytes(&p).is_some());
    shared.step(&mut p);
    assert_eq!(sent(&p), ["prolong", "ensure"], "what is outdated is not moved");
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, true)]);
    // The lease is shorter than what is read.
    shared.ask_parsed(&mut p, 2, 1, get());
    assert!(head_bytes(&p).is_some());
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [miss(2)]);
    shared.loaded(&mut p, 1, value("short"));
    shared.serve(&mut p);
    take(&mut p);
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [keep(2, "short"), hit_parsed(1, 2)]);
    // Gone, and no entry of ours.
    fill(&mut shared, &mut p);
    shared.store.evict(shared.now, b"sc:k");
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [miss(1)]);
}

#[test]
fn what_needs_the_payload_reads_it() {
    let mut shared = Shared::new();
    let mut p = shared.process_with(config());
    shared.warm(&mut p, get_or_set(&["t"]));
    shared.done(&mut p, set(&long("a"), &["t"]));
    shared.read_parsed(&mut p, 1, get());
    // A caller who wants the text, and one with another serializer.
    for codec in [0, 2] {
        shared.ask_parsed(&mut p, 1, codec, get());
        assert_eq!(head_bytes(&p), None);
        shared.serve(&mut p);
        take(&mut p);
    }
    // One whose tag the entry lacks: the entry comes back if its loader fails.
    shared.ask_parsed(&mut p, 1, 2, get_or_set(&["u"]));
    assert!(head_bytes(&p).is_some());
    shared.step(&mut p);
    assert_eq!(sent(&p), ["versions"]);
    shared.step(&mut p);
    assert_eq!(head_bytes(&p), None);
    shared.serve(&mut p);
    shared.loaded(&mut p, 2, LoadOutcome::Failed);
    shared.serve(&mut p);
    take(&mut p);
    assert_eq!(shared.done(&mut p, get()), hit(901, &long("a"), Hit::Fresh));
    // One for whom it is too old.
    shared.read_parsed(&mut p, 2, get());
    shared.pass(&mut p, 5000);
    let picky = Request::Get { key: b"k".to_vec(), fresh: None, max_age: Some(SECS(1)) };
    shared.ask_parsed(&mut p, 1, 2, picky);
    assert!(head_bytes(&p).is_some());
    shared.step(&mut p);
    shared.step(&mut p);
    assert_eq!(head_bytes(&p), None);
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [miss(1)]);
}

#[test]
fn a_stale_long_value_is_refreshed_without_being_moved_and_a_lease_in_its_header_is_read_along() {
    let mut shared = Shared::new();
    let mut p = shared.process_with(config());
    shared.ask(&mut p, 900, revalidated(0));
    shared.serve(&mut p);
    shared.loaded(&mut p, 1, value(&long("a")));
    shared.serve(&mut p);
    take(&mut p);
    shared.read_parsed(&mut p, 1, revalidated(0));
    shared.pass(&mut p, 20_000);
    let stale = |call, parsed| Decision::HitParsed { call: CallId(call), parsed: ParsedId(parsed), hit: Hit::Stale };
    shared.ask_parsed(&mut p, 1, 1, revalidated(0));
    serve_heads(&mut shared, &mut p);
    assert_eq!(take(&mut p), [stale(1, 1), Decision::Refresh { call: CallId(1), load: LoadId(2) }]);
    // The refresh has its lease in the header now.
    shared.ask_parsed(&mut p, 2, 1, get());
    serve_heads(&mut shared, &mut p);
    assert_eq!(take(&mut p), [stale(2, 1), no_refresh(2)]);
    shared.loaded(&mut p, 2, value(&long("b")));
    shared.serve(&mut p);
    take(&mut p);
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [keep(2, &long("b")), hit_parsed(1, 2)]);
}

#[test]
fn a_header_that_has_grown_beyond_what_is_read_is_followed_by_the_whole_entry() {
    let mut shared = Shared::new();
    let mut p = shared.process_with(config());
    shared.done(&mut p, set(&long("a"), &["t"]));
    shared.read_parsed(&mut p, 1, get());
    let names: Vec<String> = (0..64).map(|n| format!("{n:0>100}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shared.done(&mut p, set(&"b".repeat(50_000), &names));
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [hit(1, &"b".repeat(50_000), Hit::Fresh)], "too long to be kept");
    shared.done(&mut p, set(&"c".repeat(20_000), &names));
    assert_eq!(shared.read_parsed(&mut p, 1, get()), [keep(2, &"c".repeat(20_000)), hit_parsed(1, 2)]);
    shared.ask_parsed(&mut p, 1, 1, get());
    assert!(head_bytes(&p).is_some_and(|bytes| (7000..10_000).contains(&bytes)));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [hit_parsed(1, 2)]);
    // The value is not kept any longer.
    p.engine.dropped(ParsedId(2));
    shared.ask_parsed(&mut p, 1, 1, get());
    assert_eq!(head_bytes(&p), None);
}

#[test]
fn a_value_that_is_dropped_while_its_header_is_read_is_read_in_full() {
    let mut shared = Shared::new();
    let mut p = shared.process_with(config());
    shared.done(&mut p, set(&long("a"), &[]));
    shared.read_parsed(&mut p, 1, get());
    shared.ask_parsed(&mut p, 1, 1, get());
    assert!(head_bytes(&p).is_some());
    p.engine.dropped(ParsedId(1));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [keep(2, &long("a")), hit_parsed(1, 2)]);
}
