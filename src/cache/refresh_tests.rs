use super::super::caller::testing::loader;
use super::super::effects::testing::Rig;
use super::super::tags::testing::with_own;
use super::*;
use crate::store::entry::Header;
use crate::store::Ticket;

fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

fn refreshes() -> Refreshes {
    let secs = Duration::from_secs;
    Refreshes::new(RefreshConfig { retry_after: Duration::from_millis(250), lease: secs(10), backoff: (secs(1), secs(60)) })
}

fn stale(version: u8) -> Value {
    let minute = Duration::from_secs(60);
    let tags = with_own(&[(Tag::from(&b"t"[..]), id(version))]);
    let header = Header { stamp: id(b's'), ttl: minute, fresh: minute, keep: minute, tags: &tags, added: 0, form: entry::Form::TEXT };
    Value::new(entry::encode(&header, b"old").0)
}

fn key() -> Key {
    Key::from(&b"sc:k"[..])
}

fn begin(rig: &mut Rig, refreshes: &mut Refreshes, call: u32) {
    rig.input(|fx| refreshes.begin(fx, Repo::testing(), key(), &loader(call, &[]), &stale(b'v'), true));
}

fn sent(rig: &mut Rig) -> (Ticket, Op, ForRefresh) {
    let (ticket, op) = rig.sent().pop().expect("an operation");
    match rig.purpose(ticket) {
        Purpose::Refresh(asked) => (ticket, op, asked),
        other => panic!("{other:?}"),
    }
}

fn skipped(call: u32) -> Decision {
    Decision::LoadOver { call: Some(CallId(call)), load: None }
}

/// Brings a refresh to its lease.
fn place(rig: &mut Rig, refreshes: &mut Refreshes, answer: Result<Answer, StoreError>) {
    let (_, op, asked) = sent(rig);
    assert!(matches!(op, Op::Ensure { items, .. } if items.len() == 1), "the version of the repository is that of the entry");
    rig.input(|fx| refreshes.on_answer(fx, asked, Ok(Answer::Ensured(vec![id(b'v')]))));
    let (_, op, asked) = sent(rig);
    assert!(matches!(op, Op::PlaceInside { stamp, .. } if stamp == id(b's')));
    rig.input(|fx| refreshes.on_answer(fx, asked, answer));
}

#[test]
fn one_attempt_at_a_time_for_an_entry() {
    let (mut rig, mut refreshes) = (Rig::default(), refreshes());
    begin(&mut rig, &mut refreshes, 1);
    begin(&mut rig, &mut refreshes, 2);
    assert_eq!(rig.decided(), [skipped(2)]);
    place(&mut rig, &mut refreshes, Ok(Answer::PlacedInside));
    assert!(matches!(rig.handed(), Some(Handoff::Refresh(placed)) if placed.call == CallId(1)));
    assert!(refreshes.is_empty());
    rig.now = 9000;
    begin(&mut rig, &mut refreshes, 3);
    assert_eq!(rig.decided(), [skipped(3)], "its lease lives");
}

#[test]
fn an_entry_that_was_invalidated_meanwhile_is_not_refreshed() {
    let (mut rig, mut refreshes) = (Rig::default(), refreshes());
    begin(&mut rig, &mut refreshes, 1);
    let (_, _, asked) = sent(&mut rig);
    rig.input(|fx| refreshes.on_answer(fx, asked, Ok(Answer::Ensured(vec![id(b'w')]))));
    assert_eq!(rig.decided(), [skipped(1)]);
    assert!(rig.sent().is_empty() && refreshes.is_empty());
}

#[test]
fn a_lease_of_another_process_is_remembered_until_it_ends() {
    let (mut rig, mut refreshes) = (Rig::default(), refreshes());
    begin(&mut rig, &mut refreshes, 1);
    place(&mut rig, &mut refreshes, Ok(Answer::Held { lease: vec![], remaining: Duration::from_secs(4) }));
    assert_eq!(rig.decided(), [skipped(1)]);
    rig.now = 3999;
    begin(&mut rig, &mut refreshes, 2);
    assert_eq!(rig.decided(), [skipped(2)]);
    rig.now = 4000;
    begin(&mut rig, &mut refreshes, 3);
    assert!(matches!(sent(&mut rig).1, Op::Ensure { .. }));
}

#[test]
fn a_lease_whose_answer_is_open_is_given_back() {
    let (mut rig, mut refreshes) = (Rig::default(), refreshes());
    begin(&mut rig, &mut refreshes, 1);
    place(&mut rig, &mut refreshes, Err(StoreError::Cut { maybe_executed: true }));
    assert!(matches!(rig.handed(), Some(Handoff::GiveBack(..))));
    assert_eq!(rig.decided(), [skipped(1)]);
}

#[test]
fn a_silent_server_ends_the_attempt() {
    let (mut rig, mut refreshes) = (Rig::default(), refreshes());
    begin(&mut rig, &mut refreshes, 1);
    let (_, _, asked) = sent(&mut rig);
    rig.input(|fx| refreshes.on_silence(fx, &asked));
    assert_eq!(rig.decided(), [skipped(1)]);
    assert!(refreshes.is_empty());
    rig.now = 249;
    begin(&mut rig, &mut refreshes, 2);
    assert_eq!(rig.decided(), [skipped(2)], "not again at once");
    rig.now = 250;
    begin(&mut rig, &mut refreshes, 3);
    assert!(matches!(sent(&mut rig).1, Op::Ensure { .. }));
}

#[test]
fn a_failed_load_pauses_refreshes_for_the_first_backoff() {
    let (mut rig, mut refreshes) = (Rig::default(), refreshes());
    begin(&mut rig, &mut refreshes, 1);
    place(&mut rig, &mut refreshes, Ok(Answer::PlacedInside));
    rig.input(|fx| refreshes.back_off(fx, key(), id(b't'), true));
    assert!(matches!(rig.sent()[..], [(_, Op::Backoff { .. })]));
    rig.now = 999;
    begin(&mut rig, &mut refreshes, 2);
    assert_eq!(rig.decided(), [skipped(2)]);
    rig.now = 1000;
    begin(&mut rig, &mut refreshes, 3);
    assert!(matches!(sent(&mut rig).1, Op::Ensure { .. }));
}
