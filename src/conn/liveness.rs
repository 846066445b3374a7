//! The watchdog of the link at work: what the server owes, what the driver is to ask, what becomes of the answers.

use super::link::{CloseState, Link};
use super::output::{Output, State, Transport};
use super::pending::Step;
use super::probe;
use super::timers::Timer;
use super::watchdog::{Advice, Due};
use crate::clock::Instant;
use crate::error::ErrorKind;
use crate::resp::Commands;

/// So many bytes arrive within a period of the watchdog on any connection that is of use.
const SMALL: usize = 1 << 14;

impl Link {
    /// Whether silence means something: while a loading server is waited for, or in a stream of MONITOR, it does not.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self.state, State::Handshake | State::Ready)
            && self.close_state <= CloseState::QuitSent
            && !self.timers.is_set(Timer::Info)
            && !self.monitoring
    }

    /// All bytes that have arrived on the second connection so far. Whether it has served its purpose.
    pub fn on_probe_bytes(&mut self, bytes: &[u8], now: Instant) -> bool {
        self.now = now;
        let Some(request) = &self.probe else { return true };
        let Some(is_answered) = request.is_answered(bytes) else { return false };
        self.probe = None;
        self.watchdog.probed(is_answered, now);
        true
    }

    /// The second connection cannot be made, is closed, or is silent. That says nothing about this one.
    pub fn on_probe_failed(&mut self, now: Instant) {
        self.now = now;
        if self.probe.take().is_some() {
            self.watchdog.probed(false, now);
        }
    }

    /// Asks the transport about bytes that wait to be acknowledged.
    pub fn ask_transport(&mut self) {
        self.outputs.push_back(Output::AskTransport);
    }

    /// What the transport said when it was asked.
    pub fn on_transport(&mut self, transport: Transport, now: Instant) {
        self.now = now;
        if self.is_watched() && self.watchdog.transport(transport, now) {
            self.give_up("nobody acknowledges what is sent on this connection");
        }
    }

    /// The transport has ended the connection because the other side is silent; `on_closed` follows.
    pub fn on_transport_lost(&mut self, now: Instant) {
        self.now = now;
        self.is_doubted = matches!(self.state, State::Handshake | State::Ready);
    }

    fn give_up(&mut self, why: &str) {
        self.is_doubted = true;
        self.outputs.push_back(Output::Failed { kind: ErrorKind::Timeout, text: why.to_owned() });
        self.hang_up(true);
    }

    pub(super) fn watch(&mut self) {
        let advice = self.watchdog.look(self.now, self.due());
        match advice {
            Advice::Wait => return,
            Advice::GiveUp => return self.give_up("the server does not answer on this connection, but does on another"),
            Advice::AskServer => {
                let mut ping = Commands::new();
                ping.push(&["ping"]);
                self.send_own(Step::Ping, &ping);
            }
            Advice::AskTransport | Advice::Probe => {}
        }
        self.outputs.push_back(Output::AskTransport);
        if advice == Advice::Probe {
            let request = probe::request(&self.options, self.protocol);
            self.outputs.push_back(Output::Probe(request.clone()));
            self.probe = Some(request);
        }
    }

    /// What the server owes.
    fn due(&self) -> Due {
        if self.queues.sent().is_empty() {
            // A PING would end up in a caller's transaction, or behind a QUIT.
            let may_ask = self.may_flush() && self.watchdog.may_ask(self.now);
            return if may_ask { Due::Nothing } else { Due::Open };
        }
        // Many bytes may be on their way for a while, where the transport does not say so.
        let has_arrived = self.watchdog.knows_transport() || self.queues.bytes() <= SMALL;
        if has_arrived && self.queues.owes_quick_replies() {
            Due::Quick
        } else {
            Due::Open
        }
    }
}
