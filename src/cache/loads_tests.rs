use super::super::caller::testing::loader;
use super::super::decision::Hit;
use super::super::effects::testing::Rig;
use super::super::lookup::Plan;
use super::super::payload::Payload;
use super::super::tag_addition::Admission;
use super::super::tags::testing::with_own;
use super::*;
use crate::store::entry::Header;

fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

fn tag(name: &str) -> Tag {
    Tag::from(name.as_bytes())
}

fn loads() -> Loads {
    let secs = Duration::from_secs;
    Loads::new(LoadConfig { lease: secs(10), renew_every: secs(3), backoff: (secs(1), secs(60)), longest: secs(300), swr: true })
}

/// A load for callers 1 (its owner) and 2, under the tag `t`.
fn begin(rig: &mut Rig, loads: &mut Loads, plan: Plan) {
    let mut lookup = Lookup::testing(Key::from(&b"sc:k"[..]), loader(1, &["t"]), Instant::from_millis(0), Duration::ZERO);
    lookup.callers.push(loader(2, &["t"]));
    lookup.plan = Plan { captured: with_own(&[(tag("t"), id(b'v'))]), ..plan };
    rig.input(|fx| loads.begin(fx, lookup, id(b'k')));
    let (owner, load) = (CallId(1), LoadId(1));
    assert_eq!(rig.decided(), [Decision::Load { call: owner, load, storing: true }, Decision::Waiting { call: CallId(2) }]);
}

fn value() -> LoadOutcome {
    LoadOutcome::Value(b"v".to_vec().into())
}

fn sent(rig: &mut Rig) -> Vec<Op> {
    rig.sent().into_iter().map(|(_, op)| op).collect()
}

#[test]
fn a_result_is_stored_by_token_with_the_versions_captured_before_it() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    rig.input(|fx| loads.end(fx, 1, value(), true));
    let sent = sent(&mut rig);
    let [Op::Commit { token, value, .. }, Op::Count { .. }] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(*token, id(b'k'));
    let Some(entry::Stored::Entry(entry)) = entry::parse(value) else { panic!("an entry") };
    assert_eq!(entry.tags.iter().collect::<Vec<_>>(), [(&b"t"[..], id(b'v'))]);
    assert_eq!(rig.decided(), [], "nobody is told before the store's answer");
    rig.input(|fx| loads.on_answer(fx, ForLoad::Commit(1), Ok(Answer::Lease(true))));
    let told = rig.decided();
    assert_eq!(told[0], Decision::Stored { call: CallId(1), load: LoadId(1), stored: true });
    assert!(matches!(&told[1], Decision::Hit { call: CallId(2), payload, hit: Hit::Joined } if payload.as_bytes() == b"v"));
    assert!(loads.is_empty());
}

#[test]
fn near_copies_of_what_a_load_may_have_replaced_go_whatever_the_answer() {
    for answer in [Ok(Answer::Lease(true)), Ok(Answer::Lease(false)), Err(StoreError::Unexpected)] {
        let (mut rig, mut loads) = (Rig::default(), loads());
        rig.input(|fx| fx.tell_near());
        begin(&mut rig, &mut loads, Plan::default());
        rig.input(|fx| loads.end(fx, 1, value(), true));
        rig.input(|fx| loads.on_answer(fx, ForLoad::Commit(1), answer));
        assert!(matches!(rig.handed(), Some(Handoff::Written(Some(keys), None)) if keys == [Key::from(&b"sc:k"[..])]));
    }
}

#[test]
fn a_lease_that_is_lost_is_not_committed() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    rig.now = 3000;
    rig.input(|fx| loads.on_timer(fx, 1, true));
    assert!(matches!(sent(&mut rig)[..], [Op::Renew { .. }]));
    rig.input(|fx| loads.on_answer(fx, ForLoad::Renew(1), Ok(Answer::Lease(false))));
    rig.input(|fx| loads.end(fx, 1, value(), true));
    assert!(rig.sent().is_empty());
    assert_eq!(rig.decided()[0], Decision::Stored { call: CallId(1), load: LoadId(1), stored: false });
    assert!(matches!(rig.handed(), Some(Handoff::GiveBack(_, token)) if token == id(b'k')));
}

#[test]
fn a_commit_without_an_answer_costs_its_budget_and_the_lease_is_given_back() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    rig.input(|fx| loads.end(fx, 1, value(), true));
    rig.input(|fx| loads.on_silence(fx, &ForLoad::Commit(1)));
    assert!(matches!(rig.handed(), Some(Handoff::GiveBack(..))));
    assert_eq!(rig.decided()[0], Decision::Stored { call: CallId(1), load: LoadId(1), stored: false });
}

#[test]
fn a_joiner_waits_no_longer_than_its_lock_timeout() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    rig.now = 5000;
    rig.input(|fx| loads.on_timer(fx, 1, true));
    assert!(matches!(rig.handed(), Some(Handoff::Uncached(_, _, caller)) if caller.id == CallId(2)));
    assert_eq!(loads.of_token(&id(b'k')), Some(1), "the load goes on");
}

#[test]
fn a_failed_load_gives_its_lease_back_or_restores_what_it_replaced() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    rig.input(|fx| loads.end(fx, 1, LoadOutcome::Failed, true));
    assert!(matches!(rig.handed(), Some(Handoff::GiveBack(..))));
    assert!(matches!(rig.decided()[..2], [Decision::FailedWith { .. }, Decision::FailedWith { .. }]));

    let minute = Duration::from_secs(60);
    let header = Header {
        stamp: id(b's'),
        ttl: minute,
        fresh: minute,
        keep: minute,
        tags: &with_own(&[(tag("t"), id(b'v'))]),
        added: 0,
        form: entry::Form::TEXT,
    };
    let mut lookup = Lookup::testing(Key::from(&b"sc:k"[..]), loader(3, &["t"]), Instant::from_millis(0), Duration::ZERO);
    lookup.found.value = Seen::Own(Value::new(entry::encode(&header, b"old").0));
    lookup.plan.end = Some((Instant::from_millis(1_030_000), 77));
    rig.input(|fx| loads.begin(fx, lookup, id(b'l')));
    rig.input(|fx| loads.end(fx, 2, LoadOutcome::Failed, true));
    assert!(matches!(sent(&mut rig)[..], [Op::Restore { end: 77, backoff: None, .. }]));
}

#[test]
fn a_failed_load_inside_an_entry_backs_off_and_serves_fallbacks() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    let mut owner = loader(1, &[]);
    owner.fallback = Some((Payload::from(b"kept".to_vec()), Instant::from_millis(1_060_000)));
    let mut lookup = Lookup::testing(Key::from(&b"sc:k"[..]), owner, Instant::from_millis(0), Duration::ZERO);
    lookup.plan.inside = true;
    rig.input(|fx| loads.begin(fx, lookup, id(b'k')));
    rig.input(|fx| loads.end(fx, 1, LoadOutcome::Failed, true));
    assert!(matches!(rig.handed(), Some(Handoff::BackOff(..))));
    assert!(rig.decided().iter().any(|decision| matches!(decision, Decision::Hit { call: CallId(1), hit: Hit::Kept, .. })));
}

#[test]
fn added_tags_are_in_the_lease_or_the_result_is_not_stored() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    assert!(matches!(rig.input(|fx| loads.admit_tags(fx, 1, vec![tag("t")], true)), Admission::InPlace));
    assert!(
        matches!(rig.input(|fx| loads.admit_tags(fx, 1, vec![tag("u"), tag("t")], true)), Admission::Add { tags, .. } if tags == [tag("u")])
    );
    let Some(Op::Amend { tags, .. }) = loads.capture_tags(1, vec![(tag("u"), id(b'w'))]) else { panic!("an amendment") };
    assert_eq!(tags, entry::encode_tags(&with_own(&[(tag("t"), id(b'v')), (tag("u"), id(b'w'))]), 1));
    rig.input(|fx| loads.tags_added(fx, 1, false));
    assert_eq!(loads.of_token(&id(b'k')), None, "nobody may join it any more");
    assert!(matches!(rig.handed(), Some(Handoff::GiveBack(..))));
    rig.input(|fx| loads.end(fx, 1, value(), true));
    assert!(rig.sent().is_empty());
    assert!(matches!(rig.input(|fx| loads.admit_tags(fx, 1, vec![tag("w")], true)), Admission::Settled));
}

#[test]
fn a_result_does_not_count_on_a_tag_that_is_still_being_added() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    assert!(matches!(rig.input(|fx| loads.admit_tags(fx, 1, vec![tag("u")], true)), Admission::Add { .. }));
    assert!(loads.capture_tags(1, vec![(tag("u"), id(b'w'))]).is_some());
    // Its version was captured after the source was read, and caller 2 has judged a lease without it.
    let outcome = LoadOutcome::ValueWith(b"v".to_vec().into(), ResultOptions { tags: vec![tag("u")], ..ResultOptions::default() });
    rig.input(|fx| loads.end(fx, 1, outcome, true));
    assert!(rig.sent().is_empty(), "it is not stored");
    let told = rig.decided();
    assert_eq!(told[0], Decision::Stored { call: CallId(1), load: LoadId(1), stored: false });
    assert!(told.contains(&Decision::FailedWith { call: CallId(2), load: LoadId(1) }), "caller 2 reads again: {told:?}");
}

#[test]
fn a_tag_is_not_in_place_while_its_first_addition_is_under_way() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    let mut add = |loads: &mut Loads| rig.input(|fx| loads.admit_tags(fx, 1, vec![tag("u")], true));
    assert!(matches!(add(&mut loads), Admission::Add { .. }));
    assert!(loads.capture_tags(1, vec![(tag("u"), id(b'w'))]).is_some());
    assert!(matches!(add(&mut loads), Admission::Add { tags, .. } if tags == [tag("u")]), "the lease may not carry it yet");
    let Some(Op::Amend { tags, .. }) = loads.capture_tags(1, vec![(tag("u"), id(b'x'))]) else { panic!("an amendment") };
    assert_eq!(tags, entry::encode_tags(&with_own(&[(tag("t"), id(b'v')), (tag("u"), id(b'w'))]), 1), "the first version counts");
    for _ in 0..2 {
        rig.input(|fx| loads.tags_added(fx, 1, true));
    }
    assert!(matches!(rig.input(|fx| loads.admit_tags(fx, 1, vec![tag("u")], true)), Admission::InPlace));
}

#[test]
fn a_load_goes_on_without_its_owner() {
    let (mut rig, mut loads) = (Rig::default(), loads());
    begin(&mut rig, &mut loads, Plan::default());
    assert!(loads.cancel(CallId(1)) && !loads.cancel(CallId(1)));
    rig.input(|fx| loads.end(fx, 1, value(), true));
    rig.input(|fx| loads.on_answer(fx, ForLoad::Commit(1), Ok(Answer::Lease(true))));
    let told = rig.decided();
    assert!(matches!(told[..], [Decision::Hit { call: CallId(2), .. }, Decision::LoadOver { .. }]), "{told:?}");
}

#[test]
fn a_joiner_gets_no_fallback_with_a_tag_that_its_lease_does_not_have() {
    let minute = Duration::from_secs(60);
    for (added, has_fallback) in [(0, true), (1, false)] {
        let (mut rig, mut loads) = (Rig::default(), loads());
        let tags = with_own(&[(tag("t"), id(b'v')), (tag("added"), id(b'v'))]);
        let tags = &tags[..=added + 1];
        let header = Header { stamp: id(b's'), ttl: minute, fresh: minute, keep: minute, tags, added, form: entry::Form::TEXT };
        let mut lookup = Lookup::testing(Key::from(&b"sc:k"[..]), loader(1, &["t"]), Instant::from_millis(0), Duration::ZERO);
        lookup.found.value = Seen::Own(Value::new(entry::encode(&header, b"old").0));
        lookup.plan =
            Plan { captured: with_own(&[(tag("t"), id(b'v'))]), end: Some((Instant::from_millis(1_030_000), 77)), ..Plan::default() };
        rig.input(|fx| loads.begin(fx, lookup, id(b'k')));
        rig.input(|fx| loads.join(fx, 1, loader(2, &[])));
        rig.input(|fx| loads.end(fx, 1, LoadOutcome::Failed, true));
        let served = rig.decided().iter().any(|decision| matches!(decision, Decision::Hit { call: CallId(2), .. }));
        assert_eq!(served, has_fallback);
    }
}
