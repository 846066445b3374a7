//! Limits how often a node reports the same trouble to listeners.

use std::time::Duration;

use crate::clock::Instant;

/// How often the same trouble is reported.
const EVERY: Duration = Duration::from_secs(60);

/// Told once.
const INFO_REFUSED: &str = "INFO is refused, so a failover cannot be noticed and values from before it may come back; \
                            allow INFO, or accept this with afterFailover: 'trust'";

/// The trouble that was reported.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    reported_at: Option<Instant>,
    has_told_of_info: bool,
}

impl Trouble {
    /// Whether trouble is to be reported now. If so, it counts as reported.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.reported_at.is_none_or(|at| now.since(at) >= EVERY);
        if is_due {
            self.reported_at = Some(now);
        }
        is_due
    }

    /// The server refuses INFO: the warning about it, once.
    pub(super) fn info_refused(&mut self) -> Option<&'static str> {
        (!std::mem::replace(&mut self.has_told_of_info, true)).then_some(INFO_REFUSED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_due_once_a_minute_and_refused_info_once() {
        let mut trouble = Trouble::default();
        let at = Instant::from_millis;
        assert!(trouble.is_due(at(0)));
        assert!(!trouble.is_due(at(59_999)));
        assert!(trouble.is_due(at(60_000)));
        assert!(trouble.info_refused().is_some());
        assert_eq!(trouble.info_refused(), None);
    }
}
