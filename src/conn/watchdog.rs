//! Tells a dead connection from a busy server. Silence alone proves nothing: a script of fifteen seconds is silent too. So
//! after one period of silence the server is asked, and after a second one a new connection to the same node is tried: only
//! if none can be made, or one is answered and this one stays silent a while longer, the link is given up. The while is for a
//! server that has just come back to itself: it answers both, in whichever order.

use std::time::Duration;

use crate::clock::Instant;

/// What a second connection to the same node met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// No connection could be made.
    Unreachable,
    /// It was answered.
    Answered,
    /// It was accepted and not answered, or answered that the server is busy.
    Busy,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Nothing.
    Wait,
    /// Ask the server for a sign of life, unless something is due from it anyway.
    Ask,
    /// Try a second connection.
    Probe,
    /// The link is dead.
    GiveUp,
}

/// How long a link may stay silent after the second connection was answered.
const GRACE: Duration = Duration::from_secs(1);

/// The watch over one connection.
#[derive(Debug)]
pub struct Watchdog {
    period: Duration,
    /// Silence counts from here: the last bytes, or the last look that found nothing to be judged.
    heard: Instant,
    /// Since when an answer has been due.
    asked: Option<Instant>,
    probing: bool,
    /// The second connection was answered: until when this one may still speak.
    condemned: Option<Instant>,
}

impl Watchdog {
    /// A watch that asks after `period` of silence; zero: never.
    pub fn new(period: Duration) -> Self {
        Self { period, heard: Instant::default(), asked: None, probing: false, condemned: None }
    }

    /// Bytes arrived, or the connection is new.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.asked = None;
        self.probing = false;
        self.condemned = None;
    }

    /// When to look again.
    pub fn next(&self) -> Option<Instant> {
        if self.period.is_zero() || self.probing {
            return None;
        }
        Some(self.condemned.unwrap_or(self.asked.unwrap_or(self.heard) + self.period))
    }

    /// Looks. Silence that is in order (`excused`: a command in flight may block, or nothing is due and nothing may be asked) is
    /// not judged, and once it is over the server is asked first: TCP's keepalive decides meanwhile.
    pub fn look(&mut self, now: Instant, excused: bool) -> Advice {
        if self.next().is_none_or(|at| now < at) {
            return Advice::Wait;
        }
        if self.condemned.is_some() {
            return Advice::GiveUp;
        }
        if excused {
            self.heard(now);
            return Advice::Wait;
        }
        if self.asked.is_none() {
            self.asked = Some(now);
            return Advice::Ask;
        }
        self.probing = true;
        Advice::Probe
    }

    /// The second connection's outcome: whether to give this link up at once.
    pub fn judge(&mut self, probe: Probe, now: Instant) -> bool {
        if !self.probing {
            return false;
        }
        self.probing = false;
        match probe {
            Probe::Unreachable => return true,
            Probe::Answered => self.condemned = Some(now + GRACE),
            Probe::Busy => self.asked = Some(now),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(s: u64) -> Instant {
        Instant::from_millis(s * 1000)
    }

    #[test]
    fn a_silent_link_is_asked_then_probed_then_given_up() {
        let mut dog = Watchdog::new(Duration::from_secs(5));
        dog.heard(at(0));
        assert_eq!(dog.look(at(4), false), Advice::Wait);
        assert_eq!(dog.look(at(5), false), Advice::Ask);
        assert_eq!(dog.look(at(9), false), Advice::Wait);
        assert_eq!(dog.look(at(10), false), Advice::Probe);
        assert_eq!(dog.next(), None, "while the probe is under way");
        assert!(!dog.judge(Probe::Answered, at(11)), "it may be answered at the same moment");
        assert_eq!(dog.look(at(11), false), Advice::Wait);
        assert_eq!(dog.look(at(12), false), Advice::GiveUp);
    }

    #[test]
    fn a_busy_server_is_waited_for() {
        let mut dog = Watchdog::new(Duration::from_secs(5));
        dog.heard(at(0));
        dog.look(at(5), false);
        assert_eq!(dog.look(at(10), false), Advice::Probe);
        assert!(!dog.judge(Probe::Busy, at(12)));
        assert_eq!(dog.look(at(15), false), Advice::Wait);
        assert_eq!(dog.look(at(17), false), Advice::Probe);
        dog.heard(at(18));
        assert!(!dog.judge(Probe::Answered, at(18)), "it spoke before the probe came back");
    }

    #[test]
    fn a_blocking_command_is_not_judged() {
        let mut dog = Watchdog::new(Duration::from_secs(5));
        dog.heard(at(0));
        for s in [5, 10, 15, 20, 60] {
            assert_eq!(dog.look(at(s), true), Advice::Wait);
        }
        assert_eq!(dog.look(at(65), false), Advice::Ask, "asked before it is judged");
        assert_eq!(dog.look(at(70), false), Advice::Probe);
    }

    #[test]
    fn a_thread_that_slept_asks_first() {
        let mut dog = Watchdog::new(Duration::from_secs(5));
        dog.heard(at(0));
        assert_eq!(dog.look(at(100), false), Advice::Ask);
    }
}
