//! Fresh, stale or expired (RFC 9111's words), and kept for loaders that fail (RFC 5861's `stale-if-error`). Pure.

use std::time::Duration;

use crate::store::entry::Entry;

/// Freshness bounds that a reader sets for itself; `None` leaves a bound to the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Overrides {
    /// How long an entry is fresh.
    pub fresh: Option<Duration>,
    /// The age at which it expires.
    pub max_age: Option<Duration>,
    /// How long after that it may replace the value of a loader that fails.
    pub keep: Option<Duration>,
    /// The part of the fresh period, in thousandths, after which the reader's loader may refresh the entry.
    pub early: Option<u32>,
}

/// The periods that an entry was stored with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Periods {
    pub ttl: Duration,
    pub fresh: Duration,
    pub keep: Duration,
}

impl From<&Entry<'_>> for Periods {
    fn from(entry: &Entry<'_>) -> Self {
        Self { ttl: entry.ttl, fresh: entry.fresh, keep: entry.keep }
    }
}

/// The state of an entry for one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It is served.
    Fresh,
    /// It is served and refreshed.
    Stale,
    /// It is served only if a loader fails within this time (zero: never).
    Expired(Duration),
}

/// Whether the age matters at all. It does not if the entry is fresh until the store drops it.
pub(super) fn needs_age(periods: &Periods, overrides: &Overrides) -> bool {
    let reader = overrides.fresh.is_some() || overrides.max_age.is_some() || overrides.early.is_some();
    reader || periods.fresh < periods.ttl || !periods.keep.is_zero()
}

/// The age of an entry, from its remaining life as PTTL reports it. An entry without an end, or one that has ended, has the highest age.
pub(super) fn age(periods: &Periods, pttl: i64) -> Duration {
    let life = periods.ttl.saturating_add(periods.keep);
    u64::try_from(pttl).map_or(Duration::MAX, |left| life.saturating_sub(Duration::from_millis(left)))
}

/// Classifies an entry of this age. A reader may shorten how long it is served (`maxAge`) and never extend it. With `swr` off, a stale
/// entry is expired.
pub(super) fn classify(periods: &Periods, overrides: &Overrides, age: Duration, swr: bool) -> Freshness {
    let served = overrides.max_age.map_or(periods.ttl, |max_age| max_age.min(periods.ttl));
    let fresh = overrides.fresh.unwrap_or(periods.fresh).min(served);
    if age < fresh {
        Freshness::Fresh
    } else if swr && age < served {
        Freshness::Stale
    } else {
        let keep = overrides.keep.map_or(periods.keep, |keep| keep.min(periods.keep));
        let until = if keep.is_zero() { Duration::ZERO } else { served.saturating_add(keep) };
        Freshness::Expired(until.saturating_sub(age))
    }
}

/// Whether a fresh entry of this age may be refreshed already.
pub(super) fn is_early(periods: &Periods, overrides: &Overrides, age: Duration) -> bool {
    let served = overrides.max_age.map_or(periods.ttl, |max_age| max_age.min(periods.ttl));
    let fresh = overrides.fresh.unwrap_or(periods.fresh).min(served);
    overrides.early.is_some_and(|part| age >= fresh.mul_f64(f64::from(part.min(1000)) / 1000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn table() {
        use Freshness::{Expired, Fresh, Stale};
        let entry = |ttl, fresh, keep| Periods { ttl: secs(ttl), fresh: secs(fresh), keep: secs(keep) };
        let plain = Overrides::default();
        let fresh = |n| Overrides { fresh: Some(secs(n)), ..plain };
        let max_age = |n| Overrides { max_age: Some(secs(n)), ..plain };
        let keep = |n| Overrides { keep: Some(secs(n)), ..plain };
        let gone = Expired(Duration::ZERO);
        for (periods, overrides, age, swr, want) in [
            (entry(10, 10, 0), plain, 0, true, Fresh),
            (entry(10, 10, 0), plain, 9, true, Fresh),
            (entry(10, 10, 0), plain, 10, true, gone),
            (entry(10, 4, 0), plain, 3, true, Fresh),
            (entry(10, 4, 0), plain, 4, true, Stale),
            (entry(10, 4, 0), plain, 4, false, gone),
            (entry(10, 10, 0), fresh(3), 3, true, Stale),
            (entry(10, 4, 0), fresh(8), 6, true, Fresh),
            (entry(10, 4, 0), fresh(20), 9, true, Fresh),
            (entry(10, 4, 0), fresh(20), 10, true, gone),
            (entry(10, 10, 0), max_age(5), 4, true, Fresh),
            (entry(10, 10, 0), max_age(5), 5, true, gone),
            (entry(10, 10, 0), max_age(50), 10, true, gone),
            (entry(10, 4, 0), max_age(2), 2, true, gone),
            (entry(10, 10, 20), plain, 9, true, Fresh),
            (entry(10, 10, 20), plain, 10, true, Expired(secs(20))),
            (entry(10, 10, 20), plain, 29, true, Expired(secs(1))),
            (entry(10, 10, 20), plain, 30, true, gone),
            (entry(10, 10, 20), keep(5), 12, true, Expired(secs(3))),
            (entry(10, 10, 20), keep(0), 12, true, gone),
            (entry(10, 10, 20), max_age(5), 6, true, Expired(secs(19))),
            (entry(10, 4, 20), plain, 5, false, Expired(secs(25))),
        ] {
            assert_eq!(classify(&periods, &overrides, secs(age), swr), want, "{periods:?} {overrides:?} at {age}, swr {swr}");
        }
    }

    #[test]
    fn age_is_the_part_of_its_life_that_is_over() {
        let periods = Periods { ttl: secs(10), fresh: secs(10), keep: secs(5) };
        assert_eq!(age(&periods, 15_000), Duration::ZERO);
        assert_eq!(age(&periods, 4_000), secs(11));
        assert_eq!(age(&periods, 99_000), Duration::ZERO, "the next entry's life");
        assert_eq!(age(&periods, -1), Duration::MAX, "it has no end: nothing of ours any more");
        assert_eq!(age(&periods, -2), Duration::MAX, "it has ended meanwhile");
    }

    #[test]
    fn a_refresh_may_begin_in_the_last_part_of_the_fresh_period() {
        let periods = Periods { ttl: secs(100), fresh: secs(50), keep: secs(0) };
        let early = |part| Overrides { early: Some(part), ..Overrides::default() };
        assert!(!is_early(&periods, &Overrides::default(), secs(49)));
        assert!(!is_early(&periods, &early(800), secs(39)) && is_early(&periods, &early(800), secs(40)));
        let narrow = Overrides { max_age: Some(secs(10)), ..early(500) };
        assert!(!is_early(&periods, &narrow, secs(4)) && is_early(&periods, &narrow, secs(5)));
        assert!(needs_age(&Periods { fresh: secs(100), ..periods }, &early(500)));
    }

    #[test]
    fn age_is_asked_for_only_where_it_matters() {
        let plain = Periods { ttl: secs(10), fresh: secs(10), keep: secs(0) };
        assert!(!needs_age(&plain, &Overrides::default()));
        assert!(needs_age(&plain, &Overrides { fresh: Some(secs(1)), ..Overrides::default() }));
        assert!(needs_age(&plain, &Overrides { max_age: Some(secs(1)), ..Overrides::default() }));
        assert!(needs_age(&Periods { fresh: secs(9), ..plain }, &Overrides::default()));
        assert!(needs_age(&Periods { keep: secs(9), ..plain }, &Overrides::default()));
    }
}
