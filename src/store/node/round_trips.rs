//! Notices a server whose plain round trip takes longer than a read waits for an answer.

use std::time::Duration;

/// How many in a row are no accident.
const SLOW_MAX: u32 = 2;
/// A round trip that takes longer is an outage.
const OUTAGE: Duration = Duration::from_secs(5);

/// The round trips to one node.
#[derive(Debug)]
pub(super) struct RoundTrips {
    /// How long a read waits.
    budget: Duration,
    slow: u32,
    is_told: bool,
}

impl RoundTrips {
    pub(super) fn new(budget: Duration) -> Self {
        Self { budget, slow: 0, is_told: false }
    }

    /// A round trip took this long. Returns a warning, once.
    pub(super) fn note(&mut self, took: Duration) -> Option<String> {
        if took >= OUTAGE {
            return None;
        }
        self.slow = if took < self.budget { 0 } else { self.slow + 1 };
        if self.slow < SLOW_MAX || std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        let (took, budget) = (took.as_millis(), self.budget.as_millis());
        Some(format!(
            "a round trip to the server takes {took} ms, and a read waits {budget} ms for an answer: reads go without the cache; \
             raise cache.commandTimeoutMs"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_round_trips_in_a_row_are_told_once() {
        let ms = Duration::from_millis;
        let mut trips = RoundTrips::new(ms(250));
        for took in [300, 20, 300, 6000] {
            assert_eq!(trips.note(ms(took)), None, "{took}");
        }
        assert!(trips.note(ms(310)).is_some_and(|text| text.contains("310 ms") && text.contains("commandTimeoutMs")));
        assert_eq!(trips.note(ms(310)), None);
    }
}
