//! Tracks two databases: the connection's, after everything written, and the one for callers' next command. They differ
//! while commands wait, and while a part of the core runs in the link's own database.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::command::Kind;

/// After this time, the next command for a refused database tries to select it again.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// The databases of one link.
#[derive(Debug)]
pub struct Databases {
    /// The connection's database after everything written; `None` if unknown.
    wire: Option<u32>,
    /// Where callers' commands go.
    callers: u32,
    /// Where callers went before the MULTI under way, for a DISCARD.
    before_transaction: Option<u32>,
    /// What the next batch is issued for, where that is not the callers' present one.
    next_batch: Option<u32>,
    /// The callers' last SELECT that the server has confirmed.
    confirmed: u32,
    /// Databases that the server has selected on this connection: it will again.
    known: Vec<u32>,
    /// A SELECT of one that is not known is on the wire.
    awaited: Option<u32>,
    /// Databases that the server has refused, and the error for callers.
    refused: Vec<(u32, Instant, Arc<str>)>,
}

impl Databases {
    /// No connection yet; callers go to `db`.
    pub fn new(db: u32) -> Self {
        Self {
            wire: None,
            callers: db,
            before_transaction: None,
            next_batch: None,
            confirmed: db,
            known: Vec::new(),
            awaited: None,
            refused: Vec::new(),
        }
    }

    /// The options name another database than `old`. Callers who have selected one stay there.
    pub fn configure(&mut self, old: u32, db: u32) {
        if self.callers == old {
            self.callers = db;
            self.confirmed = db;
        }
    }

    /// A new connection, which the handshake brings to `db`.
    pub fn connected(&mut self, db: u32) {
        self.wire = Some(db);
        self.known = vec![0];
        self.awaited = None;
        self.refused.clear();
    }

    /// Where callers' commands go.
    pub const fn callers(&self) -> u32 {
        self.callers
    }

    /// Whether the connection is in `db` after all that was written.
    pub fn is_on_wire(&self, db: u32) -> bool {
        self.wire == Some(db)
    }

    /// The next batch is issued for `db`, whatever callers have selected.
    pub fn issue_next_in(&mut self, db: u32) {
        self.next_batch = Some(db);
    }

    /// Whether the batch at hand is issued for a database of its own, and which. Asked once per batch.
    pub fn take_next_batch(&mut self) -> Option<u32> {
        self.next_batch.take()
    }

    /// A caller has issued a command; `target` is the database that a SELECT asks for.
    pub fn issued(&mut self, kind: Kind, target: Option<u32>) {
        match kind {
            Kind::Select => self.callers = target.unwrap_or(self.callers),
            Kind::Multi => self.before_transaction = Some(self.callers),
            Kind::Exec => self.before_transaction = None,
            Kind::Discard => self.callers = self.before_transaction.take().unwrap_or(self.callers),
            _ => {}
        }
    }

    /// A SELECT of this database was written, or a RESET; `None`: one that names no database.
    pub fn written(&mut self, target: Option<u32>) {
        self.wire = target;
    }

    /// What was written may or may not have run.
    pub fn forget_wire(&mut self) {
        self.wire = None;
    }

    /// Whether the server selects this database without doubt.
    pub fn is_known(&self, db: u32) -> bool {
        self.known.contains(&db)
    }

    /// The SELECT of `db` that is written is not known to succeed.
    pub fn awaits(&mut self, db: u32) {
        self.awaited = Some(db);
    }

    /// Whether a SELECT is on the wire that nothing may be written behind.
    pub const fn is_awaiting(&self) -> bool {
        self.awaited.is_some()
    }

    /// The server has selected `db`. Whether that was awaited.
    pub fn accepted(&mut self, db: u32) -> bool {
        if !self.is_known(db) {
            self.known.push(db);
        }
        self.refused.retain(|(other, ..)| *other != db);
        self.awaited.take_if(|awaited| *awaited == db).is_some()
    }

    /// The server has refused `db`, for the reason that callers are to be told. Whether that is news on this connection.
    pub fn refused(&mut self, db: u32, why: Arc<str>, now: Instant) -> bool {
        self.awaited = None;
        self.known.retain(|other| *other != db);
        let before = self.refused.len();
        self.refused.retain(|(other, ..)| *other != db);
        let is_news = self.refused.len() == before;
        self.refused.push((db, now, why));
        is_news
    }

    /// The SELECT that was awaited is not on the wire any more.
    pub fn stop_awaiting(&mut self) {
        self.awaited = None;
    }

    /// What callers are told who want `db`, if it was refused a moment ago.
    pub fn refusal(&self, db: u32, now: Instant) -> Option<Arc<str>> {
        let is_recent = |at: Instant| now.since(at) < REFUSED_PAUSE;
        self.refused.iter().find(|(other, at, _)| *other == db && is_recent(*at)).map(|(.., why)| Arc::clone(why))
    }

    /// Where the server has brought callers.
    pub const fn confirmed(&self) -> u32 {
        self.confirmed
    }

    /// The connection is where the server has brought callers, unless something has been written since that was unknown.
    pub fn settle_wire(&mut self) {
        self.wire.get_or_insert(self.confirmed);
    }

    /// The MULTI of the transaction that callers still issue belongs to `db`.
    pub fn rebase(&mut self, db: u32) {
        if let Some(before) = &mut self.before_transaction {
            *before = db;
        }
    }

    /// The transaction that callers have issued is over, and its end was refused.
    pub fn forget_transaction(&mut self) {
        self.before_transaction = None;
    }

    /// The server has confirmed a caller's SELECT.
    pub fn confirm(&mut self, db: u32) {
        self.confirmed = db;
    }

    /// Callers' last SELECT has not been carried out: they are still in `db`.
    pub fn stay_in(&mut self, db: u32) {
        self.callers = db;
    }

    /// All that waits is rejected: a SELECT among it has changed nothing.
    pub fn roll_back(&mut self) {
        self.callers = self.confirmed;
        self.before_transaction = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_select_counts_for_commands_issued_after_it_and_is_told_once_confirmed() {
        let mut databases = Databases::new(1);
        databases.connected(1);
        databases.issued(Kind::Select, Some(3));
        assert_eq!(databases.callers(), 3);
        assert!(databases.is_on_wire(1));
        databases.written(Some(3));
        assert!(databases.is_on_wire(3));
        databases.confirm(3);
    }

    #[test]
    fn a_select_that_names_none_changes_nothing() {
        let mut databases = Databases::new(1);
        databases.issued(Kind::Select, None);
        assert_eq!(databases.callers(), 1);
    }

    #[test]
    fn a_discard_takes_the_selects_of_its_transaction_back() {
        for (end, want) in [(Kind::Discard, 2), (Kind::Exec, 5)] {
            let mut databases = Databases::new(2);
            databases.issued(Kind::Multi, None);
            databases.issued(Kind::Select, Some(5));
            databases.issued(end, None);
            assert_eq!(databases.callers(), want, "{end:?}");
            databases.issued(Kind::Discard, None);
            assert_eq!(databases.callers(), want, "a DISCARD of nothing");
        }
    }

    #[test]
    fn one_batch_may_be_for_another_database() {
        let mut databases = Databases::new(2);
        databases.issue_next_in(7);
        assert_eq!((databases.take_next_batch(), databases.take_next_batch()), (Some(7), None));
        assert_eq!(databases.callers(), 2);
    }

    #[test]
    fn selects_that_are_rejected_are_taken_back() {
        let mut databases = Databases::new(0);
        databases.issued(Kind::Select, Some(4));
        databases.confirm(4);
        databases.issued(Kind::Multi, None);
        databases.issued(Kind::Select, Some(5));
        databases.roll_back();
        assert_eq!(databases.callers(), 4);
        databases.issued(Kind::Discard, None);
        assert_eq!(databases.callers(), 4);
    }

    #[test]
    fn other_options_count_for_callers_who_have_selected_nothing() {
        let mut databases = Databases::new(0);
        databases.configure(0, 3);
        assert_eq!(databases.callers(), 3);
        databases.issued(Kind::Select, Some(4));
        databases.configure(3, 5);
        assert_eq!(databases.callers(), 4);
    }

    #[test]
    fn a_database_is_known_on_the_connection_that_has_selected_it() {
        let mut databases = Databases::new(5);
        databases.connected(0);
        assert!(databases.is_known(0) && !databases.is_known(5));
        databases.awaits(5);
        assert!(databases.is_awaiting());
        assert!(!databases.accepted(3), "another one is awaited");
        assert!(databases.accepted(5));
        assert!(!databases.is_awaiting() && databases.is_known(5));
        databases.connected(0);
        assert!(!databases.is_known(5));
    }

    #[test]
    fn a_database_that_was_refused_is_asked_for_again_after_a_moment() {
        let at = Instant::from_millis;
        let mut databases = Databases::new(5);
        databases.connected(0);
        databases.awaits(5);
        assert!(databases.refused(5, "no".into(), at(0)));
        assert!(!databases.is_awaiting());
        assert_eq!(databases.refusal(5, at(999)).as_deref(), Some("no"));
        assert_eq!((databases.refusal(5, at(1000)), databases.refusal(4, at(0))), (None, None));
        assert!(!databases.refused(5, "no".into(), at(1000)), "that is known");
        databases.accepted(5);
        assert_eq!(databases.refusal(5, at(1001)), None);
    }
}
