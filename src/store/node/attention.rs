//! How long the process has waited *attentively*: time in which it looked at its sockets again and again. A thread that was busy, or a
//! process that was stopped, has not listened, so that time is no silence of the server's.
//!
//! While something is waited for, the driver looks at the socket once in a period and then calls [`Attention::look`]. The time since
//! the look before counts up to half a period more than one: the process did not listen for the rest.

use std::time::Duration;

use crate::clock::Instant;

/// The shortest period between two looks.
const PERIOD_MIN: Duration = Duration::from_millis(25);
/// How many looks a budget takes.
const LOOKS: u32 = 5;

/// A moment, and how long the process had waited attentively by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// The driver's clock.
    pub now: Instant,
    /// The sum of all attentive waiting.
    pub attended: Duration,
}

/// The sum of attentive waiting.
#[derive(Debug)]
pub struct Attention {
    period: Duration,
    attended: Duration,
    /// The last look, while something is waited for.
    looked_at: Option<Instant>,
}

impl Attention {
    /// Nothing is waited for. `budget`: the shortest silence that matters.
    pub fn new(budget: Duration) -> Self {
        Self { period: (budget / LOOKS).max(PERIOD_MIN), attended: Duration::ZERO, looked_at: None }
    }

    /// The moment `now`.
    pub fn at(&self, now: Instant) -> Moment {
        Moment { now, attended: self.attended + self.since_look(now) }
    }

    /// The socket has been looked at.
    pub fn look(&mut self, now: Instant) -> Moment {
        self.attended += self.since_look(now);
        self.looked_at = Some(now);
        Moment { now, attended: self.attended }
    }

    /// Nothing is waited for any more.
    pub fn rest(&mut self) {
        self.looked_at = None;
    }

    /// When the next look is due, given that something is waited for and needs `left` of attentive waiting more. Waiting begins at
    /// `now` if nothing was waited for so far.
    pub fn next(&mut self, now: Instant, due: Option<Duration>) -> Instant {
        let looked_at = *self.looked_at.get_or_insert(now);
        let left = due.map_or(self.period, |due| due.saturating_sub(self.attended).min(self.period));
        looked_at + left
    }

    fn since_look(&self, now: Instant) -> Duration {
        self.looked_at.map_or(Duration::ZERO, |at| now.since(at).min(self.period + self.period / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(1_000_000 + ms)
    }

    #[test]
    fn waiting_counts_from_look_to_look() {
        let mut attention = Attention::new(MS(250));
        assert_eq!(attention.next(at(0), Some(MS(250))), at(50));
        for n in 1..=5 {
            attention.look(at(52 * n));
        }
        assert_eq!(attention.at(at(260)).attended, MS(260));
        assert_eq!(attention.next(at(260), Some(MS(270))), at(270), "no longer than what is left");
    }

    #[test]
    fn a_busy_thread_has_not_listened() {
        let mut attention = Attention::new(MS(250));
        attention.next(at(0), None);
        attention.look(at(10_000));
        assert_eq!(attention.at(at(10_000)).attended, MS(75));
        assert_eq!(attention.at(at(10_020)).attended, MS(95), "an input between two looks");
    }

    #[test]
    fn nothing_counts_while_nothing_is_waited_for() {
        let mut attention = Attention::new(MS(250));
        attention.next(at(0), None);
        attention.look(at(50));
        attention.rest();
        assert_eq!(attention.at(at(60)).attended, MS(50));
        assert_eq!(attention.next(at(1000), None), at(1050));
    }

    #[test]
    fn a_short_budget_takes_one_look() {
        let mut attention = Attention::new(MS(10));
        assert_eq!(attention.next(at(0), Some(MS(10))), at(10));
        assert_eq!(attention.look(at(12)).attended, MS(12));
    }
}
