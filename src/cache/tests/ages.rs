//! Stale, expired and kept.

use super::*;

fn no_refresh(call: u32) -> Decision {
    Decision::LoadOver { call: Some(CallId(call)), load: None }
}

#[test]
fn a_stale_entry_is_served_while_one_refresh_runs() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.warm(&mut p, revalidated(0));
    shared.pass(&mut p, 11_000);
    shared.serve(&mut p);
    shared.ask(&mut p, 1, revalidated(0));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [hit(1, "old", Hit::Stale), Decision::Refresh { call: CallId(1), load: LoadId(2) }]);
    shared.ask(&mut p, 2, revalidated(0));
    shared.ask(&mut q, 3, revalidated(0));
    shared.serve(&mut p);
    shared.serve(&mut q);
    assert_eq!(take(&mut p), [hit(2, "old", Hit::Stale), no_refresh(2)]);
    assert_eq!(take(&mut q), [hit(3, "old", Hit::Stale), no_refresh(3)]);
    shared.loaded(&mut p, 2, value("new"));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [over(2)]);
    assert_eq!(shared.done(&mut q, get()), hit(901, "new", Hit::Fresh));
}

#[test]
fn a_refresh_that_fails_lets_the_whole_fleet_rest() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.warm(&mut p, revalidated(0));
    shared.pass(&mut p, 11_000);
    shared.serve(&mut p);
    shared.ask(&mut p, 1, revalidated(0));
    shared.serve(&mut p);
    shared.loaded(&mut p, 2, LoadOutcome::Failed);
    shared.serve(&mut p);
    let decisions = take(&mut p);
    assert!(matches!(&decisions[2], Decision::Event { name: "refreshError", .. }), "{decisions:?}");
    shared.ask(&mut q, 1, revalidated(0));
    shared.serve(&mut q);
    assert_eq!(take(&mut q), [hit(1, "old", Hit::Stale), no_refresh(1)]);
    shared.pass(&mut q, 1000);
    shared.ask(&mut q, 2, revalidated(0));
    shared.serve(&mut q);
    assert_eq!(take(&mut q), [hit(2, "old", Hit::Stale), Decision::Refresh { call: CallId(2), load: LoadId(1) }]);
}

#[test]
fn an_entry_invalidated_while_stale_is_not_refreshed() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.warm(&mut p, revalidated(0));
    shared.pass(&mut p, 11_000);
    shared.serve(&mut p);
    shared.ask(&mut p, 1, revalidated(0));
    shared.step(&mut p);
    assert_eq!(sent(&p), ["prolong", "ensure"]);
    shared.done(&mut q, invalidate(&["t"]));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [hit(1, "old", Hit::Stale), no_refresh(1)]);
}

#[test]
fn an_expired_entry_stands_in_for_a_loader_that_fails() {
    let mut shared = Shared::new();
    let (mut p, mut q) = (shared.process(), shared.process());
    shared.warm(&mut p, revalidated(600));
    shared.pass(&mut p, 61_000);
    shared.serve(&mut p);
    assert_eq!(shared.done(&mut q, get()), miss(901));
    shared.ask(&mut p, 1, revalidated(600));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 2, true)]);
    shared.ask(&mut q, 1, revalidated(600));
    shared.serve(&mut q);
    assert_eq!(take(&mut q), [waiting(1)], "one load of it at a time");
    shared.loaded(&mut p, 2, LoadOutcome::Failed);
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [hit(1, "old", Hit::Kept), over(2)]);
    shared.pass(&mut q, 100);
    shared.serve(&mut q);
    assert_eq!(take(&mut q), [hit(1, "old", Hit::Stale), no_refresh(1)], "the source rests");
    shared.pass(&mut q, 1000);
    shared.ask(&mut q, 2, revalidated(600));
    shared.serve(&mut q);
    shared.loaded(&mut q, 1, value("new"));
    shared.serve(&mut q);
    assert_eq!(take(&mut q), [load(2, 1, true), stored(2, 1, true), over(1)]);
    assert_eq!(shared.done(&mut p, get()), hit(901, "new", Hit::Fresh));
}

#[test]
fn age_is_read_along_where_it_is_known_to_matter_and_again_where_it_turns_out_to() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, revalidated(0));
    let with_age = |op: &Op| matches!(op, Op::Read { entries, .. } if entries[0].with_age);
    shared.ask(&mut p, 1, revalidated(0));
    assert!(with_age(&p.ops[0].1.op));
    shared.serve(&mut p);
    shared.ask(&mut p, 2, get_or_set(&["t"]));
    assert!(!with_age(&shared.step(&mut p).op));
    assert!(with_age(&shared.step(&mut p).op));
    assert_eq!(take(&mut p), [hit(1, "old", Hit::Fresh), hit(2, "old", Hit::Fresh)]);
}

#[test]
fn with_swr_off_a_stale_entry_is_a_miss() {
    let mut shared = Shared::new();
    let mut p = shared.process_with(EngineConfig { swr: false, ..EngineConfig::default() });
    shared.warm(&mut p, revalidated(0));
    shared.pass(&mut p, 11_000);
    shared.serve(&mut p);
    assert_eq!(shared.done(&mut p, get()), miss(901));
    shared.ask(&mut p, 1, revalidated(0));
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [load(1, 2, true)]);
}
