//! Credentials that the driver brings: for the next handshake, or for a connection that is ready. That one takes them over with an
//! AUTH between two commands: never inside a transaction, and never where the server takes subscription commands only.

use super::handshake::{auth, check_auth, Verdict};
use super::link::Link;
use super::output::Output;
use super::pending::{PendingCommand, Step};
use super::State;
use crate::clock::Instant;
use crate::resp::Reply;

/// Handshakes in a row that may be refused before waiting commands are rejected. The driver is asked for other credentials each time.
const MAX_REFUSED: u32 = 3;

impl Link {
    /// Uses these credentials from now on. A connection that is ready takes them over; where it cannot, it is closed, and the policy
    /// opens another one.
    pub fn authenticate(&mut self, username: Option<String>, password: String, now: Instant) {
        self.now = now;
        self.options.username = username;
        self.options.password = Some(password);
        self.is_renewal_due = matches!(self.state, State::Handshake | State::Ready);
        if self.may_flush() {
            self.take_over_credentials();
        }
    }

    /// Between two commands of an open connection: takes over the credentials that are due.
    pub(super) fn take_over_credentials(&mut self) {
        if self.is_renewal_due && self.takes_subscriptions_only() {
            self.hang_up(false);
        } else {
            self.renew();
        }
    }

    /// Writes AUTH, if it is due.
    pub(super) fn renew(&mut self) {
        let due = std::mem::take(&mut self.is_renewal_due);
        if let Some(password) = self.options.password.as_deref().filter(|_| due) {
            let command = auth(self.options.username.as_deref(), password);
            self.send_own(Step::Renewal, &command);
        }
    }

    /// Whether the server refuses AUTH after all that was written.
    fn takes_subscriptions_only(&self) -> bool {
        let is_subscription = |command: &PendingCommand| command.class.kind().is_subscription();
        self.is_subscriber() || (self.protocol == 2 && self.queues.sent().iter().any(is_subscription))
    }

    pub(super) fn on_renewed(&mut self, reply: &Reply) {
        if let Verdict::Refused(text) = check_auth(Step::Renewal, reply) {
            self.outputs.push_back(Output::CredentialsRefused { text });
        }
    }

    /// Whether the driver will bring other credentials than those that the server has refused.
    pub(super) fn brings_others(&self) -> bool {
        self.options.brings_credentials && self.attempts() < MAX_REFUSED
    }
}
