//! Every command runs in the database it was issued for, or not at all: SELECTs of the link's own, and what becomes of commands whose
//! database is refused.

use std::sync::Arc;

use super::handshake::is_passing;
use super::link::Link;
use super::output::{Output, Reason, State};
use super::pending::{PendingCommand, Step};
use super::undone::Undone;
use crate::command::Kind;
use crate::error::ErrorKind;
use crate::resp::{error_code, Commands};

/// What callers are told. Of the server's words only the code: the rest may be about something else.
fn no_database(db: u32, error: &[u8]) -> String {
    let code = error_code(error).unwrap_or("an error without a code");
    format!("the server does not select database {db} ({code}); commands for it are rejected until it does")
}

impl Link {
    /// Writes a command, or rejects it with its database. Gives it back if that has to be asked for first.
    pub(super) fn admit(&mut self, command: PendingCommand) -> Option<PendingCommand> {
        let kind = command.class.kind();
        if self.transaction.is_undecided() && !kind.is_for_subscribers() {
            return Some(command);
        }
        let is_free = !self.options.strict_database || self.transaction.is_open() || kind.is_for_subscribers();
        if is_free {
            self.write(command);
        } else if self.databases.is_awaiting() {
            return Some(command);
        } else if let Some(why) = self.databases.refusal(command.db, self.now).filter(|_| kind != Kind::Select) {
            self.reject(command, Reason::NoDatabase(why), false);
        } else if command.is_in_transaction() && self.transaction.is_lost() {
            self.reject(command, Reason::Kind(ErrorKind::Aborted), false);
        } else if kind == Kind::Select || self.databases.is_known(command.db) {
            self.write(command);
        } else {
            self.switch_database(command.db);
            return Some(command);
        }
        None
    }

    pub(super) fn switch_database(&mut self, db: u32) {
        let mut select = Commands::new();
        select.push(&["select", &db.to_string()]);
        self.send_own(Step::SwitchDatabase, &select);
        self.queues.set_last_database(db);
        self.databases.written(Some(db));
        self.await_database(db);
    }

    /// Nothing is written behind the SELECT of a database that may not be there.
    pub(super) fn await_database(&mut self, db: u32) {
        if self.options.strict_database && !self.databases.is_known(db) {
            self.databases.awaits(db);
        }
    }

    /// The server refused the SELECT of the front and stayed in `db`: so do the commands behind it, up to the next SELECT.
    pub(super) fn stay_in(&mut self, db: u32) {
        self.databases.forget_wire();
        if self.queues.move_to(db) {
            self.bring_callers_to(db);
        }
        self.follow_multi();
    }

    /// Callers are in another database than their last SELECT has named.
    fn bring_callers_to(&mut self, db: u32) {
        if self.databases.callers() != db {
            self.databases.stay_in(db);
            self.outputs.push_back(Output::Database);
        }
    }

    /// What waits has changed its database: so has the one to which a DISCARD brings callers back.
    fn follow_multi(&mut self) {
        if let Some(db) = self.queues.last_multi() {
            self.databases.rebase(db);
        }
    }

    /// The answer to the EXEC of a transaction that selects a database. It has selected some of them, or none if it did not run.
    pub(super) fn on_decided(&mut self, frame: &[u8]) {
        for db in self.transaction.decided(frame) {
            self.databases.confirm(db);
            self.databases.accepted(db);
        }
        self.databases.settle_wire();
        self.return_to_confirmed();
        if self.state == State::Ready {
            self.flush_waiting();
        }
    }

    /// What was issued before that which waits is answered or lost: up to the next SELECT, what waits goes where the server has brought
    /// callers.
    pub(super) fn return_to_confirmed(&mut self) {
        let db = self.databases.confirmed();
        if self.queues.move_to(db) {
            self.bring_callers_to(db);
        }
        self.follow_multi();
    }

    /// These SELECTs, which were issued before that which waits, are not carried out.
    pub(super) fn undo_selects(&mut self, undone: Undone) {
        let undone = self.queues.follow_waiting(undone);
        if let Some((_, to)) = undone.moved().filter(|(from, _)| *from == self.databases.callers()) {
            self.bring_callers_to(to);
        }
        self.follow_multi();
    }

    /// The server has selected `db`: what waited for that is written.
    pub(super) fn on_selected(&mut self, db: u32) {
        if self.databases.accepted(db) && self.state == State::Ready {
            self.flush_waiting();
        }
    }

    /// The server does not select the link's own database: this connection will not do.
    pub(super) fn refuse_database(&mut self, error: &[u8]) {
        let why = no_database(self.options.db, error);
        if !is_passing(&String::from_utf8_lossy(error)) {
            self.reject_all(&Reason::NoDatabase(why.as_str().into()));
        }
        self.fail(ErrorKind::NoDatabase, why);
    }

    /// The server does not select a database that a command was issued for: what waits for it is rejected.
    pub(super) fn on_refused_database(&mut self, db: u32, error: &[u8]) {
        let why = no_database(db, error);
        self.databases.forget_wire();
        if self.databases.refused(db, why.as_str().into(), self.now) {
            self.outputs.push_back(Output::Failed { kind: ErrorKind::NoDatabase, text: why });
        }
        if self.state == State::Ready {
            self.flush_waiting();
        }
    }

    /// The server refused a caller's SELECT. What was issued behind it, before its caller could know, is rejected, too.
    pub(super) fn on_refused_select(&mut self, select: &PendingCommand, error: &[u8]) {
        self.databases.forget_wire();
        let Some(db) = self.queues.target(select) else { return };
        let why: Arc<str> = no_database(db, error).into();
        self.databases.refused(db, Arc::clone(&why), self.now);
        let (behind, is_last) = self.queues.take_up_to_select();
        for command in behind {
            self.reject(command, Reason::NoDatabase(Arc::clone(&why)), false);
        }
        if is_last {
            self.bring_callers_to(select.db);
        }
        if self.state == State::Ready {
            self.flush_waiting();
        }
    }
}
