//! The walk through every order of steps.

use std::collections::HashSet;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

use super::acts::{Act, ACTS};
use super::sea::Sea;

/// Walks through every order of steps. Returns the first one that breaks a promise, and how many states were seen.
pub(super) fn walk(start: Sea) -> (Option<Vec<Act>>, usize) {
    let mut seen: HashSet<u64> = HashSet::new();
    let mut open = vec![(start, Vec::new())];
    while let Some((sea, path)) = open.pop() {
        for act in ACTS {
            if !sea.may(act) {
                continue;
            }
            let mut next = sea.clone();
            next.step(act);
            let mut path = path.clone();
            path.push(act);
            if !next.check() {
                return (Some(path), seen.len());
            }
            if seen.insert(next.name()) {
                open.push((next, path));
            }
        }
    }
    (None, seen.len())
}

impl Sea {
    /// Names the state for the walk: two orders of steps that lead to it need no two walks.
    fn name(&self) -> u64 {
        let told = (&self.copies, &self.promises, self.is_watched, self.untold, self.own_change);
        let tail = (told, &self.budget, self.now, self.looked_at, &self.aside);
        let server =
            (self.version, self.repository, self.entry, self.lease, &self.tracked, self.master, self.lane_master, self.is_dead, self.is_up);
        let mut name = Name(DefaultHasher::new());
        write!(name, "{:?} {server:?} {:?} {:?} {tail:?}", self.near, self.requests, self.stream).expect("a hash takes everything");
        name.0.finish()
    }
}

/// Hashes what is printed into it.
struct Name(DefaultHasher);

impl Write for Name {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
