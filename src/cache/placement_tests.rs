use super::super::caller::testing::loader;
use super::super::effects::testing::Rig;
use super::super::lookup::Plan;
use super::super::payload::Payload;
use super::super::tags::testing::with_own;
use super::*;
use crate::clock::Instant;
use crate::store::entry::Tag;
use crate::store::Value;

fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

fn tag(name: &str) -> Tag {
    Tag::from(name.as_bytes())
}

fn placements() -> Placements {
    Placements::new(Duration::from_secs(10))
}

fn lookup(tags: &[&str], plan: Plan) -> Box<Lookup> {
    let mut lookup = Lookup::testing(Key::from(&b"sc:k"[..]), loader(1, tags), Instant::from_millis(0), Duration::ZERO);
    lookup.plan = Plan { tags: tags.iter().map(|name| tag(name)).collect(), ..plan };
    Box::new(lookup)
}

fn sent(rig: &mut Rig) -> (Ticket, Op, ForPlacement) {
    let (ticket, op) = rig.sent().pop().expect("an operation");
    match rig.purpose(ticket) {
        Purpose::Placement(asked) => (ticket, op, asked),
        other => panic!("{other:?}"),
    }
}

#[test]
fn versions_are_captured_before_the_lease_and_the_loader_starts_after_its_answer() {
    let (mut rig, mut placements) = (Rig::default(), placements());
    rig.input(|fx| placements.begin(fx, 1, lookup(&["t"], Plan::default())));
    let (ticket, op, asked) = sent(&mut rig);
    assert!(matches!(op, Op::Ensure { items, .. } if items.len() == 1), "the version of the repository is captured as it was read");
    rig.input(|fx| placements.on_answer(fx, ticket, asked, Ok(Answer::Ensured(vec![id(b'v')]))));
    let (ticket, op, asked) = sent(&mut rig);
    let Op::Place { expected: None, lease, .. } = op else { panic!("{op:?}") };
    assert!(matches!(entry::parse(&lease), Some(entry::Stored::Lease(lease)) if lease.tags.has(b"t")));
    assert!(rig.handed().is_none(), "no loader yet");
    rig.input(|fx| placements.on_answer(fx, ticket, asked, Ok(Answer::Placed { left: Duration::ZERO, end: 0 })));
    assert!(matches!(rig.handed(), Some(Handoff::Start(lookup, _)) if lookup.plan.captured == with_own(&[(tag("t"), id(b'v'))])));
    assert!(placements.is_empty());
}

#[test]
fn a_repository_without_a_version_gets_one_with_its_tags() {
    let (mut rig, mut placements) = (Rig::default(), placements());
    let mut first = lookup(&["t"], Plan::default());
    first.known = super::super::tags::Known::new(None, Vec::new(), true);
    rig.input(|fx| placements.begin(fx, 1, first));
    let sent = rig.sent();
    let [(ticket, Op::Ensure { items, .. })] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(items.len(), 2);
    let Purpose::Placement(asked) = rig.purpose(*ticket) else { panic!("a placement") };
    rig.input(|fx| placements.on_answer(fx, *ticket, asked, Ok(Answer::Ensured(vec![id(b'r'), id(b'v')]))));
    let sent = rig.sent();
    let [(_, Op::Place { lease, .. })] = &sent[..] else { panic!("{sent:?}") };
    let Some(entry::Stored::Lease(lease)) = entry::parse(lease) else { panic!("a lease") };
    assert_eq!((lease.tags.repository(), lease.tags.has(b"t")), (Some(id(b'r')), true));
}

#[test]
fn something_else_is_evaluated_and_after_three_rounds_the_loader_runs_without_storing() {
    let (mut rig, mut placements) = (Rig::default(), placements());
    let mut current = lookup(&[], Plan::default());
    for round in 1..=3 {
        rig.input(|fx| placements.begin(fx, 1, current));
        let (ticket, _, asked) = sent(&mut rig);
        rig.input(|fx| placements.on_answer(fx, ticket, asked, Ok(Answer::Changed(Found::default()))));
        match rig.handed() {
            Some(Handoff::Evaluate(1, lookup)) if round < 3 => {
                assert!(lookup.is_late && !lookup.known.is_after);
                current = lookup;
            }
            Some(Handoff::Uncached(..)) if round == 3 => return,
            other => panic!("round {round}: {other:?}"),
        }
    }
}

#[test]
fn a_lease_whose_answer_is_lost_is_given_back_and_its_loader_runs_without_storing() {
    let (mut rig, mut placements) = (Rig::default(), placements());
    rig.input(|fx| placements.begin(fx, 1, lookup(&[], Plan::default())));
    let (ticket, _, asked) = sent(&mut rig);
    rig.input(|fx| placements.on_answer(fx, ticket, asked, Err(StoreError::Cut { maybe_executed: true })));
    assert!(matches!(rig.handed(), Some(Handoff::GiveBack(..))));
    assert!(matches!(rig.handed(), Some(Handoff::Refused(_))));
    assert!(matches!(rig.handed(), Some(Handoff::Uncached(..))));
}

#[test]
fn a_lease_that_was_never_sent_is_tried_again() {
    let (mut rig, mut placements) = (Rig::default(), placements());
    rig.input(|fx| placements.begin(fx, 1, lookup(&[], Plan::default())));
    let (ticket, _, asked) = sent(&mut rig);
    rig.input(|fx| placements.on_answer(fx, ticket, asked, Err(StoreError::NotSent)));
    assert!(matches!(rig.handed(), Some(Handoff::Lost(1, _, StoreError::NotSent))));
}

#[test]
fn a_lease_for_callers_that_have_gone_on_is_given_back() {
    let (mut rig, mut placements) = (Rig::default(), placements());
    rig.input(|fx| placements.begin(fx, 1, lookup(&[], Plan::default())));
    let (ticket, _, asked) = sent(&mut rig);
    rig.input(|fx| placements.on_silence(fx, ticket, &asked));
    assert!(matches!(rig.handed(), Some(Handoff::Uncached(..))));
    rig.input(|fx| placements.on_answer(fx, ticket, asked, Ok(Answer::Placed { left: Duration::ZERO, end: 0 })));
    assert!(matches!(rig.handed(), Some(Handoff::GiveBack(..))));
}

#[test]
fn an_entry_that_was_invalidated_meanwhile_is_not_kept() {
    let (mut rig, mut placements) = (Rig::default(), placements());
    let minute = Duration::from_secs(60);
    let header = entry::Header {
        stamp: id(b's'),
        ttl: minute,
        fresh: minute,
        keep: minute,
        tags: &with_own(&[(tag("old"), id(b'v')), (tag("t"), id(b'v'))]),
        added: 0,
        form: entry::Form::TEXT,
    };
    let plan = Plan { expected: Some(id(b's')), inside: true, is_current: true, ..Plan::default() };
    let mut lookup = lookup(&["t"], plan);
    lookup.plan.tags.push(tag("old"));
    lookup.found.value = Seen::Own(Value::new(entry::encode(&header, b"v").0));
    rig.input(|fx| placements.begin(fx, 1, lookup));
    let (ticket, _, asked) = sent(&mut rig);
    rig.input(|fx| placements.on_answer(fx, ticket, asked, Ok(Answer::Ensured(vec![id(b'v'), id(b'w')]))));
    let (_, op, _) = sent(&mut rig);
    let Op::Place { expected: Some(_), lease, .. } = op else { panic!("{op:?}") };
    assert!(matches!(entry::parse(&lease), Some(entry::Stored::Lease(lease)) if lease.tags.len() == 1 && lease.tags.has(b"t")));
}

#[test]
fn while_a_source_rests_callers_get_their_fallback() {
    let (mut rig, mut placements) = (Rig::default(), placements());
    let plan = Plan { expected: Some(id(b's')), inside: true, is_current: true, ..Plan::default() };
    let mut lookup = lookup(&[], plan);
    let payload = Payload::from(b"kept".to_vec());
    lookup.callers[0].fallback = Some((payload.clone(), Instant::from_millis(1_000_100)));
    lookup.callers.push(loader(2, &[]));
    rig.input(|fx| placements.begin(fx, 1, lookup));
    let (ticket, _, asked) = sent(&mut rig);
    let lease = b"b tttttttttttt 000000000012345 02 0".to_vec();
    rig.input(|fx| placements.on_answer(fx, ticket, asked, Ok(Answer::Held { lease, remaining: Duration::from_secs(1) })));
    let call = CallId(1);
    assert_eq!(rig.decided(), [Decision::Hit { call, payload, hit: Hit::Stale }, Decision::LoadOver { call: Some(call), load: None }]);
    assert!(matches!(rig.handed(), Some(Handoff::Uncached(_, _, caller)) if caller.id == CallId(2)), "one without a fallback loads");
}
