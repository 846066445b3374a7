//! The servers: what they store, and which keys they track.

use std::time::Duration;

use super::acts::Change;
use super::sea::{names, own_key, FromServer, Sea};
use crate::cache::awaited::Awaited;
use crate::cache::marks::Mark;
use crate::store::entry::{self, Header, Tag};
use crate::store::{Found, Id, Key, Op, ReplicationId, Seen, StoreReply, Value, Version};

fn id(number: u64) -> Id {
    Id::parse(format!("{number:012}").as_bytes()).expect("an id")
}

impl Sea {
    pub(super) fn carry_out(&mut self, op: &Op, tracks: bool) -> StoreReply {
        match op {
            Op::Identify => StoreReply::Identity { id: ReplicationId::of(&[self.lane_master]), is_master: true },
            Op::Read { entries, versions } => {
                let keys = entries.iter().map(|read| &read.key).chain(versions);
                if tracks {
                    self.tracked.extend(keys.cloned());
                }
                let versions = versions.iter().map(|key| self.stored_version(key)).collect();
                StoreReply::Read { entries: vec![self.stored_entry()], versions, atomic: true }
            }
            Op::ReadVersions { versions } => {
                if tracks {
                    self.tracked.extend(versions.iter().cloned());
                }
                StoreReply::Versions(versions.iter().map(|key| self.stored_version(key)).collect())
            }
            _ => StoreReply::Done,
        }
    }

    fn stored_version(&self, key: &Key) -> Option<Version> {
        let version = if *key == own_key(self.is_split) { self.repository } else { self.version };
        version.map(|version| Version { id: id(version), replication_id: ReplicationId::of(&[self.master]) })
    }

    fn stored_entry(&self) -> Found {
        let value = self.entry.map(|(number, version, repository)| {
            let minute = Duration::from_secs(60);
            let tags = [(Mark::Repository.of(b"", false), id(repository)), (Tag::from(&b"t"[..]), id(version))];
            if self.lease == Some(number) {
                return Value::new(self.signed(entry::encode_lease(id(number), Duration::ZERO, &tags)));
            }
            let header = Header {
                stamp: id(number),
                ttl: minute,
                fresh: minute,
                keep: Duration::ZERO,
                tags: &tags,
                added: 0,
                form: entry::Form::TEXT,
            };
            Value::new(self.signed(entry::encode(&header, number.to_string().as_bytes()).0))
        });
        Found { value: value.map_or(Seen::Nothing, Seen::Own), pttl: Some(60_000), ..Found::default() }
    }

    /// The store writes its id in the placeholder's place.
    fn signed(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let blank = ReplicationId::EMPTY.as_bytes();
        let at = bytes.windows(blank.len()).position(|window| window == blank).expect("a placeholder");
        bytes[at..at + blank.len()].copy_from_slice(ReplicationId::of(&[self.master]).as_bytes());
        bytes
    }

    /// The lease as a lookup has found it on the main link.
    pub(super) fn awaited(&self) -> Option<Awaited> {
        let (number, version, repository) = self.entry.filter(|_| self.is_loading())?;
        let versions = vec![(own_key(self.is_split), id(repository)), (names().2, id(version))];
        Some(Awaited { token: id(number), ends: None, versions })
    }

    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn changed(&mut self, key: &Key) {
        let node = usize::from(self.ground().node_of(key).0);
        if self.tracked.remove(key) && self.tells(node) {
            self.stream[node].push_back(FromServer::Push(Some(vec![key.clone()])));
        }
    }

    pub(super) fn change(&mut self, change: Change) -> u64 {
        let (_, entry, version) = names();
        let at = self.next();
        match change {
            Change::Delete => {
                self.entry = None;
                self.changed(&entry);
            }
            Change::Set => {
                let made = self.next();
                let current = *self.version.get_or_insert(made);
                let repository = *self.repository.get_or_insert(made);
                self.entry = Some((made, current, repository));
                self.changed(&entry);
            }
            Change::Invalidate => {
                self.version = None;
                self.changed(&version);
            }
            Change::Clear => {
                self.repository = None;
                self.changed(&own_key(self.is_split));
            }
        }
        at
    }

    pub(super) fn load(&mut self) {
        let (_, entry, version) = names();
        let made = self.next();
        if self.version.is_none() {
            self.version = Some(made);
            self.changed(&version);
        }
        if self.repository.is_none() {
            self.repository = Some(made);
            self.changed(&own_key(self.is_split));
        }
        self.entry = Some((made, self.version.unwrap_or(made), self.repository.unwrap_or(made)));
        self.changed(&entry);
    }
}
