//! A connection that is cut after any byte: nobody is left without an outcome, and nobody has two.

use std::collections::BTreeMap;

use super::rig::Rig;
use crate::conn::State;

/// Calls of the cache and callers' commands on one link whose first connection is cut after `budget` bytes.
fn run(budget: usize, piece: usize) -> (Rig, bool) {
    let (mut rig, link) = Rig::new();
    rig.piece = piece;
    rig.cut_after(link, budget);
    rig.session.attach(link, rig.now);
    rig.connect(link);
    rig.get_or_set(1, "k", &["t"]);
    rig.issue(link, &["set a 1", "incr n"]);
    rig.get_or_set(2, "k", &["t", "u"]);
    rig.settle();
    rig.call(&["T", "3", "1", "t"]);
    rig.issue(link, &["multi", "incr m", "exec"]);
    rig.get_or_set(4, "k", &["t"]);
    rig.settle();
    assert_eq!(rig.state(link), State::Ready, "it comes back");
    let ran = rig.server.ran.iter().filter(|text| *text == "info replication").count();
    (rig, ran > 1)
}

#[test]
fn every_call_ends_once_wherever_the_connection_is_cut() {
    let mut cuts = 0;
    for budget in 1..2000 {
        let (mut rig, is_cut) = run(budget, if budget.is_multiple_of(2) { 1 } else { usize::MAX });
        if !is_cut {
            break;
        }
        cuts += 1;
        let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
        for line in &rig.told {
            let (kind, rest) = line.split_once(':').unwrap();
            if !["2", "3", "9"].contains(&kind) {
                *ends.entry(rest.split(' ').next().unwrap()).or_default() += 1;
            }
        }
        assert_eq!(ends, [("1", 1), ("2", 1), ("3", 1), ("4", 1)].into(), "cut after {budget}: {:?}", rig.told);
        let mut answered: Vec<u32> = rig.callers.0.iter().map(|(id, _)| *id).collect();
        answered.sort_unstable();
        assert_eq!(answered, [0, 1, 2, 3, 4], "cut after {budget}: {:?}", rig.callers.0);
        let idle = rig.session.cache_input(rig.now, |engine, _| engine.is_idle());
        assert_eq!(idle, Some(true), "cut after {budget}");
    }
    assert!(cuts > 100, "{cuts}");
}
