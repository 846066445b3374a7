//! The link's subscriptions, as the server confirmed them. They survive the connection, so that they can be restored, and
//! stay until the server confirms them again, because the next connection may be cut, too.

use std::collections::BTreeSet;

use crate::command::Kind;
use crate::resp::Commands;

/// Channels, patterns and shard channels.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: BTreeSet<Vec<u8>>,
    patterns: BTreeSet<Vec<u8>>,
    shards: BTreeSet<Vec<u8>>,
}

impl Subscriptions {
    fn set(&mut self, kind: Kind) -> &mut BTreeSet<Vec<u8>> {
        match kind {
            Kind::PatternSubscribe | Kind::PatternUnsubscribe => &mut self.patterns,
            Kind::ShardSubscribe | Kind::ShardUnsubscribe => &mut self.shards,
            _ => &mut self.channels,
        }
    }

    /// The server confirmed `kind` for `channel` (`None`: there was nothing to unsubscribe).
    pub fn confirm(&mut self, kind: Kind, channel: Option<&[u8]>) {
        let Some(channel) = channel else { return };
        match kind {
            Kind::Subscribe | Kind::PatternSubscribe | Kind::ShardSubscribe => {
                self.set(kind).insert(channel.to_vec());
            }
            _ => {
                self.set(kind).remove(channel);
            }
        }
    }

    /// How many of this kind there are.
    pub fn count(&mut self, kind: Kind) -> usize {
        self.set(kind).len()
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shards.len()
    }

    /// The server refused to restore this one.
    pub fn forget(&mut self, kind: Kind, channel: &[u8]) {
        self.set(kind).remove(channel);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The commands that restore all subscriptions. Shard channels are restored one by one, because they may live in
    /// different slots.
    pub fn restore(&self) -> Vec<(Kind, Commands)> {
        let mut all = Vec::new();
        let channels = (Kind::Subscribe, &b"subscribe"[..], &self.channels);
        for (kind, name, set) in [channels, (Kind::PatternSubscribe, b"psubscribe", &self.patterns)] {
            if !set.is_empty() {
                let mut command = Commands::new();
                command.push(&std::iter::once(name).chain(set.iter().map(Vec::as_slice)).collect::<Vec<_>>());
                all.push((kind, command));
            }
        }
        for channel in &self.shards {
            let mut command = Commands::new();
            command.push(&[&b"ssubscribe"[..], channel]);
            all.push((Kind::ShardSubscribe, command));
        }
        all
    }
}
