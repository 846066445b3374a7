//! Decides the fate of commands that were in flight when their connection ended: send again, reject, or drop.

use std::collections::VecDeque;

use super::options::Resend;
use super::pending::{Owner, PendingCommand};
use crate::command::{Class, Kind};
use crate::error::ErrorKind;

/// The inputs of the decision.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The replay rule.
    pub resend: Resend,
    /// Whether commands in flight survive a cut at all.
    pub auto_resend: bool,
    /// How many cuts a command survives.
    pub max_retries: Option<u32>,
    /// There will be no further connection.
    pub is_final: bool,
    /// The last transaction was not closed on the wire.
    pub has_open_transaction: bool,
    /// The next transaction relies on a WATCH that was lost with the connection.
    pub is_watch_lost: bool,
    /// What is sent again goes to another server.
    pub hands_back: bool,
}

/// The fate of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is sent again.
    Again {
        /// Whether the server may have run it on this connection.
        maybe_ran: bool,
    },
    /// Nobody waits for it.
    Dropped,
    /// It is rejected.
    Lost {
        /// Why.
        kind: ErrorKind,
        /// Whether the server may have run it on this connection.
        maybe_ran: bool,
    },
}

/// The commands in order, each with its fate.
#[derive(Debug)]
pub struct Replay {
    /// All of them.
    pub fates: Vec<(PendingCommand, Fate)>,
    /// The transaction that was open on the wire is not sent again, so the rest of it must not run alone.
    pub is_open_transaction_lost: bool,
    /// The transaction that relied on a lost WATCH is rejected, or its guard was given up.
    pub is_watch_settled: bool,
}

/// Decides for all commands in flight. Pipelines and transactions are decided as a whole.
pub fn decide(sent: VecDeque<PendingCommand>, rules: &Rules) -> Replay {
    // A transaction whose EXEC was not on the wire has not run; the commands from here on belong to it.
    let unrun = match (rules.has_open_transaction, sent.iter().rposition(PendingCommand::opens_transaction)) {
        (true, opened) => opened.unwrap_or(0),
        (false, _) => sent.len(),
    };
    let mut fates = Vec::with_capacity(sent.len());
    let mut pipeline = Pipeline { is_untouched: true, is_broken: false };
    // Why the current transaction is not sent again. One whose MULTI was answered is never sent again.
    let mut lost = Some(ErrorKind::Aborted);
    let mut watch = LostWatch { is_lost: rules.is_watch_lost, is_settled: false };
    for (index, command) in sent.into_iter().enumerate() {
        let opens = command.opens_transaction();
        let fate = match command.owner {
            Owner::Link(_) => Fate::Dropped,
            Owner::Core(_) => Fate::Lost { kind: ErrorKind::ConnectionClosed, maybe_ran: true },
            Owner::Caller(_) if command.abandoned => {
                if opens {
                    lost = Some(ErrorKind::Aborted);
                }
                Fate::Dropped
            }
            Owner::Caller(_) => {
                let is_broken = pipeline.breaks(&command);
                let inside = command.is_in_transaction();
                // A transaction shares the fate of its MULTI.
                let obstacle = match (inside, is_broken) {
                    (true, _) => lost,
                    (false, true) => Some(ErrorKind::Aborted),
                    // It may have run; sent again, it would run unguarded.
                    (false, false) if opens && watch.is_lost => Some(ErrorKind::Aborted),
                    (false, false) if rules.hands_back && index >= unrun => None,
                    (false, false) => obstacle(&command, rules),
                };
                if opens {
                    lost = obstacle;
                }
                watch.follow(&command, obstacle.is_none());
                let maybe_ran = index < unrun || !(inside || opens);
                obstacle.map_or(Fate::Again { maybe_ran }, |kind| Fate::Lost { kind, maybe_ran })
            }
        };
        fates.push((command, fate));
    }
    Replay { fates, is_open_transaction_lost: rules.has_open_transaction && lost.is_some(), is_watch_settled: watch.is_settled }
}

/// Tracks the guard of the next transaction, in the order of the commands.
struct LostWatch {
    is_lost: bool,
    /// By a command that is not sent again. One that is settles it when it is written.
    is_settled: bool,
}

impl LostWatch {
    fn follow(&mut self, command: &PendingCommand, is_sent_again: bool) {
        match command.class.kind() {
            Kind::Watch => self.is_lost |= !is_sent_again,
            Kind::Exec | Kind::Discard | Kind::Unwatch | Kind::Reset => {
                self.is_settled |= self.is_lost && !is_sent_again;
                self.is_lost = false;
            }
            _ => {}
        }
    }
}

/// The current pipeline. The rest of a pipeline whose head was answered is lost with its connection.
struct Pipeline {
    /// No caller's command has been looked at yet: what was answered came before it.
    is_untouched: bool,
    is_broken: bool,
}

impl Pipeline {
    fn breaks(&mut self, command: &PendingCommand) -> bool {
        let is_tail = command.class.has(Class::PIPELINE_TAIL);
        self.is_broken = is_tail && (self.is_untouched || self.is_broken);
        self.is_untouched = false;
        self.is_broken
    }
}

/// Why a command that was in flight may not be sent again.
fn obstacle(command: &PendingCommand, rules: &Rules) -> Option<ErrorKind> {
    let allowed = match rules.resend {
        Resend::All => true,
        Resend::Idempotent => command.class.has(Class::IDEMPOTENT),
        Resend::None => false,
    };
    if rules.is_final || rules.hands_back && command.class.kind() == Kind::Quit {
        Some(ErrorKind::ConnectionClosed)
    } else if !allowed || !rules.auto_resend {
        Some(ErrorKind::Aborted)
    } else if rules.max_retries.is_some_and(|max| command.replays >= max) {
        // A command that kills its connections is not sent again without a limit.
        Some(ErrorKind::MaxRetries)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::retained::Retained;
    use super::*;
    use crate::command::classify;

    const RULES: Rules = Rules {
        resend: Resend::Idempotent,
        auto_resend: true,
        max_retries: None,
        is_final: false,
        has_open_transaction: false,
        is_watch_lost: false,
        hands_back: false,
    };

    fn command(name: &str, flags: u32) -> PendingCommand {
        let class = Class::from_bits(classify(name).bits() | flags);
        PendingCommand::new(Owner::Caller(0), class, Retained::place(0, 0..0), 0)
    }

    fn decided(commands: &[PendingCommand], rules: &Rules) -> String {
        let show = |(_, fate): &(PendingCommand, Fate)| match fate {
            Fate::Again { .. } => "again".to_owned(),
            Fate::Dropped => "dropped".to_owned(),
            Fate::Lost { kind, maybe_ran } => format!("{}{}", kind.code(), if *maybe_ran { "?" } else { "" }),
        };
        decide(commands.iter().copied().collect(), rules).fates.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_rule_decides_for_single_commands() {
        for (resend, want) in
            [(Resend::All, "again again"), (Resend::Idempotent, "again E_ABORTED?"), (Resend::None, "E_ABORTED? E_ABORTED?")]
        {
            assert_eq!(decided(&[command("get", 0), command("incr", 0)], &Rules { resend, ..RULES }), want);
        }
        assert_eq!(decided(&[command("get", 0)], &Rules { is_final: true, ..RULES }), "E_CONN_CLOSED?");
        assert_eq!(decided(&[command("get", 0)], &Rules { auto_resend: false, ..RULES }), "E_ABORTED?");
        let tired = PendingCommand { replays: 3, ..command("get", 0) };
        assert_eq!(decided(&[tired], &Rules { max_retries: Some(3), ..RULES }), "E_MAX_RETRIES?");
    }

    #[test]
    fn nobody_waits_for_what_was_given_up_and_the_core_hears_of_its_own() {
        let abandoned = PendingCommand { abandoned: true, ..command("get", 0) };
        let core = PendingCommand { owner: Owner::Core(7), ..command("get", 0) };
        assert_eq!(decided(&[abandoned, core], &RULES), "dropped E_CONN_CLOSED?");
    }

    #[test]
    fn the_rest_of_a_pipeline_whose_head_was_answered_is_lost() {
        let tail = |name| command(name, Class::PIPELINE_TAIL);
        assert_eq!(decided(&[tail("get"), tail("get"), command("get", 0), tail("get")], &RULES), "E_ABORTED? E_ABORTED? again again");
    }

    #[test]
    fn a_transaction_shares_the_fate_of_its_multi() {
        let inside = |name| command(name, Class::IN_TRANSACTION);
        let whole = [command("multi", 0), inside("get"), inside("exec")];
        assert_eq!(decided(&whole, &RULES), "E_ABORTED? E_ABORTED? E_ABORTED?");
        assert_eq!(decided(&whole, &Rules { resend: Resend::All, ..RULES }), "again again again");
        assert_eq!(decided(&whole[1..], &Rules { resend: Resend::All, ..RULES }), "E_ABORTED? E_ABORTED?", "its MULTI was answered");
    }

    #[test]
    fn a_transaction_whose_watch_is_lost_is_not_sent_again() {
        let inside = |name| command(name, Class::IN_TRANSACTION);
        let all = Rules { resend: Resend::All, ..RULES };
        let lost = Rules { is_watch_lost: true, ..all };
        let whole = [command("get", 0), command("multi", 0), inside("get"), inside("exec"), command("get", 0)];
        assert_eq!(decided(&whole, &lost), "again E_ABORTED? E_ABORTED? E_ABORTED? again");
        assert!(decide(whole.into(), &lost).is_watch_settled);
        assert!(!decide([command("get", 0)].into(), &lost).is_watch_settled, "the EXEC comes later");
        let given_up = [command("unwatch", 0), command("multi", 0), inside("exec")];
        assert_eq!(decided(&given_up, &lost), "again again again");
        let unanswered = [command("watch", 0), command("multi", 0), inside("exec")];
        assert_eq!(decided(&unanswered, &all), "again again again", "it is watched again first");
    }

    #[test]
    fn a_transaction_whose_exec_was_not_written_has_not_run() {
        let open = Rules { has_open_transaction: true, ..RULES };
        let inside = command("incr", Class::IN_TRANSACTION);
        let commands = [command("incr", 0), command("multi", 0), inside];
        assert_eq!(decided(&commands, &open), "E_ABORTED? E_ABORTED E_ABORTED");
        assert!(decide(commands.into(), &open).is_open_transaction_lost);
        assert!(!decide(commands.into(), &Rules { resend: Resend::All, ..open }).is_open_transaction_lost);
        assert_eq!(decided(&[inside], &open), "E_ABORTED", "also where its MULTI was answered");
    }
}
