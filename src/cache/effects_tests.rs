//! Drives one machine in its unit tests.

use super::*;

/// An outbox with a clock and a generator that counts.
#[derive(Default)]
pub(in crate::cache) struct Rig {
    pub out: Outbox,
    pub now: u64,
    drawn: u8,
}

struct Counter<'a>(&'a mut u8);

impl Entropy for Counter<'_> {
    fn fill(&mut self, bytes: &mut [u8]) {
        *self.0 += 1;
        bytes.fill(*self.0);
    }
}

impl Rig {
    /// One input.
    pub(in crate::cache) fn input<R>(&mut self, act: impl FnOnce(&mut Fx<'_>) -> R) -> R {
        let now = Instant::from_millis(1_000_000 + self.now);
        let attended = Duration::from_millis(self.now);
        act(&mut Fx { now, attended, entropy: &mut Counter(&mut self.drawn), is_cluster: false, out: &mut self.out })
    }

    /// The operations sent since the last call.
    pub(in crate::cache) fn sent(&mut self) -> Vec<(Ticket, Op)> {
        let (mut sent, mut others) = (Vec::new(), VecDeque::new());
        while let Some(effect) = self.out.next_effect() {
            match effect {
                Effect::Send(ticket, op, _) => sent.push((ticket, op)),
                _ => others.push_back(effect),
            }
        }
        self.out.effects = others;
        sent
    }

    /// The decisions made since the last call.
    pub(in crate::cache) fn decided(&mut self) -> Vec<Decision> {
        let (mut decided, mut others) = (Vec::new(), VecDeque::new());
        while let Some(effect) = self.out.next_effect() {
            match effect {
                Effect::Decide(decision) => decided.push(decision),
                _ => others.push_back(effect),
            }
        }
        self.out.effects = others;
        decided
    }

    /// The next message for another machine.
    pub(in crate::cache) fn handed(&mut self) -> Option<Handoff> {
        self.out.next_handoff()
    }

    /// The purpose of an operation, as it comes back with the answer.
    pub(in crate::cache) fn purpose(&mut self, ticket: Ticket) -> Purpose {
        self.out.take_purpose(ticket).expect("an answer that somebody waits for")
    }
}
