//! A server as a value: strings, and the scripts of the cache's protocol as far as a load needs them.

use std::collections::{BTreeMap, HashSet};

use crate::command::arguments;
use crate::resp::{push_argument, Scanner};

const SCRIPTS: [(&str, &str); 7] = [
    ("ensure", include_str!("../../scripts/ensure.lua")),
    ("place", include_str!("../../scripts/place.lua")),
    ("commit", concat!(include_str!("../../scripts/held_lease.lua"), include_str!("../../scripts/commit.lua"))),
    ("count", include_str!("../../scripts/count.lua")),
    ("renew", concat!(include_str!("../../scripts/held_lease.lua"), include_str!("../../scripts/renew.lua"))),
    ("renew_version", include_str!("../../scripts/renew_version.lua")),
    ("give_back", include_str!("../../scripts/give_back.lua")),
];

/// What outlives connections.
#[derive(Debug, Default)]
pub struct Server {
    pub cells: BTreeMap<String, Vec<u8>>,
    /// Scripts that it knows by their digests.
    known: HashSet<String>,
    /// Commands in the order in which they ran, of all connections.
    pub ran: Vec<String>,
    /// Takes everything in and says nothing.
    pub frozen: bool,
}

/// One connection of it.
#[derive(Debug, Default)]
pub struct Connection {
    inbound: Vec<u8>,
    pub outbound: Vec<u8>,
    queue: Option<Vec<Vec<Vec<u8>>>>,
}

impl Connection {
    /// Bytes arrive; what they ask for runs at once.
    pub fn receive(&mut self, bytes: &[u8], server: &mut Server) {
        self.inbound.extend_from_slice(bytes);
        while !server.frozen {
            let mut scanner = Scanner::new(crate::resp::Limits::default());
            let Ok(Some(length)) = scanner.scan(&self.inbound) else { return };
            let parts: Vec<Vec<u8>> = arguments(&self.inbound[..length]).map(<[u8]>::to_vec).collect();
            self.inbound.drain(..length);
            let reply = self.run(parts, server);
            self.outbound.extend_from_slice(&reply);
        }
    }

    fn run(&mut self, parts: Vec<Vec<u8>>, server: &mut Server) -> Vec<u8> {
        match parts[0].to_ascii_lowercase().as_slice() {
            b"multi" => {
                self.queue = Some(Vec::new());
                b"+OK\r\n".to_vec()
            }
            b"exec" => {
                let queued = self.queue.take().unwrap_or_default();
                let replies: Vec<Vec<u8>> = queued.into_iter().map(|parts| server.run(&parts)).collect();
                array(&replies)
            }
            _ => match &mut self.queue {
                Some(queue) => {
                    queue.push(parts);
                    b"+QUEUED\r\n".to_vec()
                }
                None => server.run(&parts),
            },
        }
    }
}

impl Server {
    fn run(&mut self, parts: &[Vec<u8>]) -> Vec<u8> {
        let name = String::from_utf8_lossy(&parts[0]).to_lowercase();
        let key = parts.get(1).map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
        self.ran.push(if name.starts_with("eval") { name.clone() } else { format!("{name} {key}") });
        match name.as_str() {
            "info" => bulk(b"role:master\r\nmaster_replid:0123456789012345678901234567890123456789\r\n"),
            "get" => self.cell(&key),
            "set" => {
                self.cells.insert(key, parts[2].clone());
                b"+OK\r\n".to_vec()
            }
            "incr" => {
                let n = self.cells.get(&key).map_or(0, Vec::len) + 1;
                self.cells.insert(key, vec![b'i'; n]);
                format!(":{n}\r\n").into_bytes()
            }
            "mget" => {
                let found: Vec<Vec<u8>> = parts[1..].iter().map(|key| self.cell(&String::from_utf8_lossy(key))).collect();
                array(&found)
            }
            "pttl" => b":-2\r\n".to_vec(),
            "eval" => {
                self.known.insert(digest(&key));
                self.script(&digest(&key), &parts[3..])
            }
            "evalsha" if self.known.contains(&key) => self.script(&key, &parts[3..]),
            "evalsha" => b"-NOSCRIPT No matching script.\r\n".to_vec(),
            _ => b"+OK\r\n".to_vec(),
        }
    }

    fn cell(&self, key: &str) -> Vec<u8> {
        self.cells.get(key).map_or_else(|| b"$-1\r\n".to_vec(), |value| bulk(value))
    }

    fn script(&mut self, sha: &str, parts: &[Vec<u8>]) -> Vec<u8> {
        let name = SCRIPTS.iter().find(|(_, text)| digest(text) == sha).map_or("unknown", |(name, _)| *name);
        self.ran.push(name.to_owned());
        let key = String::from_utf8_lossy(&parts[0]).into_owned();
        let text = |at: usize| String::from_utf8_lossy(&parts[at]).into_owned();
        match name {
            "ensure" => {
                let offered = format!("hw2v {} {}", text(1), text(2)).into_bytes();
                let current = self.cells.entry(key).or_insert(offered);
                bulk(&current[5..17])
            }
            // Nobody else writes: what was read is still there.
            "place" => {
                self.cells.insert(key, parts[3].clone());
                b"*3\r\n:1\r\n:0\r\n:0\r\n".to_vec()
            }
            "commit" => {
                let token = parts[1].clone();
                let is_held = self.cells.get(&key).is_some_and(|value| value.get(5..17) == Some(token.as_slice()));
                if is_held {
                    self.cells.insert(key, parts[3].clone());
                }
                format!(":{}\r\n", u8::from(is_held)).into_bytes()
            }
            "give_back" => {
                self.cells.remove(&key);
                b":1\r\n".to_vec()
            }
            _ => b":1\r\n".to_vec(),
        }
    }
}

fn digest(text: &str) -> String {
    sha1_smol::Sha1::from(text).digest().to_string()
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_argument(&mut out, bytes);
    out
}

fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", items.len()).into_bytes();
    out.extend(items.concat());
    out
}
