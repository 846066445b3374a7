//! The link's state machine: its states, the life of its connection, its timers. `outbound` sends commands, `intake` handles
//! what the server sends, `unanswered` rejects commands that will get no reply, `watchdog` tells a dead connection from a busy
//! server, and `databases` tracks the selected database. The driver calls an input, writes the bytes of `take_output`,
//! drains `poll_output`, and calls `on_timer` at `next_wakeup`.

use std::collections::VecDeque;
use std::time::Duration;

use super::databases::Databases;
use super::handshake;
use super::options::LinkOptions;
use super::output::{Output, Reason, State};
use super::pending::{Owner, PendingCommand, Step};
use super::probe::ProbeRequest;
use super::queues::Queues;
use super::reader::Reader;
use super::subscriptions::Subscriptions;
use super::timers::{Timer, Timers};
use super::transaction::Transaction;
use super::watch::Watch;
use super::watchdog::Watchdog;
use crate::clock::Instant;
use crate::command::Class;
use crate::error::ErrorKind;
use crate::resp::Commands;

/// How far the link has closed the current connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CloseState {
    /// Nothing.
    Open,
    /// QUIT is on the wire: nothing is written behind it.
    QuitSent,
    /// The driver was asked to close it. Bytes that still arrive are processed.
    Closing,
    /// The connection is broken. Bytes that still arrive are ignored, because replies would go to the wrong commands.
    Broken,
}

/// One connection to one server.
#[derive(Debug)]
pub struct Link {
    pub(super) options: LinkOptions,
    pub(super) state: State,
    pub(super) close_state: CloseState,
    pub(super) reader: Reader,
    /// Bytes to write that the driver does not already have.
    pub(super) output: Vec<u8>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) queues: Queues,
    pub(super) databases: Databases,
    pub(super) transaction: Transaction,
    pub(super) watch: Watch,
    pub(super) subscriptions: Subscriptions,
    pub(super) watchdog: Watchdog,
    /// The second connection, while it is under way.
    pub(super) probe: Option<ProbeRequest>,
    /// The link itself gave up the connection, so commands that may have run are not run again.
    pub(super) is_doubted: bool,
    pub(super) timers: Timers,
    /// The protocol that this connection speaks.
    pub(super) protocol: u8,
    pub(super) monitoring: bool,
    /// Whether the link has ever been ready.
    was_ready: bool,
    /// The server's reply to the ready check, until the driver is asked.
    pub(super) info: Option<Vec<u8>>,
    /// Whether the driver is asked and has not answered.
    pub(super) is_driver_asked: bool,
    /// The connection is to take over credentials that came after its handshake began.
    pub(super) is_renewal_due: bool,
    /// Whether the next end of the connection is final.
    pub(super) is_final: bool,
    /// When a READONLY reply last made the link look for another server.
    pub(super) rediscovered: Option<Instant>,
    attempts: u32,
    pub(super) now: Instant,
}

impl Link {
    /// A link that has not been asked to connect.
    pub fn new(options: LinkOptions) -> Self {
        Self {
            reader: Reader::new(options.limits),
            watchdog: Watchdog::new(options.watchdog),
            protocol: options.protocol,
            databases: Databases::new(options.db),
            options,
            state: State::Idle,
            close_state: CloseState::Open,
            output: Vec::new(),
            outputs: VecDeque::new(),
            queues: Queues::default(),
            transaction: Transaction::default(),
            watch: Watch::default(),
            subscriptions: Subscriptions::default(),
            timers: Timers::default(),
            probe: None,
            is_doubted: false,
            monitoring: false,
            was_ready: false,
            info: None,
            is_driver_asked: false,
            is_renewal_due: false,
            is_final: false,
            rediscovered: None,
            attempts: 0,
            now: Instant::default(),
        }
    }

    /// Sets new options while there is no connection; they apply to the next one. Callers stay in their database, unless no
    /// connection has been made to it yet.
    pub fn configure(&mut self, options: LinkOptions) {
        if !self.was_ready {
            self.databases.configure(self.options.db, options.db);
        }
        self.reader = Reader::new(options.limits);
        self.watchdog = Watchdog::new(options.watchdog);
        self.options = options;
    }

    /// Where the link is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The protocol the connection speaks: 2 or 3.
    pub const fn protocol(&self) -> u8 {
        self.protocol
    }

    /// The database that callers' commands go to.
    pub const fn database(&self) -> u32 {
        self.databases.callers()
    }

    /// Commands waiting or in flight.
    pub fn queued(&self) -> usize {
        self.queues.len()
    }

    /// Bytes of commands that wait or are not answered.
    pub const fn unanswered_bytes(&self) -> usize {
        self.queues.bytes()
    }

    /// Connections lost or not made since the link was last ready.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the connection takes subscription commands only (RESP2, with subscriptions).
    pub fn is_subscriber(&self) -> bool {
        self.protocol == 2 && self.subscriptions.total() > 0
    }

    /// Bytes to write. Bytes that the driver passes through must not overtake them.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Takes the bytes to write.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Passes the bytes to write to `write`. They are gone if that returns `true`, as this does.
    pub fn write_output(&mut self, write: impl FnOnce(&[u8]) -> bool) -> bool {
        let is_written = self.output.is_empty() || write(&self.output);
        if is_written {
            self.output.clear();
        }
        is_written
    }

    /// The next output.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `on_timer` wants to be called.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let watch = if self.is_watched() { self.watchdog.next() } else { None };
        let refused = self.timers.get(Timer::Refused).filter(|_| self.may_flush());
        [self.timers.next(), refused, watch].into_iter().flatten().min()
    }

    /// Whether commands are written as they come.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Ready && self.close_state == CloseState::Open
    }

    /// Whether refused commands may be written again. Inside a transaction they would become part of it.
    pub(super) fn may_flush(&self) -> bool {
        self.is_open() && !self.transaction.is_open()
    }

    // ---- the connection

    /// Opens the connection, from `Idle` or `Ended`, or at once while a reconnect waits.
    pub fn connect(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.state, State::Idle | State::Ended | State::Closed) {
            self.is_final = false;
            self.timers.clear(Timer::Reconnect);
            self.state = State::Connecting;
            self.outputs.push_back(Output::Connect);
        }
    }

    /// The driver's socket is open.
    pub fn on_connected(&mut self, now: Instant) {
        self.now = now;
        if self.state != State::Connecting {
            return;
        }
        if self.close_state != CloseState::Open {
            // The connection opened after it was given up.
            self.outputs.push_back(Output::Close { destroy: true });
            return;
        }
        self.state = State::Handshake;
        self.protocol = self.options.protocol;
        self.databases.connected(self.options.db);
        self.watchdog.heard(now);
        self.start_handshake();
    }

    pub(super) fn start_handshake(&mut self) {
        let steps = handshake::commands(&self.options, self.protocol);
        for (step, command) in &steps {
            self.send_own(*step, command);
        }
        if steps.is_empty() {
            self.become_ready();
        }
    }

    pub(super) fn send_own(&mut self, step: Step, command: &Commands) {
        for bytes in command.iter() {
            let place = self.queues.keep(bytes);
            self.output.extend_from_slice(bytes);
            self.queues.push_sent(PendingCommand::new(Owner::Link(step), Class::default(), place, 0));
        }
    }

    pub(super) fn become_ready(&mut self) {
        self.state = State::Ready;
        self.was_ready = true;
        self.attempts = 0;
        self.timers.clear(Timer::Info);
        self.watchdog.heard(self.now);
        self.outputs.push_back(Output::Ready);
        self.renew();
        let db = self.databases.callers();
        if !self.databases.is_on_wire(db) && self.databases.refusal(db, self.now).is_none() {
            self.switch_database(db);
        }
        for (kind, command) in self.subscriptions.restore() {
            self.send_own(Step::Resubscribe, &command);
            self.queues.set_last_kind(kind);
        }
        self.flush_waiting();
    }

    /// The driver's answer to `Check`: whether to accept this server. If not, the policy opens another connection. Without the question it is none.
    pub fn on_checked(&mut self, accepted: bool, now: Instant) {
        self.now = now;
        let is_asked = std::mem::take(&mut self.is_driver_asked);
        if !is_asked || self.state != State::Handshake || self.close_state != CloseState::Open {
            return;
        }
        if accepted {
            self.become_ready();
        } else {
            self.hang_up(false);
        }
    }

    /// Asks the driver to close the connection, once.
    pub(super) fn hang_up(&mut self, destroy: bool) {
        let wanted = if destroy { CloseState::Broken } else { CloseState::Closing };
        if self.close_state < wanted {
            self.close_state = wanted;
            self.timers.clear(Timer::Info);
            self.outputs.push_back(Output::Close { destroy });
        }
    }

    /// The socket is closed, by whichever side, or could not be opened.
    pub fn on_closed(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.state, State::Idle | State::Ended | State::Closed) {
            return;
        }
        self.state = State::Closed;
        self.close_state = CloseState::Open;
        self.attempts += u32::from(!self.is_final);
        self.output = Vec::new();
        self.reader.reset();
        self.timers.clear(Timer::Info);
        self.info = None;
        self.is_driver_asked = false;
        self.is_renewal_due = false;
        self.monitoring = false;
        self.probe = None;
        if !self.options.auto_resubscribe {
            self.subscriptions.clear();
        }
        self.replay();
        self.is_doubted = false;
        if self.is_final {
            self.end();
            return;
        }
        if let Some(max) = self.options.max_retries_per_request {
            if self.attempts.is_multiple_of(max.saturating_add(1)) {
                self.reject_all(&Reason::Kind(ErrorKind::MaxRetries));
            }
        }
        self.outputs.push_back(Output::Closed { attempts: self.attempts });
    }

    /// The policy's answer to `Closed`: reconnect after this delay, or never.
    pub fn reconnect_after(&mut self, delay: Option<Duration>, now: Instant) {
        self.now = now;
        if self.state != State::Closed {
            return;
        }
        match delay {
            Some(delay) => self.timers.set(Timer::Reconnect, Some(now + delay)),
            None => self.end(),
        }
    }

    /// Closes the connection: permanently, or with `reconnect` to let the policy open another one.
    pub fn disconnect(&mut self, reconnect: bool, now: Instant) {
        self.now = now;
        // A permanent close stays permanent.
        self.is_final |= !reconnect;
        match self.state {
            State::Connecting | State::Handshake | State::Ready => self.hang_up(false),
            State::Closed if reconnect => {}
            State::Idle if reconnect => {
                self.state = State::Closed;
                self.attempts += 1;
                self.outputs.push_back(Output::Closed { attempts: self.attempts });
            }
            State::Idle | State::Closed => self.end(),
            State::Ended => {}
        }
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.timers.clear(Timer::Reconnect);
        self.give_up_all();
        // Callers know that it has ended.
        self.watch.settle();
        self.timers.clear(Timer::Deadline);
        self.outputs.push_back(Output::Ended);
    }

    /// The time of `next_wakeup` has come. The driver has read the socket once more before this call.
    pub fn on_timer(&mut self, now: Instant) {
        self.now = now;
        if self.timers.take_due(Timer::Info, now) {
            let mut info = Commands::new();
            info.push(&["info"]);
            self.send_own(Step::Info, &info);
        }
        if self.state == State::Closed && self.timers.take_due(Timer::Reconnect, now) {
            self.connect(now);
        }
        if self.timers.is_due(Timer::Deadline, now) {
            self.check_deadlines();
        }
        if self.timers.is_due(Timer::Refused, now) && self.may_flush() {
            self.flush_waiting();
        }
        if self.is_watched() && self.watchdog.next().is_some_and(|at| at <= now) {
            self.watch();
        }
    }
}
