use super::super::caller::testing::{getter, loader};
use super::super::decision::Hit;
use super::super::effects::testing::Rig;
use super::super::ids::RepoId;
use super::super::tags::testing::{own, with_own};
use super::*;
use crate::cache::decision::Decision;
use crate::store::entry::{self, Header};
use crate::store::Value;

const BUDGET: Duration = Duration::from_millis(250);

fn lookups() -> Lookups {
    Lookups::new(LookupConfig { budget: BUDGET, lease: Duration::from_secs(10), swr: true })
}

fn key(text: &str) -> Key {
    Key::from(text.as_bytes())
}

fn begin(rig: &mut Rig, lookups: &mut Lookups, entry: &str, caller: Caller) {
    rig.input(|fx| lookups.begin(fx, &Repo::testing(), key(entry), caller, BUDGET, false));
}

/// Sends what is queued; the operation, and what its answer is for.
fn send(rig: &mut Rig, lookups: &mut Lookups) -> (Ticket, Op, ForLookup) {
    lookups.send_batch(&mut rig.out, 512, |_| Some(0));
    let (ticket, op) = rig.sent().pop().expect("an operation");
    match rig.purpose(ticket) {
        Purpose::Lookup(asked) => (ticket, op, asked),
        other => panic!("{other:?}"),
    }
}

fn read(entries: Vec<Found>) -> Answer {
    Answer::Read { entries, versions: vec![Seen::Own(own().1)], atomic: true }
}

fn entry_of(payload: &str) -> Found {
    let minute = Duration::from_secs(60);
    let header = Header {
        stamp: Id::parse(&[b's'; Id::LEN]).unwrap(),
        ttl: minute,
        fresh: minute,
        keep: Duration::ZERO,
        tags: &[own()],
        added: 0,
        form: entry::Form::TEXT,
    };
    Found { value: Seen::Own(Value::new(entry::encode(&header, payload.as_bytes()).0)), pttl: None, is_head: false }
}

#[test]
fn a_lookup_in_the_place_of_one_that_is_over_has_nothing_of_it() {
    let repo = Repo::testing();
    let beginning = |repo, entry, caller, at: u64, give_up_at| Beginning {
        repo,
        entry: key(entry),
        caller,
        now: Instant::from_millis(at),
        give_up_at,
        is_cluster: false,
    };
    let mut lookup = Lookup::new(beginning(&repo, "a", loader(1, &["t"]), 1, BUDGET));
    lookup.callers.push(getter(2));
    lookup.phase = Phase::Waiting(Instant::from_millis(9));
    lookup.found = entry_of("1");
    lookup.known.set(Some(own().1), &lookup.tags.clone(), [Some(own().1)].into_iter(), true);
    lookup.known.update([(Tag::from(&b"u"[..]), None)].into_iter());
    lookup.plan.tags = vec![own().0];
    (lookup.rounds, lookup.polls, lookup.resends) = (1, 2, 3);
    (lookup.in_full, lookup.is_held, lookup.rechecked, lookup.is_late, lookup.with_age) = (true, true, true, true, true);
    let other = Repo::new(RepoId(2), "other").expect("a prefix");
    for repo in [&repo, &other] {
        let new = || beginning(repo, "b", loader(3, &["v", "w"]), 5, 2 * BUDGET);
        lookup.renew(new());
        assert_eq!(format!("{lookup:?}"), format!("{:?}", Lookup::new(new())));
    }
}

#[test]
fn calls_of_one_tick_read_an_entry_together_and_later_calls_read_again() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    begin(&mut rig, &mut lookups, "a", getter(1));
    begin(&mut rig, &mut lookups, "a", getter(2));
    begin(&mut rig, &mut lookups, "b", getter(3));
    let (ticket, op, asked) = send(&mut rig, &mut lookups);
    assert!(matches!(op, Op::Read { entries, .. } if entries.len() == 2));
    begin(&mut rig, &mut lookups, "a", getter(4));
    let (_, op, _) = send(&mut rig, &mut lookups);
    assert!(matches!(op, Op::Read { entries, .. } if entries.len() == 1));
    rig.input(|fx| lookups.on_answer(fx, ticket, asked, Ok(read(vec![entry_of("v"), Found::default()]))));
    let decided = rig.decided();
    let hit = |call| Decision::Hit { call: CallId(call), payload: b"v".to_vec().into(), hit: Hit::Fresh };
    assert_eq!(decided, [hit(1), hit(2), Decision::Miss { call: CallId(3) }]);
}

#[test]
fn a_lookup_waits_for_its_own_node_alone() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    begin(&mut rig, &mut lookups, "down", getter(1));
    begin(&mut rig, &mut lookups, "up", getter(2));
    lookups.send_batch(&mut rig.out, 512, |lookup| (*lookup.entry == *b"up").then_some(0));
    let sent = rig.sent();
    assert!(matches!(&sent[..], [(_, Op::Read { entries, .. })] if *entries[0].key == *b"up"), "{sent:?}");
    assert!(lookups.has_queued(), "the other one stays");
    lookups.send_batch(&mut rig.out, 512, |lookup| (*lookup.entry == *b"up").then_some(0));
    assert!(rig.sent().is_empty());
    lookups.send_batch(&mut rig.out, 512, |_| Some(0));
    assert_eq!(rig.sent().len(), 1);
}

#[test]
fn callers_go_on_without_a_store_that_is_silent() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    begin(&mut rig, &mut lookups, "a", getter(1));
    begin(&mut rig, &mut lookups, "a", loader(2, &[]));
    let (ticket, _, asked) = send(&mut rig, &mut lookups);
    rig.input(|fx| lookups.on_silence(fx, ticket, &asked));
    assert_eq!(rig.decided(), [Decision::Miss { call: CallId(1) }]);
    assert!(matches!(rig.handed(), Some(Handoff::Uncached(..))));
    rig.input(|fx| lookups.on_answer(fx, ticket, asked, Ok(read(vec![entry_of("v")]))));
    assert_eq!(rig.decided(), [], "a late answer leads nowhere");
    assert!(lookups.is_empty());
}

#[test]
fn a_read_waits_for_its_node_as_long_as_it_may_in_attentive_time() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    begin(&mut rig, &mut lookups, "a", getter(1));
    rig.now = 249;
    rig.input(|fx| lookups.on_timer(fx, 1));
    assert_eq!(rig.decided(), []);
    rig.input(|fx| lookups.on_readable(fx.attended, |_| true));
    rig.now = 498;
    rig.input(|fx| lookups.on_timer(fx, 1));
    assert_eq!(rig.decided(), [], "its time began anew when reads could go");
    rig.now = 499;
    rig.input(|fx| lookups.on_timer(fx, 1));
    assert_eq!(rig.decided(), [Decision::Miss { call: CallId(1) }]);
    assert!(matches!(rig.handed(), Some(Handoff::Silence(since, _)) if since == Instant::from_millis(1_000_000)));
}

#[test]
fn a_lost_read_is_sent_again_a_bounded_number_of_times() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    begin(&mut rig, &mut lookups, "a", getter(1));
    for _ in 0..4 {
        let (ticket, _, asked) = send(&mut rig, &mut lookups);
        rig.input(|fx| lookups.on_answer(fx, ticket, asked, Err(StoreError::NotSent)));
    }
    assert_eq!(rig.decided(), [Decision::Miss { call: CallId(1) }]);
    assert!(matches!(rig.handed(), Some(Handoff::Refused(StoreError::NotSent))));
}

#[test]
fn a_refused_read_is_not_sent_again() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    begin(&mut rig, &mut lookups, "a", getter(1));
    let (ticket, _, asked) = send(&mut rig, &mut lookups);
    rig.input(|fx| lookups.on_answer(fx, ticket, asked, Err(StoreError::Refused("OOM".into()))));
    assert_eq!(rig.decided(), [Decision::Miss { call: CallId(1) }]);
}

#[test]
fn versions_that_the_batch_did_not_have_are_read_after_the_entry() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    begin(&mut rig, &mut lookups, "a", getter(1));
    let (ticket, _, asked) = send(&mut rig, &mut lookups);
    let version = Id::parse(&[b'v'; Id::LEN]).unwrap();
    let minute = Duration::from_secs(60);
    let tags = with_own(&[(Tag::from(&b"t"[..]), version)]);
    let header =
        Header { stamp: version, ttl: minute, fresh: minute, keep: Duration::ZERO, tags: &tags, added: 0, form: entry::Form::TEXT };
    let sight = Found { value: Seen::Own(Value::new(entry::encode(&header, b"v").0)), pttl: None, is_head: false };
    rig.input(|fx| lookups.on_answer(fx, ticket, asked, Ok(read(vec![sight]))));
    let (ticket, op) = rig.sent().pop().expect("an operation");
    assert_eq!(op, Op::ReadVersions { versions: vec![key("sc#v{:t}")] });
    let Purpose::Lookup(asked) = rig.purpose(ticket) else { panic!("a lookup's") };
    rig.input(|fx| lookups.on_answer(fx, ticket, asked, Ok(Answer::Versions(vec![Seen::Foreign]))));
    assert_eq!(rig.decided(), [Decision::Miss { call: CallId(1) }], "a version of another master is none");
}

#[test]
fn a_wait_for_another_process_ends_with_the_caller_s_patience() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    let lookup = || Box::new(Lookup::testing(key("a"), loader(1, &[]), Instant::from_millis(1_000_000), BUDGET));
    rig.input(|fx| lookups.wait(fx, 7, lookup()));
    assert_eq!(rig.decided(), [Decision::Waiting { call: CallId(1) }]);
    rig.now = 5;
    rig.input(|fx| lookups.on_timer(fx, 7));
    assert!(lookups.has_queued(), "it reads again");
    let mut impatient = lookup();
    impatient.callers[0].waits_until = Some(Instant::from_millis(1_000_100));
    rig.input(|fx| lookups.wait(fx, 8, impatient));
    rig.now = 100;
    rig.input(|fx| lookups.on_timer(fx, 8));
    assert!(matches!(rig.handed(), Some(Handoff::Uncached(..))));
}

#[test]
fn a_cancelled_call_leaves_nothing_behind() {
    let (mut rig, mut lookups) = (Rig::default(), lookups());
    begin(&mut rig, &mut lookups, "a", getter(1));
    assert!(lookups.cancel(CallId(1)) && !lookups.cancel(CallId(1)));
    assert!(lookups.is_empty());
    lookups.send_batch(&mut rig.out, 512, |_| Some(0));
    assert!(rig.sent().is_empty());
}
