//! The repositories that callers have registered. One that is forgotten stays with whatever still works for it, and leaves nothing
//! else behind: an application may have one for each of its tenants.

use std::collections::HashMap;
use std::sync::Arc;

use super::ids::RepoId;
use super::names::Repo;
use super::timers::Numbered;
use crate::error::Error;

/// Repositories by number and by prefix.
#[derive(Debug, Default)]
pub(super) struct Repos {
    by_id: Numbered<u32, (String, Arc<Repo>)>,
    by_prefix: HashMap<String, RepoId>,
    last: u32,
}

impl Repos {
    /// The number of the repository with this prefix. The same prefix is the same repository.
    pub(super) fn register(&mut self, prefix: &str) -> Result<RepoId, Error> {
        if let Some(id) = self.by_prefix.get(prefix) {
            return Ok(*id);
        }
        let id = self.next();
        self.by_id.insert(id.0, (prefix.to_owned(), Repo::new(id, prefix)?));
        self.by_prefix.insert(prefix.to_owned(), id);
        Ok(id)
    }

    pub(super) fn get(&self, id: RepoId) -> Option<&Arc<Repo>> {
        self.by_id.get(&id.0).map(|(_, repo)| repo)
    }

    /// No call names it any more. The prefix may be registered again, under another number.
    pub(super) fn forget(&mut self, id: RepoId) {
        if let Some((prefix, _)) = self.by_id.remove(&id.0) {
            self.by_prefix.remove(&prefix);
        }
    }

    /// Numbers begin with 1: 0 stands for all repositories.
    fn next(&mut self) -> RepoId {
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.by_id.contains_key(&self.last) {
                return RepoId(self.last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_one_number_until_it_is_forgotten() {
        let mut repos = Repos::default();
        let (a, b) = (repos.register("a").unwrap(), repos.register("b").unwrap());
        assert_eq!([a, repos.register("a").unwrap(), b], [RepoId(1), RepoId(1), RepoId(2)]);
        repos.forget(a);
        repos.forget(a);
        assert!(repos.get(a).is_none() && repos.get(b).is_some());
        let again = repos.register("a").unwrap();
        assert_eq!(again, RepoId(3));
        assert!(repos.get(again).is_some());
    }

    #[test]
    fn what_still_works_for_a_repository_keeps_its_names() {
        let mut repos = Repos::default();
        let id = repos.register("sc").unwrap();
        let held = repos.get(id).cloned().unwrap();
        repos.forget(id);
        assert_eq!(&*held.names.entry(b"k"), b"sc:k");
    }

    #[test]
    fn a_hundred_thousand_that_are_forgotten_leave_nothing_behind() {
        let mut repos = Repos::default();
        for tenant in 0..100_000 {
            let id = repos.register(&format!("tenant-{tenant}")).unwrap();
            repos.forget(id);
        }
        assert!(repos.by_id.is_empty() && repos.by_prefix.is_empty());
        assert!(repos.by_id.capacity() < 100);
    }

    #[test]
    fn a_prefix_that_is_none_is_refused_and_takes_no_number() {
        let mut repos = Repos::default();
        assert!(repos.register("a#b").is_err());
        assert!(repos.by_prefix.is_empty() && repos.by_id.is_empty());
    }
}
