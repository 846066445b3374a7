//! The address of a node: what a map, a redirect or the application calls it. Text of servers is checked here before anything is done with it.

use std::fmt;
use std::sync::Arc;

/// No host name is longer (RFC 1035).
const LONGEST_HOST: usize = 255;

/// Host and port of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    host: Arc<str>,
    port: u16,
}

impl Address {
    /// The address that a server names. `None` if no host is called so, or the port is 0.
    pub fn announced(host: &str, port: u16) -> Option<Self> {
        let is_host = !host.is_empty() && host.len() <= LONGEST_HOST && host.bytes().all(is_in_hosts);
        (is_host && port != 0).then(|| Self { host: host.into(), port })
    }

    /// The address `host:port` that the application names; the port is what follows the last colon.
    pub fn given(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        (!host.is_empty()).then(|| Self { host: host.into(), port })
    }

    /// The same host with another port.
    pub fn with_port(&self, port: u16) -> Option<Self> {
        (port != 0).then(|| Self { host: Arc::clone(&self.host), port })
    }

    /// The host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Letters of host names, of IPv4 and of IPv6 addresses with their zone.
fn is_in_hosts(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_host_is_called_is_refused() {
        for host in ["10.0.0.1", "::1", "fe80::1%eth0", "node-1.example.com", "my_service"] {
            assert!(Address::announced(host, 7000).is_some(), "{host}");
        }
        for host in ["", " ", "a b", "a\r\nb", "../x", "a,b", "user@host", "?", "h\u{e9}", &"a".repeat(256)] {
            assert!(Address::announced(host, 7000).is_none(), "{host}");
        }
        assert!(Address::announced("a", 0).is_none());
    }

    #[test]
    fn the_port_follows_the_last_colon() {
        let address = Address::given("::1:7000").unwrap();
        assert_eq!((address.host(), address.port()), ("::1", 7000));
        assert_eq!(address.to_string(), "::1:7000");
        for text in ["7000", ":7000", "a:", "a:99999", "a:b", ""] {
            assert!(Address::given(text).is_none(), "{text}");
        }
    }
}
