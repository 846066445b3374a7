//! When a link wants to be woken, and what for.

use crate::clock::Instant;

/// What a link may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// Another look at a server that is loading.
    Info,
    /// The next connection.
    Reconnect,
    /// Commands past their deadline.
    Deadline,
    /// Commands that the server refused are written again.
    Refused,
}

const COUNT: usize = 4;

/// At most one instant for each kind.
#[derive(Debug, Default)]
pub struct Timers {
    at: [Option<Instant>; COUNT],
}

impl Timers {
    /// Sets a timer, whether it was set or not; `None` clears it.
    pub fn set(&mut self, timer: Timer, at: Option<Instant>) {
        self.at[timer as usize] = at;
    }

    /// Sets a timer unless it is set.
    pub fn set_if_idle(&mut self, timer: Timer, at: Option<Instant>) {
        let slot = &mut self.at[timer as usize];
        *slot = slot.or(at);
    }

    /// Clears a timer.
    pub fn clear(&mut self, timer: Timer) {
        self.at[timer as usize] = None;
    }

    /// When this one fires.
    pub fn get(&self, timer: Timer) -> Option<Instant> {
        self.at[timer as usize]
    }

    /// Whether it is set.
    pub fn is_set(&self, timer: Timer) -> bool {
        self.get(timer).is_some()
    }

    /// Whether it is due.
    pub fn is_due(&self, timer: Timer, now: Instant) -> bool {
        self.get(timer).is_some_and(|at| at <= now)
    }

    /// Whether it was due; then it is cleared.
    pub fn take_due(&mut self, timer: Timer, now: Instant) -> bool {
        let is_due = self.is_due(timer, now);
        if is_due {
            self.clear(timer);
        }
        is_due
    }

    /// The earliest of those that are not `Refused`, which waits for more than its time.
    pub fn next(&self) -> Option<Instant> {
        [Timer::Info, Timer::Reconnect, Timer::Deadline].into_iter().filter_map(|timer| self.get(timer)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn a_timer_fires_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Info, Some(at(5)));
        assert!(!timers.take_due(Timer::Info, at(4)));
        assert!(timers.take_due(Timer::Info, at(5)));
        assert!(!timers.take_due(Timer::Info, at(6)));
        assert!(!timers.is_set(Timer::Info));
    }

    #[test]
    fn the_earliest_comes_first_and_refused_commands_wait_for_more_than_their_time() {
        let mut timers = Timers::default();
        timers.set(Timer::Deadline, Some(at(30)));
        timers.set(Timer::Reconnect, Some(at(20)));
        timers.set(Timer::Refused, Some(at(10)));
        assert_eq!(timers.next(), Some(at(20)));
        timers.clear(Timer::Reconnect);
        assert_eq!(timers.next(), Some(at(30)));
    }

    #[test]
    fn one_that_is_set_may_be_left_as_it_is() {
        let mut timers = Timers::default();
        timers.set_if_idle(Timer::Deadline, None);
        assert_eq!(timers.get(Timer::Deadline), None);
        timers.set_if_idle(Timer::Deadline, Some(at(10)));
        timers.set_if_idle(Timer::Deadline, Some(at(5)));
        assert_eq!(timers.get(Timer::Deadline), Some(at(10)));
        timers.set(Timer::Deadline, Some(at(5)));
        assert_eq!(timers.get(Timer::Deadline), Some(at(5)));
    }
}
