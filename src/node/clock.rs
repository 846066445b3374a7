//! The driver's clock: one epoch for the process, so that links and caches agree on what now is.

use once_cell::sync::Lazy;

use crate::clock::Instant;

static EPOCH: Lazy<std::time::Instant> = Lazy::new(std::time::Instant::now);

/// Now.
pub fn now() -> Instant {
    Instant::new(EPOCH.elapsed())
}
