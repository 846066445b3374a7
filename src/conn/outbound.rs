//! Commands on their way out: taken over from callers and from the core, refused at the door, queued, written in the right
//! database and never inside somebody else's transaction.

use super::link::{CloseState, Link};
use super::output::{Reason, State};
use super::pending::{Owner, PendingCommand};
use super::retained::Retained;
use super::timers::Timer;
use crate::clock::Instant;
use crate::command::{refine, Class, Kind};
use crate::error::ErrorKind;
use crate::resp::Commands;

/// Written in place of an EXEC whose WATCH is lost.
const DISCARD: &[u8] = b"*1\r\n$7\r\ndiscard\r\n";

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
        let chunk = self.queues.keep_batch(batch, count);
        let chosen = self.databases.take_next_batch();
        let direct = self.takes_as_is(count, chosen.unwrap_or(self.databases.callers()))
            && meta.chunks_exact(2).all(|m| self.is_plain(Class::from_bits(m[1])));
        let mut start = 0;
        for (words, id) in meta.chunks_exact(2).zip((0..).map(|n: u32| first_id.wrapping_add(n))) {
            let end = start + words[0] as usize;
            let class = refine(Class::from_bits(words[1]), batch.get(start..end).unwrap_or_default());
            let db = chosen.unwrap_or(self.databases.callers());
            let mut command = PendingCommand::new(Owner::Caller(id), class, Retained::place(chunk, start..end), db);
            command.deadline = deadline.filter(|_| !class.has(Class::BLOCKING));
            start = end;
            if direct {
                command.class = class.with(Class::IN_TRANSACTION, self.transaction.is_open());
                self.queues.push_sent(command);
            } else {
                self.take_over(command);
            }
        }
        if self.queued() > 0 {
            self.timers.set_if_idle(Timer::Deadline, deadline);
        }
        direct
    }

    /// The next batch is issued for this database, whatever callers have selected since: a command that is sent again.
    pub fn issue_in(&mut self, db: u32) {
        self.databases.issue_next_in(db);
    }

    /// A caller's command that waits is written as `bytes` from now on: what the old ones relied on went with its connection.
    pub fn rewrite(&mut self, id: u32, bytes: &[u8]) {
        self.queues.rewrite(id, bytes);
    }

    /// Whether plain commands issued now leave at once, behind nothing of the link's own and unchanged.
    fn takes_as_is(&self, commands: usize, db: u32) -> bool {
        self.is_open()
            && self.output.is_empty()
            && !self.databases.is_awaiting()
            && self.queues.may_be_overtaken(self.transaction.is_open())
            && (self.transaction.is_open() || self.databases.is_on_wire(db))
            && !self.is_subscriber()
            && !self.monitoring
            && self.has_room(commands)
    }

    /// Whether a command changes nothing about the connection and belongs to no transaction that is lost.
    fn is_plain(&self, class: Class) -> bool {
        matches!(class.kind(), Kind::Plain | Kind::Ping) && !(self.transaction.is_lost() && class.has(Class::IN_TRANSACTION))
    }

    /// Whether so much more fits into the bounds. Bytes of the batch at hand are retained already.
    fn has_room(&self, commands: usize) -> bool {
        let (max_commands, max_bytes) = (self.options.max_queue_commands, self.options.max_queue_bytes);
        (max_commands == 0 || self.queued() + commands <= max_commands) && (max_bytes == 0 || self.queues.bytes() <= max_bytes)
    }

    fn take_over(&mut self, command: PendingCommand) {
        let kind = command.class.kind();
        if command.opens_transaction() {
            self.transaction.forget_lost();
        }
        if let Some(error) = self.refusal(&command) {
            // What belongs to a transaction has the reason of its MULTI.
            let refused = self.databases.refusal(command.db, self.now).filter(|_| error == ErrorKind::Aborted);
            self.reject(command, refused.map_or(Reason::Kind(error), Reason::NoDatabase), false);
            return;
        }
        let target = if kind == Kind::Select { self.queues.target(&command) } else { None };
        self.databases.issued(kind, target);
        if self.is_open() && self.queues.may_be_overtaken(self.transaction.is_open()) {
            if let Some(command) = self.admit(command) {
                self.queues.push_waiting(command);
            }
        } else {
            self.queues.push_waiting(command);
        }
    }

    /// Why a command is not taken over. A transaction is taken whole: what is inside one is not refused for want of room.
    fn refusal(&self, command: &PendingCommand) -> Option<ErrorKind> {
        let kind = command.class.kind();
        let inside = command.is_in_transaction();
        if self.state == State::Ended {
            Some(ErrorKind::ConnectionClosed)
        } else if inside && self.transaction.is_lost() {
            Some(ErrorKind::Aborted)
        } else if !self.is_open() && !self.options.offline_queue && !self.is_early(command) {
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
        (!self.is_subscriber() || kind.is_for_subscribers()) && (!self.monitoring || matches!(kind, Kind::Quit | Kind::Reset))
    }

    /// Without an offline queue: what a loading server takes may be issued while the connection is introduced.
    fn is_early(&self, command: &PendingCommand) -> bool {
        self.state == State::Handshake && self.close_state == CloseState::Open && command.class.has(Class::LOADING)
    }

    /// Takes over commands of the core; what becomes of them comes as `Output::Core` with `tag`. They run in the link's own database,
    /// never inside a caller's transaction.
    pub fn submit_core(&mut self, commands: &Commands, tag: u32, now: Instant) {
        self.now = now;
        for bytes in commands.iter() {
            let place = self.queues.keep(bytes);
            let command = PendingCommand::new(Owner::Core(tag), Class::default(), place, self.options.db);
            let open = self.takes_core();
            if !open && !self.queues.has_core() {
                self.reject(command, Reason::Kind(ErrorKind::ConnectionClosed), false);
            } else if !open || self.transaction.is_open() {
                // The core tells its commands apart by their order: a rejection waits for the outcome of those before it.
                self.queues.hold(command);
            } else {
                self.write(command);
            }
        }
    }

    /// Whether a command of the core would be taken now.
    pub fn takes_core(&self) -> bool {
        self.is_open() && self.mode_allows(Kind::Plain)
    }

    /// Writes what waits, the refused first: they were issued first.
    pub(super) fn flush_waiting(&mut self) {
        self.timers.clear(Timer::Refused);
        self.queues.requeue_refused();
        while self.is_open() {
            let Some(command) = self.queues.take_waiting() else { break };
            if !self.mode_allows(command.class.kind()) {
                self.reject(command, Reason::Kind(ErrorKind::BadState), false);
            } else if let Some(command) = self.admit(command) {
                self.queues.put_first(std::iter::once(command));
                break;
            }
        }
    }

    /// Puts a command on the wire, and what a transaction held up behind the transaction's end.
    pub(super) fn write(&mut self, command: PendingCommand) {
        self.write_one(command);
        self.release_held();
    }

    pub(super) fn release_held(&mut self) {
        if self.is_open() && !self.transaction.is_open() {
            for command in self.queues.take_held() {
                self.write_one(command);
            }
        }
    }

    fn write_one(&mut self, mut command: PendingCommand) {
        let kind = command.class.kind();
        let inside = self.transaction.is_open();
        command.class = command.class.with(Class::IN_TRANSACTION, inside);
        if !inside && !self.databases.is_on_wire(command.db) && kind != Kind::Select && !kind.is_for_subscribers() {
            self.switch_database(command.db);
        }
        match kind {
            Kind::Select => {
                let target = self.queues.target(&command);
                self.databases.written(target);
                self.transaction.selected();
                if let Some(db) = target.filter(|_| !inside) {
                    self.await_database(db);
                }
            }
            Kind::Multi => self.transaction.opened(),
            Kind::Exec if inside => {
                command.is_unguarded |= self.watch.settle();
                self.close_wire_transaction();
            }
            Kind::Discard if inside => {
                self.watch.settle();
                self.close_wire_transaction();
            }
            Kind::Unwatch if !inside => {
                self.watch.settle();
            }
            Kind::Reset => {
                self.watch.settle();
                self.close_wire_transaction();
                self.databases.written(Some(0));
            }
            Kind::Quit => {
                self.is_final = true;
                self.close_state = self.close_state.max(CloseState::QuitSent);
            }
            _ => {}
        }
        let bytes = if command.is_unguarded { DISCARD } else { self.queues.bytes_of(&command) };
        self.output.extend_from_slice(bytes);
        self.queues.push_sent(command);
    }

    pub(super) fn close_wire_transaction(&mut self) {
        if self.transaction.closed() {
            self.databases.forget_wire();
        }
    }

    /// A refused command is written again after a pause.
    pub(super) fn send_again(&mut self, command: PendingCommand) {
        if command.class.kind() == Kind::Select {
            self.databases.stop_awaiting();
        }
        let pause = self.queues.push_refused(command);
        self.timers.set_if_idle(Timer::Refused, Some(self.now + pause));
    }
}
