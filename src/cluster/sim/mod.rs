//! A router with its links against a cluster of servers, driven by a seed. The seed chooses every delivery, cut, move of a slot, failover and refresh; one link's
//! order is kept, links among themselves are in any order. What became of commands is checked against what the servers did. A seed that fails is a test case.

mod books;
mod driver;
mod links;
mod servers;
mod weather;
mod world;

use crate::seeds;
use world::{Chaos, Fault, World};

fn run(name: &str, count: u64, chaos: Chaos) {
    seeds::run(name, count, |seed, traces| {
        let mut world = World::new(seed, chaos);
        world.trace = traces;
        world.run();
    });
}

#[test]
fn calm_weather_redirects_nobody() {
    run("calm", 20, Chaos::CALM);
}

#[test]
fn slots_move_under_load() {
    run("moves", 100, Chaos { moves: true, ..Chaos::CALM });
}

#[test]
fn connections_are_lost() {
    run("cuts", 40, Chaos { cuts: true, ..Chaos::CALM });
}

#[test]
fn slots_move_while_connections_are_lost() {
    run("moves, cuts", 80, Chaos { moves: true, cuts: true, ..Chaos::CALM });
}

#[test]
fn masters_fail_and_replicas_take_over() {
    run("failovers", 60, Chaos { failovers: true, cuts: true, ..Chaos::CALM });
}

#[test]
fn servers_freeze() {
    run("frost", 100, Chaos { frost: true, moves: true, ..Chaos::CALM });
}

#[test]
fn servers_refuse_for_the_moment() {
    run("refusals", 100, Chaos { refusals: true, moves: true, ..Chaos::CALM });
}

#[test]
fn servers_behind_a_proxy_change() {
    run("proxies", 100, Chaos { proxies: true, moves: true, ..Chaos::CALM });
}

#[test]
fn redirects_that_never_end_are_bounded() {
    run("circles", 40, Chaos { circles: true, ..Chaos::CALM });
}

#[test]
fn any_weather() {
    run("everything", 80, Chaos { moves: true, cuts: true, failovers: true, frost: true, refusals: true, proxies: true, circles: true });
}

#[test]
fn planted_faults_are_found() {
    let moves = Chaos { moves: true, ..Chaos::CALM };
    let failovers = Chaos { failovers: true, cuts: true, ..moves };
    for (fault, chaos) in [
        (Fault::TakesAskForMoved, moves),
        (Fault::AppliesOldMaps, failovers),
        (Fault::RedirectsAtOnce, moves),
        (Fault::OvertakesHeldSlots, moves),
        (Fault::RefreshesWithoutBound, failovers),
        (Fault::RepeatsWhatMayHaveRun, Chaos { cuts: true, ..Chaos::CALM }),
        (Fault::RedirectsWithoutBound, Chaos { circles: true, ..Chaos::CALM }),
        (Fault::HoldsAllSlotsOfANode, moves),
        (Fault::LosesWhatIsHandedBack, Chaos { cuts: true, ..Chaos::CALM }),
    ] {
        let is_found = |seed| std::panic::catch_unwind(|| World::with_fault(seed, chaos, fault).run()).is_err();
        assert!((0..400).any(is_found), "{fault:?} is not found with 400 seeds");
    }
}
