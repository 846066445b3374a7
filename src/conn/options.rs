//! The options of a link. The facade has checked types and ranges under the names that users know; this file checks only
//! values that would break the state machine.

use std::time::Duration;

use crate::contract::{millis, LinkSettings, ResendSetting};
use crate::error::Error;
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

/// The values of CLIENT SETINFO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// LIB-NAME
    pub name: String,
    /// LIB-VER
    pub version: String,
}

/// All options of a link.
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
    /// Whether no command runs in another database than it was issued for: where the server refuses one, the link is not ready or its
    /// commands are rejected. Otherwise they run where the connection is, as in ioredis.
    pub strict_database: bool,
    /// CLIENT SETNAME.
    pub connection_name: Option<String>,
    /// READONLY in the handshake (cluster replicas).
    pub read_only: bool,
    /// CLIENT SETINFO, unless switched off.
    pub client_info: Option<ClientInfo>,
    /// Fieldsets that each connection prepares for HIMPORT SET: the name, then the fields.
    pub fieldsets: Vec<Vec<Vec<u8>>>,
    /// INFO before the link counts as ready, so that a loading server is waited for.
    pub ready_check: bool,
    /// Whether the driver sees that INFO and decides whether to accept this server (`Output::Check`).
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
    /// Whether someone else routes the commands (a cluster). What loses its connection and may be sent again, and what was never
    /// sent, is handed back (`Output::HandedBack`); what the server refuses goes to its caller at once.
    pub hands_back: bool,
    /// Whether a server that says READONLY is left for another one at once, and what it refused is sent there. For links that are told
    /// which server is the master.
    pub leaves_replicas: bool,
    /// Whether the driver brings the credentials for each connection (`Link::authenticate`). They may be refused because others have
    /// replaced them in the meantime.
    pub brings_credentials: bool,
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
            strict_database: false,
            connection_name: None,
            read_only: false,
            client_info: None,
            fieldsets: Vec::new(),
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
            hands_back: false,
            leaves_replicas: false,
            brings_credentials: false,
            limits: Limits::default(),
        }
    }
}

impl LinkOptions {
    /// Whether the link itself sends refused commands again. Where someone else routes the commands, a refusal is theirs to judge.
    pub const fn retries_refused(&self) -> bool {
        self.retry_refused && !self.hands_back
    }

    /// Options from the facade's JSON, see [`LinkSettings`]; what is absent has its default.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        LinkSettings::from_json(json).map(Self::from)
    }
}

impl From<LinkSettings> for LinkOptions {
    fn from(settings: LinkSettings) -> Self {
        let default = Self::default();
        Self {
            protocol: if settings.protocol == Some(2) { 2 } else { 3 },
            username: settings.username,
            password: settings.password,
            db: settings.db.unwrap_or(default.db),
            strict_database: settings.strict_database.unwrap_or(default.strict_database),
            connection_name: settings.connection_name,
            read_only: settings.read_only.unwrap_or(default.read_only),
            client_info: settings.client_info.map(|info| ClientInfo { name: info.name, version: info.version }),
            fieldsets: settings
                .himport_fieldsets
                .unwrap_or_default()
                .iter()
                .map(|set| set.iter().map(|text| latin1(text)).collect())
                .collect(),
            ready_check: settings.ready_check.unwrap_or(default.ready_check),
            asks_driver: settings.asks_driver.unwrap_or(default.asks_driver),
            max_loading_retry: settings.max_loading_retry_ms.and_then(millis).unwrap_or(default.max_loading_retry),
            offline_queue: settings.offline_queue.unwrap_or(default.offline_queue),
            resend: settings.resend.map_or(default.resend, Resend::from),
            auto_resend: settings.auto_resend.unwrap_or(default.auto_resend),
            max_retries_per_request: settings.max_retries_per_request.and_then(whole),
            command_timeout: settings.command_timeout_ms.and_then(millis),
            auto_resubscribe: settings.auto_resubscribe.unwrap_or(default.auto_resubscribe),
            max_queue_commands: settings.max_queue_commands.map_or(default.max_queue_commands, |n| n as usize),
            max_queue_bytes: settings.max_queue_bytes.map_or(default.max_queue_bytes, |n| n as usize),
            watchdog: settings.watchdog_ms.and_then(millis).unwrap_or_default(),
            retry_refused: settings.retry_refused.unwrap_or(default.retry_refused),
            hands_back: settings.hands_back.unwrap_or(default.hands_back),
            leaves_replicas: settings.leaves_replicas.unwrap_or(default.leaves_replicas),
            brings_credentials: settings.brings_credentials.unwrap_or(default.brings_credentials),
            limits: Limits {
                depth: settings.max_reply_depth.map_or(default.limits.depth, |n| n as usize),
                elements: settings.max_reply_elements.map_or(default.limits.elements, |n| n as u64),
                bytes: settings.max_reply_bytes.map_or(default.limits.bytes, |n| n as u64),
            },
        }
    }
}

impl From<ResendSetting> for Resend {
    fn from(setting: ResendSetting) -> Self {
        match setting {
            ResendSetting::All => Self::All,
            ResendSetting::Idempotent => Self::Idempotent,
            ResendSetting::None => Self::None,
        }
    }
}

/// The bytes of a text that has one character for each byte.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u32::from(c) as u8).collect()
}

/// A number of retries; as in ioredis, anything else means no bound.
fn whole(n: f64) -> Option<u32> {
    (n.fract() == 0.0 && n >= 0.0 && n <= f64::from(u32::MAX)).then_some(n as u32)
}
