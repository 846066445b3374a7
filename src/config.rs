//! Splits a connection URL, such as the one in `REDIS_URL`, into its parts. The `redis` crate parses it; this file adds what
//! the crate does not know (`memory://`, and TLS as a property rather than a build feature). Errors never quote the URL,
//! because it can hold a password.

use redis::{ConnectionAddr, IntoConnectionInfo};
use serde_json::{json, Value};

use crate::error::{Error, ErrorKind};

/// Where to connect, and as which user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// No server: the in-process store.
    Memory,
    /// A server.
    Server {
        /// Host and port, or the path of a unix socket.
        address: Address,
        /// Whether to use TLS.
        tls: bool,
        /// ACL user, decoded.
        username: Option<String>,
        /// Password, decoded.
        password: Option<String>,
        /// Database.
        db: u32,
    },
}

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A host (without brackets) and a port.
    Tcp(String, u16),
    /// A socket's path.
    Unix(String),
}

const ALLOWED: &str = "redis://, rediss://, valkey://, valkeys://, unix:// (or redis+unix://) and memory://";

/// Parses a connection URL.
pub fn parse_url(url: &str) -> Result<Endpoint, Error> {
    let bad = |what: &str| Error::new(ErrorKind::BadOption, format!("the connection URL {what}; allowed are {ALLOWED}"));
    let (scheme, rest) = url.split_once("://").ok_or_else(|| bad("has no scheme"))?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "memory" {
        return Ok(Endpoint::Memory);
    }
    let tls = scheme == "rediss" || scheme == "valkeys";
    let plain = match scheme.as_str() {
        "redis" | "rediss" | "valkey" | "valkeys" => format!("redis://{rest}"),
        "unix" | "redis+unix" | "valkey+unix" => format!("unix://{rest}"),
        _ => return Err(bad("has a scheme that is not known")),
    };
    let parsed = redis::parse_redis_url(&plain).ok_or_else(|| bad("cannot be parsed"))?;
    let info = parsed.into_connection_info().map_err(|e| bad(&format!("is not valid ({e})")))?;
    let settings = info.redis_settings();
    let address = match info.addr() {
        ConnectionAddr::Tcp(host, port) => Address::Tcp(host.clone(), *port),
        ConnectionAddr::Unix(path) => Address::Unix(path.to_string_lossy().into_owned()),
        _ => return Err(bad("has an address of a kind that is not supported")),
    };
    Ok(Endpoint::Server {
        address,
        tls,
        username: settings.username().map(str::to_owned),
        password: settings.password().map(str::to_owned),
        db: u32::try_from(settings.db()).map_err(|_| bad("names a database below 0"))?,
    })
}

impl Endpoint {
    /// The parts as JSON for the facade: `memory`, `host`, `port`, `path`, `tls`, `username`, `password`, `db`; `null` if absent.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Memory => json!({ "memory": true }),
            Self::Server { address, tls, username, password, db } => {
                let (host, port, path) = match address {
                    Address::Tcp(host, port) => (Some(host), Some(port), None),
                    Address::Unix(path) => (None, None, Some(path)),
                };
                json!({
                    "memory": false, "host": host, "port": port, "path": path, "tls": tls,
                    "username": username, "password": password, "db": db,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, port: u16) -> Endpoint {
        Endpoint::Server { address: Address::Tcp(host.into(), port), tls: false, username: None, password: None, db: 0 }
    }

    #[test]
    fn every_part_of_a_url_is_kept() {
        assert_eq!(parse_url("redis://localhost"), Ok(server("localhost", 6379)));
        assert_eq!(parse_url("redis://[::1]:6380/"), Ok(server("::1", 6380)));
        assert_eq!(parse_url("memory://"), Ok(Endpoint::Memory));
        assert_eq!(parse_url("memory://x"), Ok(Endpoint::Memory));
        let full = parse_url("rediss://us%40er:p%2Fa%3As@h.example:7000/3").unwrap();
        assert_eq!(
            full,
            Endpoint::Server {
                address: Address::Tcp("h.example".into(), 7000),
                tls: true,
                username: Some("us@er".into()),
                password: Some("p/a:s".into()),
                db: 3
            }
        );
        assert!(
            matches!(parse_url("unix:///tmp/r.sock?db=2"), Ok(Endpoint::Server { address: Address::Unix(p), db: 2, .. }) if p == "/tmp/r.sock")
        );
    }

    #[test]
    fn a_wrong_url_is_named_without_its_secrets() {
        for url in [
            "",
            "localhost:6379",
            "http://h",
            "redis://h:99999",
            "redis://h/abc",
            "redis://h/-1",
            "redis://:secret@",
            "redis+tls://secret@h",
        ] {
            let error = parse_url(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadOption, "{url}");
            assert!(!error.message().contains("secret"), "{url}: {error}");
        }
    }
}
