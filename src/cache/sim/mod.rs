//! Several engines over one store, driven by a seed. The seed chooses every delivery, delay, cut, crash, eviction and failover, and
//! what callers are told is checked against what really happened. A seed that fails is a test case.
//!
//! `near` walks through every interleaving of the near cache instead.

mod callers;
mod chaos;
mod check;
mod dice;
mod faults;
mod near;
mod server;
mod servers;
mod told;
mod weather;
mod world;

use crate::seeds;
use chaos::Chaos;
use faults::Fault;
use world::World;

fn run(name: &str, count: u64, chaos: Chaos) {
    seeds::run(name, count, |seed, traces| {
        let mut world = World::new(seed, chaos);
        world.trace = traces;
        world.run();
    });
}

#[test]
fn calm_weather_runs_one_load_at_a_time() {
    run("calm", 300, Chaos { one_load: true, ..Chaos::CALM });
}

#[test]
fn one_load_at_a_time_on_nodes_that_answer_in_any_order() {
    run("calm, scattered", 300, Chaos { one_load: true, scattered: true, ..Chaos::CALM });
}

#[test]
fn a_dead_holder_leaves_its_key_to_the_next_one() {
    run("crash", 200, Chaos { one_load: true, crashes: true, ..Chaos::CALM });
}

#[test]
fn no_resurrection_while_others_invalidate() {
    run("writes", 600, Chaos { writes: true, ..Chaos::CALM });
}

#[test]
fn no_resurrection_while_loaders_add_tags() {
    run("added tags", 600, Chaos { writes: true, adds_tags: true, ..Chaos::CALM });
}

#[test]
fn no_resurrection_while_results_bring_tags_and_values_are_kept() {
    let results = Chaos { writes: true, tags_results: true, ..Chaos::CALM };
    run("results", 600, results);
    run("results, scattered", 400, Chaos { scattered: true, evictions: true, ..results });
    run("results, in any weather", 400, Chaos { cuts: true, crashes: true, evictions: true, failovers: true, adds_tags: true, ..results });
    run("results on a cluster", 300, Chaos { cuts: true, evictions: true, failovers: true, moves: true, nodes: 3, ..results });
}

#[test]
fn no_resurrection_on_nodes_that_answer_in_any_order() {
    run("scattered", 600, Chaos { writes: true, scattered: true, evictions: true, ..Chaos::CALM });
}

#[test]
fn no_resurrection_over_cuts_and_crashes() {
    run("cuts", 600, Chaos { writes: true, cuts: true, crashes: true, ..Chaos::CALM });
}

#[test]
fn no_resurrection_under_eviction() {
    run("evictions", 400, Chaos { writes: true, evictions: true, cuts: true, ..Chaos::CALM });
}

#[test]
fn no_resurrection_over_failovers() {
    run("failovers", 600, Chaos { writes: true, cuts: true, failovers: true, crashes: true, ..Chaos::CALM });
}

#[test]
fn no_resurrection_in_any_weather() {
    let all = Chaos {
        one_load: false,
        writes: true,
        cuts: true,
        crashes: true,
        evictions: true,
        failovers: true,
        scattered: true,
        ..Chaos::CALM
    };
    run("everything", 800, all);
}

const CLUSTER: Chaos = Chaos { nodes: 3, ..Chaos::CALM };

#[test]
fn one_load_at_a_time_on_a_cluster() {
    run("calm cluster", 100, Chaos { one_load: true, ..CLUSTER });
}

#[test]
fn no_resurrection_on_a_cluster() {
    run("cluster", 200, Chaos { writes: true, evictions: true, ..CLUSTER });
}

#[test]
fn no_resurrection_while_slots_move() {
    run("resharding", 300, Chaos { writes: true, moves: true, ..CLUSTER });
}

#[test]
fn no_resurrection_on_a_cluster_in_any_weather() {
    let all = Chaos { writes: true, cuts: true, crashes: true, evictions: true, failovers: true, moves: true, ..CLUSTER };
    run("cluster, everything", 400, all);
}

#[test]
fn planted_faults_are_found() {
    let writes = Chaos { writes: true, ..Chaos::CALM };
    let failovers = Chaos { cuts: true, failovers: true, crashes: true, ..writes };
    for (fault, chaos, seeds) in [
        (Fault::CapturesLate, writes, 600),
        (Fault::CapturesRepositoryLate, writes, 600),
        (Fault::ComparesNoRepository, writes, 600),
        (Fault::ForgetsMarks, Chaos { tags_results: true, ..writes }, 600),
        (Fault::CommitsBlindly, writes, 600),
        (Fault::PlacesBlindly, Chaos { one_load: true, ..Chaos::CALM }, 300),
        (Fault::TrustsAllIds, failovers, 600),
        (Fault::RepeatsStamps, writes, 600),
        (Fault::TrustsAllIds, Chaos { nodes: 3, ..failovers }, 3000),
        (Fault::DeletesElsewhere, Chaos { moves: true, nodes: 3, ..writes }, 600),
    ] {
        let is_found = |seed| std::panic::catch_unwind(|| World::with_fault(seed, chaos, fault).run()).is_err();
        assert!((0..seeds).any(is_found), "{fault:?} is not found with {seeds} seeds");
    }
}
