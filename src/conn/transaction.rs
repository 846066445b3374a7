//! The transaction on the wire: whether one is open after everything written, which databases it selects, and whether the one that
//! callers still issue is lost, so that the rest of it must not run alone.

use crate::command::Kind;
use crate::resp::Reply;

/// The transaction of one connection.
#[derive(Debug, Default)]
pub struct Transaction {
    is_open: bool,
    /// How many of its commands were written.
    length: usize,
    /// The SELECTs in it: their places among its commands, and the databases they name.
    selects: Vec<(usize, u32)>,
    /// The EXEC of one that selects is on the wire: nobody knows yet where callers are after it.
    is_undecided: bool,
    /// Its MULTI was rejected before its EXEC was issued.
    is_lost: bool,
}

impl Transaction {
    /// Whether one is open after all that was written.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether commands inside a transaction belong to one that is lost.
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether the last one selects a database and has no answer.
    pub const fn is_undecided(&self) -> bool {
        self.is_undecided
    }

    /// Whether the last one selects a database, and has not been answered.
    pub const fn selects(&self) -> bool {
        !self.selects.is_empty()
    }

    /// MULTI was written.
    pub fn opened(&mut self) {
        self.is_open = true;
        self.length = 0;
        self.selects.clear();
    }

    /// Plain commands were written.
    pub fn wrote(&mut self, commands: usize) {
        self.length += commands;
    }

    /// A command was written that is not its end; `target`: the database that a SELECT names.
    pub fn wrote_one(&mut self, kind: Kind, target: Option<u32>) {
        // The server answers these at once.
        if !self.is_open || matches!(kind, Kind::Multi | Kind::Watch | Kind::Quit) {
            return;
        }
        if let Some(target) = target {
            self.selects.push((self.length, target));
        }
        self.length += 1;
    }

    /// EXEC was written. Whether it decides on SELECTs.
    pub fn executed(&mut self) -> bool {
        self.is_open = false;
        self.is_undecided = self.selects();
        self.is_undecided
    }

    /// DISCARD or RESET was written, or the connection is gone. Whether it selected a database.
    pub fn closed(&mut self) -> bool {
        self.is_open = false;
        self.is_undecided = false;
        !std::mem::take(&mut self.selects).is_empty()
    }

    /// The answer to its EXEC. The databases that it has selected, in order; none if it did not run.
    pub fn decided(&mut self, frame: &[u8]) -> Vec<u32> {
        self.is_undecided = false;
        let selects = std::mem::take(&mut self.selects);
        let Reply::Array(replies) = Reply::parse(frame) else { return Vec::new() };
        let has_run = |place: usize| replies.get(place).is_some_and(|reply| reply.error().is_none());
        selects.into_iter().filter(|(place, _)| has_run(*place)).map(|(_, target)| target).collect()
    }

    /// Its MULTI is rejected: commands that belong to it are rejected, too.
    pub fn lose(&mut self) {
        self.is_lost = true;
    }

    /// Its end or the next MULTI was accepted; later commands do not belong to a lost transaction.
    pub fn forget_lost(&mut self) {
        self.is_lost = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `MULTI`, two plain commands, `SELECT 3`, `GET`, `SELECT 4`, `EXEC`.
    fn executed() -> Transaction {
        let mut transaction = Transaction::default();
        transaction.opened();
        transaction.wrote(2);
        transaction.wrote_one(Kind::Select, Some(3));
        transaction.wrote_one(Kind::Plain, None);
        transaction.wrote_one(Kind::Watch, None);
        transaction.wrote_one(Kind::Select, Some(4));
        assert!(transaction.executed() && !transaction.is_open() && transaction.is_undecided());
        transaction
    }

    #[test]
    fn the_answer_to_exec_says_which_databases_were_selected() {
        for (frame, want) in [
            (&b"*5\r\n+a\r\n+b\r\n+OK\r\n+c\r\n+OK\r\n"[..], vec![3, 4]),
            (b"*5\r\n+a\r\n-ERR no\r\n+OK\r\n+c\r\n-ERR DB index is out of range\r\n", vec![3]),
            (b"*-1\r\n", vec![]),
            (b"_\r\n", vec![]),
            (b"-EXECABORT no\r\n", vec![]),
            (b"+OK\r\n", vec![]),
        ] {
            let mut transaction = executed();
            assert_eq!(transaction.decided(frame), want, "{}", frame.escape_ascii());
            assert!(!transaction.is_undecided() && !transaction.selects());
        }
    }

    #[test]
    fn a_select_outside_of_one_counts_at_once() {
        let mut transaction = Transaction::default();
        transaction.wrote_one(Kind::Select, Some(3));
        assert!(!transaction.closed());
        transaction.opened();
        transaction.wrote_one(Kind::Select, Some(3));
        assert!(transaction.is_open() && transaction.closed() && !transaction.is_open());
        transaction.opened();
        assert!(!transaction.executed(), "the next one has none");
    }

    #[test]
    fn a_lost_one_is_lost_until_its_end_is_taken_over() {
        let mut transaction = Transaction::default();
        transaction.opened();
        transaction.lose();
        transaction.closed();
        assert!(transaction.is_lost(), "the connection is gone, its caller still issues commands");
        transaction.forget_lost();
        assert!(!transaction.is_lost());
    }
}
