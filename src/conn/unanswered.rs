//! Rejects commands that will get no reply: after a cut, past their deadline, at the end. A rejection says whether the
//! server may have run the command, because it is on the wire or was in flight when an earlier connection was cut.

use std::time::Duration;

use super::link::Link;
use super::options::Resend;
use super::output::{CoreEvent, Output, Reason};
use super::pending::{Owner, PendingCommand};
use super::replay::{decide, Fate, Rules};
use super::timers::Timer;
use super::undone::Undone;
use crate::command::Kind;
use crate::error::ErrorKind;

impl Link {
    /// After a cut, decides the fate of the commands in flight.
    pub(super) fn replay(&mut self) {
        self.watch.cut();
        let resend = match self.options.resend {
            // Nothing runs twice because the link doubted its connection.
            Resend::All if self.is_doubted => Resend::Idempotent,
            rule => rule,
        };
        let hands_back = self.options.hands_back;
        let rules = Rules {
            resend,
            auto_resend: self.options.auto_resend,
            // The owner that sends it elsewhere counts.
            max_retries: self.options.max_retries_per_request.filter(|_| !hands_back),
            // Another connection may still take what this link gives up.
            is_final: self.is_final && !hands_back,
            hands_back,
            has_open_transaction: self.transaction.is_open(),
            is_watch_lost: self.watch.is_lost(),
        };
        // Where callers are after a transaction whose MULTI was answered is known without it.
        let selects = self.transaction.selects() && !self.queues.sent().iter().any(PendingCommand::opens_transaction);
        let mut replay = decide(self.queues.take_sent(), &rules);
        let mut undone = Undone::default();
        for (command, fate) in &mut replay.fates {
            let target = self.queues.target_of(command);
            undone.follow(command, target, matches!(fate, Fate::Again { .. }));
        }
        let mut again = Vec::new();
        for (command, fate) in replay.fates {
            match fate {
                Fate::Again { maybe_ran } if hands_back => self.hand_back(command, maybe_ran),
                Fate::Again { .. } => again.push(PendingCommand { confirmations: 0, replays: command.replays + 1, ..command }),
                Fate::Dropped => self.queues.release(&command),
                Fate::Lost { kind, maybe_ran } => self.reject(command, Reason::Kind(kind), maybe_ran),
            }
        }
        if replay.is_watch_settled {
            self.watch.settle();
        }
        for command in self.queues.take_held() {
            self.reject(command, Reason::Kind(ErrorKind::ConnectionClosed), false);
        }
        if replay.is_open_transaction_lost {
            self.reject_fragments(&mut undone);
        }
        self.transaction.closed();
        self.undo_selects(undone);
        if selects {
            self.return_to_confirmed();
        }
        self.queues.put_first(again.into_iter());
        if hands_back {
            self.hand_back_unsent();
        }
    }

    /// The transaction that was open on the wire is lost. Its waiting commands, and those that its caller still sends, must
    /// not run alone.
    fn reject_fragments(&mut self, undone: &mut Undone) {
        let (fragments, is_lost) = self.queues.take_fragments();
        for mut command in fragments {
            let target = self.queues.target_of(&command);
            undone.follow(&mut command, target, false);
            self.reject(command, Reason::Kind(ErrorKind::Aborted), false);
        }
        if is_lost {
            self.transaction.lose();
        } else {
            self.transaction.forget_lost();
        }
    }

    /// Rejects the commands in flight, because the bytes that should answer them are invalid.
    pub(super) fn reject_sent(&mut self, reason: &Reason) {
        let mut undone = Undone::default();
        for mut command in self.queues.take_sent() {
            let target = self.queues.target_of(&command);
            undone.follow(&mut command, target, false);
            self.reject(command, reason.clone(), true);
        }
        self.undo_selects(undone);
    }

    /// Rejects everything, because the link has ended, or hands it back.
    pub(super) fn give_up_all(&mut self) {
        if self.options.hands_back {
            self.hand_back_unsent();
        } else {
            self.reject_all(&Reason::Kind(ErrorKind::ConnectionClosed));
        }
    }

    pub(super) fn reject_all(&mut self, reason: &Reason) {
        self.reject_sent(reason);
        self.timers.clear(Timer::Refused);
        for command in self.queues.take_unsent() {
            self.reject(command, reason.clone(), false);
        }
        // SELECTs among them have changed nothing.
        self.databases.forget_transaction();
        self.return_to_confirmed();
    }

    pub(super) fn reject(&mut self, command: PendingCommand, reason: Reason, sent: bool) {
        self.queues.release(&command);
        let maybe_executed = sent || command.replays > 0;
        match command.owner {
            Owner::Caller(id) => {
                match command.class.kind() {
                    Kind::Multi => self.transaction.lose(),
                    Kind::Exec | Kind::Discard => self.transaction.forget_lost(),
                    // Its caller learns of it, but may have issued the transaction already.
                    Kind::Watch if self.queues.has_waiting_exec() => self.watch.lose(),
                    _ => {}
                }
                if !command.abandoned {
                    self.outputs.push_back(Output::Rejected { id, reason, maybe_executed });
                }
            }
            Owner::Core(tag) => self.outputs.push_back(Output::Core(CoreEvent::Lost { tag, sent: maybe_executed })),
            Owner::Link(_) => {}
        }
    }

    /// Rejects commands past their deadline. A sent command keeps its place in the order of replies.
    pub(super) fn check_deadlines(&mut self) {
        let late = self.queues.take_late(self.now);
        for id in late.sent {
            let reason = Reason::Kind(ErrorKind::Timeout);
            self.outputs.push_back(Output::Rejected { id, reason, maybe_executed: true });
        }
        for command in late.unsent {
            self.reject(command, Reason::Kind(ErrorKind::Timeout), false);
        }
        self.undo_selects(late.undone);
        // Each pass visits all waiting commands, so with a hundred thousand deadlines a millisecond apart, it must not run
        // at each of them.
        let grain = self.options.command_timeout.map_or(Duration::ZERO, |timeout| timeout / 50).min(Duration::from_millis(10));
        self.timers.set(Timer::Deadline, late.next.map(|at| at.max(self.now + grain)));
    }
}
