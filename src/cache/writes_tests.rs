use super::super::effects::testing::Rig;
use super::super::targets::Target;
use super::*;
use crate::store::entry::{self, Tag};
use crate::store::nodes::Invalidation;
use crate::store::{Id, Key, Op};

const UP: Targets<'_> = Targets::Like(Target { may_write: true, epoch: 1 });
const DOWN: Targets<'_> = Targets::Like(Target { may_write: false, epoch: 1 });

fn writes() -> Writes {
    Writes::new(Duration::from_secs(5), Duration::from_secs(10))
}

fn begin(rig: &mut Rig, writes: &mut Writes, request: Request, target: Targets<'_>) {
    rig.input(|fx| writes.begin(fx, CallId(1), &Repo::testing(), request, target));
}

fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

fn delete() -> Request {
    Request::Delete { keys: vec![b"k".to_vec(), b"k".to_vec()] }
}

fn set(tags: &[&str]) -> Request {
    let tags = tags.iter().map(|tag| Tag::from(tag.as_bytes())).collect();
    Request::Set { key: b"k".to_vec(), ttl: Duration::from_secs(60), keep: None, fresh: None, payload: b"v".to_vec().into(), tags }
}

fn asked(rig: &mut Rig, ticket: Ticket) -> ForWrite {
    match rig.purpose(ticket) {
        Purpose::Write(asked) => asked,
        other => panic!("{other:?}"),
    }
}

fn one(rig: &mut Rig) -> (Op, ForWrite) {
    let mut sent = rig.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    let (ticket, op) = sent.remove(0);
    (op, asked(rig, ticket))
}

fn error(rig: &mut Rig) -> (ErrorKind, bool, bool) {
    match rig.decided().pop() {
        Some(Decision::Error { error, kept, .. }) => (error.kind(), error.is_maybe_executed(), kept),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_write_waits_for_the_store_and_is_done_with_its_answer() {
    let (mut rig, mut writes) = (Rig::default(), writes());
    begin(&mut rig, &mut writes, delete(), DOWN);
    assert!(rig.sent().is_empty());
    rig.input(|fx| writes.resume(fx, UP));
    let (op, asked) = one(&mut rig);
    assert_eq!(op, Op::Delete { entries: vec![Key::from(&b"sc:k"[..])] }, "each key once");
    rig.input(|fx| writes.on_answer(fx, asked, Ok(Answer::Number(1)), UP));
    assert_eq!(rig.decided(), [Decision::Done { call: CallId(1), number: 1 }]);
    assert!(writes.is_empty());
}

#[test]
fn a_set_with_tags_captures_versions_first_and_is_counted() {
    let (mut rig, mut writes) = (Rig::default(), writes());
    let [check, ensure, _] = two_tagged_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, check, Ok(Answer::Ensured(vec![id(b'r')])), UP));
    assert!(rig.sent().is_empty(), "the version of its tag is not known yet");
    rig.input(|fx| writes.on_answer(fx, ensure, Ok(Answer::Ensured(vec![id(b'v')])), UP));
    let sent = rig.sent();
    let [(set, first), (_, Op::Count { .. })] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(captured(first), Some(id(b'r')));
    let set = asked(&mut rig, *set);
    rig.input(|fx| writes.on_answer(fx, set, Ok(Answer::Done), UP));
    assert_eq!(rig.decided(), [Decision::Done { call: CallId(1), number: 0 }]);
}

/// What two sets with a tag have sent in one tick: one check for both, and each the versions of its tags.
fn two_tagged_sets(rig: &mut Rig, writes: &mut Writes) -> [ForWrite; 3] {
    for call in [1, 2] {
        rig.input(|fx| writes.begin(fx, CallId(call), &Repo::testing(), set(&["t"]), UP));
    }
    let sent = rig.sent();
    let [(check, Op::Ensure { .. }), (first, Op::Ensure { items, .. }), (second, Op::Ensure { .. })] = &sent[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(items.len(), 1);
    [*check, *first, *second].map(|ticket| asked(rig, ticket))
}

#[test]
fn a_set_with_tags_waits_for_the_check_and_takes_its_version() {
    let (mut rig, mut writes) = seen();
    let [check, first, second] = two_tagged_sets(&mut rig, &mut writes);
    for ensure in [first, second] {
        rig.input(|fx| writes.on_answer(fx, ensure, Ok(Answer::Ensured(vec![id(b'v')])), UP));
    }
    rig.input(|fx| writes.resume(fx, UP));
    assert!(rig.sent().is_empty(), "somebody may have cleared the repository");
    rig.input(|fx| writes.on_answer(fx, check, Ok(Answer::Ensured(vec![id(b'n')])), UP));
    let sent = rig.sent();
    let versions: Vec<_> = sent.iter().filter(|(_, op)| matches!(op, Op::Set { .. })).map(|(_, op)| captured(op)).collect();
    assert_eq!(versions, [Some(id(b'n')); 2]);
}

#[test]
fn a_set_with_tags_whose_check_fails_has_not_run() {
    let (mut rig, mut writes) = seen();
    let [check, first, _] = two_tagged_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, first, Ok(Answer::Ensured(vec![id(b'v')])), UP));
    rig.input(|fx| writes.on_answer(fx, check, Err(StoreError::Refused("NOPERM no permissions".into())), UP));
    assert_eq!(error(&mut rig), (ErrorKind::Reply, false, false));

    let (mut rig, mut writes) = seen();
    let [check, first, _] = two_tagged_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, first, Ok(Answer::Ensured(vec![id(b'v')])), UP));
    rig.input(|fx| writes.on_answer(fx, check, Err(StoreError::NotSent), UP));
    rig.now = 50;
    rig.input(|fx| writes.on_timer(fx, 1, UP));
    let sent = rig.sent();
    assert!(matches!(&sent[..], [(_, Op::Ensure { .. }), (_, Op::Ensure { .. })]), "it begins again: {sent:?}");

    let (mut rig, mut writes) = seen();
    let [check, first, _] = two_tagged_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, first, Ok(Answer::Ensured(vec![id(b'v')])), UP));
    rig.input(|fx| writes.on_silence(fx, check, Some(Ticket(7))));
    assert!(matches!(rig.handed(), Some(Handoff::Undelivered(overdue, _)) if !overdue.is_open), "nothing was set");
}

#[test]
fn a_delete_that_was_cut_goes_out_again_and_a_set_that_may_have_run_does_not() {
    let (mut rig, mut writes) = (Rig::default(), writes());
    let cut = || Err(StoreError::Cut { maybe_executed: true });
    begin(&mut rig, &mut writes, delete(), UP);
    let (_, first) = one(&mut rig);
    rig.input(|fx| writes.on_answer(fx, first, cut(), UP));
    rig.now = 50;
    rig.input(|fx| writes.on_timer(fx, 1, UP));
    assert!(matches!(one(&mut rig).0, Op::Delete { .. }));
    begin(&mut rig, &mut writes, set(&[]), UP);
    let (ticket, _) = rig.sent().pop().expect("an operation");
    let set = asked(&mut rig, ticket);
    rig.input(|fx| writes.on_answer(fx, set, cut(), UP));
    assert_eq!(error(&mut rig), (ErrorKind::Aborted, true, false));
}

#[test]
fn a_refusal_for_good_is_the_caller_s_error() {
    let (mut rig, mut writes) = (Rig::default(), writes());
    begin(&mut rig, &mut writes, delete(), UP);
    let (_, asked) = one(&mut rig);
    rig.input(|fx| writes.on_answer(fx, asked, Err(StoreError::Refused("NOPERM no permissions".into())), UP));
    assert_eq!(error(&mut rig), (ErrorKind::Reply, false, false));
}

#[test]
fn a_write_out_of_budget_hands_its_invalidations_over() {
    let (mut rig, mut writes) = (Rig::default(), writes());
    begin(&mut rig, &mut writes, delete(), UP);
    let (ticket, _) = rig.sent().pop().expect("an operation");
    let asked = asked(&mut rig, ticket);
    rig.now = 60_000;
    rig.input(|fx| writes.on_timer(fx, 1, UP));
    assert!(rig.handed().is_none(), "a sent operation has its own budget of silence");
    rig.input(|fx| writes.on_silence(fx, asked, Some(ticket)));
    let Some(Handoff::Undelivered(overdue, invalidations)) = rig.handed() else { panic!("undelivered") };
    assert_eq!(overdue.in_flight, Some(ticket));
    assert_eq!(invalidations, [Invalidation::Entry(Key::from(&b"sc:k"[..]))]);
    writes.give_up(&mut rig.out, overdue, true);
    assert_eq!(error(&mut rig), (ErrorKind::Timeout, true, true));
    assert!(writes.is_empty());
}

#[test]
fn a_write_waits_for_the_store_as_long_as_it_may_in_attentive_time() {
    let (mut rig, mut writes) = (Rig::default(), writes());
    begin(&mut rig, &mut writes, delete(), DOWN);
    rig.now = 4999;
    rig.input(|fx| writes.on_timer(fx, 1, DOWN));
    assert!(rig.handed().is_none());
    rig.now = 5000;
    rig.input(|fx| writes.on_timer(fx, 1, DOWN));
    let Some(Handoff::Undelivered(overdue, _)) = rig.handed() else { panic!("undelivered") };
    writes.give_up(&mut rig.out, overdue, false);
    assert_eq!(error(&mut rig), (ErrorKind::Timeout, false, false), "it was never sent");
}

#[test]
fn a_pattern_deletes_what_each_step_finds_and_begins_again_in_another_epoch() {
    let (mut rig, mut writes) = (Rig::default(), writes());
    begin(&mut rig, &mut writes, Request::DeletePattern { glob: b"*".to_vec() }, UP);
    let (op, scan) = one(&mut rig);
    assert!(matches!(op, Op::Scan { cursor, .. } if cursor == b"0"));
    let found = |cursor: &[u8]| Ok(Answer::Scanned { cursor: cursor.to_vec(), keys: vec![Key::from(&b"sc:k"[..])] });
    rig.input(|fx| writes.on_answer(fx, scan, found(b"7"), UP));
    let sent = rig.sent();
    let [(unlink, Op::Unlink { .. }), (scan, Op::Scan { cursor, .. })] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(cursor, b"7");
    let (unlink, scan) = (asked(&mut rig, *unlink), asked(&mut rig, *scan));
    rig.input(|fx| writes.on_answer(fx, unlink, Ok(Answer::Number(1)), UP));
    let promoted = Targets::Like(Target { may_write: true, epoch: 2 });
    rig.input(|fx| writes.on_answer(fx, scan, found(b"0"), promoted));
    let (op, scan) = one(&mut rig);
    assert!(matches!(op, Op::Scan { cursor, .. } if cursor == b"0"), "from the start");
    rig.input(|fx| writes.on_answer(fx, scan, Ok(Answer::Scanned { cursor: b"0".to_vec(), keys: vec![] }), promoted));
    assert_eq!(rig.decided(), [Decision::Done { call: CallId(1), number: 1 }]);
}

/// A process that has seen the version of its repository.
fn seen() -> (Rig, Writes) {
    let mut rig = Rig::default();
    let key = Repo::testing().own_version(b"sc:k", false).key.clone();
    rig.input(|fx| {
        let now = fx.now;
        fx.latest.note(&key, id(b'r'), now);
    });
    (rig, writes())
}

fn captured(op: &Op) -> Option<Id> {
    let Op::Set { value, .. } = op else { panic!("{op:?}") };
    let Some(entry::Stored::Entry(entry)) = entry::parse(value) else { panic!("an entry") };
    entry.tags.repository()
}

/// What two sets of one tick have sent: the first value, one check for both, the second value.
fn two_sets(rig: &mut Rig, writes: &mut Writes) -> [ForWrite; 3] {
    for call in [1, 2] {
        rig.input(|fx| writes.begin(fx, CallId(call), &Repo::testing(), set(&[]), UP));
    }
    let sent = rig.sent();
    let [(check, Op::Ensure { items, .. }), (first, a), (second, b)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((captured(a), captured(b), items.len()), (Some(id(b'r')), Some(id(b'r')), 1));
    [asked(rig, *first), asked(rig, *check), asked(rig, *second)]
}

#[test]
fn sets_without_tags_take_the_version_seen_last_and_share_a_check() {
    let (mut rig, mut writes) = seen();
    let [first, check, second] = two_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, first, Ok(Answer::Done), UP));
    assert_eq!(rig.decided(), [], "it is not checked yet");
    rig.input(|fx| writes.on_answer(fx, check, Ok(Answer::Ensured(vec![id(b'r')])), UP));
    assert_eq!(rig.decided(), [Decision::Done { call: CallId(1), number: 0 }]);
    rig.input(|fx| writes.on_answer(fx, second, Ok(Answer::Done), UP));
    assert_eq!(rig.decided(), [Decision::Done { call: CallId(2), number: 0 }]);
    assert!(writes.is_empty());
}

#[test]
fn a_set_with_a_version_that_a_clear_has_removed_is_stored_again() {
    let (mut rig, mut writes) = seen();
    let [first, check, second] = two_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, check, Ok(Answer::Ensured(vec![id(b'n')])), UP));
    for (asked, call) in [(first, 1), (second, 2)] {
        rig.input(|fx| writes.on_answer(fx, asked, Ok(Answer::Done), UP));
        let (op, again) = one(&mut rig);
        assert_eq!((captured(&op), rig.decided()), (Some(id(b'n')), vec![]));
        rig.input(|fx| writes.on_answer(fx, again, Ok(Answer::Done), UP));
        assert_eq!(rig.decided(), [Decision::Done { call: CallId(call), number: 0 }]);
    }
    begin(&mut rig, &mut writes, set(&[]), UP);
    let sent = rig.sent();
    assert_eq!(captured(&sent[1].1), Some(id(b'n')), "the next one knows");
}

#[test]
fn a_check_serves_the_writes_of_its_tick_alone_and_a_longer_life_needs_its_own() {
    let (mut rig, mut writes) = seen();
    begin(&mut rig, &mut writes, set(&[]), UP);
    assert_eq!(rig.sent().len(), 2);
    let Request::Set { key, payload, tags, .. } = set(&[]) else { panic!("a set") };
    let longer = Request::Set { key, ttl: Duration::from_secs(600), keep: None, fresh: None, payload, tags };
    begin(&mut rig, &mut writes, longer, UP);
    assert_eq!(rig.sent().len(), 2, "its version has to live longer");
    writes.seal();
    begin(&mut rig, &mut writes, set(&[]), UP);
    assert_eq!(rig.sent().len(), 2);
}

#[test]
fn a_set_whose_check_is_lost_begins_again_and_one_whose_check_is_refused_may_have_run() {
    let (mut rig, mut writes) = seen();
    let [first, check, _] = two_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, first, Ok(Answer::Done), UP));
    rig.input(|fx| writes.on_answer(fx, check, Err(StoreError::NotSent), UP));
    rig.now = 50;
    rig.input(|fx| writes.on_timer(fx, 1, UP));
    let sent = rig.sent();
    assert!(matches!(&sent[..], [(_, Op::Ensure { .. }), (_, Op::Set { .. })]), "{sent:?}");

    let (mut rig, mut writes) = seen();
    let [first, check, _] = two_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, check, Err(StoreError::Refused("NOPERM no permissions".into())), UP));
    rig.input(|fx| writes.on_answer(fx, first, Ok(Answer::Done), UP));
    assert_eq!(error(&mut rig), (ErrorKind::Reply, true, false));
}

#[test]
fn a_set_whose_check_meets_silence_is_given_up() {
    let (mut rig, mut writes) = seen();
    let [first, check, _] = two_sets(&mut rig, &mut writes);
    rig.input(|fx| writes.on_answer(fx, first, Ok(Answer::Done), UP));
    rig.input(|fx| writes.on_silence(fx, check, Some(Ticket(7))));
    let Some(Handoff::Undelivered(overdue, invalidations)) = rig.handed() else { panic!("undelivered") };
    assert_eq!(invalidations, []);
    writes.give_up(&mut rig.out, overdue, false);
    assert_eq!(error(&mut rig), (ErrorKind::Timeout, true, false));
}

#[test]
fn a_clear_invalidates_the_version_of_its_repository_alone() {
    let (mut rig, mut writes) = seen();
    begin(&mut rig, &mut writes, Request::Clear, UP);
    let (op, asked) = one(&mut rig);
    assert!(matches!(&op, Op::Invalidate { tags } if tags.len() == 1 && *tags[0].0 == *b"sc#c{:}"), "{op:?}");
    rig.input(|fx| writes.on_silence(fx, asked, None));
    let Some(Handoff::Undelivered(_, invalidations)) = rig.handed() else { panic!("undelivered") };
    assert!(matches!(&invalidations[..], [Invalidation::Tag(..)]), "somebody has asked for it: {invalidations:?}");
    begin(&mut rig, &mut writes, set(&[]), UP);
    let sent = rig.sent();
    let [(_, Op::Ensure { items, .. }), (_, set)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(captured(set), Some(items[0].1), "nothing is known any more: it takes the version that it offers");
}
