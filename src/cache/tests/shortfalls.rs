//! What was not done is counted, with its reason.

use super::*;

fn is(counted: &[(Shortfall, u64)], what: Shortfall) -> u64 {
    counted.iter().find(|(kind, _)| *kind == what).map_or(0, |(_, number)| *number)
}

/// A load whose lease is in place, and its answers.
fn loading(shared: &mut Shared, config: EngineConfig) -> Process {
    let mut p = shared.process_with(config);
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 1, true)]);
    p
}

#[test]
fn reads_that_are_given_up() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get());
    shared.ask(&mut p, 2, get_or_set(&["t"]));
    shared.pass(&mut p, 250);
    assert_eq!(counted(&mut p), [(Shortfall::ReadTimedOut, 2)], "silence");
    shared.cut(&mut p);
    shared.ask(&mut p, 3, get());
    shared.pass(&mut p, 250);
    assert_eq!(counted(&mut p), [(Shortfall::ReadTimedOut, 1)], "no link");
    shared.up(&mut p);
    shared.ask(&mut p, 4, get());
    let (ticket, _) = p.ops.pop_front().unwrap();
    let refused = Err(StoreError::Refused("NOPERM no permissions".into()));
    shared.input(&mut p, |engine, cx| engine.on_store(cx, ticket, refused));
    assert_eq!(counted(&mut p), [(Shortfall::ReadRefused, 1)]);
    for call in 10..15 {
        shared.ask(&mut p, call, get());
        shared.pass(&mut p, 250);
    }
    counted(&mut p);
    shared.ask(&mut p, 20, get());
    assert_eq!(counted(&mut p), [(Shortfall::ReadNotAsked, 1)], "the breaker is open");
}

#[test]
fn reads_that_wait_too_long_for_another_load() {
    let mut shared = Shared::new();
    let mut p = loading(&mut shared, EngineConfig { lock_timeout: SECS(1), ..EngineConfig::default() });
    shared.ask(&mut p, 2, get_or_set(&[]));
    shared.serve(&mut p);
    shared.pass(&mut p, 1000);
    assert_eq!(counted(&mut p), [(Shortfall::ReadWaited, 1)]);
}

#[test]
fn results_that_are_not_stored() {
    let cases: [(Result<StoreReply, StoreError>, Shortfall); 3] = [
        (Ok(StoreReply::Held(false)), Shortfall::NotStoredLeaseLost),
        (Err(StoreError::Refused("OOM no memory".into())), Shortfall::NotStoredRefused),
        (Err(StoreError::Cut { maybe_executed: true }), Shortfall::NotStoredTimedOut),
    ];
    for (answer, why) in cases {
        let mut shared = Shared::new();
        let mut p = loading(&mut shared, EngineConfig::default());
        shared.loaded(&mut p, 1, value("v"));
        let (ticket, _) = p.ops.pop_front().unwrap();
        shared.input(&mut p, |engine, cx| engine.on_store(cx, ticket, answer));
        assert_eq!(counted(&mut p), [(why, 1)]);
    }
    let mut shared = Shared::new();
    let mut p = loading(&mut shared, EngineConfig::default());
    shared.loaded(&mut p, 1, value("v"));
    shared.pass(&mut p, 250);
    assert_eq!(counted(&mut p), [(Shortfall::NotStoredTimedOut, 1)], "silence");
    let mut shared = Shared::new();
    let mut p = loading(&mut shared, EngineConfig::default());
    shared.cut(&mut p);
    shared.loaded(&mut p, 1, value("v"));
    assert_eq!(counted(&mut p), [(Shortfall::NotStoredTimedOut, 1)], "no link");
}

#[test]
fn refreshes_that_are_dropped() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, revalidated(0));
    shared.pass(&mut p, 20_000);
    shared.ask(&mut p, 1, revalidated(0));
    shared.step(&mut p);
    assert!(matches!(take(&mut p)[..], [Decision::Hit { hit: Hit::Stale, .. }]));
    shared.pass(&mut p, 250);
    assert_eq!(counted(&mut p), [(Shortfall::RefreshDropped, 1)]);
}

#[test]
fn pending_invalidations_that_are_then_delivered() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.cut(&mut p);
    shared.ask(&mut p, 1, delete());
    shared.ask(&mut p, 2, invalidate(&["t", "u"]));
    shared.pass(&mut p, 5000);
    assert_eq!(counted(&mut p), [(Shortfall::PendingInvalidations, 3)]);
    shared.up(&mut p);
    assert_eq!(counted(&mut p), [(Shortfall::PendingInvalidations, 0)]);
}

#[test]
fn a_slow_load_is_counted_once_and_an_endless_one_gives_its_lease_back() {
    let mut shared = Shared::new();
    let mut p = loading(&mut shared, EngineConfig { longest_load: SECS(60), ..EngineConfig::default() });
    for _ in 0..40 {
        shared.pass(&mut p, 1000);
        shared.serve(&mut p);
    }
    assert_eq!(counted(&mut p), [(Shortfall::SlowLoad, 1)]);
    for _ in 0..30 {
        shared.pass(&mut p, 1000);
        shared.serve(&mut p);
    }
    assert_eq!(counted(&mut p), [(Shortfall::EndlessLoad, 1)]);
    assert_eq!(shared.left(), 0, "the next caller may load");
    shared.loaded(&mut p, 1, value("late"));
    assert_eq!(take(&mut p), [stored(1, 1, false), over(1)]);
    assert_eq!(counted(&mut p), [(Shortfall::NotStoredLeaseLost, 1)]);
    assert!(p.engine.is_idle());
}

#[test]
fn a_load_without_storing_that_is_slow_is_counted_too() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.pass(&mut p, 35_250);
    let counted = counted(&mut p);
    assert_eq!((is(&counted, Shortfall::ReadTimedOut), is(&counted, Shortfall::SlowLoad)), (1, 1), "{counted:?}");
}
