//! Budgets count the server's silence and nothing else.

use super::*;

/// A tagged read of a key of its own.
fn read_of(n: u32) -> Request {
    let Request::GetOrSet { ttl, keep, fresh, max_age, lock_timeout, tags, replaces, early, tags_result, .. } = get_or_set(&["t"]) else {
        unreachable!()
    };
    Request::GetOrSet { key: n.to_string().into_bytes(), ttl, keep, fresh, max_age, lock_timeout, tags, replaces, early, tags_result }
}

/// Carries everything out, each operation after a round trip.
fn serve_slowly(shared: &mut Shared, p: &mut Process, round_trip: u64) {
    while !p.ops.is_empty() {
        shared.pass(p, round_trip);
        let mut sent = std::mem::take(&mut p.ops);
        while let Some((ticket, op)) = sent.pop_front() {
            let answer = shared.store.apply(shared.now, &op);
            shared.input(p, |engine, cx| engine.on_store(cx, ticket, answer));
        }
    }
}

#[test]
fn every_step_of_a_read_has_the_whole_budget() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&["t"]));
    serve_slowly(&mut shared, &mut p, 200);
    assert_eq!(take(&mut p), [load(1, 1, true)]);
    shared.loaded(&mut p, 1, value("v"));
    serve_slowly(&mut shared, &mut p, 200);
    assert_eq!(take(&mut p), [stored(1, 1, true), over(1)]);
    shared.ask(&mut p, 2, get());
    serve_slowly(&mut shared, &mut p, 200);
    assert_eq!(take(&mut p), [hit(2, "v", Hit::Fresh)]);
}

#[test]
fn time_in_which_the_process_was_busy_is_no_silence() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, get_or_set(&["t"]));
    shared.ask(&mut p, 1, get());
    for _ in 0..2 {
        shared.be_busy(&mut p, 400);
        shared.step(&mut p);
    }
    assert_eq!(take(&mut p), [hit(1, "old", Hit::Fresh)]);
    let (mut shared, mut q) = (Shared::new(), Shared::down(EngineConfig::default()));
    shared.ask(&mut q, 2, get());
    shared.ask(&mut q, 3, set("w", &[]));
    shared.be_busy(&mut q, 30_000);
    shared.up(&mut q);
    assert_eq!(take(&mut q), [Decision::Done { call: CallId(3), number: 0 }, hit(2, "w", Hit::Fresh)], "it could not connect meanwhile");
}

#[test]
fn a_burst_is_stored_however_long_its_turns_take() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    for n in 0..3000 {
        shared.ask(&mut p, n, read_of(n));
    }
    let mut loads = 0;
    while !p.ops.is_empty() {
        shared.pass(&mut p, 200);
        for _ in 0..p.ops.len().min(700) {
            shared.step(&mut p);
        }
        for decision in take(&mut p) {
            match decision {
                Decision::Load { load, storing: true, .. } => {
                    loads += 1;
                    shared.loaded(&mut p, load.0, value("v"));
                }
                Decision::Stored { stored: true, .. } | Decision::LoadOver { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(loads, 3000);
    assert!(p.engine.is_idle());
}

#[test]
fn a_burst_that_meets_silence_is_given_up_at_one_moment() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    for n in 0..6000 {
        shared.ask(&mut p, n, read_of(n));
    }
    for _ in 0..3000 {
        shared.step(&mut p);
    }
    shared.pass(&mut p, 249);
    assert!(take(&mut p).iter().all(|decision| matches!(decision, Decision::Load { storing: true, .. })));
    shared.pass(&mut p, 1);
    let decisions = take(&mut p);
    assert!(decisions.iter().all(|decision| matches!(decision, Decision::Load { storing: false, .. })), "the breaker counted one silence");
    shared.pass(&mut p, 10_000);
    assert_eq!(take(&mut p), [], "nobody waits any longer");
}

#[test]
fn an_answer_under_way_is_waited_for_while_it_grows() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.warm(&mut p, get_or_set(&["t"]));
    shared.ask(&mut p, 1, get());
    for _ in 0..20 {
        shared.pass(&mut p, 200);
        p.engine.on_heard(NodeId::ONLY, shared.now);
    }
    shared.ask(&mut p, 2, get());
    shared.serve(&mut p);
    assert_eq!(take(&mut p), [hit(1, "old", Hit::Fresh), hit(2, "old", Hit::Fresh)]);
}

#[test]
fn a_result_whose_commit_meets_silence_is_not_stored_and_its_lease_is_given_back() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    shared.ask(&mut p, 1, get_or_set(&[]));
    shared.serve(&mut p);
    take(&mut p);
    shared.loaded(&mut p, 1, value("v"));
    shared.pass(&mut p, 249);
    assert_eq!(take(&mut p), []);
    shared.pass(&mut p, 1);
    assert_eq!(take(&mut p), [stored(1, 1, false), over(1)]);
    assert_eq!(sent(&p), ["commit", "give back"]);
}

#[test]
fn a_write_that_meets_silence_is_rejected_and_one_that_never_left_was_not_executed() {
    let mut shared = Shared::new();
    let mut p = shared.process();
    for n in 0..5000 {
        shared.ask(&mut p, n, set("v", &[]));
    }
    shared.pass(&mut p, 5000);
    let errors: Vec<bool> = take(&mut p)
        .iter()
        .map(|decision| match decision {
            Decision::Error { error, .. } => error.is_maybe_executed(),
            other => panic!("{other:?}"),
        })
        .collect();
    let sets = p.ops.iter().filter(|(_, op)| matches!(op.op, Op::Set { .. })).count();
    assert_eq!((errors.len(), errors.iter().filter(|open| **open).count()), (5000, sets));
    assert!(sets < 5000);
}
