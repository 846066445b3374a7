//! Commands past their deadline: those on the wire, whose callers are told, and those that wait, which are taken out of their queue.

use std::collections::VecDeque;

use super::pending::{Owner, PendingCommand};
use super::undone::Undone;
use crate::clock::Instant;

/// The commands past their deadline.
#[derive(Debug, Default)]
pub struct Late {
    /// Callers of commands on the wire. The commands keep their place in the order of replies.
    pub sent: Vec<u32>,
    /// Commands taken out of the queues.
    pub unsent: Vec<PendingCommand>,
    /// The earliest remaining deadline.
    pub next: Option<Instant>,
    /// SELECTs among those taken out.
    pub undone: Undone,
}

impl Late {
    /// Notes the callers of late commands in `sent`, each once.
    pub fn tell_callers(&mut self, sent: &mut VecDeque<PendingCommand>, now: Instant) {
        for command in sent {
            let Some(deadline) = command.deadline.filter(|_| !command.abandoned) else { continue };
            if deadline > now {
                self.next = earliest(self.next, Some(deadline));
                continue;
            }
            command.abandoned = true;
            if let Owner::Caller(id) = command.owner {
                self.sent.push(id);
            }
        }
    }

    /// Takes late commands out of a queue that waits, and returns the rest of it. `target_of`: the database that a SELECT names.
    pub fn take_out(
        &mut self,
        queue: VecDeque<PendingCommand>,
        now: Instant,
        target_of: impl Fn(&PendingCommand) -> Option<u32>,
    ) -> VecDeque<PendingCommand> {
        if !queue.iter().any(|command| command.is_late(now)) {
            self.next = queue.iter().map(|command| command.deadline).fold(self.next, earliest);
            return queue;
        }
        let mut kept = VecDeque::with_capacity(queue.len());
        let mut without_multi = false;
        for mut command in queue {
            let is_late = command.is_late(now);
            if command.opens_transaction() {
                // The rest of a transaction goes with its MULTI.
                without_multi = is_late;
            }
            let is_taken = is_late || (without_multi && command.is_in_transaction());
            let target = target_of(&command);
            self.undone.follow(&mut command, target, !is_taken);
            if is_taken {
                self.unsent.push(command);
            } else {
                self.next = earliest(self.next, command.deadline);
                kept.push_back(command);
            }
        }
        kept
    }
}

fn earliest(next: Option<Instant>, deadline: Option<Instant>) -> Option<Instant> {
    next.into_iter().chain(deadline).min()
}
