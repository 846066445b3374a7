//! The driver's clock: one epoch for the process, so that links and caches agree on what now is.

use napi_derive::napi;
use once_cell::sync::Lazy;

use crate::clock::Instant;

static EPOCH: Lazy<std::time::Instant> = Lazy::new(std::time::Instant::now);

/// Now.
pub fn now() -> Instant {
    Instant::new(EPOCH.elapsed())
}

/// CPU time in microseconds that the calling thread has used; NaN where the system does not tell.
#[napi]
pub fn thread_cpu_time() -> f64 {
    cpu_time::ThreadTime::try_now().map_or(f64::NAN, |time| time.as_duration().as_secs_f64() * 1e6)
}
