//! Gives commands back to the owner that routes them, so that another link sends them (`LinkOptions::hands_back`).

use super::link::Link;
use super::output::{Output, Reason};
use super::pending::{Owner, PendingCommand};
use super::timers::Timer;
use crate::clock::Instant;
use crate::command::Kind;
use crate::error::ErrorKind;

impl Link {
    /// Hands back what waits for a connection, because its owner knows a better one. What is on the wire stays, and so does what
    /// belongs to a transaction on the wire.
    pub fn hand_back_waiting(&mut self, now: Instant) {
        self.now = now;
        if self.options.hands_back && !self.is_open() && !self.transaction.is_open() {
            self.hand_back_unsent();
        }
    }

    /// Hands back everything that was never written. A transaction that relies on a lost WATCH is rejected instead, because it would
    /// run unguarded elsewhere.
    pub(super) fn hand_back_unsent(&mut self) {
        self.timers.clear(Timer::Refused);
        // A SELECT that is given up has changed nothing.
        self.databases.roll_back();
        let mut is_unguarded = false;
        for command in self.queues.take_callers_unsent() {
            let kind = command.class.kind();
            is_unguarded |= command.opens_transaction() && self.watch.is_lost();
            if is_unguarded {
                self.reject(command, Reason::Kind(ErrorKind::Aborted), false);
            } else {
                self.hand_back(command, false);
            }
            if matches!(kind, Kind::Exec | Kind::Discard) && is_unguarded || matches!(kind, Kind::Unwatch | Kind::Reset) {
                is_unguarded = false;
                self.watch.settle();
            }
        }
        if is_unguarded {
            // Its EXEC is still to be issued and belongs to a lost transaction.
            self.watch.settle();
        }
    }

    /// Hands one command back.
    pub(super) fn hand_back(&mut self, command: PendingCommand, sent: bool) {
        let kind = command.class.kind();
        let Owner::Caller(id) = command.owner else { return self.reject(command, Reason::Kind(ErrorKind::ConnectionClosed), sent) };
        if kind == Kind::Quit {
            return self.reject(command, Reason::Kind(ErrorKind::ConnectionClosed), sent);
        }
        self.queues.release(&command);
        match kind {
            // The rest of it belongs where its MULTI goes.
            Kind::Multi => self.transaction.lose(),
            Kind::Exec | Kind::Discard => self.transaction.forget_lost(),
            _ => {}
        }
        if !command.abandoned {
            let left = command.left(self.now);
            self.outputs.push_back(Output::HandedBack { id, sent: sent || command.replays > 0, left });
        }
    }
}
