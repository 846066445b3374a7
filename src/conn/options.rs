//! What a link is told once. The facade has checked types and ranges under the names its user knows; what is checked here
//! again is only what would make the state machine itself wrong.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, ErrorKind};
use crate::resp::Limits;

/// Which commands are sent again when the connection was cut after they were sent and before they were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// All (what ioredis does). A command may run twice.
    All,
    /// Reads and last-write-wins writes; the others are rejected as possibly executed.
    Idempotent,
    /// None.
    None,
}

/// What CLIENT SETINFO tells the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// LIB-NAME
    pub name: String,
    /// LIB-VER
    pub version: String,
}

/// Everything a link is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOptions {
    /// 3: HELLO 3 first, RESP2 where the server refuses it. 2: RESP2.
    pub protocol: u8,
    /// ACL user; `default` where only a password is given.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Database to select.
    pub db: u32,
    /// CLIENT SETNAME.
    pub connection_name: Option<String>,
    /// READONLY in the handshake (cluster replicas).
    pub read_only: bool,
    /// CLIENT SETINFO, unless switched off.
    pub client_info: Option<ClientInfo>,
    /// INFO before the link counts as ready, so that a loading server is waited for.
    pub ready_check: bool,
    /// Whether the driver is shown that INFO, and says whether this server will do (`Output::Check`).
    pub asks_driver: bool,
    /// Longest wait between two looks at a loading server.
    pub max_loading_retry: Duration,
    /// Whether commands wait while the link is not ready.
    pub offline_queue: bool,
    /// The replay rule.
    pub resend: Resend,
    /// Whether commands in flight survive a cut at all, as in ioredis (`autoResendUnfulfilledCommands`).
    pub auto_resend: bool,
    /// After this many reconnects in a row everything that waits is rejected, and so is a command that was in flight when so
    /// many connections were cut; `None`: never.
    pub max_retries_per_request: Option<u32>,
    /// Deadline of every command that does not block.
    pub command_timeout: Option<Duration>,
    /// Whether subscriptions are restored after a reconnect.
    pub auto_resubscribe: bool,
    /// Commands that may wait or be in flight; 0: no bound.
    pub max_queue_commands: usize,
    /// Bytes that may wait or be in flight; 0: no bound.
    pub max_queue_bytes: usize,
    /// Silence after which the server is asked; after twice that a second connection is tried. Zero: never.
    pub watchdog: Duration,
    /// Whether commands that the server refused (LOADING, READONLY, TRYAGAIN ...) are sent again rather than rejected.
    pub retry_refused: bool,
    /// Bounds of one reply.
    pub limits: Limits,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            protocol: 3,
            username: None,
            password: None,
            db: 0,
            connection_name: None,
            read_only: false,
            client_info: None,
            ready_check: true,
            asks_driver: false,
            max_loading_retry: Duration::from_secs(10),
            offline_queue: true,
            resend: Resend::All,
            auto_resend: true,
            max_retries_per_request: Some(20),
            command_timeout: None,
            auto_resubscribe: true,
            max_queue_commands: 0,
            max_queue_bytes: 0,
            watchdog: Duration::from_secs(4),
            retry_refused: false,
            limits: Limits::default(),
        }
    }
}

impl LinkOptions {
    /// Options from the facade's JSON; what is absent has its default.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let value: Value = serde_json::from_str(json).map_err(|e| Error::new(ErrorKind::BadOption, format!("link options: {e}")))?;
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let flag = |key: &str, default: bool| value[key].as_bool().unwrap_or(default);
        let count = |key: &str, default: u64| value[key].as_u64().unwrap_or(default);
        let millis = |key: &str| value[key].as_f64().filter(|ms| *ms > 0.0).map(|ms| Duration::from_secs_f64(ms.min(1e12) / 1e3));
        let default = Self::default();
        Ok(Self {
            protocol: if count("protocol", 3) == 2 { 2 } else { 3 },
            username: text("username"),
            password: text("password"),
            db: u32::try_from(count("db", 0)).unwrap_or(0),
            connection_name: text("connectionName"),
            read_only: flag("readOnly", false),
            client_info: value["clientInfo"].as_object().map(|info| ClientInfo {
                name: info.get("name").and_then(Value::as_str).unwrap_or("hawser").to_owned(),
                version: info.get("version").and_then(Value::as_str).unwrap_or("0").to_owned(),
            }),
            ready_check: flag("readyCheck", true),
            asks_driver: flag("asksDriver", false),
            max_loading_retry: millis("maxLoadingRetryMs").unwrap_or(default.max_loading_retry),
            offline_queue: flag("offlineQueue", true),
            resend: match value["resend"].as_str() {
                None | Some("all") => Resend::All,
                Some("idempotent") => Resend::Idempotent,
                Some("none") => Resend::None,
                Some(_) => return Err(Error::new(ErrorKind::BadOption, "resend must be 'all', 'idempotent' or 'none'")),
            },
            auto_resend: flag("autoResend", true),
            max_retries_per_request: match &value["maxRetriesPerRequest"] {
                Value::Number(n) => n.as_u64().and_then(|n| u32::try_from(n).ok()),
                _ => None,
            },
            command_timeout: millis("commandTimeoutMs"),
            auto_resubscribe: flag("autoResubscribe", true),
            max_queue_commands: count("maxQueueCommands", 0) as usize,
            max_queue_bytes: count("maxQueueBytes", 0) as usize,
            watchdog: millis("watchdogMs").unwrap_or_default(),
            retry_refused: flag("retryRefused", false),
            limits: Limits {
                depth: count("maxReplyDepth", default.limits.depth as u64) as usize,
                elements: count("maxReplyElements", default.limits.elements),
                bytes: count("maxReplyBytes", default.limits.bytes),
            },
        })
    }
}
