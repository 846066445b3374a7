//! Whether a `set` took the right version of its repository. One without tags goes out at once with the version that the process saw
//! last, or with the one that its check offers; one check serves all such writes of a tick. If another version is current, the value
//! is stored once more, with that one.
//!
//! A check that is carried out after a write began tells the present for it, in whatever order the two reach their servers: if the
//! version is current then, no clear that had taken effect before can be the reason that the entry is not read. An entry with a
//! version that was offered in vain is never read: no version is offered twice.

use std::collections::HashMap;
use std::time::Duration;

use super::caller::EntryOptions;
use super::effects::Fx;
use super::names::OwnVersion;
use super::purpose::{ForWrite, Purpose, WriteStep};
use super::timers::Numbered;
use crate::store::{Answer, Id, Key, Op, StoreError};

/// What a write knows of its check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Checked {
    /// It needs none.
    #[default]
    None,
    /// Its answer is due.
    Due,
    /// This version is current.
    Current(Id),
    /// It has no answer.
    Lost(StoreError),
}

#[derive(Debug)]
struct Check {
    key: Key,
    need: Duration,
    /// The version that its writes are sent with.
    guess: Id,
    writes: Vec<u64>,
}

/// The checks of one process.
#[derive(Debug, Default)]
pub(super) struct Checks {
    active: Numbered<u64, Check>,
    /// Checks that a write of this tick may still join.
    forming: HashMap<Key, u64>,
}

impl Checks {
    /// A write is about to go out. Returns the version that it takes.
    pub(super) fn join(&mut self, fx: &mut Fx<'_>, write: u64, own: &OwnVersion, options: &EntryOptions, lease: Duration) -> Id {
        let need = options.need(lease);
        if let Some(check) = self.forming.get(&own.key).and_then(|id| self.active.get_mut(id)).filter(|check| check.need >= need) {
            check.writes.push(write);
            return check.guess;
        }
        let id = fx.number();
        let offered = Id::draw(fx.entropy);
        let guess = fx.latest.of(&own.key).unwrap_or(offered);
        let op = Op::Ensure { items: vec![(own.key.clone(), offered)], need };
        fx.send(op, Purpose::Write(ForWrite { write: id, step: WriteStep::Check }));
        self.active.insert(id, Check { key: own.key.clone(), need, guess, writes: vec![write] });
        self.forming.insert(own.key.clone(), id);
        guess
    }

    /// The calls of the tick leave.
    pub(super) fn seal(&mut self) {
        if !self.forming.is_empty() {
            self.forming.clear();
        }
    }

    /// The store's answer: what the writes learn.
    pub(super) fn on_answer(&mut self, fx: &mut Fx<'_>, id: u64, answer: Result<Answer, StoreError>) -> (Vec<u64>, Checked) {
        let Some(check) = self.active.remove(&id) else { return (Vec::new(), Checked::None) };
        let checked = match answer {
            Ok(Answer::Ensured(ids)) if ids.len() == 1 => {
                let now = fx.now;
                fx.latest.note(&check.key, ids[0], now);
                Checked::Current(ids[0])
            }
            other => {
                fx.latest.forget(&check.key);
                Checked::Lost(other.err().unwrap_or(StoreError::Unexpected))
            }
        };
        (check.writes, checked)
    }

    /// The server has been silent about a check for too long: the writes that wait for it.
    pub(super) fn give_up(&mut self, id: u64) -> Vec<u64> {
        self.active.remove(&id).map(|check| check.writes).unwrap_or_default()
    }
}
