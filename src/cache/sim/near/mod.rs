//! The near cache under every interleaving of fills, pushes, flushes, own writes, writes of others, lost lanes and failovers, within
//! a small budget of each. After every step, what the facade would serve is checked against what was promised: a write of this process
//! binds as soon as its caller was told, one of another process once the socket was looked at after it, and at the latest when the
//! proof that the lane lives has run out. A lookup that no longer looks for itself waits for a lease that is there and current, or is
//! woken. With one fence removed, or with a facade that looks away, some order breaks a promise.

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
    let split = split.into_iter().map(|budget| Scenario { is_split: true, is_loading: false, budget });
    let whole = |budget| Scenario { is_split: false, is_loading: false, budget };
    small.into_iter().map(whole).chain(split).chain(waits()).chain(large.into_iter().map(whole)).collect()
}

/// A lookup waits for another process's load.
fn waits() -> Vec<Scenario> {
    let waits = (Act::Wait, 2);
    let mut budgets = vec![
        vec![waits, (Act::Load, 1)],
        vec![waits, (Act::Flush, 1), (Act::Load, 1)],
        vec![waits, (Act::FailOver, 1)],
        vec![(Act::Wait, 1), (Act::Die, 1), (Act::Back, 1), (Act::Other(Change::Delete), 1), (Act::Long, 2)],
        vec![waits, (Act::Die, 1), (Act::Back, 1), (Act::Other(Change::Invalidate), 1)],
    ];
    for change in [Change::Delete, Change::Set, Change::Invalidate, Change::Clear] {
        budgets.push(vec![waits, (Act::Other(change), 1), (Act::Load, 1)]);
        budgets.push(vec![waits, (Act::Own(change), 1), (Act::Load, 1)]);
        budgets.push(vec![(Act::Wait, 1), (Act::Fill, 1), (Act::Other(change), 1)]);
    }
    [false, true]
        .into_iter()
        .flat_map(|is_split| budgets.clone().into_iter().map(move |budget| Scenario { is_split, is_loading: true, budget }))
        .collect()
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
    let mut sea = Sea::new(Flaw::None, &Scenario { is_split: false, is_loading: false, budget: vec![(Act::Fill, 1)] });
    for act in [Act::Fill, Act::Serve(0), Act::Arrive(0), Act::Serve(0), Act::Arrive(0)] {
        sea.step(act);
    }
    assert_eq!(sea.copies.len(), 1, "{sea:?}");
    assert!(sea.near.proven_until().is_some_and(|until| until > sea.now));
}

#[test]
fn waits_are_watched_until_something_changes() {
    for is_split in [false, true] {
        let nodes = if is_split { 2 } else { 1 };
        for change in [Change::Delete, Change::Set, Change::Invalidate, Change::Clear] {
            let mut sea = Sea::new(Flaw::None, &Scenario { is_split, is_loading: true, budget: vec![] });
            sea.step(Act::Wait);
            (0..nodes).for_each(|node| sea.step(Act::Serve(node)));
            (0..nodes).for_each(|node| sea.step(Act::Arrive(node)));
            assert!(sea.is_watched, "{sea:?}");
            sea.step(Act::Other(change));
            (0..nodes)
                .filter(|node| sea.may(Act::Arrive(*node)))
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|node| sea.step(Act::Arrive(node)));
            assert!(!sea.is_watched, "{change:?}: {sea:?}");
        }
    }
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
        Fence::PushWakes,
        Fence::VersionsWake,
        Fence::GapWakes,
    ];
    let flaws = fences.map(Flaw::Without).into_iter().chain([Flaw::ServesUnproven, Flaw::ServesUnseen, Flaw::FillsElsewhere]);
    for flaw in flaws {
        assert!(find(flaw).is_some(), "{flaw:?} breaks nothing");
    }
}
