//! Reads, loads and leases.

use super::*;

#[test]
fn a_miss_takes_three_round_trips_before_the_loader_and_one_after_it() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    for want in ["read", "ensure", "place"] {
        assert_eq!(sent(&p), [want]);
        assert_eq!(take(&mut p), []);
        shared.step(&mut p);
    }
    assert_eq!(take(&mut p), [load(1, 1, true)]);
    shared.loaded(&mut p, 1, value("v"));
    assert_eq!(sent(&p), ["commit", "count"]);
    assert_eq!(take(&mut p), []);
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [stored(1, 1, true), over(1)]);
    shared.ask(&mut p, 2, get_or_set(&["t"]));
    assert_eq!(sent(&p), ["read"]);
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [hit(2, "v", Hit::Fresh)]);
    assert!(p.engine.is_idle());
}

#[test]
fn the_reads_of_a_tick_are_one_operation_and_each_key_and_version_is_in_it_once() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    let repo = p.repo;
    shared.input(&mut p, |engine, cx| {
        for call in 0..64u32 {
            let key = vec![b'k', (call % 4) as u8];
            let request = Request::GetOrSet {
                key,
                ttl: SECS(60),
                keep: None,
                fresh: None,
                max_age: None,
                lock_timeout: None,
                tags: tags(&["t"]).into(),
                replaces: false,
                early: None,
                tags_result: false,
            };
            engine.call(cx, CallId(call), repo, request);
        }
    });
    let Op::Read { entries, versions } = &p.ops[0].1.op else { panic!("a read") };
    assert_eq!((p.ops.len(), entries.len(), versions.len()), (1, 4, 2), "the tag's version and the repository's");
    shared.serve(&mut p);
    let loads = take(&mut p).into_iter().filter(|decision| matches!(decision, Decision::Load { storing: true, .. })).count();
    assert_eq!(loads, 4, "one per key");
}

#[test]
fn a_caller_of_a_later_tick_reads_again() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get());
    shared.ask(&mut p, 2, get());
    assert_eq!(sent(&p), ["read", "read"]);
}

#[test]
fn callers_of_one_tick_share_one_load() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    let repo = p.repo;
    shared.input(&mut p, |engine, cx| {
        for call in 1..=3 {
            engine.call(cx, CallId(call), repo, get_or_set(&[]));
        }
    });
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, true), waiting(2), waiting(3)]);
    shared.loaded(&mut p, 1, value("v"));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [stored(1, 1, true), hit(2, "v", Hit::Joined), hit(3, "v", Hit::Joined), over(1)]);
}

#[test]
fn a_caller_that_meets_its_process_s_own_lease_joins_that_load() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    shared.serve(&mut p);
    shared.ask(&mut p, 2, get_or_set(&["t"]));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, true), waiting(2)]);
    shared.loaded(&mut p, 1, LoadOutcome::Failed);
    let failed = |call| Decision::FailedWith { call: CallId(call), load: LoadId(1) };
    assert_eq!(take(&mut p), [failed(1), failed(2), over(1)]);
    assert_eq!(sent(&p), ["give back"]);
    shared.serve(&mut p);
    shared.ask(&mut p, 3, get_or_set(&["t"]));
    shared.serve(&mut p);
    shared.loaded(&mut p, 2, LoadOutcome::Nothing);
    assert_eq!(take(&mut p), [load(3, 2, true), Decision::Nothing { call: CallId(3), load: LoadId(2) }, over(2)]);
}

#[test]
fn another_process_waits_for_the_lease_and_then_has_the_value() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    shared.serve(&mut p);
    shared.ask(&mut q, 1, get_or_set(&["t"]));
    shared.serve(&mut q);
    assert_eq!(take(&mut q), [waiting(1)]);
    for _ in 0..20 {
        shared.pass(&mut q, 100);
        shared.serve(&mut q);
        shared.pass(&mut p, 0);
        shared.serve(&mut p);
    }
    assert_eq!(take(&mut q), [], "it polls");
    shared.loaded(&mut p, 1, value("v"));
    shared.serve(&mut p);
    shared.pass(&mut q, 100);
    shared.serve(&mut q);
    assert_eq!(take(&mut q), [hit(1, "v", Hit::Joined)]);
}

#[test]
fn patience_ends_with_a_load_of_one_s_own_and_the_lease_is_not_stolen() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    let mut q = shared.process_with(EngineConfig { lock_timeout: SECS(2), ..EngineConfig::default() });
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.serve(&mut p);
    shared.ask(&mut q, 1, get_or_set(&[]));
    shared.serve(&mut q);
    for _ in 0..30 {
        shared.pass(&mut q, 100);
        shared.serve(&mut q);
    }
    assert_eq!(take(&mut q), [waiting(1), load(1, 1, false)]);
    shared.loaded(&mut p, 1, value("v"));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, true), stored(1, 1, true), over(1)]);
}

#[test]
fn a_holder_that_lives_renews_and_one_that_dies_is_followed() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    shared.serve(&mut p);
    for _ in 0..10 {
        shared.pass(&mut p, 3000);
        assert_eq!(sent(&p), ["renew"]);
        shared.serve(&mut p);
    }
    shared.ask(&mut q, 1, get_or_set(&["t"]));
    shared.serve(&mut q);
    assert_eq!(take(&mut q), [waiting(1)]);
    for _ in 0..105 {
        shared.pass(&mut q, 100);
        shared.serve(&mut q);
    }
    assert_eq!(take(&mut q), [load(1, 1, true)], "the lease has run out");
    shared.loaded(&mut p, 1, value("v"));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, true), stored(1, 1, false), over(1)], "the dead one comes back");
}

#[test]
fn a_value_loaded_before_an_invalidation_is_never_read_after_it() {
    for write in [invalidate(&["t"]), delete(), Request::DeletePattern { glob: b"*".to_vec() }] {
        let mut shared = Shared::new();
        let (mut p, mut q) = (shared.process(), shared.process());
        shared.ask(&mut p, 1, get_or_set(&["t"]));
        shared.serve(&mut p);
        shared.done(&mut q, write.clone());
        shared.loaded(&mut p, 1, value("old"));
        shared.serve(&mut p);
        assert_eq!(shared.done(&mut q, get()), miss(901), "{write:?}");
    }
}

#[test]
fn a_set_wins_over_a_load_under_way() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    shared.serve(&mut p);
    assert_eq!(shared.done(&mut q, set("new", &["t"])), Decision::Done { call: CallId(901), number: 0 });
    shared.loaded(&mut p, 1, value("old"));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, true), stored(1, 1, false), over(1)]);
    assert_eq!(shared.done(&mut p, get()), hit(901, "new", Hit::Fresh));
}

#[test]
fn callers_that_name_different_tags_end_with_an_entry_that_carries_both() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, get_or_set(&["a"]));
    shared.ask(&mut p, 1, get_or_set(&["b"]));
    shared.serve(&mut p);
    shared.loaded(&mut p, 2, value("both"));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 2, true), stored(1, 2, true), over(2)]);
    for names in [&["a"][..], &["b"], &["a", "b"]] {
        assert_eq!(shared.done(&mut p, get_or_set(names)), hit(901, "both", Hit::Fresh));
    }
    shared.done(&mut p, invalidate(&["a"]));
    assert_eq!(shared.done(&mut p, get()), miss(901));
}

#[test]
fn an_outdated_entry_leaves_its_tags_behind() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, get_or_set(&["a", "b"]));
    shared.done(&mut p, invalidate(&["a"]));
    shared.warm(&mut p, get_or_set(&["b"]));
    shared.done(&mut p, invalidate(&["a"]));
    assert_eq!(shared.done(&mut p, get()), hit(901, "old", Hit::Fresh));
}

#[test]
fn get_and_has_never_write() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    let has = || Request::Has { key: b"k".to_vec() };
    assert_eq!((shared.done(&mut p, get()), shared.done(&mut p, has())), (miss(901), miss(901)));
    shared.ask(&mut q, 1, get_or_set(&["t"]));
    shared.serve(&mut q);
    assert_eq!((shared.done(&mut p, get()), shared.done(&mut p, has())), (miss(901), miss(901)), "a lease");
    shared.loaded(&mut q, 1, value("v"));
    shared.serve(&mut q);
    shared.ask(&mut p, 1, get());
    assert_eq!(kind(&shared.step(&mut p).op), "read");
    assert_eq!(kind(&shared.step(&mut p).op), "versions");
    assert_eq!(take(&mut p), [hit(1, "v", Hit::Fresh)]);
    assert_eq!(shared.done(&mut p, has()), Decision::Done { call: CallId(901), number: 1 });
}

#[test]
fn a_foreign_value_is_a_miss_and_is_replaced() {
    for foreign in [&b"{\"a\":1}"[..], b"", b"hw2e ssssssssssss -------- 000000 damaged", b"hw2l aaaaaaaaaaaa memory-- 000000000060000 9\n"]
    {
        let mut shared = Shared::new();
        let mut p = shared.process();
        shared.store.plant(shared.now, &Key::from(&b"sc:k"[..]), foreign.to_vec(), SECS(600));
        assert_eq!(shared.done(&mut p, get()), miss(901));
        shared.warm(&mut p, get_or_set(&[]));
        assert_eq!(shared.done(&mut p, get()), hit(901, "old", Hit::Fresh), "{}", foreign.escape_ascii());
    }
}

#[test]
fn a_cancelled_call_leaves_no_lease_behind() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.step(&mut p);
    assert_eq!(sent(&p), ["ensure"]);
    shared.step(&mut p);
    assert_eq!(sent(&p), ["place"]);
    shared.input(&mut p, |engine, _| engine.cancel(CallId(1)));
    shared.serve(&mut p);
    assert_eq!(shared.left(), 0);
    assert!(p.engine.is_idle() && p.decisions.is_empty());
}

#[test]
fn tags_that_a_loader_names_are_those_of_its_entry() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&["a"]));
    shared.serve(&mut p);
    shared.input(&mut p, |engine, cx| engine.add_tags(cx, CallId(2), LoadId(1), tags(&["a", "b"])));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, true), Decision::Done { call: CallId(2), number: 1 }]);
    shared.loaded(&mut p, 1, value("v"));
    shared.serve(&mut p);
    assert_eq!(shared.done(&mut p, get_or_set(&["a"])), hit(901, "v", Hit::Fresh));
    assert_eq!(shared.done(&mut p, invalidate(&["b"])), Decision::Done { call: CallId(901), number: 1 });
    assert_eq!(shared.done(&mut p, get()), miss(901));
    take(&mut p);
    shared.input(&mut p, |engine, cx| engine.add_tags(cx, CallId(3), LoadId(1), tags(&["c"])));
    assert!(matches!(&take(&mut p)[..], [Decision::Error { error, .. }] if error.kind() == ErrorKind::BadState));
}

#[test]
fn a_load_that_ends_while_it_names_tags_is_not_stored() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&["a"]));
    shared.serve(&mut p);
    shared.input(&mut p, |engine, cx| engine.add_tags(cx, CallId(2), LoadId(1), tags(&["b"])));
    shared.loaded(&mut p, 1, value("v"));
    shared.serve(&mut p);
    let done = Decision::Done { call: CallId(2), number: 0 };
    assert_eq!(take(&mut p), [load(1, 1, true), stored(1, 1, false), over(1), done]);
    assert_eq!(shared.done(&mut p, get()), miss(901));
}

#[test]
fn nobody_joins_a_load_that_reads_under_tags_its_lease_does_not_carry() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.serve(&mut p);
    shared.input(&mut p, |engine, cx| engine.add_tags(cx, CallId(2), LoadId(1), tags(&["b"])));
    shared.pass(&mut p, 250);
    assert_eq!(take(&mut p), [load(1, 1, true), Decision::Done { call: CallId(2), number: 0 }]);
    shared.done(&mut q, invalidate(&["b"]));
    shared.ask(&mut p, 3, get_or_set(&[]));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(3, 2, true)]);
}

#[test]
fn a_load_whose_lease_is_gone_when_it_names_tags_is_not_stored() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.ask(&mut p, 1, get_or_set(&["a"]));
    shared.serve(&mut p);
    shared.done(&mut q, delete());
    shared.input(&mut p, |engine, cx| engine.add_tags(cx, CallId(2), LoadId(1), tags(&["b"])));
    shared.serve(&mut p);
    shared.loaded(&mut p, 1, value("v"));
    let done = Decision::Done { call: CallId(2), number: 0 };
    assert_eq!(take(&mut p), [load(1, 1, true), done, stored(1, 1, false), over(1)]);
}
