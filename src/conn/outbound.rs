//! Outgoing commands: accepts them from callers and from the core, refuses or queues them, and writes them in the right
//! database, never inside another caller's transaction.

use super::link::{CloseState, Link};
use super::output::{Output, Reason, State};
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
    /// Accepts a batch of callers' commands: their RESP, concatenated, and two words for each command: its length in bytes
    /// and its class. The commands are numbered from `first_id`. Returns true if the driver must write the same bytes
    /// unchanged.
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
        if direct && self.transaction.is_open() {
            self.transaction.wrote(count);
        }
        if self.queued() > 0 {
            self.timers.set_if_idle(Timer::Deadline, deadline);
        }
        direct
    }

    /// Sends the next batch, a command that is sent again, in this database, whatever callers have selected since.
    pub fn issue_in(&mut self, db: u32) {
        self.databases.issue_next_in(db);
    }

    /// Replaces the bytes of a waiting command, because the old bytes relied on state of the lost connection.
    pub fn rewrite(&mut self, id: u32, bytes: &[u8]) {
        self.queues.rewrite(id, bytes);
    }

    /// Whether plain commands can be written now, unchanged, with nothing of the link's before them.
    fn takes_as_is(&self, commands: usize, db: u32) -> bool {
        self.is_open()
            && self.output.is_empty()
            && !self.databases.is_awaiting()
            && !self.transaction.is_undecided()
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

    /// Whether this much more fits into the limits. The bytes of the current batch are already counted.
    fn has_room(&self, commands: usize) -> bool {
        let (max_commands, max_bytes) = (self.options.max_queue_commands, self.options.max_queue_bytes);
        (max_commands == 0 || self.queued() + commands <= max_commands) && (max_bytes == 0 || self.queues.bytes() <= max_bytes)
    }

    fn take_over(&mut self, command: PendingCommand) {
        let kind = command.class.kind();
        if command.opens_transaction() {
            self.transaction.forget_lost();
        }
        if self.state == State::Ended && self.options.hands_back {
            return self.hand_back(command, false);
        }
        if let Some(error) = self.refusal(&command) {
            // Commands of a transaction have the same reason as their MULTI.
            if matches!(kind, Kind::Exec | Kind::Discard) {
                self.databases.forget_transaction();
            }
            let refused = self.databases.refusal(command.db, self.now).filter(|_| error == ErrorKind::Aborted);
            self.reject(command, refused.map_or(Reason::Kind(error), Reason::NoDatabase), false);
            return;
        }
        let (target, former) = (self.queues.target_of(&command), self.databases.callers());
        self.databases.issued(kind, target);
        if kind == Kind::Discard && self.databases.callers() != former {
            self.outputs.push_back(Output::Database);
        }
        if self.is_open() && self.queues.may_be_overtaken(self.transaction.is_open()) {
            if let Some(command) = self.admit(command) {
                self.queues.push_waiting(command);
            }
        } else {
            self.queues.push_waiting(command);
        }
    }

    /// Why a command is refused. A transaction is accepted as a whole, so a command inside one is not refused for lack of room.
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

    /// Without an offline queue, commands that a loading server accepts may be sent during the handshake.
    fn is_early(&self, command: &PendingCommand) -> bool {
        self.state == State::Handshake && self.close_state == CloseState::Open && command.class.has(Class::LOADING)
    }

    /// Accepts commands of the core. Their outcomes arrive as `Output::Core` with `tag`. They run in the link's own
    /// database, never inside a caller's transaction.
    pub fn submit_core(&mut self, commands: &Commands, tag: u32, now: Instant) {
        self.now = now;
        for bytes in commands.iter() {
            let place = self.queues.keep(bytes);
            let command = PendingCommand::new(Owner::Core(tag), Class::default(), place, self.options.db);
            let open = self.takes_core();
            if !open && !self.queues.has_core() {
                self.reject(command, Reason::Kind(ErrorKind::ConnectionClosed), false);
            } else if !open || self.transaction.is_open() {
                // The core identifies its commands by their order, so a rejection waits for the outcomes of earlier commands.
                self.queues.hold(command);
            } else {
                self.write(command);
            }
        }
    }

    /// Whether a command of the core would be accepted now.
    pub fn takes_core(&self) -> bool {
        self.is_open() && self.mode_allows(Kind::Plain)
    }

    /// Writes waiting commands, refused ones first, because they were issued first.
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

    /// Writes a command, and after the end of a transaction the commands that it held up.
    pub(super) fn write(&mut self, command: PendingCommand) {
        self.write_one(command);
        self.release_held();
    }

    pub(super) fn release_held(&mut self) {
        if self.is_open() && !self.transaction.is_open() {
            self.take_over_credentials();
        }
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
                self.transaction.wrote_one(kind, target);
                if let Some(db) = target.filter(|_| !inside) {
                    self.await_database(db);
                }
            }
            Kind::Multi if !inside => self.transaction.opened(),
            Kind::Exec if inside => {
                command.is_unguarded |= self.watch.settle();
                command.decides = self.transaction.executed();
                if command.decides {
                    self.databases.forget_wire();
                }
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
            _ => self.transaction.wrote_one(kind, None),
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
