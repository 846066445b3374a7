//! A store that is down, slow, replaced or refuses.

use super::*;

#[test]
fn a_frozen_store_costs_a_read_its_budget_and_no_more() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    shared.ask(&mut p, 2, get());
    shared.pass(&mut p, 249);
    assert_eq!(take(&mut p), []);
    shared.pass(&mut p, 1);
    let mut decisions = take(&mut p);
    decisions.sort_by_key(|decision| format!("{decision:?}"));
    assert_eq!(decisions, [load(1, 1, false), miss(2)]);
    shared.loaded(&mut p, 1, value("v"));
    assert_eq!(take(&mut p), [stored(1, 1, false), over(1)]);
    shared.serve(&mut p);
    assert!(p.engine.is_idle() && p.decisions.is_empty(), "late answers lead nowhere");
}

#[test]
fn the_first_connection_has_a_budget_of_its_own() {
    let mut shared = Shared::new();
    let mut p = Shared::down(EngineConfig::default());
    shared.ask(&mut p, 1, get());
    shared.pass(&mut p, 999);
    assert_eq!(take(&mut p), []);
    shared.input(&mut p, store_up);
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [miss(1)], "answered by the store");
    shared.cut(&mut p);
    shared.ask(&mut p, 2, get());
    shared.pass(&mut p, 250);
    assert_eq!(take(&mut p), [miss(2)]);
}

#[test]
fn the_budget_counts_from_the_moment_the_store_is_there() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.cut(&mut p);
    shared.ask(&mut p, 1, get());
    shared.pass(&mut p, 200);
    shared.up(&mut p);
    let mut q = shared.process();
    drop(shared.done(&mut q, get()));
    assert_eq!(take(&mut p), [miss(1)]);
    shared.cut(&mut p);
    shared.ask(&mut p, 2, get());
    shared.pass(&mut p, 200);
    shared.input(&mut p, store_up);
    shared.step(&mut p);
    shared.pass(&mut p, 200);
    assert_eq!(take(&mut p), [], "not yet");
    shared.pass(&mut p, 50);
    assert_eq!(take(&mut p), [miss(2)]);
}

#[test]
fn a_breaker_stops_asking_after_five_silences_and_one_answer_closes_it() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    for call in 0..5 {
        shared.ask(&mut p, call, get());
        shared.pass(&mut p, 250);
    }
    let decisions = take(&mut p);
    assert!(decisions.iter().any(|decision| matches!(decision, Decision::Event { name: "breaker", .. })), "{decisions:?}");
    p.ops.clear();
    shared.ask(&mut p, 6, get());
    assert_eq!((sent(&p), take(&mut p)), (vec![], vec![miss(6)]));
    shared.pass(&mut p, 1000);
    shared.ask(&mut p, 7, get());
    shared.ask(&mut p, 8, get());
    assert_eq!((sent(&p), take(&mut p)), (vec!["read"], vec![miss(8)]), "one trial");
    shared.serve(&mut p);
    shared.ask(&mut p, 9, get());
    assert_eq!(sent(&p), ["read"]);
}

#[test]
fn loads_without_the_store_are_shared_by_those_who_began_before_them() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.cut(&mut p);
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.pass(&mut p, 100);
    shared.ask(&mut p, 2, get_or_set(&[]));
    shared.pass(&mut p, 150);
    shared.ask(&mut p, 3, get_or_set(&[]));
    shared.pass(&mut p, 100);
    shared.pass(&mut p, 150);
    let seen: Vec<Decision> = take(&mut p);
    assert_eq!(seen.iter().filter(|d| matches!(d, Decision::Load { storing: false, .. })).count(), 1, "{seen:?}");
    shared.loaded(&mut p, 1, value("v"));
    let after = take(&mut p);
    assert!(after.contains(&load(3, 2, false)), "who came meanwhile has the next one: {after:?}");
    shared.loaded(&mut p, 2, value("w"));
    take(&mut p);
    assert!(p.engine.is_idle());
}

#[test]
fn an_invalidation_that_could_not_be_delivered_is_repeated_before_anything_is_read() {
    for request in [invalidate(&["t"]), delete()] {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.warm(&mut p, get_or_set(&["t"]));
        shared.cut(&mut p);
        shared.ask(&mut p, 1, request);
        shared.pass(&mut p, 5000);
        let decisions = take(&mut p);
        assert!(matches!(&decisions[..], [Decision::Error { error, kept: true, .. }] if error.kind() == ErrorKind::Timeout));
        shared.input(&mut p, store_up);
        shared.ask(&mut p, 2, get());
        shared.step(&mut p);
        assert!(!sent(&p).contains(&"read"), "{:?}", sent(&p));
        shared.serve(&mut p);
        assert_eq!(take(&mut p), [miss(2)]);
    }
}

#[test]
fn an_invalidation_that_was_cut_is_sent_again_within_its_budget() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, get_or_set(&["t"]));
    shared.ask(&mut p, 1, invalidate(&["t"]));
    shared.cut(&mut p);
    shared.pass(&mut p, 1000);
    shared.up(&mut p);
    assert_eq!(take(&mut p), [Decision::Done { call: CallId(1), number: 1 }]);
}

#[test]
fn a_set_that_may_have_run_is_not_repeated() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, set("v", &[]));
    shared.cut(&mut p);
    assert!(matches!(&take(&mut p)[..], [Decision::Error { error, kept: false, .. }] if error.is_maybe_executed()));
    shared.ask(&mut p, 2, set("v", &["t"]));
    shared.pass(&mut p, 100);
    shared.up(&mut p);
    assert_eq!(take(&mut p), [Decision::Done { call: CallId(2), number: 0 }], "it had never left");
}

#[test]
fn the_undelivered_are_bounded() {
    let mut shared = Shared::new();
    let mut p = Shared::down(EngineConfig { undelivered_max: 1, ..EngineConfig::default() });
    shared.ask(&mut p, 1, delete());
    shared.ask(&mut p, 2, invalidate(&["t"]));
    shared.pass(&mut p, 5000);
    let kept = take(&mut p).into_iter().filter(|decision| matches!(decision, Decision::Error { kept: true, .. })).count();
    assert_eq!(kept, 1);
}

#[test]
fn a_place_without_an_answer_leads_to_a_load_without_storing() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.step(&mut p);
    shared.step(&mut p);
    let lost = p.ops.pop_front().unwrap();
    shared.store.apply(shared.now, &lost.1).unwrap();
    p.ops.push_front(lost);
    shared.cut(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, false)]);
    shared.up(&mut p);
    assert_eq!(shared.left(), 0, "the lease that nobody holds is given back");
}

#[test]
fn a_failover_brings_nothing_back() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, get_or_set(&["t"]));
    shared.cut(&mut p);
    shared.store.set_replication_id(ReplicationId::of(b"promoted"));
    shared.up(&mut p);
    assert_eq!(shared.done(&mut p, get()), miss(901));
    let trusting = EngineConfig { trust_after_failover: true, ..EngineConfig::default() };
    let mut q = shared.process_with(trusting);
    assert_eq!(shared.done(&mut q, get()), hit(901, "old", Hit::Fresh), "unless that is what was asked for");
}

#[test]
fn a_replication_id_that_changes_on_a_living_link_is_noticed_and_read_at_most_once_a_second() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.pass(&mut p, 2000);
    shared.store.set_replication_id(ReplicationId::of(b"first replica"));
    shared.pass(&mut q, 0);
    shared.cut(&mut q);
    shared.up(&mut q);
    shared.warm(&mut q, get_or_set(&["t"]));
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    shared.step(&mut p);
    assert_eq!(sent(&p), ["identify", "read"]);
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [hit(1, "old", Hit::Fresh)], "both see one replication id again");
    shared.store.plant(shared.now, &Key::from(&b"sc:k"[..]), b"hw2l aaaaaaaaaaaa other--- 000000000060000 0\n".to_vec(), SECS(60));
    shared.ask(&mut p, 2, get());
    shared.step(&mut p);
    assert_eq!(sent(&p), [] as [&str; 0], "not again within the second");
    assert_eq!(take(&mut p), [miss(2)]);
}

#[test]
fn a_replication_id_that_flips_all_the_time_turns_the_check_off() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    let mut warnings = 0;
    for n in 0..10u8 {
        shared.pass(&mut p, 1100);
        shared.store.set_replication_id(ReplicationId::of(&[n]));
        shared.store.plant(shared.now, &Key::from(&b"sc:k"[..]), b"hw2l aaaaaaaaaaaa other--- 000000000060000 0\n".to_vec(), SECS(60));
        shared.ask(&mut p, 1, get());
        shared.serve(&mut p);
        warnings += take(&mut p).iter().filter(|d| matches!(d, Decision::Event { name: "originCheckOff", .. })).count();
    }
    assert_eq!(warnings, 1);
}

#[test]
fn a_server_that_refuses_info_is_used_with_a_warning() {
    let mut shared = Shared::new();
    let mut p = Shared::down(EngineConfig::default());
    shared.input(&mut p, store_up);
    let (ticket, _) = p.ops.pop_front().unwrap();
    let refused = StoreError::Refused("NOPERM this user has no permissions".into());
    shared.input(&mut p, |engine, cx| engine.on_store(cx, ticket, Err(refused)));
    assert!(matches!(&take(&mut p)[..], [Decision::Event { name: "warning", text, .. }] if text.contains("afterFailover: 'trust'")));
    shared.warm(&mut p, get_or_set(&["t"]));
    assert_eq!(shared.done(&mut p, get()), hit(901, "old", Hit::Fresh));
}

#[test]
fn commands_that_are_refused_leave_reads_without_the_cache_and_writes_with_an_error() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    let refused = || Err(StoreError::Refused("OOM command not allowed".into()));
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    shared.step(&mut p);
    let (ticket, _) = p.ops.pop_front().unwrap();
    shared.input(&mut p, |engine, cx| engine.on_store(cx, ticket, refused()));
    let decisions = take(&mut p);
    assert!(decisions.contains(&load(1, 1, false)) && decisions.iter().any(|d| matches!(d, Decision::Event { name: "warning", .. })));
    shared.ask(&mut p, 2, set("v", &[]));
    assert_eq!(sent(&p), ["ensure", "set"]);
    let (ticket, _) = p.ops.pop_back().unwrap();
    shared.input(&mut p, |engine, cx| engine.on_store(cx, ticket, refused()));
    assert!(matches!(&take(&mut p)[..], [Decision::Error { error, .. }] if error.kind() == ErrorKind::Reply));
}

#[test]
fn answers_that_nobody_asked_for_are_ignored() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.input(&mut p, |engine, cx| {
        engine.on_store(cx, Ticket(999), Ok(StoreReply::Done));
        engine.loaded(cx, LoadId(999), LoadOutcome::Nothing);
        engine.cancel(CallId(999));
        engine.call(cx, CallId(1), RepoId(0), get());
        engine.call(cx, CallId(2), RepoId(99), get());
    });
    let decisions = take(&mut p);
    assert!(decisions.iter().all(|decision| matches!(decision, Decision::Error { .. })) && decisions.len() == 2);
}
