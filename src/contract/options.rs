//! The settings of a link and of a cache, as JSON. An undeclared key is an error. The facade has already checked types and
//! ranges and has reported problems under the names that its users know. If a setting is absent or null, the core's default holds.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::Deserialize;

use crate::error::{Error, ErrorKind};

/// The longest duration that is understood, in milliseconds.
const LONGEST_MS: f64 = 1e12;

/// Which commands are sent again when the connection was cut after they were sent and before they were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ResendSetting {
    /// All.
    All,
    /// Those of the class `Idempotent`.
    Idempotent,
    /// None.
    None,
}

/// The values for CLIENT SETINFO.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ClientInfoSettings {
    /// LIB-NAME
    pub name: String,
    /// LIB-VER
    pub version: String,
}

/// The settings of a link.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct LinkSettings {
    /// 3: HELLO 3 first. 2: RESP2.
    pub protocol: Option<u8>,
    /// ACL user.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Database to select.
    pub db: Option<u32>,
    /// Whether commands for a database that the server does not select are rejected.
    pub strict_database: Option<bool>,
    /// CLIENT SETNAME.
    pub connection_name: Option<String>,
    /// READONLY in the handshake.
    pub read_only: Option<bool>,
    /// CLIENT SETINFO.
    pub client_info: Option<ClientInfoSettings>,
    /// Fieldsets that each connection prepares for HIMPORT SET: the name, then the fields. Each character is one byte.
    pub himport_fieldsets: Option<Vec<Vec<String>>>,
    /// INFO before the link counts as ready.
    pub ready_check: Option<bool>,
    /// Whether the facade decides if the server is acceptable.
    pub asks_driver: Option<bool>,
    /// Longest wait between two looks at a loading server, in milliseconds.
    pub max_loading_retry_ms: Option<f64>,
    /// Whether commands wait while the link is not ready.
    pub offline_queue: Option<bool>,
    /// Which commands are sent again after a cut.
    pub resend: Option<ResendSetting>,
    /// Whether commands in flight survive a cut at all.
    pub auto_resend: Option<bool>,
    /// Waiting commands are rejected after this many reconnects in a row; null: never.
    pub max_retries_per_request: Option<f64>,
    /// Deadline of every command that does not block, in milliseconds.
    pub command_timeout_ms: Option<f64>,
    /// Whether subscriptions are restored after a reconnect.
    pub auto_resubscribe: Option<bool>,
    /// Commands that may wait or be in flight; 0: no bound.
    pub max_queue_commands: Option<f64>,
    /// Bytes that may wait or be in flight; 0: no bound.
    pub max_queue_bytes: Option<f64>,
    /// Silence after which the server is asked, in milliseconds; 0: never.
    pub watchdog_ms: Option<f64>,
    /// Whether commands that the server refused for the moment are sent again.
    pub retry_refused: Option<bool>,
    /// Whether commands that lose their connection are handed back instead of sent again or rejected.
    pub hands_back: Option<bool>,
    /// Whether a server that says READONLY is left for another one.
    pub leaves_replicas: Option<bool>,
    /// Whether the facade brings the credentials for each connection.
    pub brings_credentials: Option<bool>,
    /// How deep replies may be nested.
    pub max_reply_depth: Option<f64>,
    /// How many elements a reply may have.
    pub max_reply_elements: Option<f64>,
    /// How many bytes a reply may have.
    pub max_reply_bytes: Option<f64>,
}

/// The settings of a cluster. Durations are in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ClusterSettings {
    /// How many times a command is sent elsewhere or again.
    pub max_redirections: Option<f64>,
    /// Delay before a command follows its slot.
    pub retry_delay_on_moved: Option<f64>,
    /// Delay before the commands of a lost node are sent again; 0: they are not taken.
    pub retry_delay_on_failover: Option<f64>,
    /// Delay after CLUSTERDOWN; 0: such commands are not taken.
    pub retry_delay_on_cluster_down: Option<f64>,
    /// Delay after TRYAGAIN.
    pub retry_delay_on_try_again: Option<f64>,
    /// How long a node may take to give its slot map.
    pub slots_refresh_timeout: Option<f64>,
    /// How often the slot map is read without a reason; absent: never.
    pub slots_refresh_interval: Option<f64>,
}

/// The settings of the cache.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct CacheSettings {
    /// Budget of all store steps of one read before its loader, in milliseconds.
    pub command_timeout_ms: Option<f64>,
    /// The same while the first connection is being made.
    pub connect_budget_ms: Option<f64>,
    /// Budget of a write, in milliseconds.
    pub write_timeout_ms: Option<f64>,
    /// How long a lease lives, in milliseconds.
    pub lease_ms: Option<f64>,
    /// How often it is renewed, in milliseconds.
    pub renew_ms: Option<f64>,
    /// How long a call waits for another's load, in milliseconds.
    pub lock_timeout_ms: Option<f64>,
    /// How long a load may run for its result to be stored, in milliseconds.
    pub longest_load_ms: Option<f64>,
    /// How many undelivered invalidations are kept.
    pub max_undelivered: Option<f64>,
    /// Bound of the store in this process, in bytes.
    pub memory_bytes: Option<f64>,
    /// The longest value, in bytes: one that claims to be longer is not unpacked.
    pub max_value_bytes: Option<f64>,
    /// Bound of the parsed values that JavaScript keeps, in bytes: twice their length. 0: it keeps none.
    pub parsed_bytes: Option<f64>,
    /// Whether stale entries are served while they are refreshed.
    pub swr: Option<bool>,
    /// What entries of a former master are worth.
    pub after_failover: Option<AfterFailoverSetting>,
}

/// What entries of a former master are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum AfterFailoverSetting {
    /// Nothing.
    Cold,
    /// They are served.
    Trust,
}

impl LinkSettings {
    /// Reads the settings.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        parse("link options", json)
    }
}

impl ClusterSettings {
    /// Reads the settings.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        parse("cluster options", json)
    }
}

impl CacheSettings {
    /// Reads the settings.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        parse("cache options", json)
    }
}

/// A number of milliseconds as a duration. `None` if it is not positive; longer durations are cut to the longest one.
pub fn millis(ms: f64) -> Option<Duration> {
    (ms > 0.0).then(|| Duration::from_secs_f64(ms.min(LONGEST_MS) / 1e3))
}

/// Reads settings. The error names an unknown key. For any other problem it gives only the column, because the value may be a
/// password.
pub(super) fn parse<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| {
        let text = error.to_string();
        let reason = match text.strip_prefix("unknown field") {
            Some(rest) => format!("unknown field{rest}"),
            None => format!("no JSON of their shape, at column {}", error.column()),
        };
        Error::new(ErrorKind::BadOption, format!("{what}: {reason}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_at_every_level() {
        for (json, key) in [
            (r#"{"dbs":1}"#, "dbs"),
            (r#"{"clientInfo":{"name":"a","version":"b","tag":"c"}}"#, "tag"),
            (r#"{"read_only":true}"#, "read_only"),
        ] {
            let error = LinkSettings::from_json(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadOption);
            assert!(error.message().starts_with(&format!("link options: unknown field `{key}`")), "{}", error.message());
        }
        assert!(CacheSettings::from_json(r#"{"ttl":1}"#).unwrap_err().message().starts_with("cache options: unknown field `ttl`"));
    }

    #[test]
    fn an_error_does_not_repeat_a_value() {
        for json in
            [r#"{"password":["hunter2"]}"#, r#"{"db":"hunter2"}"#, r#"{"resend":"hunter2"}"#, r#"{"clientInfo":"hunter2"}"#, "hunter2", ""]
        {
            let message = LinkSettings::from_json(json).unwrap_err().message().to_owned();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn what_is_absent_or_null_is_not_set() {
        assert_eq!(LinkSettings::from_json("{}"), Ok(LinkSettings::default()));
        assert_eq!(LinkSettings::from_json(r#"{"password":null,"db":null,"resend":null}"#), Ok(LinkSettings::default()));
        assert_eq!(CacheSettings::from_json(r#"{"swr":false}"#).unwrap().swr, Some(false));
    }
}
