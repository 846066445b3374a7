//! Commands on their way out: taken over from callers and from the core, refused at the door, queued, written in the right
//! database and never inside somebody else's transaction.

use std::time::Duration;

use super::entry::{Entry, Owner, Step};
use super::link::Link;
use super::output::{Reason, State};
use super::retained::Retained;
use crate::clock::Instant;
use crate::command::{arguments, refine, Class, Kind};
use crate::error::ErrorKind;
use crate::resp::Commands;

/// First wait before a refused command is written again; it grows with each refusal.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

impl Link {
    /// Takes over a batch of callers' commands: their RESP one after another, and two words for each: its length in bytes,
    /// its class. They have the numbers `first_id` and up. Returns true if the driver is to write the same bytes as they are.
    pub fn submit(&mut self, batch: &[u8], meta: &[u32], first_id: u32, now: Instant) -> bool {
        self.now = now;
        let deadline = self.options.command_timeout.map(|t| now + t);
        let chunk = self.retained.keep(batch, meta.len() / 2);
        let plain = meta.chunks_exact(2).all(|m| matches!(Class::from_bits(m[1]).kind(), Kind::Plain | Kind::Ping));
        let direct = plain
            && self.state == State::Ready
            && self.output.is_empty()
            && self.waiting.is_empty()
            && self.refused.is_empty()
            && self.wire_db == Some(self.caller_db)
            && !self.is_subscriber()
            && !self.closing
            && self.has_room(meta.len() / 2);
        let mut start = 0;
        for (words, id) in meta.chunks_exact(2).zip((0..).map(|n: u32| first_id.wrapping_add(n))) {
            let end = start + words[0] as usize;
            let class = refine(Class::from_bits(words[1]), batch.get(start..end).unwrap_or_default());
            let entry = Entry {
                owner: Owner::Caller(id),
                class,
                place: Retained::place(chunk, start..end),
                db: self.caller_db,
                confirmations: 0,
                refusals: 0,
                abandoned: false,
                deadline: deadline.filter(|_| !class.has(Class::BLOCKING)),
            };
            start = end;
            if direct {
                self.sent.push_back(entry);
            } else {
                self.take_over(entry);
            }
        }
        if let Some(at) = deadline {
            if self.wake_deadline.is_none() {
                self.wake_deadline = Some(at);
            }
        }
        direct
    }

    /// Whether so much more fits into the bounds. Bytes of the batch at hand are retained already.
    fn has_room(&self, commands: usize) -> bool {
        let (max_commands, max_bytes) = (self.options.max_queue_commands, self.options.max_queue_bytes);
        (max_commands == 0 || self.queued() + commands <= max_commands) && (max_bytes == 0 || self.retained.bytes() <= max_bytes)
    }

    fn take_over(&mut self, entry: Entry) {
        let kind = entry.class.kind();
        let refusal = if self.state == State::Ended {
            Some(ErrorKind::ConnectionClosed)
        } else if self.state != State::Ready && !self.options.offline_queue {
            Some(ErrorKind::OfflineQueueOff)
        } else if !self.has_room(1) {
            Some(ErrorKind::QueueFull)
        } else if self.state == State::Ready && self.is_subscriber() && !is_subscriber_command(kind) {
            Some(ErrorKind::BadState)
        } else {
            None
        };
        if let Some(kind) = refusal {
            self.reject(entry, Reason::Kind(kind), false);
            return;
        }
        if kind == Kind::Select {
            let db = arguments(self.retained.get(entry.place)).nth(1).and_then(|a| std::str::from_utf8(a).ok()?.parse().ok());
            if let Some(db) = db {
                self.caller_db = db;
            }
        }
        if self.state == State::Ready && self.waiting.is_empty() && self.refused.is_empty() {
            self.write(entry);
        } else {
            self.waiting.push_back(entry);
        }
    }

    /// Takes over commands of the core; their replies come to `Sink::core` with `tag`. They run in the link's own database,
    /// never inside a caller's transaction.
    pub fn submit_core(&mut self, commands: &Commands, tag: u32, now: Instant) {
        self.now = now;
        for bytes in commands.iter() {
            let chunk = self.retained.keep(bytes, 1);
            let entry = Entry {
                owner: Owner::Core(tag),
                class: Class::default(),
                place: Retained::place(chunk, 0..bytes.len()),
                db: self.options.db,
                confirmations: 0,
                refusals: 0,
                abandoned: false,
                deadline: None,
            };
            if self.state != State::Ready || self.is_subscriber() {
                self.reject(entry, Reason::Kind(ErrorKind::ConnectionClosed), false);
            } else if self.wire_transaction {
                self.held.push_back(entry);
            } else {
                self.write(entry);
            }
        }
    }

    /// Puts a command on the wire.
    pub(super) fn write(&mut self, entry: Entry) {
        let kind = entry.class.kind();
        if !self.wire_transaction && self.wire_db != Some(entry.db) && kind != Kind::Select {
            self.switch_database(entry.db);
        }
        match kind {
            Kind::Select => {
                let db = arguments(self.retained.get(entry.place)).nth(1).and_then(|a| std::str::from_utf8(a).ok()?.parse().ok());
                self.wire_db = db;
            }
            Kind::Multi => self.wire_transaction = true,
            Kind::Exec | Kind::Discard | Kind::Reset => {
                self.wire_transaction = false;
                if kind != Kind::Exec {
                    // A SELECT may have been dropped with the transaction.
                    self.wire_db = None;
                }
            }
            Kind::Quit => self.closing = true,
            _ => {}
        }
        self.output.extend_from_slice(self.retained.get(entry.place));
        self.sent.push_back(entry);
        if !self.wire_transaction {
            while let Some(held) = self.held.pop_front() {
                self.write(held);
            }
        }
    }

    pub(super) fn switch_database(&mut self, db: u32) {
        let mut select = Commands::new();
        select.push(&["select", &db.to_string()]);
        self.send_own(Step::SwitchDatabase(db), &select);
        self.wire_db = Some(db);
    }

    /// A refused command is written again after a pause.
    pub(super) fn send_again(&mut self, mut entry: Entry) {
        entry.refusals += 1;
        let pause = REFUSED_PAUSE * entry.refusals.min(20);
        self.refused.push(entry);
        self.refused_until = Some(self.refused_until.unwrap_or(self.now + pause));
    }
}

const fn is_subscriber_command(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Subscribe
            | Kind::PatternSubscribe
            | Kind::ShardSubscribe
            | Kind::Unsubscribe
            | Kind::PatternUnsubscribe
            | Kind::ShardUnsubscribe
            | Kind::Ping
            | Kind::Quit
            | Kind::Reset
    )
}
