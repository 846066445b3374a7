use super::super::effects::testing::Rig;
use super::super::tags::testing::with_own;
use super::super::targets::Target;
use super::*;
use crate::contract::EntryState;
use crate::store::entry::{encode, Form, Header};
use crate::store::{Replication, ReplicationId, Ticket, Value};

fn target(may_write: bool, epoch: u64) -> Targets<'static> {
    Targets::Like(Target { may_write, epoch })
}

const BUDGET: Duration = Duration::from_secs(5);

fn look(keys: &[&str]) -> Request {
    let keys = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
    Request::Inspect { keys, in_full: false, fresh: None, max_age: None, keep: None }
}

fn scan(cursor: &str) -> Request {
    Request::Scan { cursor: cursor.into(), glob: b"a*".to_vec() }
}

/// The inspections of one process, and what they do.
struct Bench {
    rig: Rig,
    inspections: Inspections,
}

impl Bench {
    fn new() -> Self {
        Self { rig: Rig::default(), inspections: Inspections::new(BUDGET, true) }
    }

    fn begin(&mut self, request: Request, targets: Targets<'_>) {
        let Self { rig, inspections } = self;
        rig.input(|fx| inspections.begin(fx, CallId(1), &Repo::testing(), request, targets));
    }

    /// The operation that was sent, if one was.
    fn sent(&mut self) -> Option<(Op, u64)> {
        let (ticket, op): (Ticket, Op) = self.rig.sent().pop()?;
        let Purpose::Inspection(id) = self.rig.purpose(ticket) else { panic!("{op:?}") };
        Some((op, id))
    }

    fn answer(&mut self, id: u64, answer: Result<Answer, StoreError>, targets: Targets<'_>) {
        let Self { rig, inspections } = self;
        rig.input(|fx| inspections.on_answer(fx, id, answer, targets, &|_| false));
    }
}

fn text(value: Vec<u8>) -> Inspected {
    Inspected { size: Some(value.len() as u64), held: Held::Text(Value::new(value)), pttl: 60_000, ..Inspected::default() }
}

fn tagged(names: &[&str]) -> Vec<u8> {
    let tags: Vec<(Tag, Id)> = names.iter().map(|name| (Tag::from(name.as_bytes()), Id::parse(&[b'1'; Id::LEN]).unwrap())).collect();
    let tags = with_own(&tags);
    let ttl = Duration::from_secs(60);
    let stamp = Id::parse(&[b's'; Id::LEN]).unwrap();
    encode(&Header { stamp, ttl, fresh: ttl, keep: Duration::ZERO, tags: &tags, added: 0, form: Form::TEXT }, b"1").0
}

#[test]
fn values_are_read_before_the_versions_of_their_tags_and_long_headers_once_more() {
    let mut it = Bench::new();
    it.begin(look(&["a", "b"]), target(true, 1));
    let (op, id) = it.sent().unwrap();
    let keys = ["sc:a", "sc:b"].map(|key| Key::from(key.as_bytes()));
    assert_eq!(op, Op::Inspect { keys: keys.to_vec(), head_bytes: Some(HEAD_BYTES) });
    let long = tagged(&["x".repeat(2 * HEAD_BYTES).as_str(), "t"]);
    it.answer(id, Ok(Answer::Inspected(vec![text(tagged(&["t"])), text(long[..HEAD_BYTES].to_vec())])), target(true, 1));
    let (op, _) = it.sent().unwrap();
    assert_eq!(op, Op::Inspect { keys: vec![keys[1].clone()], head_bytes: Some(LONG_HEAD_BYTES) });
    it.answer(id, Ok(Answer::Inspected(vec![text(long)])), target(true, 1));
    let (op, _) = it.sent().unwrap();
    assert!(matches!(op, Op::Inspect { keys, head_bytes: Some(VERSION_BYTES) } if keys.len() == 3), "the repository, and each tag once");
    it.answer(id, Ok(Answer::Inspected(vec![Inspected::default(); 3])), target(true, 1));
    let Some(Decision::Inspected { reports, payload: None, .. }) = it.rig.decided().pop() else { panic!("no reports") };
    assert_eq!(
        reports.iter().map(|report| (report.state, report.tags.len())).collect::<Vec<_>>(),
        [(EntryState::Invalidated, 1), (EntryState::Invalidated, 2)]
    );
    assert!(it.inspections.is_empty());
}

#[test]
fn a_lost_answer_begins_again_and_a_refusal_ends_it() {
    let mut it = Bench::new();
    it.begin(look(&["a"]), target(false, 1));
    assert!(it.sent().is_none(), "it waits for its node");
    let Bench { rig, inspections } = &mut it;
    rig.input(|fx| inspections.resume(fx, target(true, 1)));
    let (_, id) = it.sent().unwrap();
    it.answer(id, Ok(Answer::Inspected(vec![text(tagged(&["t"]))])), target(true, 1));
    assert!(it.sent().is_some(), "the versions");
    it.answer(id, Err(StoreError::Cut { maybe_executed: true }), target(true, 1));
    it.rig.now += 50;
    let Bench { rig, inspections } = &mut it;
    rig.input(|fx| inspections.on_timer(fx, id, target(true, 2)));
    assert!(matches!(it.sent(), Some((Op::Inspect { head_bytes: Some(HEAD_BYTES), .. }, _))), "from the start");
    it.answer(id, Err(StoreError::Refused("NOPERM (GETRANGE)".to_owned())), target(true, 2));
    assert!(matches!(it.rig.decided().pop(), Some(Decision::Error { error, kept: false, .. }) if error.kind() == ErrorKind::Reply));
}

#[test]
fn one_that_finds_no_node_ends_with_its_budget() {
    let mut it = Bench::new();
    it.begin(scan(""), target(false, 1));
    it.rig.now += 5_000;
    let id = *it.inspections.active.keys().next().unwrap();
    let Bench { rig, inspections } = &mut it;
    rig.input(|fx| inspections.on_timer(fx, id, target(false, 1)));
    assert!(matches!(it.rig.decided().pop(), Some(Decision::Error { error, .. }) if error.kind() == ErrorKind::Timeout));
}

#[test]
fn a_value_of_another_reign_is_looked_at_once_more() {
    let mut it = Bench::new();
    it.begin(look(&["a"]), target(true, 1));
    let (_, id) = it.sent().unwrap();
    let foreign = || Inspected { replication: Replication { id: ReplicationId::of(b"new"), is_checked: true }, ..text(tagged(&[])) };
    it.answer(id, Ok(Answer::Inspected(vec![foreign()])), target(true, 1));
    assert!(it.sent().is_some(), "the version of the repository");
    it.answer(id, Ok(Answer::Inspected(vec![Inspected::default()])), target(true, 1));
    assert!(matches!(it.rig.handed(), Some(Handoff::ForeignInspected(own, keys)) if own == id && keys.len() == 1));
    let Bench { rig, inspections } = &mut it;
    rig.input(|fx| inspections.look_again(fx, id, target(true, 1)));
    assert!(it.sent().is_some());
    it.answer(id, Ok(Answer::Inspected(vec![foreign()])), target(true, 1));
    assert!(it.sent().is_some(), "the version of the repository");
    it.answer(id, Ok(Answer::Inspected(vec![Inspected::default()])), target(true, 1));
    assert!(it.rig.handed().is_none(), "once");
    assert!(matches!(it.rig.decided().pop(), Some(Decision::Inspected { reports, .. }) if reports[0].state == EntryState::OtherOrigin));
}

#[test]
fn a_walk_goes_on_at_its_cursor_and_begins_again_in_another_epoch() {
    let mut it = Bench::new();
    it.begin(scan(""), target(true, 3));
    let (op, id) = it.sent().unwrap();
    assert_eq!(op, Op::Scan { cursor: b"0".to_vec(), pattern: b"sc:a*".to_vec() });
    let keys = ["sc:a", "sc:ab"].map(|key| Key::from(key.as_bytes())).to_vec();
    it.answer(id, Ok(Answer::Scanned { cursor: b"2:7".to_vec(), keys }), target(true, 3));
    let keys = vec![b"a".to_vec(), b"ab".to_vec()];
    assert_eq!(it.rig.decided(), [Decision::Scanned { call: CallId(1), cursor: Some(b"3.2:7".to_vec()), keys }]);
    for (epoch, cursor) in [(3, "2:7"), (4, "0")] {
        it.begin(scan("3.2:7"), target(true, epoch));
        let (op, id) = it.sent().unwrap();
        assert_eq!(op, Op::Scan { cursor: cursor.into(), pattern: b"sc:a*".to_vec() });
        it.answer(id, Ok(Answer::Scanned { cursor: b"0".to_vec(), keys: Vec::new() }), target(true, epoch));
        assert_eq!(it.rig.decided(), [Decision::Scanned { call: CallId(1), cursor: None, keys: Vec::new() }]);
    }
}
