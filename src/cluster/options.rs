//! What its user may set about a cluster.

use std::time::Duration;

use crate::contract::{millis, ClusterSettings};
use crate::error::Error;

/// The options of a cluster. The defaults are those of ioredis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterOptions {
    /// How many times a command is sent elsewhere or again.
    pub max_redirections: u32,
    /// Delay before a command follows its slot.
    pub on_moved: Duration,
    /// Delay before the commands of a lost node are sent again. `None`: they are not.
    pub on_failover: Option<Duration>,
    /// Delay after CLUSTERDOWN. `None`: its caller gets it.
    pub on_cluster_down: Option<Duration>,
    /// Delay after TRYAGAIN.
    pub on_try_again: Duration,
    /// How long a node may take to give its slot map.
    pub refresh_timeout: Duration,
    /// How often the slot map is read without a reason.
    pub refresh_interval: Option<Duration>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        let delay = Duration::from_millis(100);
        Self {
            max_redirections: 16,
            on_moved: Duration::ZERO,
            on_failover: Some(delay),
            on_cluster_down: Some(delay),
            on_try_again: delay,
            refresh_timeout: Duration::from_secs(1),
            refresh_interval: None,
        }
    }
}

impl ClusterOptions {
    /// Reads the options from `ClusterSettings` as JSON.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let settings = ClusterSettings::from_json(json)?;
        let default = Self::default();
        let delay = |ms: Option<f64>, default: Duration| ms.map_or(default, |ms| millis(ms).unwrap_or_default());
        let optional = |ms: Option<f64>, default: Option<Duration>| ms.map_or(default, millis);
        Ok(Self {
            max_redirections: settings.max_redirections.map_or(default.max_redirections, |times| times as u32),
            on_moved: delay(settings.retry_delay_on_moved, default.on_moved),
            on_failover: optional(settings.retry_delay_on_failover, default.on_failover),
            on_cluster_down: optional(settings.retry_delay_on_cluster_down, default.on_cluster_down),
            on_try_again: delay(settings.retry_delay_on_try_again, default.on_try_again),
            refresh_timeout: settings.slots_refresh_timeout.and_then(millis).unwrap_or(default.refresh_timeout),
            refresh_interval: settings.slots_refresh_interval.and_then(millis),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_switches_retries_off_where_ioredis_does() {
        let options =
            ClusterOptions::from_json(r#"{"retryDelayOnFailover":0,"retryDelayOnClusterDown":0,"retryDelayOnTryAgain":0}"#).unwrap();
        assert_eq!((options.on_failover, options.on_cluster_down, options.on_try_again), (None, None, Duration::ZERO));
        assert_eq!(ClusterOptions::from_json("{}"), Ok(ClusterOptions::default()));
        assert!(ClusterOptions::from_json(r#"{"natMap":{}}"#).is_err());
    }
}
