//! The transaction on the wire: whether one is open after everything written, and whether the one that callers still issue
//! is lost, so that the rest of it must not run alone.

/// The transaction of one connection.
#[derive(Debug, Default)]
pub struct Transaction {
    is_open: bool,
    /// There is a SELECT in it.
    selects: bool,
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

    /// MULTI was written.
    pub fn opened(&mut self) {
        self.is_open = true;
    }

    /// A SELECT was written.
    pub fn selected(&mut self) {
        self.selects |= self.is_open;
    }

    /// EXEC, DISCARD or RESET was written, or the connection is gone. Whether the database is unknown now: a SELECT in it may
    /// have been dropped with it.
    pub fn closed(&mut self) -> bool {
        self.is_open = false;
        std::mem::take(&mut self.selects)
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

    #[test]
    fn a_select_in_a_transaction_leaves_the_database_unknown() {
        let mut transaction = Transaction::default();
        transaction.selected();
        assert!(!transaction.closed(), "outside of one it counts at once");
        transaction.opened();
        transaction.selected();
        assert!(transaction.is_open());
        assert!(transaction.closed());
        assert!(!transaction.is_open());
        transaction.opened();
        assert!(!transaction.closed(), "the next one has none");
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
