//! Commands on their way out: taken over from callers and from the core, refused at the door, queued, written in the right
//! database and never inside somebody else's transaction.

use std::time::Duration;

use super::entry::{Entry, Owner, Step};
use super::link::{Farewell, Link};
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
        let count = meta.len() / 2;
        if count == 0 {
            return false;
        }
        let deadline = self.options.command_timeout.map(|t| now + t);
        let chunk = self.retained.keep(batch, count);
        let chosen = self.batch_db.take();
        let direct = self.takes_as_is(count, chosen.unwrap_or(self.caller_db))
            && meta.chunks_exact(2).all(|m| self.is_plain(Class::from_bits(m[1])));
        let mut start = 0;
        for (words, id) in meta.chunks_exact(2).zip((0..).map(|n: u32| first_id.wrapping_add(n))) {
            let end = start + words[0] as usize;
            let class = refine(Class::from_bits(words[1]), batch.get(start..end).unwrap_or_default());
            let db = chosen.unwrap_or(self.caller_db);
            let mut entry = Entry::new(Owner::Caller(id), class, Retained::place(chunk, start..end), db);
            entry.deadline = deadline.filter(|_| !class.has(Class::BLOCKING));
            start = end;
            if direct {
                entry.class = class.with(Class::IN_TRANSACTION, self.wire_transaction);
                self.sent.push_back(entry);
            } else {
                self.take_over(entry);
            }
        }
        if self.wake_deadline.is_none() && self.queued() > 0 {
            self.wake_deadline = deadline;
        }
        direct
    }

    /// The next batch is issued for this database, whatever callers have selected since: a command that is sent again.
    pub fn issue_in(&mut self, db: u32) {
        self.batch_db = Some(db);
    }

    /// A caller's command that waits is written as `bytes` from now on: what the old ones relied on went with its connection.
    pub fn rewrite(&mut self, id: u32, bytes: &[u8]) {
        let Some(entry) = self.waiting.iter_mut().chain(&mut self.refused).find(|entry| entry.owner == Owner::Caller(id)) else { return };
        let place = Retained::place(self.retained.keep(bytes, 1), 0..bytes.len());
        self.retained.release(std::mem::replace(&mut entry.place, place));
    }

    /// Whether plain commands issued now leave at once, behind nothing of the link's own and unchanged.
    fn takes_as_is(&self, commands: usize, db: u32) -> bool {
        self.is_open()
            && self.output.is_empty()
            && self.may_overtake()
            && (self.wire_transaction || self.wire_db == Some(db))
            && !self.is_subscriber()
            && !self.monitoring
            && self.has_room(commands)
    }

    /// Whether a command changes nothing about the connection and belongs to no transaction that is lost.
    fn is_plain(&self, class: Class) -> bool {
        matches!(class.kind(), Kind::Plain | Kind::Ping) && !(self.lost_transaction && class.has(Class::IN_TRANSACTION))
    }

    /// Whether nothing that waits has to be written before a new command. Refused commands do, but never inside a transaction.
    fn may_overtake(&self) -> bool {
        self.waiting.is_empty() && (self.refused.is_empty() || self.wire_transaction)
    }

    /// Whether so much more fits into the bounds. Bytes of the batch at hand are retained already.
    fn has_room(&self, commands: usize) -> bool {
        let (max_commands, max_bytes) = (self.options.max_queue_commands, self.options.max_queue_bytes);
        (max_commands == 0 || self.queued() + commands <= max_commands) && (max_bytes == 0 || self.retained.bytes() <= max_bytes)
    }

    fn take_over(&mut self, entry: Entry) {
        let kind = entry.class.kind();
        if entry.opens_transaction() {
            self.lost_transaction = false;
        }
        if let Some(error) = self.refusal(&entry) {
            self.reject(entry, Reason::Kind(error), false);
            return;
        }
        match kind {
            Kind::Select => {
                self.caller_db = self.target(&entry).unwrap_or(self.caller_db);
            }
            Kind::Multi => self.db_before_transaction = Some(self.caller_db),
            Kind::Exec => self.db_before_transaction = None,
            Kind::Discard => self.caller_db = self.db_before_transaction.take().unwrap_or(self.caller_db),
            _ => {}
        }
        if self.is_open() && self.may_overtake() {
            self.write(entry);
        } else {
            self.waiting.push_back(entry);
        }
    }

    /// Why a command is not taken over. A transaction is taken whole: what is inside one is not refused for want of room.
    fn refusal(&self, entry: &Entry) -> Option<ErrorKind> {
        let kind = entry.class.kind();
        let inside = entry.is_in_transaction();
        if self.state == State::Ended {
            Some(ErrorKind::ConnectionClosed)
        } else if inside && self.lost_transaction {
            Some(ErrorKind::Aborted)
        } else if !self.is_open() && !self.options.offline_queue && !self.is_early(entry) {
            Some(ErrorKind::OfflineQueueOff)
        } else if !inside && !self.has_room(1) {
            Some(ErrorKind::QueueFull)
        } else if self.state == State::Ready && !self.mode_allows(kind) {
            Some(ErrorKind::BadState)
        } else {
            None
        }
    }

    /// Whether the connection is in a mode in which the server takes such a command.
    fn mode_allows(&self, kind: Kind) -> bool {
        (!self.is_subscriber() || is_subscriber_command(kind)) && (!self.monitoring || matches!(kind, Kind::Quit | Kind::Reset))
    }

    /// Without an offline queue: what a loading server takes may be issued while the connection is introduced.
    fn is_early(&self, entry: &Entry) -> bool {
        self.state == State::Handshake && self.farewell == Farewell::None && entry.class.has(Class::LOADING)
    }

    /// The database that a SELECT asks for.
    pub(super) fn target(&self, select: &Entry) -> Option<u32> {
        arguments(self.retained.get(select.place)).nth(1).and_then(|a| std::str::from_utf8(a).ok()?.parse().ok())
    }

    /// Takes over commands of the core; what becomes of them comes as `Output::Core` with `tag`. They run in the link's own database,
    /// never inside a caller's transaction.
    pub fn submit_core(&mut self, commands: &Commands, tag: u32, now: Instant) {
        self.now = now;
        for bytes in commands.iter() {
            let chunk = self.retained.keep(bytes, 1);
            let place = Retained::place(chunk, 0..bytes.len());
            let entry = Entry::new(Owner::Core(tag), Class::default(), place, self.options.db);
            let open = self.takes_core();
            if !open && !self.owes_core() {
                self.reject(entry, Reason::Kind(ErrorKind::ConnectionClosed), false);
            } else if !open || self.wire_transaction {
                // The core tells its commands apart by their order: a rejection waits for the outcome of those before it.
                self.held.push_back(entry);
            } else {
                self.write(entry);
            }
        }
    }

    fn owes_core(&self) -> bool {
        !self.held.is_empty() || self.sent.iter().any(|entry| matches!(entry.owner, Owner::Core(_)))
    }

    /// Whether a command of the core would be taken now.
    pub fn takes_core(&self) -> bool {
        self.is_open() && self.mode_allows(Kind::Plain)
    }

    /// Writes what waits, the refused first: they were issued first.
    pub(super) fn flush_waiting(&mut self) {
        self.refused_until = None;
        for entry in std::mem::take(&mut self.refused).into_iter().rev() {
            self.waiting.push_front(entry);
        }
        while self.is_open() {
            let Some(entry) = self.waiting.pop_front() else { break };
            if self.mode_allows(entry.class.kind()) {
                self.write(entry);
            } else {
                self.reject(entry, Reason::Kind(ErrorKind::BadState), false);
            }
        }
    }

    /// Puts a command on the wire, and what a transaction held up behind the transaction's end.
    pub(super) fn write(&mut self, entry: Entry) {
        self.write_one(entry);
        self.release_held();
    }

    pub(super) fn release_held(&mut self) {
        if self.is_open() && !self.wire_transaction && !self.held.is_empty() {
            for entry in std::mem::take(&mut self.held) {
                self.write_one(entry);
            }
        }
    }

    fn write_one(&mut self, mut entry: Entry) {
        let kind = entry.class.kind();
        let inside = self.wire_transaction;
        entry.class = entry.class.with(Class::IN_TRANSACTION, inside);
        if !inside && self.wire_db != Some(entry.db) && kind != Kind::Select && !is_subscriber_command(kind) {
            self.switch_database(entry.db);
        }
        match kind {
            Kind::Select => {
                self.wire_db = self.target(&entry);
                self.wire_transaction_selects |= inside;
            }
            Kind::Multi => self.wire_transaction = true,
            Kind::Exec | Kind::Discard => self.close_wire_transaction(),
            Kind::Reset => {
                self.close_wire_transaction();
                self.wire_db = Some(0);
            }
            Kind::Quit => {
                self.closing = true;
                self.farewell = self.farewell.max(Farewell::Quit);
            }
            _ => {}
        }
        self.output.extend_from_slice(self.retained.get(entry.place));
        self.sent.push_back(entry);
    }

    pub(super) fn close_wire_transaction(&mut self) {
        self.wire_transaction = false;
        if std::mem::take(&mut self.wire_transaction_selects) {
            // It may have been dropped with the transaction.
            self.wire_db = None;
        }
    }

    pub(super) fn switch_database(&mut self, db: u32) {
        let mut select = Commands::new();
        select.push(&["select", &db.to_string()]);
        self.send_own(Step::SwitchDatabase, &select);
        self.wire_db = Some(db);
    }

    /// The server refused the SELECT of the front and stayed in `db`: so do the commands behind it, up to the next SELECT.
    pub(super) fn stay_in(&mut self, db: u32) {
        self.wire_db = None;
        for entry in self.sent.iter_mut().chain(&mut self.waiting) {
            if matches!(entry.owner, Owner::Caller(_)) {
                entry.db = db;
                if entry.class.kind() == Kind::Select {
                    return;
                }
            }
        }
        self.caller_db = db;
    }

    /// A refused command is written again after a pause.
    pub(super) fn send_again(&mut self, mut entry: Entry) {
        entry.refusals += 1;
        let pause = REFUSED_PAUSE * entry.refusals.min(20);
        self.refused.push(entry);
        self.refused_until = Some(self.refused_until.unwrap_or(self.now + pause));
    }
}

/// Commands that a RESP2 subscriber may send; none of them depends on the database.
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
