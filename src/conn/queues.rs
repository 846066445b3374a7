//! The commands of a link without an outcome, and their bytes. They are on the wire, or they wait for one of three reasons.

use std::collections::VecDeque;
use std::time::Duration;

use super::late::Late;
use super::pending::{Owner, PendingCommand};
use super::retained::{Place, Retained};
use super::undone::Undone;
use crate::clock::Instant;
use crate::command::{arguments, classify, Class, Kind};

/// The first delay before a refused command is written again; it grows with each refusal.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// The queues of one link.
#[derive(Debug, Default)]
pub struct Queues {
    retained: Retained,
    /// Written, not answered. Replies come in this order.
    sent: VecDeque<PendingCommand>,
    /// Commands to write when ready, in this order: first those that are sent again, then those that were never sent.
    waiting: VecDeque<PendingCommand>,
    /// The core's commands, held while a caller's transaction is open on the wire.
    held: VecDeque<PendingCommand>,
    /// Refused by the server; written again after a pause.
    refused: Vec<PendingCommand>,
}

impl Queues {
    // ---- bytes

    /// Keeps the bytes of a batch of `commands` commands; returns the number of their chunk.
    pub fn keep_batch(&mut self, batch: &[u8], commands: usize) -> u32 {
        self.retained.keep(batch, commands)
    }

    /// Keeps the bytes of one command.
    pub fn keep(&mut self, bytes: &[u8]) -> Place {
        Retained::place(self.retained.keep(bytes, 1), 0..bytes.len())
    }

    /// The bytes of a command.
    pub fn bytes_of(&self, command: &PendingCommand) -> &[u8] {
        self.retained.get(command.place)
    }

    /// Frees the bytes of a removed command.
    pub fn release(&mut self, command: &PendingCommand) {
        self.retained.release(command.place);
    }

    /// The database that a SELECT asks for.
    pub fn target(&self, select: &PendingCommand) -> Option<u32> {
        arguments(self.bytes_of(select)).nth(1).and_then(|a| std::str::from_utf8(a).ok()?.parse().ok())
    }

    /// The same, of a command that may be any.
    pub fn target_of(&self, command: &PendingCommand) -> Option<u32> {
        if command.class.kind() == Kind::Select {
            self.target(command)
        } else {
            None
        }
    }

    // ---- how much there is

    /// Commands without an outcome.
    pub fn len(&self) -> usize {
        self.sent.len() + self.waiting.len() + self.held.len() + self.refused.len()
    }

    /// Bytes kept.
    pub const fn bytes(&self) -> usize {
        self.retained.bytes()
    }

    /// Whether no waiting command must be written before a new one. Refused commands must, except inside a transaction.
    pub fn may_be_overtaken(&self, in_transaction: bool) -> bool {
        self.waiting.is_empty() && (self.refused.is_empty() || in_transaction)
    }

    /// Whether a command of the core is held or on the wire.
    pub fn has_core(&self) -> bool {
        !self.held.is_empty() || self.sent.iter().any(|command| matches!(command.owner, Owner::Core(_)))
    }

    // ---- the wire

    /// A command was written.
    pub fn push_sent(&mut self, command: PendingCommand) {
        self.sent.push_back(command);
    }

    /// The command that was written last is one of this kind.
    pub fn set_last_kind(&mut self, kind: Kind) {
        if let Some(command) = self.sent.back_mut() {
            command.class = command.class.with_kind(kind);
        }
    }

    /// The command that was written last belongs to this database.
    pub fn set_last_database(&mut self, db: u32) {
        if let Some(command) = self.sent.back_mut() {
            command.db = db;
        }
    }

    /// Removes and returns the command that the next reply belongs to.
    pub fn take_answered(&mut self) -> Option<PendingCommand> {
        self.sent.pop_front()
    }

    /// The command that the next reply belongs to, with its bytes.
    pub fn front(&mut self) -> Option<(&mut PendingCommand, &[u8])> {
        let command = self.sent.front_mut()?;
        let bytes = self.retained.get(command.place);
        Some((command, bytes))
    }

    /// The written commands without a reply, in order.
    pub fn sent(&self) -> &VecDeque<PendingCommand> {
        &self.sent
    }

    /// Whether the server answers all that is on the wire at once, if it answers at all.
    pub fn owes_quick_replies(&self) -> bool {
        self.sent.iter().all(|command| match command.owner {
            Owner::Link(_) => true,
            Owner::Caller(_) => is_quick(command.class),
            Owner::Core(_) => {
                let name = arguments(self.bytes_of(command)).next().map(String::from_utf8_lossy);
                name.is_some_and(|name| is_quick(classify(&name)))
            }
        })
    }

    /// Commands of the link's own on the wire become others.
    pub fn sent_mut(&mut self) -> impl Iterator<Item = &mut PendingCommand> {
        self.sent.iter_mut()
    }

    /// Removes all written commands without a reply.
    pub fn take_sent(&mut self) -> VecDeque<PendingCommand> {
        std::mem::take(&mut self.sent)
    }

    // ---- what waits

    /// To be written when its turn comes.
    pub fn push_waiting(&mut self, command: PendingCommand) {
        self.waiting.push_back(command);
    }

    /// The next one to be written.
    pub fn take_waiting(&mut self) -> Option<PendingCommand> {
        self.waiting.pop_front()
    }

    /// Whether a transaction waits whose EXEC has been issued.
    pub fn has_waiting_exec(&self) -> bool {
        self.waiting.iter().any(|command| command.class.kind() == Kind::Exec)
    }

    /// Puts commands before all waiting commands, in order.
    pub fn put_first(&mut self, commands: impl DoubleEndedIterator<Item = PendingCommand>) {
        for command in commands.rev() {
            self.waiting.push_front(command);
        }
    }

    /// The core's, to be written after the transaction on the wire.
    pub fn hold(&mut self, command: PendingCommand) {
        self.held.push_back(command);
    }

    /// The core's commands that were held.
    pub fn take_held(&mut self) -> VecDeque<PendingCommand> {
        std::mem::take(&mut self.held)
    }

    /// Keeps a refused command. Returns how long to wait before it is written again.
    pub fn push_refused(&mut self, mut command: PendingCommand) -> Duration {
        command.refusals += 1;
        let pause = REFUSED_PAUSE * command.refusals.min(20);
        self.refused.push(command);
        pause
    }

    /// Moves refused commands to the front, because they were issued first.
    pub fn requeue_refused(&mut self) {
        let refused = std::mem::take(&mut self.refused);
        self.put_first(refused.into_iter());
    }

    /// Removes all commands that are not on the wire, in the order of their rejection.
    pub fn take_unsent(&mut self) -> impl Iterator<Item = PendingCommand> {
        let held = self.take_held();
        self.take_callers_unsent().chain(held)
    }

    /// Removes callers' commands that are not on the wire, in order.
    pub fn take_callers_unsent(&mut self) -> impl Iterator<Item = PendingCommand> + use<> {
        let (refused, waiting) = (std::mem::take(&mut self.refused), std::mem::take(&mut self.waiting));
        refused.into_iter().chain(waiting)
    }

    /// The transaction that was open on the wire is lost: takes out what waits of it. Whether its end is still to be issued.
    pub fn take_fragments(&mut self) -> (Vec<PendingCommand>, bool) {
        let mut is_lost = true;
        let mut fragments = Vec::new();
        for command in std::mem::take(&mut self.waiting) {
            is_lost &= !command.opens_transaction();
            if is_lost && command.is_in_transaction() {
                is_lost = !matches!(command.class.kind(), Kind::Exec | Kind::Discard);
                fragments.push(command);
            } else {
                self.waiting.push_back(command);
            }
        }
        (fragments, is_lost)
    }

    /// Replaces the bytes of a waiting caller's command.
    pub fn rewrite(&mut self, id: u32, bytes: &[u8]) {
        let Some(command) = self.waiting.iter_mut().chain(&mut self.refused).find(|command| command.owner == Owner::Caller(id)) else {
            return;
        };
        let place = Retained::place(self.retained.keep(bytes, 1), 0..bytes.len());
        self.retained.release(std::mem::replace(&mut command.place, place));
    }

    /// Takes out callers' commands that wait and depend on the database, up to the next SELECT. Whether there is none.
    pub fn take_up_to_select(&mut self) -> (Vec<PendingCommand>, bool) {
        let select = self.waiting.iter().position(|command| command.class.kind() == Kind::Select);
        let behind = self.waiting.split_off(select.unwrap_or(self.waiting.len()));
        let (free, taken): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|command| command.class.kind().is_for_subscribers());
        self.waiting.extend(free);
        self.waiting.extend(behind);
        (taken, select.is_none())
    }

    /// Callers' commands up to the next SELECT belong to `db`. Whether there is none.
    pub fn move_to(&mut self, db: u32) -> bool {
        for command in self.sent.iter_mut().chain(&mut self.waiting).filter(|command| command.is_callers()) {
            command.db = db;
            if command.class.kind() == Kind::Select {
                return false;
            }
        }
        true
    }

    /// SELECTs before what waits are not carried out. Where that leaves callers.
    pub fn follow_waiting(&mut self, mut undone: Undone) -> Undone {
        if undone.moved().is_some() {
            for command in &mut self.waiting {
                undone.follow(command, None, true);
            }
        }
        undone
    }

    /// The database of callers' last MULTI without an answer.
    pub fn last_multi(&self) -> Option<u32> {
        let mut last_first = self.sent.iter().chain(&self.waiting).rev();
        last_first.find(|command| command.is_callers() && command.opens_transaction()).map(|command| command.db)
    }

    // ---- deadlines

    /// Finds commands past their deadline.
    pub fn take_late(&mut self, now: Instant) -> Late {
        let mut late = Late::default();
        late.tell_callers(&mut self.sent, now);
        let (waiting, refused) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.refused));
        // They were issued first.
        let refused = late.take_out(refused.into(), now, |command| self.target_of(command));
        self.waiting = late.take_out(waiting, now, |command| self.target_of(command));
        self.refused = refused.into();
        late
    }
}

/// Reads that the servers' own table calls fast; PING, which is what a silent link asks; and QUIT, which is nothing to wait for.
fn is_quick(class: Class) -> bool {
    class.has(Class::QUICK) || matches!(class.kind(), Kind::Ping | Kind::Quit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Commands;

    fn command(queues: &mut Queues, id: u32, text: &str, flags: u32) -> PendingCommand {
        let mut commands = Commands::new();
        commands.push(&text.split(' ').collect::<Vec<_>>());
        let place = queues.keep(commands.iter().next().unwrap_or_default());
        let class = Class::from_bits(classify(text.split(' ').next().unwrap_or_default()).bits() | flags);
        PendingCommand::new(Owner::Caller(id), class, place, 0)
    }

    fn wait(queues: &mut Queues, id: u32, text: &str, flags: u32, deadline: Option<u64>) {
        let mut command = command(queues, id, text, flags);
        command.deadline = deadline.map(Instant::from_millis);
        queues.push_waiting(command);
    }

    fn ids(commands: impl IntoIterator<Item = PendingCommand>) -> Vec<u32> {
        commands.into_iter().filter_map(|c| if let Owner::Caller(id) = c.owner { Some(id) } else { None }).collect()
    }

    #[test]
    fn refused_commands_come_before_those_that_wait_and_wait_longer_each_time() {
        let mut queues = Queues::default();
        wait(&mut queues, 3, "get c", 0, None);
        let (first, second) = (command(&mut queues, 1, "get a", 0), command(&mut queues, 2, "get b", 0));
        assert_eq!(queues.push_refused(first), Duration::from_millis(50));
        assert_eq!(queues.push_refused(PendingCommand { refusals: 1, ..second }), Duration::from_millis(100));
        assert!(!queues.may_be_overtaken(false));
        queues.requeue_refused();
        assert_eq!(ids(queues.take_unsent()), [1, 2, 3]);
        assert_eq!(queues.len(), 0);
    }

    #[test]
    fn a_transaction_that_lost_its_multi_to_the_clock_goes_whole() {
        let mut queues = Queues::default();
        wait(&mut queues, 1, "multi", 0, Some(10));
        wait(&mut queues, 2, "incr a", Class::IN_TRANSACTION, Some(30));
        wait(&mut queues, 3, "exec", Class::IN_TRANSACTION, None);
        wait(&mut queues, 4, "get b", 0, Some(20));
        let late = queues.take_late(Instant::from_millis(10));
        assert_eq!((ids(late.unsent), late.next), (vec![1, 2, 3], Some(Instant::from_millis(20))));
        assert_eq!(ids(queues.take_unsent()), [4]);
    }

    #[test]
    fn a_late_command_on_the_wire_keeps_its_place() {
        let mut queues = Queues::default();
        let mut sent = command(&mut queues, 1, "get a", 0);
        sent.deadline = Some(Instant::from_millis(10));
        queues.push_sent(sent);
        assert_eq!(queues.take_late(Instant::from_millis(10)).sent, [1]);
        assert!(queues.take_late(Instant::from_millis(20)).sent.is_empty(), "its caller is told once");
        assert!(queues.take_answered().is_some_and(|command| command.abandoned));
    }

    #[test]
    fn fragments_end_with_their_exec() {
        let mut queues = Queues::default();
        wait(&mut queues, 1, "incr a", Class::IN_TRANSACTION, None);
        wait(&mut queues, 2, "get outside", 0, None);
        wait(&mut queues, 3, "exec", Class::IN_TRANSACTION, None);
        wait(&mut queues, 4, "incr b", 0, None);
        let (fragments, is_lost) = queues.take_fragments();
        assert_eq!((ids(fragments), is_lost), (vec![1, 3], false));
        assert_eq!(ids(queues.take_unsent()), [2, 4]);
    }

    #[test]
    fn a_refused_select_moves_what_was_issued_behind_it_up_to_the_next() {
        let mut queues = Queues::default();
        for (id, text) in [(1, "get a"), (2, "select 5"), (3, "get b")] {
            wait(&mut queues, id, text, 0, None);
        }
        assert!(!queues.move_to(4));
        assert_eq!(queues.take_unsent().map(|command| command.db).collect::<Vec<_>>(), [4, 4, 0]);
        assert!(queues.move_to(4));
    }

    #[test]
    fn other_bytes_take_the_place_of_those_of_a_command_that_waits() {
        let mut queues = Queues::default();
        wait(&mut queues, 1, "get a", 0, None);
        queues.rewrite(1, b"other");
        queues.rewrite(9, b"of nobody");
        let command = queues.take_waiting();
        assert_eq!(command.map(|command| queues.bytes_of(&command).to_vec()), Some(b"other".to_vec()));
        assert_eq!(queues.bytes(), 5);
    }
}
