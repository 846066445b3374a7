//! WATCH across connections. When a connection ends, the server forgets its watched keys, and the caller does not notice.
//! The link remembers, and makes the next EXEC fail like that of a failed WATCH.

/// Whether the keys that callers watch are still watched.
#[derive(Debug, Default)]
pub struct Watch {
    /// The server watches keys for this connection.
    is_held: bool,
    /// It watched some for a connection that is gone, and no EXEC has been written since.
    is_lost: bool,
}

impl Watch {
    /// The server has confirmed a WATCH.
    pub fn confirmed(&mut self) {
        self.is_held = true;
    }

    /// The server has confirmed EXEC, DISCARD, UNWATCH or RESET: it watches nothing any more.
    pub fn released(&mut self) {
        self.is_held = false;
    }

    /// The connection is gone.
    pub fn cut(&mut self) {
        self.is_lost |= std::mem::take(&mut self.is_held);
    }

    /// Whether the next EXEC would run unguarded.
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// The next EXEC would run unguarded.
    pub fn lose(&mut self) {
        self.is_lost = true;
    }

    /// DISCARD, UNWATCH or RESET is written, or the EXEC that had to fail has been dealt with. Whether one had to.
    pub fn settle(&mut self) -> bool {
        std::mem::take(&mut self.is_lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_watched_is_lost_with_its_connection_until_one_exec_has_failed() {
        let mut watch = Watch::default();
        watch.cut();
        assert!(!watch.is_lost(), "nothing was watched");
        watch.confirmed();
        assert!(!watch.is_lost());
        watch.cut();
        watch.cut();
        assert!(watch.is_lost());
        assert!(watch.settle());
        assert!(!watch.settle());
    }

    #[test]
    fn what_was_released_is_not_lost() {
        let mut watch = Watch::default();
        watch.confirmed();
        watch.released();
        watch.cut();
        assert!(!watch.is_lost());
    }

    #[test]
    fn a_second_watch_does_not_bring_the_first_one_back() {
        let mut watch = Watch::default();
        watch.confirmed();
        watch.cut();
        watch.confirmed();
        assert!(watch.is_lost());
    }
}
