//! Stops asking a server that does not answer. Some time-outs in a row open it for a pause, which doubles up to a bound; then one
//! trial decides. Only reads ask it: the caller of a write wants to know what became of it.

use std::time::Duration;

use crate::clock::Instant;

/// When the breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time-outs in a row that open it.
    pub after: u32,
    /// How long it opens the first time.
    pub first: Duration,
    /// How long it opens at most.
    pub longest: Duration,
    /// How long after a trial another one may be made.
    pub trial: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { timeouts: u32 },
    Open { until: Instant, pause: Duration },
    Trying { until: Instant, pause: Duration },
}

/// A breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    limits: Limits,
    state: State,
    /// When a silence was counted last.
    counted_at: Option<Instant>,
}

/// A change of the breaker's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It has opened for this long.
    Opened(Duration),
    /// It has closed.
    Closed,
}

impl Breaker {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: State::Closed { timeouts: 0 }, counted_at: None }
    }

    /// Whether the store might be asked now. Takes no trial.
    pub(super) fn might_allow(&self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, .. } | State::Trying { until, .. } => until <= now,
        }
    }

    /// Whether the store may be asked now. After a pause, the first `true` is a trial.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, pause } | State::Trying { until, pause } if until <= now => {
                self.state = State::Trying { until: now + self.limits.trial, pause };
                true
            }
            State::Open { .. } | State::Trying { .. } => false,
        }
    }

    /// The store has answered in time.
    pub(super) fn answered(&mut self) -> Option<Change> {
        let was_open = !matches!(self.state, State::Closed { .. });
        self.state = State::Closed { timeouts: 0 };
        was_open.then_some(Change::Closed)
    }

    /// The store has not answered an operation in time that has waited since `since`. One silence counts once, however many calls it strands:
    /// an operation that waited already when the last silence was counted belongs to that one.
    pub(super) fn timed_out(&mut self, now: Instant, since: Instant) -> Option<Change> {
        if self.counted_at.is_some_and(|at| since < at) {
            return None;
        }
        self.counted_at = Some(now);
        let pause = match self.state {
            State::Closed { timeouts } if timeouts + 1 < self.limits.after => {
                self.state = State::Closed { timeouts: timeouts + 1 };
                return None;
            }
            State::Closed { .. } => self.limits.first,
            // Calls that were under way when it opened.
            State::Open { .. } => return None,
            State::Trying { pause, .. } => pause.saturating_mul(2).min(self.limits.longest),
        };
        self.state = State::Open { until: now + pause, pause };
        Some(Change::Opened(pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_doubles_and_closes() {
        let secs = Duration::from_secs;
        let at = |n| Instant::from_millis(n);
        let limits = Limits { after: 5, first: secs(1), longest: secs(3), trial: Duration::from_millis(500) };
        let mut breaker = Breaker::new(limits);
        for _ in 0..4 {
            assert_eq!(breaker.timed_out(at(0), at(0)), None);
        }
        assert_eq!(breaker.answered(), None);
        for _ in 0..4 {
            assert_eq!(breaker.timed_out(at(0), at(0)), None, "an answer between starts anew");
        }
        assert_eq!(breaker.timed_out(at(0), at(0)), Some(Change::Opened(secs(1))));
        assert_eq!(breaker.timed_out(at(1), at(1)), None, "already open");
        assert!(!breaker.allows(at(999)) && !breaker.might_allow(at(999)));
        assert!(breaker.might_allow(at(1000)) && breaker.might_allow(at(1000)), "a question is no trial");
        assert!(breaker.allows(at(1000)), "one trial");
        assert!(!breaker.might_allow(at(1001)));
        assert!(!breaker.allows(at(1001)));
        assert!(breaker.allows(at(1500)), "another one when the first came to nothing");
        assert_eq!(breaker.timed_out(at(1600), at(1600)), Some(Change::Opened(secs(2))));
        assert!(breaker.allows(at(3600)));
        assert_eq!(breaker.timed_out(at(3600), at(3600)), Some(Change::Opened(secs(3))), "to the longest");
        assert!(breaker.allows(at(6600)));
        assert_eq!(breaker.answered(), Some(Change::Closed));
        assert!(breaker.allows(at(6600)) && breaker.allows(at(6600)));
    }
}
