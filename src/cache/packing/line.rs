//! What waits for work that is done elsewhere, in an order: nothing overtakes what it has a tie to. Everything else goes past.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::cache::ids::RepoId;

/// Something that messages or decisions have in common. Those with the same tie keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Tie {
    /// A key of a repository.
    Key(RepoId, Vec<u8>),
    /// All keys of a repository.
    Repo(RepoId),
    /// A call.
    Call(u32),
    /// A load.
    Load(u32),
    /// A parsed value.
    Parsed(u32),
    /// A near copy.
    Copy(u32),
}

/// Names a thing in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

#[derive(Debug)]
struct Item<T> {
    thing: T,
    ties: Vec<Tie>,
    /// How much it waits for: work, and things before it.
    open: usize,
    followers: Vec<Place>,
}

/// Things that wait.
#[derive(Debug)]
pub(super) struct Line<T> {
    items: BTreeMap<Place, Item<T>>,
    /// The last thing with each tie.
    last_with: HashMap<Tie, Place>,
    /// Everything that has a tie to a key of a repository, or to all of them.
    of_repo: HashMap<RepoId, BTreeSet<Place>>,
    last: u64,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), last_with: HashMap::new(), of_repo: HashMap::new(), last: 0 }
    }
}

impl<T> Line<T> {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether something with these ties has to wait.
    pub(super) fn holds_up(&self, ties: &[Tie]) -> bool {
        !self.before(ties).is_empty()
    }

    /// Takes a thing in. It leaves after `waits` calls of [`Line::advance`], and after all before it that it has a tie to.
    pub(super) fn hold(&mut self, thing: T, ties: Vec<Tie>, waits: usize) -> Place {
        self.last += 1;
        let place = Place(self.last);
        let before = self.before(&ties);
        for former in &before {
            if let Some(item) = self.items.get_mut(former) {
                item.followers.push(place);
            }
        }
        for tie in &ties {
            if let Tie::Key(repo, _) | Tie::Repo(repo) = tie {
                self.of_repo.entry(*repo).or_default().insert(place);
            }
            self.last_with.insert(tie.clone(), place);
        }
        self.items.insert(place, Item { thing, ties, open: waits + before.len(), followers: Vec::new() });
        place
    }

    /// A thing that waits.
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        self.items.get_mut(&place).map(|item| &mut item.thing)
    }

    /// One of the things that this one waits for is done. Returns what may go now, in its order.
    pub(super) fn advance(&mut self, place: Place) -> Vec<T> {
        let mut free = Vec::new();
        let mut next = BTreeSet::from([place]);
        while let Some(place) = next.pop_first() {
            let Some(item) = self.items.get_mut(&place) else { continue };
            item.open = item.open.saturating_sub(1);
            if item.open > 0 {
                continue;
            }
            let Some(item) = self.items.remove(&place) else { continue };
            self.untie(place, &item.ties);
            // Each follower waits for this one once, and there is no other way for it to be in `next`.
            for follower in item.followers {
                if self.items.get(&follower).is_some_and(|waiting| waiting.open == 1) {
                    next.insert(follower);
                } else if let Some(waiting) = self.items.get_mut(&follower) {
                    waiting.open -= 1;
                }
            }
            free.push(item.thing);
        }
        free
    }

    fn untie(&mut self, place: Place, ties: &[Tie]) {
        for tie in ties {
            if self.last_with.get(tie) == Some(&place) {
                self.last_with.remove(tie);
            }
            if let Tie::Key(repo, _) | Tie::Repo(repo) = tie {
                if let Some(places) = self.of_repo.get_mut(repo) {
                    places.remove(&place);
                    if places.is_empty() {
                        self.of_repo.remove(repo);
                    }
                }
            }
        }
    }

    /// What a thing with these ties must not overtake.
    fn before(&self, ties: &[Tie]) -> BTreeSet<Place> {
        let mut before = BTreeSet::new();
        for tie in ties {
            before.extend(self.last_with.get(tie));
            match tie {
                Tie::Key(repo, _) => before.extend(self.last_with.get(&Tie::Repo(*repo))),
                Tie::Repo(repo) => before.extend(self.of_repo.get(repo).into_iter().flatten()),
                _ => {}
            }
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPO: RepoId = RepoId(1);

    fn key(name: &str) -> Vec<Tie> {
        vec![Tie::Key(REPO, name.into())]
    }

    #[test]
    fn things_with_a_tie_keep_their_order_and_all_others_go_past() {
        let mut line = Line::default();
        let first = line.hold("set a", key("a"), 1);
        line.hold("delete a", key("a"), 0);
        let third = line.hold("set b", key("b"), 1);
        let fourth = line.hold("set a again", key("a"), 1);
        assert!(line.holds_up(&key("a")) && line.holds_up(&[Tie::Repo(REPO)]));
        assert!(!line.holds_up(&key("c")) && !line.holds_up(&[Tie::Key(RepoId(2), b"a".to_vec())]));
        assert_eq!(line.advance(fourth), [""; 0], "its work is done, and others are before it");
        assert_eq!(line.advance(third), ["set b"]);
        assert_eq!(line.advance(first), ["set a", "delete a", "set a again"]);
        assert!(line.is_empty() && line.last_with.is_empty() && line.of_repo.is_empty());
    }

    #[test]
    fn what_concerns_a_whole_repository_waits_for_all_of_it_and_all_of_it_waits_for_that() {
        let mut line = Line::default();
        let a = line.hold("a", key("a"), 1);
        let b = line.hold("b", key("b"), 1);
        line.hold("all", vec![Tie::Repo(REPO)], 0);
        assert!(line.holds_up(&key("c")));
        line.hold("c", key("c"), 0);
        assert_eq!(line.advance(b), ["b"]);
        assert_eq!(line.advance(a), ["a", "all", "c"]);
    }

    #[test]
    fn a_thing_with_several_ties_waits_for_each_once() {
        let mut line = Line::default();
        let first = line.hold(1, vec![Tie::Call(1), Tie::Parsed(1)], 1);
        let second = line.hold(2, vec![Tie::Call(2)], 2);
        line.hold(3, vec![Tie::Call(1), Tie::Parsed(1), Tie::Call(2)], 0);
        assert_eq!(line.advance(first), [1]);
        assert_eq!(line.advance(second), [0; 0]);
        assert_eq!(line.advance(second), [2, 3]);
        assert_eq!(line.advance(second), [0; 0], "long gone");
    }

    #[test]
    fn whatever_is_done_first_nothing_overtakes_what_it_has_a_tie_to() {
        let mut state = 20_261_126_u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for _ in 0..300 {
            let mut line = Line::default();
            let (mut open, mut gone) = (Vec::new(), Vec::new());
            let mut ties_of = Vec::new();
            for number in 0..30_usize {
                let ties = match below(6) {
                    0 => vec![Tie::Repo(RepoId(below(2) as u32))],
                    1 => vec![Tie::Call(below(3) as u32)],
                    _ => (0..=below(2)).map(|_| Tie::Key(RepoId(below(2) as u32), vec![below(3) as u8])).collect(),
                };
                ties_of.push(ties.clone());
                let waits = below(3) as usize;
                if waits == 0 && !line.holds_up(&ties) {
                    gone.push(number);
                    continue;
                }
                let place = line.hold(number, ties, waits);
                open.extend(std::iter::repeat_n(place, waits));
                if below(3) == 0 && !open.is_empty() {
                    gone.extend(line.advance(open.swap_remove(below(open.len() as u64) as usize)));
                }
            }
            while !open.is_empty() {
                gone.extend(line.advance(open.swap_remove(below(open.len() as u64) as usize)));
            }
            assert!(line.is_empty());
            assert_eq!(gone.len(), 30);
            for (at, later) in gone.iter().enumerate() {
                for earlier in &gone[..at] {
                    assert!(earlier < later || !are_tied(&ties_of[*earlier], &ties_of[*later]), "{earlier} before {later}");
                }
            }
        }
    }

    fn are_tied(one: &[Tie], other: &[Tie]) -> bool {
        one.iter().any(|one| {
            other.iter().any(|other| match (one, other) {
                (Tie::Key(a, _), Tie::Repo(b)) | (Tie::Repo(a), Tie::Key(b, _)) => a == b,
                _ => one == other,
            })
        })
    }
}
