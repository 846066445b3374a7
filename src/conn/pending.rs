//! One pending command: who waits for it, its class, and the place of its bytes.

use std::time::Duration;

use super::retained::Place;
use crate::clock::Instant;
use crate::command::{Class, Kind};

/// Who waits for the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A caller of the client, by the number of the command.
    Caller(u32),
    /// A part of the core that lives on this link (the cache), by its own tag.
    Core(u32),
    /// The link itself.
    Link(Step),
}

/// Commands that the link itself sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// HELLO 3, with credentials where there are any.
    Hello,
    /// AUTH under RESP2.
    Auth,
    /// AUTH on a connection that is ready, with other credentials than before.
    Renewal,
    /// The database of the options.
    Select,
    /// CLIENT SETNAME, READONLY, CLIENT SETINFO: any answer is fine.
    Optional,
    /// HIMPORT PREPARE of the fieldset with this index.
    Fieldset(u16),
    /// INFO of the ready check.
    Info,
    /// Brings the connection to the database that the next command belongs to.
    SwitchDatabase,
    /// Restores subscriptions.
    Resubscribe,
    /// Checks whether a silent server is alive.
    Ping,
    /// A handshake command whose answer no longer matters (HELLO was refused and the handshake starts over in RESP2).
    Overtaken,
}

/// One command between its call and its reply.
#[derive(Debug, Clone, Copy)]
pub struct PendingCommand {
    pub owner: Owner,
    pub class: Class,
    pub place: Place,
    /// The database for which it was issued.
    pub db: u32,
    /// Channel confirmations still to come, once the first has; 0 before.
    pub confirmations: u32,
    /// How often it was refused and sent again.
    pub refusals: u32,
    /// How often it was in flight when its connection ended. Above 0, the server may have run it.
    pub replays: u32,
    /// Its caller was already rejected (deadline); the reply is ignored.
    pub abandoned: bool,
    /// An EXEC whose WATCH is lost: DISCARD is written instead, and its caller learns that nothing ran.
    pub is_unguarded: bool,
    /// An EXEC whose transaction selects a database.
    pub decides: bool,
    pub deadline: Option<Instant>,
}

impl PendingCommand {
    /// A command that was never sent, without a deadline.
    pub const fn new(owner: Owner, class: Class, place: Place, db: u32) -> Self {
        Self {
            owner,
            class,
            place,
            db,
            confirmations: 0,
            refusals: 0,
            replays: 0,
            abandoned: false,
            is_unguarded: false,
            decides: false,
            deadline: None,
        }
    }

    /// Whether it is between MULTI and EXEC, EXEC included. True on the wire; before it is written, what its caller says.
    pub const fn is_in_transaction(&self) -> bool {
        self.class.has(Class::IN_TRANSACTION)
    }

    /// Whether it is the MULTI of a transaction.
    pub fn opens_transaction(&self) -> bool {
        self.class.kind() == Kind::Multi && !self.is_in_transaction()
    }

    /// Whether a caller waits for it.
    pub const fn is_callers(&self) -> bool {
        matches!(self.owner, Owner::Caller(_))
    }

    /// How far away its deadline is.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.since(now))
    }

    /// Whether its deadline has passed.
    pub fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}
