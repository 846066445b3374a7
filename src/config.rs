//! Splits a connection URL, such as the one in `REDIS_URL`, into its parts. The facade makes options of them: those of
//! `new Redis(url)` or those of the manager. The `redis` crate parses the URL. This file adds what the crate does not know:
//! `memory://`, the user of a unix socket, and a query with client options. Errors never quote the URL, because it can hold a
//! password.

use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// What a connection URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum UrlKind {
    /// No server: the in-process store.
    Memory,
    /// A host and a port.
    Tcp,
    /// A unix socket.
    Unix,
    /// A group under Sentinels.
    Sentinel,
}

/// A host of a URL that names several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UrlHost {
    /// Host, without the brackets of an IPv6 address.
    pub host: String,
    /// Port.
    pub port: Option<u16>,
}

/// The parts of a connection URL. A part that the URL does not name is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UrlParts {
    /// What the URL names.
    pub kind: UrlKind,
    /// Whether to use TLS.
    pub tls: bool,
    /// ACL user, decoded.
    pub username: Option<String>,
    /// Password, decoded.
    pub password: Option<String>,
    /// Host, without the brackets of an IPv6 address.
    pub host: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// The Sentinels, instead of host and port.
    pub hosts: Vec<UrlHost>,
    /// A unix socket's path, decoded. Of other URLs what follows the host: `/3` for database 3, `/group/3` behind Sentinels.
    pub path: String,
    /// Names and values of the query, decoded.
    pub query: Vec<(String, String)>,
}

const NOT_A_URL: &str = "not a connection URL; allowed are redis://, rediss://, unix:// and memory://, and redis+sentinel:// for Sentinel";
const ALLOWED: &str =
    "redis://, rediss://, valkey://, valkeys://, unix:// (or redis+unix://), redis+sentinel://, rediss+sentinel:// and memory://";

/// Splits a connection URL.
pub fn parse_url(url: &str) -> Result<UrlParts, Error> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| Error::new(ErrorKind::BadOption, NOT_A_URL))?;
    match scheme.to_ascii_lowercase().as_str() {
        "memory" => Ok(memory()),
        "redis" | "valkey" => split(rest),
        "rediss" | "valkeys" => Ok(UrlParts { tls: true, ..split(rest)? }),
        "redis+sentinel" | "valkey+sentinel" => sentinel(rest),
        "rediss+sentinel" | "valkeys+sentinel" => Ok(UrlParts { tls: true, ..sentinel(rest)? }),
        "unix" | "redis+unix" | "valkey+unix" => unix(rest),
        _ => Err(bad("has a scheme that is not known")),
    }
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::BadOption, format!("the connection URL {what}; allowed are {ALLOWED}"))
}

fn memory() -> UrlParts {
    UrlParts {
        kind: UrlKind::Memory,
        tls: false,
        username: None,
        password: None,
        host: None,
        port: None,
        hosts: Vec::new(),
        path: String::new(),
        query: Vec::new(),
    }
}

/// The parts of `user:password@host:port/path?query`.
fn split(rest: &str) -> Result<UrlParts, Error> {
    let url = redis::parse_redis_url(&format!("redis://{rest}")).ok_or_else(|| bad("cannot be parsed"))?;
    let given = |text: &str, what: &str| if text.is_empty() { Ok(None) } else { decode(text, what).map(Some) };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    Ok(UrlParts {
        kind: UrlKind::Tcp,
        tls: false,
        username: given(url.username(), "user or password")?,
        password: given(url.password().unwrap_or_default(), "user or password")?,
        host: given(host, "host")?,
        port: url.port(),
        hosts: Vec::new(),
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
    })
}

/// The parts of `user:password@/path?query`, or of `/path?user=..&pass=..` as the `redis` crate has it. The URL standard allows no
/// user without a host, so a host stands in.
fn unix(rest: &str) -> Result<UrlParts, Error> {
    let (authority, path) = rest.split_at(rest.find('/').ok_or_else(|| bad("names no path of a unix socket"))?);
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    if !host.is_empty() && host != "localhost" {
        return Err(bad("names a host and a unix socket; the path of a socket begins with a slash, as in unix:///path"));
    }
    let mut parts = split(&format!("{user}@localhost{path}"))?;
    let username = take(&mut parts.query, "user").or(parts.username);
    let password = take(&mut parts.query, "pass").or(parts.password);
    let path = decode(&parts.path, "path")?;
    Ok(UrlParts { kind: UrlKind::Unix, host: None, path, username, password, ..parts })
}

/// The parts of `user:password@host:port,host2:port2/group/db?query`. The user is that of the servers.
fn sentinel(rest: &str) -> Result<UrlParts, Error> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, hosts) = authority.rsplit_once('@').map_or((String::new(), authority), |(user, hosts)| (format!("{user}@"), hosts));
    let host = |text: &str| match split(text)? {
        UrlParts { host: Some(host), port, .. } => Ok(UrlHost { host, port }),
        _ => Err(bad("names a Sentinel without a host")),
    };
    let hosts = hosts.split(',').map(host).collect::<Result<Vec<_>, _>>()?;
    let parts = split(&format!("{user}localhost{path}"))?;
    Ok(UrlParts { kind: UrlKind::Sentinel, host: None, port: None, hosts, path: decode(&parts.path, "name of the group")?, ..parts })
}

/// Takes a value out of the query.
fn take(query: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let at = query.iter().position(|(found, _)| found == name)?;
    Some(query.remove(at).1)
}

/// Decodes `%40` and its like.
fn decode(text: &str, what: &str) -> Result<String, Error> {
    let refused =
        || Error::new(ErrorKind::BadOption, format!("{what} in the connection URL is not percent-encoded; write a percent sign as %25"));
    let is_encoded = |part: &str| part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_encoded) {
        return Err(refused());
    }
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str) -> UrlParts {
        UrlParts { kind: UrlKind::Tcp, host: Some(host.into()), ..memory() }
    }

    #[test]
    fn every_part_of_a_url_is_kept() {
        let text = |text: &str| Some(text.to_owned());
        for (url, parts) in [
            ("redis://localhost", server("localhost")),
            ("VALKEY://localhost", server("localhost")),
            ("redis://:secret@localhost/", UrlParts { password: text("secret"), path: "/".into(), ..server("localhost") }),
            ("redis://[::1]:6380/", UrlParts { port: Some(6380), path: "/".into(), ..server("::1") }),
            ("redis:///2", UrlParts { host: None, path: "/2".into(), ..server("") }),
            (
                "rediss://us%40er:p%2Fa%3As@h.example:7000/3?family=6&name=a%20b",
                UrlParts {
                    tls: true,
                    username: text("us@er"),
                    password: text("p/a:s"),
                    port: Some(7000),
                    path: "/3".into(),
                    query: vec![("family".into(), "6".into()), ("name".into(), "a b".into())],
                    ..server("h.example")
                },
            ),
            ("memory://", memory()),
            ("memory://x", memory()),
        ] {
            assert_eq!(parse_url(url), Ok(parts), "{url}");
        }
    }

    #[test]
    fn a_unix_socket_may_have_a_user() {
        let socket = |path: &str| UrlParts { kind: UrlKind::Unix, host: None, path: path.into(), ..server("") };
        assert_eq!(parse_url("unix:///tmp/r%20s.sock"), Ok(socket("/tmp/r s.sock")));
        assert_eq!(parse_url("redis+unix://localhost/r.sock"), Ok(socket("/r.sock")));
        let query = vec![("db".to_owned(), "2".to_owned())];
        assert_eq!(
            parse_url("unix://me:p%3Aa:b@/r.sock?db=2"),
            Ok(UrlParts { username: Some("me".into()), password: Some("p:a:b".into()), query: query.clone(), ..socket("/r.sock") })
        );
        assert_eq!(
            parse_url("unix:///r.sock?user=me&db=2&pass=a%2Bb"),
            Ok(UrlParts { username: Some("me".into()), password: Some("a+b".into()), query, ..socket("/r.sock") })
        );
    }

    #[test]
    fn sentinels_are_several_hosts_and_a_group() {
        let group = |hosts: &[(&str, Option<u16>)], path: &str| UrlParts {
            kind: UrlKind::Sentinel,
            hosts: hosts.iter().map(|(host, port)| UrlHost { host: (*host).into(), port: *port }).collect(),
            path: path.into(),
            ..memory()
        };
        assert_eq!(parse_url("redis+sentinel://a:1,b/my%20group/3"), Ok(group(&[("a", Some(1)), ("b", None)], "/my group/3")));
        let user = UrlParts { username: Some("u@s".into()), password: Some("p,w".into()), ..group(&[("::1", Some(2))], "/g") };
        assert_eq!(parse_url("redis+sentinel://u%40s:p%2Cw@[::1]:2/g"), Ok(user.clone()));
        assert_eq!(parse_url("Rediss+Sentinel://u%40s:p,w@[::1]:2/g"), Ok(UrlParts { tls: true, ..user }));
        let query = vec![("sentinelPassword".to_owned(), "s".to_owned())];
        assert_eq!(parse_url("valkey+sentinel://a?sentinelPassword=s"), Ok(UrlParts { query, ..group(&[("a", None)], "") }));
        for url in ["redis+sentinel:///g", "redis+sentinel://a,,b/g", "redis+sentinel://a:99999/secret", "redis+sentinel://:secret@/g"] {
            assert!(!parse_url(url).unwrap_err().message().contains("secret"), "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_named_without_its_secrets() {
        for url in [
            "",
            "localhost:6379",
            "http://h",
            "redis://h:99999",
            "redis://:secret@",
            "redis://:secret%@h",
            "redis://:secret%ff@h",
            "redis+tls://secret@h",
            "unix://secret",
            "unix://secret/r.sock",
            "unix://:secret%zz@/r.sock",
        ] {
            let error = parse_url(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadOption, "{url}");
            assert!(!error.message().contains("secret"), "{url}: {error}");
        }
    }
}
