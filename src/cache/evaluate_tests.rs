use super::super::caller::testing::{getter, loader};
use super::super::ids::CallId;
use super::super::tags::testing::{own, with_own};
use super::super::tags::Known;
use super::*;
use crate::store::entry::Header;
use crate::store::{Found, Key};

fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

fn tagged(names: &[&str]) -> Vec<(Tag, Id)> {
    with_own(&names.iter().map(|name| (Tag::from(name.as_bytes()), id(b'v'))).collect::<Vec<_>>())
}

fn entry(names: &[&str]) -> Value {
    let minute = Duration::from_secs(60);
    let tags = tagged(names);
    Value::new(
        entry::encode(
            &Header { stamp: id(b's'), ttl: minute, fresh: minute, keep: Duration::ZERO, tags: &tags, added: 0, form: entry::Form::TEXT },
            b"v",
        )
        .0,
    )
}

fn lookup(callers: Vec<Caller>, value: Seen<Value>, known: &[(&str, Option<u8>)], is_after: bool) -> Lookup {
    let mut callers = callers.into_iter();
    let mut lookup = Lookup::testing(Key::from(&b"sc:k"[..]), callers.next().expect("a caller"), Instant::from_millis(250), Duration::ZERO);
    lookup.callers.extend(callers);
    lookup.found = Found { value, pttl: None, is_head: false };
    let own = Some(own().1);
    lookup.known = Known::new(own, known.iter().map(|(name, version)| (Tag::from(name.as_bytes()), version.map(id))).collect(), is_after);
    lookup
}

fn run(lookup: &mut Lookup) -> (Next, Vec<Decision>) {
    let mut decisions = Vec::new();
    let rules = Rules { now: Instant::from_millis(0), swr: true, lease: Duration::from_secs(10) };
    let (next, _) = evaluate(lookup, rules, &mut |decision| decisions.push(decision));
    (next, decisions)
}

#[test]
fn a_current_entry_serves_its_callers() {
    let mut lookup = lookup(vec![loader(1, &["t"]), getter(2)], Seen::Own(entry(&["t"])), &[("t", Some(b'v'))], true);
    let (next, decisions) = run(&mut lookup);
    assert_eq!((next, decisions.len(), lookup.callers.len()), (Next::Done, 2, 0));
    assert!(decisions.iter().all(|decision| matches!(decision, Decision::Hit { hit: Hit::Fresh, .. })));
}

#[test]
fn an_entry_that_a_caller_could_not_decode_is_replaced_and_leaves_nothing_to_a_loader_that_fails() {
    let replacing = || Caller { replaces: true, ..loader(1, &[]) };
    let mut seen = lookup(vec![replacing(), getter(2)], Seen::Own(entry(&["t"])), &[("t", Some(b'v'))], true);
    let (Next::Place(plan), decisions) = run(&mut seen) else { panic!("a plan") };
    assert_eq!(plan, Plan { expected: Some(id(b's')), ..Plan::default() });
    assert_eq!(decisions.len(), 1, "others are served");
    let mut new = lookup(vec![replacing()], Seen::Own(entry(&[])), &[], true);
    new.is_late = true;
    assert_eq!(run(&mut new).1.len(), 1, "what others have loaded since is another entry");
}

#[test]
fn what_was_found_after_others_had_begun_counts_as_theirs() {
    let mut lookup = lookup(vec![loader(1, &[])], Seen::Own(entry(&[])), &[], true);
    lookup.is_late = true;
    assert!(matches!(run(&mut lookup).1[..], [Decision::Hit { hit: Hit::Joined, .. }]));
}

#[test]
fn an_entry_is_condemned_only_by_versions_read_after_it() {
    for (version, is_after) in [(Some(b'w'), true), (None, true)] {
        let mut lookup = lookup(vec![loader(1, &["t"])], Seen::Own(entry(&["t"])), &[("t", version)], is_after);
        let (Next::Place(plan), _) = run(&mut lookup) else { panic!("a plan") };
        assert_eq!((plan.expected, plan.inside, plan.is_current), (Some(id(b's')), false, false));
    }
    let mut lookup = lookup(vec![loader(1, &["t"])], Seen::Own(entry(&["t"])), &[("t", Some(b'w'))], false);
    assert_eq!(run(&mut lookup).0, Next::ReadVersions(vec![Tag::from(&b"t"[..])]));
}

#[test]
fn a_caller_whose_tag_an_entry_lacks_loads_under_both_sets() {
    let callers = vec![loader(1, &["t"]), loader(2, &["u"])];
    let mut lookup = lookup(callers, Seen::Own(entry(&["t"])), &[("t", Some(b'v'))], true);
    let (Next::Place(plan), decisions) = run(&mut lookup) else { panic!("a plan") };
    assert!(matches!(decisions[..], [Decision::Hit { call: CallId(1), .. }]));
    assert_eq!(plan.tags, [Tag::from(&b"u"[..]), Tag::from(&b"t"[..])]);
    assert!(plan.is_current && !plan.inside, "a lease in the header would leave the entry to callers it will not do for");
}

#[test]
fn nothing_and_foreign_values_are_misses_without_a_name() {
    let mut nothing = lookup(vec![loader(1, &["t"]), getter(2)], Seen::Nothing, &[], true);
    let (Next::Place(plan), decisions) = run(&mut nothing) else { panic!("a plan") };
    assert_eq!((plan.expected, decisions), (None, vec![Decision::Miss { call: CallId(2) }]));
    let mut foreign = lookup(vec![getter(1)], Seen::Foreign, &[], true);
    assert_eq!(run(&mut foreign).0, Next::Foreign, "the replication id is read again first");
    foreign.rechecked = true;
    assert_eq!(run(&mut foreign), (Next::Done, vec![Decision::Miss { call: CallId(1) }]));
}

#[test]
fn a_damaged_value_is_replaced_by_its_name() {
    let damaged = Value::new(entry(&[])[..42].to_vec());
    let mut lookup = lookup(vec![loader(1, &[])], Seen::Own(damaged), &[], true);
    assert!(matches!(run(&mut lookup).0, Next::Place(plan) if plan.expected == Some(id(b's'))));
}

#[test]
fn a_lease_is_followed_if_it_is_current_for_every_caller() {
    let lease = |names: &[&str]| Seen::Own(Value::new(entry::encode_lease(id(b't'), Duration::from_secs(60), &tagged(names))));
    let mut current = lookup(vec![loader(1, &["t"]), getter(2)], lease(&["t"]), &[("t", Some(b'v'))], true);
    assert_eq!(run(&mut current), (Next::Follow(id(b't')), vec![Decision::Miss { call: CallId(2) }]));
    let mut lacking = lookup(vec![loader(1, &["u"])], lease(&["t"]), &[("t", Some(b'v'))], true);
    assert!(matches!(run(&mut lacking).0, Next::Place(plan) if plan.expected == Some(id(b't')) && plan.tags.len() == 2));
    let mut outdated = lookup(vec![loader(1, &["t"])], lease(&["t"]), &[("t", None)], true);
    assert!(matches!(run(&mut outdated).0, Next::Place(plan) if plan.expected == Some(id(b't')) && plan.tags.len() == 1));
}

#[test]
fn the_age_is_asked_for_where_it_matters() {
    let mut young = loader(1, &[]);
    young.overrides.max_age = Some(Duration::from_secs(5));
    let mut lookup = lookup(vec![young, getter(2)], Seen::Own(entry(&[])), &[], true);
    let (next, decisions) = run(&mut lookup);
    assert_eq!((next, lookup.callers.len()), (Next::ReadAge, 1));
    assert!(matches!(decisions[..], [Decision::Hit { call: CallId(2), .. }]));
    lookup.found = Found { value: Seen::Own(entry(&[])), pttl: Some(54_000), is_head: false };
    let (Next::Place(plan), _) = run(&mut lookup) else { panic!("a plan") };
    assert!(plan.inside, "the entry stays readable for others");
}

#[test]
fn captured_versions_are_compared_with_those_of_the_entry() {
    let value = entry(&["t", "u"]);
    assert!(is_captured(&value, &tagged(&["t", "u", "w"])));
    assert!(is_captured(&value, &tagged(&["t"])), "a tag that the new load does not inherit");
    let changed = |version| [(Tag::from(&b"t"[..]), id(version)), (Tag::from(&b"u"[..]), id(b'v'))];
    assert!(!is_captured(&value, &with_own(&changed(b'w'))));
    assert!(is_captured(&value, &with_own(&changed(b'v'))) && !is_captured(&value, &changed(b'v')), "the repository was cleared");
}

#[test]
fn a_lease_that_has_run_out_counts_as_nothing() {
    let value = Seen::Own(Value::new(entry::encode_lease(id(b't'), Duration::from_secs(60), &tagged(&["t"]))));
    for (pttl, runs) in [(Some(60_001), true), (Some(59_999), false), (None, true)] {
        let mut lookup = lookup(vec![loader(1, &["t"])], value.clone(), &[("t", Some(b'v'))], true);
        lookup.found.pttl = pttl;
        match run(&mut lookup).0 {
            Next::Follow(token) if runs => assert_eq!(token, id(b't')),
            Next::Place(plan) if !runs => assert_eq!((plan.expected, plan.tags.len()), (None, 1)),
            other => panic!("{pttl:?}: {other:?}"),
        }
    }
}

#[test]
fn a_load_inherits_what_callers_named_within_the_bound() {
    let names: Vec<String> = (0..60).map(|n| format!("n{n}")).collect();
    let mut tags = tagged(&names.iter().map(String::as_str).collect::<Vec<_>>());
    tags.push((Tag::from(&b"added"[..]), id(b'v')));
    let minute = Duration::from_secs(60);
    let header =
        Header { stamp: id(b's'), ttl: minute, fresh: minute, keep: Duration::ZERO, tags: &tags, added: 1, form: entry::Form::TEXT };
    let value = Value::new(entry::encode(&header, b"v").0);
    let plan_of = |names: &[&str]| {
        let mut lookup = lookup(vec![loader(1, names)], Seen::Own(value.clone()), &[], true);
        lookup.known = Known::new(Some(own().1), tags.iter().map(|(tag, id)| (tag.clone(), Some(*id))).collect(), true);
        lookup.found.pttl = Some(54_000);
        let (Next::Place(plan), _) = run(&mut lookup) else { panic!("a plan") };
        plan.tags
    };
    let four = plan_of(&["a", "b", "c", "d"]);
    assert_eq!(four.len(), 64);
    assert!(!four.iter().any(|tag| **tag == *b"added"), "the next loader names its own");
    assert_eq!(plan_of(&["a", "b", "c", "d", "e"]).len(), 5, "past the bound the caller's alone");
}
