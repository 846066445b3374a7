//! What callers were told, and what has to be true of it.

use std::collections::{BTreeMap, BTreeSet};

use super::servers::{Servers, Work};
use crate::clock::Instant;
use crate::cluster::Trail;

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Failed { maybe_executed: bool },
}

#[derive(Debug)]
pub(super) struct Entry {
    pub work: Work,
    pub is_incr: bool,
    pub trail: Trail,
    pub sends: u32,
    pub maybe_executed: bool,
    /// When a link got it last.
    pub sent_at: Instant,
    /// A refusal that may let others overtake it, or a link that does not answer for so long that its slot goes on without it.
    pub is_exempt: bool,
    pub outcome: Option<Outcome>,
}

#[derive(Debug, Default)]
pub(super) struct Books {
    pub entries: BTreeMap<u32, Entry>,
    /// When rounds began.
    pub rounds: Vec<Instant>,
    /// Whether the order within a key is checked.
    pub is_ordered: bool,
}

impl Books {
    pub(super) fn settle(&mut self, id: u32, outcome: Outcome) {
        let entry = self.entries.get_mut(&id).expect("a command that was issued");
        assert!(entry.outcome.is_none(), "two outcomes of {id}: {:?} and {outcome:?}", entry.outcome);
        entry.outcome = Some(outcome);
    }

    pub(super) fn is_over(&self) -> bool {
        self.entries.values().all(|entry| entry.outcome.is_some())
    }

    pub(super) fn on_round(&mut self, now: Instant) {
        if let [.., before, _] = self.rounds[..] {
            assert!(now.since(before).as_millis() >= 1000, "three rounds in a second");
        }
        self.rounds.push(now);
    }

    /// Checks what the servers did against what callers were told.
    pub(super) fn check(&self, servers: &Servers, repeats_all: bool, most_sends: u32) {
        for (id, entry) in &self.entries {
            let runs = servers.log[entry.work.key].iter().filter(|run| *run == id).count();
            let may_repeat = entry.maybe_executed && (repeats_all || !entry.is_incr);
            assert!(runs <= 1 || may_repeat, "{id} ran {runs} times: {entry:?}");
            match entry.outcome.as_ref().unwrap() {
                Outcome::Done => assert!(runs >= 1, "{id} did not run: {entry:?}"),
                Outcome::Failed { maybe_executed } => {
                    assert!(runs == 0 || *maybe_executed, "{id} ran, and its caller was told that it did not: {entry:?}");
                }
            }
            assert!(entry.sends <= most_sends, "{id} was sent {} times: {entry:?}", entry.sends);
        }
        if self.is_ordered {
            servers.log.iter().for_each(|log| self.check_order(log));
        }
    }

    /// Commands of a key that succeeded took effect in the order in which they were issued.
    fn check_order(&self, log: &[u32]) {
        let counts = |id: &u32| {
            let entry = &self.entries[id];
            entry.outcome == Some(Outcome::Done) && !entry.is_exempt && !entry.work.is_double
        };
        let mut seen = BTreeSet::new();
        let last: Vec<u32> = log.iter().rev().filter(|id| counts(id) && seen.insert(**id)).copied().collect();
        assert!(last.windows(2).all(|pair| pair[0] > pair[1]), "out of order: {:?}", last.iter().rev().collect::<Vec<_>>());
    }
}
