//! The near cache under every interleaving of fills, pushes, flushes, own writes, writes of others, lost lanes and failovers, within
//! a small budget of each. After every step, what the facade would serve is checked against what was promised: a write of this process
//! binds as soon as its caller was told, one of another process once the socket was looked at after it, and at the latest when the
//! proof that the lane lives has run out. With one fence removed, or with a facade that looks away, some order breaks a promise.

mod acts;
mod sea;
mod server;
mod steps;
mod walk;

use acts::{Act, Change, Flaw, Scenario};
use sea::Sea;
use walk::walk;

use crate::cache::near::Fence;

/// The small walks come first.
fn scenarios() -> Vec<Scenario> {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    let fills = (Act::Fill, 2);
    for change in [Change::Delete, Change::Set, Change::Invalidate, Change::Clear] {
        small.push(vec![fills, (Act::Own(change), 1), (Act::Load, 1)]);
        small.push(vec![fills, (Act::Other(change), 1), (Act::Load, 1), (Act::Moment, 1)]);
        small.push(vec![(Act::Fill, 1), (Act::Own(change), 1), (Act::Other(Change::Invalidate), 1), (Act::Moment, 1)]);
        if change == Change::Clear {
            continue;
        }
        let fills = if change == Change::Delete { fills } else { (Act::Fill, 1) };
        large.push(vec![fills, (Act::Other(change), 1), (Act::Die, 1), (Act::Back, 1), (Act::Moment, 1), (Act::Long, 1)]);
    }
    small.push(vec![fills, (Act::Flush, 1), (Act::Load, 1), (Act::Moment, 1)]);
    large.push(vec![fills, (Act::FailOver, 1), (Act::Load, 1), (Act::Other(Change::Delete), 1), (Act::Moment, 1)]);
    let split = [
        vec![(Act::Fill, 1), (Act::Flush, 1), (Act::Moment, 1)],
        vec![(Act::Fill, 1), (Act::Other(Change::Invalidate), 1), (Act::Moment, 1)],
        vec![(Act::Fill, 1), (Act::Other(Change::Clear), 1), (Act::Moment, 1)],
        vec![(Act::Fill, 1), (Act::Other(Change::Delete), 1), (Act::Die, 1), (Act::Back, 1), (Act::Moment, 1)],
    ];
    let split = split.into_iter().map(|budget| Scenario { is_split: true, budget });
    let whole = |budget| Scenario { is_split: false, budget };
    small.into_iter().map(whole).chain(split).chain(large.into_iter().map(whole)).collect()
}

fn find(flaw: Flaw) -> Option<Vec<Act>> {
    scenarios().iter().find_map(|scenario| walk(Sea::new(flaw, scenario)).0)
}

#[test]
fn no_order_of_events_serves_a_copy_that_a_write_has_made_unusable() {
    let mut states = 0;
    for scenario in scenarios() {
        let (broken, seen) = walk(Sea::new(Flaw::None, &scenario));
        assert_eq!(broken, None, "with {scenario:?}");
        states += seen;
    }
    assert!(states > 10_000, "only {states} states: the walk does not walk");
}

#[test]
fn copies_are_made_and_served() {
    let mut sea = Sea::new(Flaw::None, &Scenario { is_split: false, budget: vec![(Act::Fill, 1)] });
    for act in [Act::Fill, Act::Serve(0), Act::Arrive(0), Act::Serve(0), Act::Arrive(0)] {
        sea.step(act);
    }
    assert_eq!(sea.copies.len(), 1, "{sea:?}");
    assert!(sea.near.proven_until().is_some_and(|until| until > sea.now));
}

#[test]
fn without_any_one_fence_some_order_breaks_a_promise() {
    let fences = [
        Fence::PushDrops,
        Fence::PushRefusesFills,
        Fence::WriteDrops,
        Fence::WriteRefusesFills,
        Fence::FlushDrops,
        Fence::FlushRefusesFills,
        Fence::GapDrops,
        Fence::GapRefusesFills,
        Fence::VersionsCount,
        Fence::ServerCounts,
    ];
    let flaws = fences.map(Flaw::Without).into_iter().chain([Flaw::ServesUnproven, Flaw::ServesUnseen, Flaw::FillsElsewhere]);
    for flaw in flaws {
        assert!(find(flaw).is_some(), "{flaw:?} breaks nothing");
    }
}
