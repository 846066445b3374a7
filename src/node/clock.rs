//! The driver's clock. The process has one epoch, so that links and caches agree on the current time.

use napi_derive::napi;
use once_cell::sync::Lazy;

use crate::clock::Instant;

static EPOCH: Lazy<std::time::Instant> = Lazy::new(std::time::Instant::now);

/// The current time.
pub fn now() -> Instant {
    Instant::new(EPOCH.elapsed())
}

/// CPU time that the calling thread has used, in microseconds; NaN if the system does not provide it.
#[napi]
pub fn thread_cpu_time() -> f64 {
    cpu_time::ThreadTime::try_now().map_or(f64::NAN, |time| time.as_duration().as_secs_f64() * 1e6)
}
