//! Reads a reply to CLUSTER SLOTS. Every row is checked before anything of the map is used: a map is right as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::address::Address;
use super::slots::SLOTS;

/// More nodes than any cluster has: Redis recommends 1,000 at most.
pub const MOST_NODES: usize = 4096;

/// A range of slots and the nodes that serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The first slot.
    pub first: u16,
    /// The last slot.
    pub last: u16,
    /// Its master, then its replicas.
    pub nodes: Vec<Address>,
}

/// Which nodes serve which slots, as one node sees it. Slots in no row have no master.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// In the order of the reply.
    pub rows: Vec<Row>,
}

/// Where a map comes from, which says how its addresses are understood.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The node that sent it.
    pub asked: &'a Address,
    /// What announced addresses are to be replaced with.
    pub nat: &'a BTreeMap<String, String>,
}

impl Map {
    /// Reads the reply, which is JSON. The error says what is wrong with it.
    pub fn read(json: &str, source: Source<'_>) -> Result<Self, String> {
        let reply: Value = serde_json::from_str(json).map_err(|_| "the slot map is no JSON".to_owned())?;
        let rows = reply.as_array().ok_or("the slot map is no array")?;
        let mut read = Reader { source, masters: vec![None; SLOTS], nodes: BTreeSet::new(), rows: Vec::new() };
        for row in rows {
            read.row(row)?;
        }
        Ok(Self { rows: read.rows })
    }

    /// Whether no slot has a master: a node that has not joined yet, or was reset.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What is read so far.
struct Reader<'a> {
    source: Source<'a>,
    /// The row of each slot.
    masters: Vec<Option<usize>>,
    nodes: BTreeSet<Address>,
    rows: Vec<Row>,
}

impl Reader<'_> {
    fn row(&mut self, row: &Value) -> Result<(), String> {
        let parts = row.as_array().filter(|parts| parts.len() >= 2).ok_or("a row of the slot map is no range of slots")?;
        let (first, last) = (slot(&parts[0])?, slot(&parts[1])?);
        if first > last {
            return Err(format!("a row of the slot map ends before it begins: {first} to {last}"));
        }
        let mut nodes = Vec::new();
        for (index, part) in parts[2..].iter().enumerate() {
            match self.node(part)? {
                Some(address) if nodes.contains(&address) => (),
                Some(address) => nodes.push(address),
                // Nobody can be asked for slots whose master has no address.
                None if index == 0 => return Ok(()),
                None => (),
            }
        }
        if nodes.is_empty() {
            return Ok(());
        }
        self.take(Row { first, last, nodes })
    }

    fn take(&mut self, row: Row) -> Result<(), String> {
        for slot in row.first..=row.last {
            if let Some(other) = self.masters[usize::from(slot)].replace(self.rows.len()) {
                if self.rows[other].nodes[0] != row.nodes[0] {
                    return Err(format!("the slot map gives slot {slot} to two masters"));
                }
            }
        }
        self.nodes.extend(row.nodes.iter().cloned());
        if self.nodes.len() > MOST_NODES {
            return Err(format!("the slot map names more than {MOST_NODES} nodes"));
        }
        self.rows.push(row);
        Ok(())
    }

    /// The address of a node, `[host, port, id, metadata]`. `None` if it has none that can be used.
    fn node(&self, node: &Value) -> Result<Option<Address>, String> {
        let parts = node.as_array().filter(|parts| parts.len() >= 2).ok_or("a node of the slot map is no address")?;
        let port = number(&parts[1]).and_then(|port| u16::try_from(port).ok());
        let port = port.ok_or("a node of the slot map has no valid port")?;
        let asked = self.source.asked;
        let address = match &parts[0] {
            // Redis 7: the endpoint is not known; it is the host that was asked.
            Value::Null => asked.with_port(port),
            Value::String(host) => match host.as_str() {
                // A node that has not met others does not know its own address.
                "" => return Ok((port == asked.port()).then(|| asked.clone())),
                // Redis 7: names are preferred, and this node has none.
                "?" => metadata_ip(parts.get(3)).and_then(|ip| Address::announced(ip, port)),
                _ if port == 0 => None,
                host => Some(Address::announced(host, port).ok_or("a node of the slot map has no valid host")?),
            },
            _ => return Err("a node of the slot map has no valid host".to_owned()),
        };
        address.map(|address| self.mapped(address)).transpose()
    }

    fn mapped(&self, address: Address) -> Result<Address, String> {
        match self.source.nat.get(&address.to_string()) {
            None => Ok(address),
            Some(text) => Address::given(text).ok_or_else(|| format!("natMap gives {address} an address that is not valid")),
        }
    }
}

fn slot(value: &Value) -> Result<u16, String> {
    let slot = number(value).and_then(|slot| u16::try_from(slot).ok()).filter(|slot| usize::from(*slot) < SLOTS);
    slot.ok_or_else(|| "a row of the slot map begins or ends outside of 0 to 16383".to_owned())
}

/// A number, or its text: replies may be read with numbers as text.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    }
}

/// `ip` of a node's metadata, a list of names and values.
fn metadata_ip(metadata: Option<&Value>) -> Option<&str> {
    match metadata? {
        Value::Array(items) => items.chunks_exact(2).find(|pair| pair[0] == "ip").and_then(|pair| pair[1].as_str()),
        Value::Object(items) => items.get("ip")?.as_str(),
        _ => None,
    }
}

#[cfg(test)]
#[path = "map_tests.rs"]
mod tests;
