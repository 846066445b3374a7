//! Invalidations that were promised and could not be delivered: kept, and repeated when the store is there again, before any
//! cached read of this process is trusted. Bounded; what is still undelivered when the process exits is lost.

use super::engine::{Awaited, Context, Engine};
use super::timers::Numbered;
use crate::store::{Key, Op, StoreError, StoreReply, Ticket};

/// How many debts one operation pays.
const BATCH_MAX: usize = 500;

/// What has to be made unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Debt {
    Entry(Key),
    /// Key of a tag's version and of its counter.
    Tag(Key, Key),
}

#[derive(Debug)]
struct Owed {
    debt: Debt,
    /// Whether an operation that pays it is in flight.
    is_sent: bool,
    /// Whether reads wait for it. One whose first operation is still in flight on a living link reaches the store before any
    /// later read does.
    blocks: bool,
}

/// What is owed.
#[derive(Debug)]
pub(super) struct Debts {
    owed: Numbered<u64, Owed>,
    max: usize,
    next: u64,
}

impl Debts {
    pub(super) fn new(max: usize) -> Self {
        Self { owed: Numbered::default(), max, next: 0 }
    }

    /// Whether reads have to wait.
    pub(super) fn block(&self) -> bool {
        !self.owed.is_empty() && self.owed.values().any(|owed| owed.blocks)
    }

    /// Takes debts on, all or none; `None` where there is no room.
    fn take(&mut self, debts: Vec<Debt>, is_sent: bool) -> Option<Vec<u64>> {
        if self.owed.len() + debts.len() > self.max {
            return None;
        }
        Some(
            debts
                .into_iter()
                .map(|debt| {
                    self.next += 1;
                    self.owed.insert(self.next, Owed { debt, is_sent, blocks: !is_sent });
                    self.next
                })
                .collect(),
        )
    }

    fn unsent(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.owed.iter().filter(|(_, owed)| !owed.is_sent).map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Engine {
    /// Keeps what a write could not deliver; `in_flight` names the operation whose answer was not waited for any longer. Says
    /// whether there was room.
    pub(super) fn owe(&mut self, cx: &mut Context<'_>, debts: Vec<Debt>, in_flight: Option<Ticket>) -> bool {
        let Some(numbers) = self.debts.take(debts, in_flight.is_some()) else { return false };
        match in_flight {
            Some(ticket) => self.await_instead(ticket, Awaited::Debts(numbers)),
            None => self.pay(cx),
        }
        true
    }

    /// Sends what is owed, if the store is there.
    pub(super) fn pay(&mut self, _cx: &mut Context<'_>) {
        if !self.link.is_identified() {
            return;
        }
        for numbers in self.debts.unsent().chunks(BATCH_MAX) {
            let (mut entries, mut tags) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
            for number in numbers {
                let Some(owed) = self.debts.owed.get_mut(number) else { continue };
                owed.is_sent = true;
                match owed.debt.clone() {
                    Debt::Entry(key) => {
                        entries.0.push(*number);
                        entries.1.push(key);
                    }
                    Debt::Tag(version, counter) => {
                        tags.0.push(*number);
                        tags.1.push((version, counter));
                    }
                }
            }
            if !entries.0.is_empty() {
                self.send(Op::Delete { entries: entries.1 }, Awaited::Debts(entries.0));
            }
            if !tags.0.is_empty() {
                self.send(Op::Invalidate { tags: tags.1 }, Awaited::Debts(tags.0));
            }
        }
    }

    pub(super) fn on_debts(&mut self, cx: &mut Context<'_>, numbers: &[u64], answer: Result<StoreReply, StoreError>) {
        match answer {
            Ok(_) => {}
            Err(error) if error.is_passing() || error == StoreError::Unexpected => {
                for number in numbers {
                    if let Some(owed) = self.debts.owed.get_mut(number) {
                        owed.is_sent = false;
                        owed.blocks = true;
                    }
                }
                return self.look_at_link_later(cx);
            }
            Err(error) => {
                // It will not be allowed next time either, and reads cannot wait for ever.
                let text = format!("an invalidation that was to be repeated is lost: {error}");
                self.event(None, "warning", text);
            }
        }
        for number in numbers {
            self.debts.owed.remove(number);
        }
        self.trust(cx);
    }
}
