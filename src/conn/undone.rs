//! SELECTs that are not carried out: what was issued behind one, up to the next, belongs where callers were before it.

use super::pending::PendingCommand;
use crate::command::Kind;

/// Follows commands in the order in which they were issued.
#[derive(Debug, Default, Clone, Copy)]
pub struct Undone {
    /// The database that the last SELECT named, and the one where callers are instead.
    moved: Option<(u32, u32)>,
}

impl Undone {
    /// The next command; `target`: the database that a SELECT names. `is_kept`: it runs, or will.
    pub fn follow(&mut self, command: &mut PendingCommand, target: Option<u32>, is_kept: bool) {
        if !command.is_callers() {
            return;
        }
        if let Some((_, to)) = self.moved.filter(|(from, _)| *from == command.db) {
            command.db = to;
        }
        if command.class.kind() == Kind::Select {
            self.moved = target.filter(|_| !is_kept).map(|target| (target, command.db));
        }
    }

    /// Where callers are who have issued everything that was followed, and where they would have been.
    pub const fn moved(self) -> Option<(u32, u32)> {
        self.moved
    }
}

#[cfg(test)]
mod tests {
    use super::super::pending::Owner;
    use super::super::retained::Retained;
    use super::*;
    use crate::command::classify;

    #[test]
    fn what_was_issued_behind_a_select_that_does_not_run_goes_where_callers_were() {
        let mut undone = Undone::default();
        let mut follow = |name: &str, db, target, is_kept| {
            let mut command = PendingCommand::new(Owner::Caller(0), classify(name), Retained::place(0, 0..0), db);
            undone.follow(&mut command, target, is_kept);
            (command.db, undone.moved())
        };
        assert_eq!(follow("get", 1, None, true), (1, None));
        assert_eq!(follow("select", 1, Some(3), false), (1, Some((3, 1))));
        assert_eq!(follow("get", 3, None, true), (1, Some((3, 1))));
        assert_eq!(follow("get", 7, None, true), (7, Some((3, 1))), "it was issued for a database of its own");
        assert_eq!(follow("select", 3, Some(4), false), (1, Some((4, 1))));
        assert_eq!(follow("get", 4, None, true), (1, Some((4, 1))));
        assert_eq!(follow("select", 4, Some(5), true), (1, None));
        assert_eq!(follow("get", 5, None, true), (5, None));
    }
}
