//! One search: the Sentinels are asked one after another until one names a server. One that is slow is given time, but the next one is
//! asked beside it, so that a silent Sentinel delays nobody for longer than [`PATIENCE`]. When all were asked in vain, the application
//! says how long to wait before the next round.

use std::collections::VecDeque;
use std::time::Duration;

use super::roster::Roster;
use crate::clock::Instant;
use crate::contract::{millis, SentinelStep};

/// After so long without an answer, the next Sentinel is asked as well.
pub const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Sentinels are being asked.
    Asking,
    /// The application is asked how long to wait.
    Asked,
    /// The next round begins then.
    Pausing(Instant),
}

/// A search.
#[derive(Debug)]
pub struct Search {
    phase: Phase,
    /// Those that this round has not asked yet.
    rest: VecDeque<u32>,
    /// Those whose answers are awaited.
    asking: Vec<u32>,
    /// When the next one is asked although the last one has not answered.
    impatient_at: Option<Instant>,
    /// Rounds in vain.
    attempts: u32,
    /// Why the last Sentinel that failed did.
    last_error: Option<String>,
}

impl Search {
    /// Asks the first Sentinel.
    pub fn start(roster: &Roster, now: Instant, steps: &mut Vec<SentinelStep>) -> Self {
        let mut search =
            Self { phase: Phase::Asking, rest: VecDeque::new(), asking: Vec::new(), impatient_at: None, attempts: 0, last_error: None };
        search.begin_round(roster, now, steps);
        search
    }

    /// Whether the answer of this Sentinel is awaited; from now on it is not.
    pub fn take(&mut self, sentinel: u32) -> bool {
        let before = self.asking.len();
        self.asking.retain(|id| *id != sentinel);
        self.asking.len() < before
    }

    /// Whether the answer of this Sentinel is awaited.
    pub fn is_asking(&self, sentinel: u32) -> bool {
        self.asking.contains(&sentinel)
    }

    /// A Sentinel was of no use; `error` if it did not answer at all. The next one is asked.
    pub fn go_on(&mut self, error: Option<String>, roster: &Roster, now: Instant, steps: &mut Vec<SentinelStep>) {
        if error.is_some() {
            self.last_error = error;
        }
        self.ask_next(roster, now, steps);
    }

    /// The application's answer to `Exhausted`. Whether the search goes on.
    pub fn retry_after(&mut self, ms: Option<f64>, now: Instant, steps: &mut Vec<SentinelStep>) -> bool {
        if self.phase != Phase::Asked {
            return true;
        }
        let cause = self.last_error.as_ref().map_or_else(String::new, |error| format!(" Last error: {error}"));
        let Some(ms) = ms else {
            let message = format!("All sentinels are unreachable and retry is disabled.{cause}");
            steps.push(SentinelStep::GiveUp { message });
            return false;
        };
        let message = format!("All sentinels are unreachable. Retrying from scratch after {ms}ms.{cause}");
        steps.push(SentinelStep::Failing { message });
        self.phase = Phase::Pausing(now + millis(ms).unwrap_or_default());
        true
    }

    /// No answer is needed any more.
    pub fn dismiss_all(self, steps: &mut Vec<SentinelStep>) {
        steps.extend(self.asking.into_iter().map(|sentinel| SentinelStep::Dismiss { sentinel }));
    }

    /// When `on_timer` wants to be called.
    pub fn next_wakeup(&self) -> Option<Instant> {
        match self.phase {
            Phase::Asking => self.impatient_at,
            Phase::Asked => None,
            Phase::Pausing(until) => Some(until),
        }
    }

    /// The time of `next_wakeup` may have come.
    pub fn on_timer(&mut self, roster: &Roster, now: Instant, steps: &mut Vec<SentinelStep>) {
        if self.next_wakeup().is_none_or(|at| at > now) {
            return;
        }
        match self.phase {
            Phase::Asking => self.ask_next(roster, now, steps),
            Phase::Asked => {}
            Phase::Pausing(_) => self.begin_round(roster, now, steps),
        }
    }

    fn begin_round(&mut self, roster: &Roster, now: Instant, steps: &mut Vec<SentinelStep>) {
        self.phase = Phase::Asking;
        self.rest = roster.ids().collect();
        self.ask_next(roster, now, steps);
    }

    fn ask_next(&mut self, roster: &Roster, now: Instant, steps: &mut Vec<SentinelStep>) {
        self.impatient_at = None;
        // One that was learned may be forgotten meanwhile.
        let next = std::iter::from_fn(|| self.rest.pop_front()).find_map(|id| roster.get(id));
        if let Some(one) = next {
            self.asking.push(one.id);
            self.impatient_at = (!self.rest.is_empty()).then(|| now + PATIENCE);
            let address = one.address.clone();
            steps.push(SentinelStep::Ask { sentinel: one.id, host: address.host, port: address.port, family: one.family });
        } else if self.asking.is_empty() && self.phase == Phase::Asking {
            self.phase = Phase::Asked;
            self.attempts += 1;
            steps.push(SentinelStep::Exhausted { attempts: self.attempts });
        }
    }
}
