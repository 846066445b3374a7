//! What crosses to and from the machine that finds a server through Sentinel, as JSON: settings, inputs and steps. Nothing here
//! crosses once per command.

use serde::{Deserialize, Serialize};

use super::options::parse;
use crate::error::Error;

/// The address of a server or of a Sentinel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ServerAddress {
    /// A name or an IP address.
    pub host: String,
    /// From 1 on.
    pub port: u16,
}

/// A Sentinel that the application names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct StartSentinel {
    /// A name or an IP address.
    pub host: String,
    /// From 1 on.
    pub port: u16,
    /// 4 or 6; absent: any.
    pub family: Option<u8>,
}

/// A replica that the application prefers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PreferredReplica {
    /// As Sentinel announces it.
    pub ip: String,
    /// As Sentinel announces it.
    pub port: String,
    /// The lowest one is taken first.
    pub prio: f64,
}

/// Which server to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum WantedRole {
    /// The master.
    Master,
    /// One of its replicas.
    Slave,
}

/// The settings of the search.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SentinelSettings {
    /// The name of the master group.
    pub name: String,
    /// Which server to find.
    pub role: WantedRole,
    /// The Sentinels that the application names.
    pub sentinels: Vec<StartSentinel>,
    /// Whether to learn of other Sentinels from those that answer.
    pub learns: bool,
    /// Whether to listen to Sentinels all the time; otherwise only during an outage.
    pub watches: bool,
    /// How many Sentinels to listen to at most.
    pub max_watched: u32,
    /// The replicas that the application prefers.
    pub preferred: Vec<PreferredReplica>,
    /// Whether a function of the application chooses among the replicas.
    pub chooses: bool,
}

/// What the driver reports. Sentinels are named by their numbers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SentinelInput {
    /// A server is needed.
    Find,
    /// No server is needed any more.
    Cancel,
    /// A Sentinel has answered: the reply to `get-master-addr-by-name` or `slaves`, and the one to `sentinels` if there was one.
    Answer {
        /// Which one.
        sentinel: u32,
        /// The reply.
        #[cfg_attr(test, ts(type = "unknown"))]
        server: serde_json::Value,
        /// The reply.
        #[cfg_attr(test, ts(type = "unknown"))]
        sentinels: serde_json::Value,
    },
    /// A Sentinel has not answered.
    Failed {
        /// Which one.
        sentinel: u32,
        /// Why, for messages.
        reason: String,
    },
    /// The application's choice among the replicas of `Choose`.
    Chosen {
        /// Which Sentinel they came from.
        sentinel: u32,
        /// Absent: no preference.
        address: Option<ServerAddress>,
    },
    /// The addresses of `Announced` as they can be reached.
    Announced {
        /// In the same order.
        addresses: Vec<ServerAddress>,
    },
    /// The answer to `Exhausted`: milliseconds until the next round; absent: never.
    RetryAfter {
        /// Milliseconds.
        ms: Option<f64>,
    },
    /// The connection to the server is open.
    Connected,
    /// What the server says of its role; absent: nothing. Answered by `Verdict`.
    Role {
        /// `master` or `slave`.
        role: Option<String>,
    },
    /// The server is in use.
    Ready,
    /// The connection to the server is lost or could not be made.
    Lost {
        /// Milliseconds until the next `Find`; absent: there is none.
        waits_ms: Option<f64>,
    },
    /// A message on `+switch-master`.
    Switched {
        /// Which Sentinel sent it.
        sentinel: u32,
        /// The message.
        text: String,
    },
    /// The time of the last wake-up has come.
    Timer,
    /// Everything is over until the next `Find`.
    Close,
}

/// What the driver has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SentinelStep {
    /// Connect to this Sentinel and ask it. Answer with `Answer` or `Failed`.
    Ask {
        /// Its number.
        sentinel: u32,
        /// Its address.
        host: String,
        /// Its port.
        port: u16,
        /// 4 or 6.
        family: Option<u8>,
    },
    /// Close the connection that asks this Sentinel; its answer is not needed.
    Dismiss {
        /// Its number.
        sentinel: u32,
    },
    /// Choose one of these replicas, each with its fields. Answer with `Chosen`.
    Choose {
        /// The Sentinel that they came from.
        sentinel: u32,
        /// The replicas.
        #[cfg_attr(test, ts(type = "Array<Record<string, string>>"))]
        replicas: Vec<serde_json::Map<String, serde_json::Value>>,
    },
    /// A Sentinel has named others. Answer with `Announced`.
    Announced {
        /// Their addresses.
        addresses: Vec<ServerAddress>,
    },
    /// This Sentinel is known from now on.
    Learned {
        /// Its address.
        address: ServerAddress,
    },
    /// A Sentinel was of no use.
    Bad {
        /// Why.
        message: String,
    },
    /// All Sentinels were asked in vain. Answer with `RetryAfter`.
    Exhausted {
        /// How often, since `Find`.
        attempts: u32,
    },
    /// Tell the application. The search goes on.
    Failing {
        /// Why.
        message: String,
    },
    /// Tell the application. The search is over.
    GiveUp {
        /// Why.
        message: String,
    },
    /// Connect to this server. The search is over.
    Found {
        /// As Sentinel announces it.
        address: ServerAddress,
    },
    /// Whether to use the server, the answer to `Role`.
    Verdict {
        /// If not, connect to another one.
        accepted: bool,
    },
    /// Listen to this Sentinel. Report messages with `Switched`.
    Watch {
        /// Its number.
        sentinel: u32,
        /// Its address.
        host: String,
        /// Its port.
        port: u16,
        /// 4 or 6.
        family: Option<u8>,
    },
    /// Listen no more.
    Unwatch {
        /// Its number.
        sentinel: u32,
    },
    /// Another server is the master: close the connection to the server, or do not wait any longer, and find it.
    Switch,
}

/// The steps that follow from an input.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[cfg_attr(test, ts(optional_fields = nullable))]
#[serde(rename_all = "camelCase")]
pub struct SentinelSteps {
    /// In this order.
    pub steps: Vec<SentinelStep>,
    /// Milliseconds until `Timer` is due; absent: never.
    pub wake_in_ms: Option<f64>,
}

impl SentinelSettings {
    /// Reads the settings.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        parse("sentinel options", json)
    }
}

impl SentinelInput {
    /// Reads an input.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        parse("sentinel input", json)
    }
}
