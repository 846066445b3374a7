//! The link's state machine: states, queues, what is written when, and what becomes of commands when the connection is cut.
//! What the server sends is taken in by `intake`. The driver calls an input, writes what `take_output` has, drains
//! `poll_output`, and comes back with `on_timer` at `next_wakeup`.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::entry::{Entry, Owner, Step};
use super::handshake;
use super::options::{LinkOptions, Resend};
use super::retained::Retained;
use super::subscriptions::Subscriptions;
use super::watchdog::{Advice, Probe, Watchdog};
use crate::clock::Instant;
use crate::command::{arguments, refine, Class, Kind};
use crate::error::ErrorKind;
use crate::resp::{Commands, Scanner};

/// Where a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not asked to connect yet.
    Idle,
    /// The driver opens a socket.
    Connecting,
    /// The socket is open; the handshake is under way.
    Handshake,
    /// Commands are written as they come.
    Ready,
    /// The connection is gone; the policy decides, or its delay runs.
    Closed,
    /// Gone for good, until `connect` is called again.
    Ended,
}

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// By the link.
    Kind(ErrorKind),
    /// By the server, which refused the connection with this text.
    Server(Rc<str>),
}

/// What kind of message a subscriber received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// SUBSCRIBE
    Channel,
    /// PSUBSCRIBE
    Pattern,
    /// SSUBSCRIBE
    Shard,
}

/// A message to a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By which kind of subscription it came.
    pub kind: MessageKind,
    /// The pattern that matched; empty for the others.
    pub pattern: Vec<u8>,
    /// The channel it was published to.
    pub channel: Vec<u8>,
    /// What was published.
    pub payload: Vec<u8>,
}

/// What the driver has to do or to tell, besides replies and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Open a socket, then call `on_connected` or `on_closed`.
    Connect,
    /// Close the socket: `destroy` at once (RST where the socket can), else after what was written.
    Close {
        /// At once.
        destroy: bool,
    },
    /// The handshake is done.
    Ready,
    /// The connection is gone. Answer with `reconnect_after`; `attempts` counts since it was last ready.
    Closed {
        /// Connections lost or not made in a row.
        attempts: u32,
    },
    /// Gone for good.
    Ended,
    /// The command of this number will have no reply.
    Rejected {
        /// Its number.
        id: u32,
        /// Why.
        reason: Reason,
        /// Whether the server may have run it.
        maybe_executed: bool,
    },
    /// A subscriber's message.
    Message(Message),
    /// A line of MONITOR.
    Monitor(Vec<u8>),
    /// The server unsubscribed this shard channel: its slot moved.
    Moved(Vec<u8>),
    /// The connection cannot be used: what the server said, or what is wrong with its bytes.
    Failed {
        /// `Reply` for a handshake that was refused, `Protocol` for bytes that are not RESP.
        kind: ErrorKind,
        /// The text.
        text: String,
    },
    /// Worth a line in the log.
    Warning(String),
    /// The database that callers' commands go to changed.
    Selected(u32),
    /// Try a second connection to the same node, then call `on_probe`.
    Probe,
    /// What the core had in flight on this link is lost; it was never sent if `sent` is false.
    CoreCut {
        /// Its tag.
        tag: u32,
        /// Whether the server may have run it.
        sent: bool,
    },
}

/// Takes replies as they are completed, in the order of the commands. Called by `on_bytes`.
pub trait Sink {
    /// The reply to the command `id`, as one whole and valid frame.
    fn reply(&mut self, id: u32, class: Class, frame: &[u8]);
    /// The reply to a subscription command: how many subscriptions there are now.
    fn count(&mut self, id: u32, count: i64);
    /// A reply for the core.
    fn core(&mut self, tag: u32, frame: &[u8]);
}

/// One connection to one server.
#[derive(Debug)]
pub struct Link {
    pub(super) options: LinkOptions,
    pub(super) state: State,
    /// Bytes of an unfinished reply.
    pub(super) input: Vec<u8>,
    pub(super) scanner: Scanner,
    /// Bytes to write that did not come from the driver as they are.
    output: Vec<u8>,
    pub(super) outputs: VecDeque<Output>,
    pub(super) retained: Retained,
    /// Written, not answered. Replies come in this order.
    pub(super) sent: VecDeque<Entry>,
    /// To be written when ready, in this order: first what is sent again, then what never left.
    waiting: VecDeque<Entry>,
    /// The core's commands, held while a caller's transaction is open on the wire.
    held: VecDeque<Entry>,
    /// Refused by the server; written again at `refused_until`.
    refused: Vec<Entry>,
    refused_until: Option<Instant>,
    pub(super) subscriptions: Subscriptions,
    pub(super) watchdog: Watchdog,
    /// The protocol that this connection speaks.
    pub(super) protocol: u8,
    /// The database the connection is in after all that was written; `None`: unknown.
    pub(super) wire_db: Option<u32>,
    /// The database that callers' commands go to.
    pub(super) caller_db: u32,
    /// A transaction is open after all that was written.
    wire_transaction: bool,
    pub(super) monitoring: bool,
    /// Whether the next end of the connection is final.
    pub(super) closing: bool,
    attempts: u32,
    pub(super) wake_info: Option<Instant>,
    wake_reconnect: Option<Instant>,
    wake_deadline: Option<Instant>,
    pub(super) now: Instant,
}

/// First wait before a refused command is written again; it grows with each refusal.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

impl Link {
    /// A link that has not been asked to connect.
    pub fn new(options: LinkOptions) -> Self {
        Self {
            scanner: Scanner::new(options.limits),
            watchdog: Watchdog::new(options.watchdog),
            protocol: options.protocol,
            caller_db: options.db,
            options,
            state: State::Idle,
            input: Vec::new(),
            output: Vec::new(),
            outputs: VecDeque::new(),
            retained: Retained::default(),
            sent: VecDeque::new(),
            waiting: VecDeque::new(),
            held: VecDeque::new(),
            refused: Vec::new(),
            refused_until: None,
            subscriptions: Subscriptions::default(),
            wire_db: None,
            wire_transaction: false,
            monitoring: false,
            closing: false,
            attempts: 0,
            wake_info: None,
            wake_reconnect: None,
            wake_deadline: None,
            now: Instant::default(),
        }
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
        self.caller_db
    }

    /// Commands waiting or in flight.
    pub fn queued(&self) -> usize {
        self.sent.len() + self.waiting.len() + self.held.len() + self.refused.len()
    }

    /// Connections lost or not made since the link was last ready.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether the connection takes subscription commands only (RESP2, with subscriptions).
    pub fn is_subscriber(&self) -> bool {
        self.protocol == 2 && self.subscriptions.total() > 0
    }

    /// Bytes to write. Nothing of what the driver passes through may overtake them.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Takes the bytes to write.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// The next thing to do or to tell.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `on_timer` wants to be called.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let watch = if self.state == State::Ready && !self.monitoring { self.watchdog.next() } else { None };
        [self.wake_info, self.wake_reconnect, self.wake_deadline, self.refused_until, watch].into_iter().flatten().min()
    }

    // ---- the connection

    /// Opens the connection, from `Idle` or `Ended`, or at once while a reconnect waits.
    pub fn connect(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.state, State::Idle | State::Ended | State::Closed) {
            if self.state != State::Closed {
                self.attempts = 0;
            }
            self.closing = false;
            self.wake_reconnect = None;
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
        self.state = State::Handshake;
        self.protocol = self.options.protocol;
        self.wire_db = Some(self.options.db);
        self.wire_transaction = false;
        self.monitoring = false;
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
            let chunk = self.retained.keep(bytes, 1);
            let entry = Entry {
                owner: Owner::Link(step),
                class: Class::default(),
                place: Retained::place(chunk, 0..bytes.len()),
                db: 0,
                confirmations: 0,
                refusals: 0,
                abandoned: false,
                deadline: None,
            };
            self.output.extend_from_slice(bytes);
            self.sent.push_back(entry);
        }
    }

    pub(super) fn become_ready(&mut self) {
        self.state = State::Ready;
        self.attempts = 0;
        self.wake_info = None;
        self.watchdog.heard(self.now);
        self.outputs.push_back(Output::Ready);
        if self.wire_db != Some(self.caller_db) {
            self.switch_database(self.caller_db);
        }
        if self.options.auto_resubscribe {
            for (command, confirmations) in self.subscriptions.restore() {
                self.send_own(Step::Resubscribe, &command);
                if let Some(entry) = self.sent.back_mut() {
                    entry.confirmations = confirmations;
                }
            }
        }
        // The server confirms them one by one again.
        self.subscriptions.clear();
        self.flush_waiting();
    }

    fn flush_waiting(&mut self) {
        let refused = std::mem::take(&mut self.refused);
        self.refused_until = None;
        for entry in refused.into_iter().rev() {
            self.waiting.push_front(entry);
        }
        while let Some(entry) = self.waiting.pop_front() {
            if self.state != State::Ready {
                self.waiting.push_front(entry);
                return;
            }
            self.write(entry);
        }
    }

    /// The socket is closed, by whichever side, or could not be opened.
    pub fn on_closed(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.state, State::Idle | State::Ended | State::Closed) {
            return;
        }
        self.state = State::Closed;
        self.attempts += 1;
        self.input = Vec::new();
        self.output = Vec::new();
        self.scanner.reset();
        self.wake_info = None;
        self.monitoring = false;
        if !self.options.auto_resubscribe {
            self.subscriptions.clear();
        }
        self.sort_in_flight();
        if self.closing {
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

    /// The policy's answer to `Closed`: reconnect after this, or never.
    pub fn reconnect_after(&mut self, delay: Option<Duration>, now: Instant) {
        self.now = now;
        if self.state != State::Closed {
            return;
        }
        match delay {
            Some(delay) => self.wake_reconnect = Some(now + delay),
            None => self.end(),
        }
    }

    /// Closes the connection: for good, or (`reconnect`) to open another one by the policy.
    pub fn disconnect(&mut self, reconnect: bool, now: Instant) {
        self.now = now;
        self.closing = !reconnect;
        match self.state {
            State::Connecting | State::Handshake | State::Ready => self.outputs.push_back(Output::Close { destroy: false }),
            State::Closed if reconnect => {}
            State::Idle | State::Closed => self.end(),
            State::Ended => {}
        }
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.wake_reconnect = None;
        self.subscriptions.clear();
        self.caller_db = self.options.db;
        self.reject_all(&Reason::Kind(ErrorKind::ConnectionClosed));
        self.wake_deadline = None;
        self.outputs.push_back(Output::Ended);
    }

    /// The second connection that `Probe` asked for had this outcome.
    pub fn on_probe(&mut self, probe: Probe, now: Instant) {
        self.now = now;
        if self.watchdog.judge(probe, now) && self.state == State::Ready {
            self.outputs.push_back(Output::Failed {
                kind: ErrorKind::Timeout,
                text: "the connection is silent while the server is not".to_owned(),
            });
            self.outputs.push_back(Output::Close { destroy: true });
        }
    }

    /// Time has come to `next_wakeup`. The driver has looked at the socket once more before.
    pub fn on_timer(&mut self, now: Instant) {
        self.now = now;
        if self.wake_info.is_some_and(|at| at <= now) {
            self.wake_info = None;
            let mut info = Commands::new();
            info.push(&["info"]);
            self.send_own(Step::Info, &info);
        }
        if self.wake_reconnect.is_some_and(|at| at <= now) && self.state == State::Closed {
            self.wake_reconnect = None;
            self.connect(now);
        }
        if self.wake_deadline.is_some_and(|at| at <= now) {
            self.judge_deadlines();
        }
        if self.refused_until.is_some_and(|at| at <= now) && self.state == State::Ready {
            self.flush_waiting();
        }
        if self.state == State::Ready && !self.monitoring {
            self.watch();
        }
    }

    fn watch(&mut self) {
        let blocked = self.sent.iter().any(|e| e.class.has(Class::BLOCKING));
        match self.watchdog.look(self.now, blocked) {
            Advice::Wait => {}
            // An answer is due anyway, or a PING would end up in a caller's transaction.
            Advice::Ask if !self.sent.is_empty() || self.wire_transaction => {}
            Advice::Ask => {
                let mut ping = Commands::new();
                ping.push(&["ping"]);
                self.send_own(Step::Ping, &ping);
            }
            Advice::Probe => self.outputs.push_back(Output::Probe),
        }
    }

    // ---- commands

    /// Takes over a batch of callers' commands: their RESP one after another, and two words for each: its length in bytes,
    /// its class. They have the numbers `first_id` and up. Returns true if the driver is to write the same bytes as they are.
    pub fn submit(&mut self, batch: &[u8], meta: &[u32], first_id: u32, now: Instant) -> bool {
        self.now = now;
        let deadline = self.options.command_timeout.map(|t| now + t);
        let chunk = self.retained.keep(batch, meta.len() / 2);
        let plain = meta.chunks_exact(2).all(|m| matches!(Class::from_bits(m[1]).kind(), Kind::Plain | Kind::Ping));
        let direct = plain
            && self.state == State::Ready
            && self.output.is_empty()
            && self.waiting.is_empty()
            && self.refused.is_empty()
            && self.wire_db == Some(self.caller_db)
            && !self.is_subscriber()
            && !self.closing
            && self.has_room(meta.len() / 2);
        let mut start = 0;
        for (words, id) in meta.chunks_exact(2).zip((0..).map(|n: u32| first_id.wrapping_add(n))) {
            let end = start + words[0] as usize;
            let class = refine(Class::from_bits(words[1]), batch.get(start..end).unwrap_or_default());
            let entry = Entry {
                owner: Owner::Caller(id),
                class,
                place: Retained::place(chunk, start..end),
                db: self.caller_db,
                confirmations: 0,
                refusals: 0,
                abandoned: false,
                deadline: deadline.filter(|_| !class.has(Class::BLOCKING)),
            };
            start = end;
            if direct {
                self.sent.push_back(entry);
            } else {
                self.take_over(entry);
            }
        }
        if let Some(at) = deadline {
            if self.wake_deadline.is_none() {
                self.wake_deadline = Some(at);
            }
        }
        direct
    }

    /// Whether so much more fits into the bounds. Bytes of the batch at hand are retained already.
    fn has_room(&self, commands: usize) -> bool {
        let (max_commands, max_bytes) = (self.options.max_queue_commands, self.options.max_queue_bytes);
        (max_commands == 0 || self.queued() + commands <= max_commands) && (max_bytes == 0 || self.retained.bytes() <= max_bytes)
    }

    fn take_over(&mut self, entry: Entry) {
        let kind = entry.class.kind();
        let refusal = if self.state == State::Ended {
            Some(ErrorKind::ConnectionClosed)
        } else if self.state != State::Ready && !self.options.offline_queue {
            Some(ErrorKind::OfflineQueueOff)
        } else if !self.has_room(1) {
            Some(ErrorKind::QueueFull)
        } else if self.state == State::Ready && self.is_subscriber() && !is_subscriber_command(kind) {
            Some(ErrorKind::BadState)
        } else {
            None
        };
        if let Some(kind) = refusal {
            self.reject(entry, Reason::Kind(kind), false);
            return;
        }
        if kind == Kind::Select {
            let db = arguments(self.retained.get(entry.place)).nth(1).and_then(|a| std::str::from_utf8(a).ok()?.parse().ok());
            if let Some(db) = db {
                self.caller_db = db;
            }
        }
        if self.state == State::Ready && self.waiting.is_empty() && self.refused.is_empty() {
            self.write(entry);
        } else {
            self.waiting.push_back(entry);
        }
    }

    /// Takes over commands of the core; their replies come to `Sink::core` with `tag`. They run in the link's own database,
    /// never inside a caller's transaction.
    pub fn submit_core(&mut self, commands: &Commands, tag: u32, now: Instant) {
        self.now = now;
        for bytes in commands.iter() {
            let chunk = self.retained.keep(bytes, 1);
            let entry = Entry {
                owner: Owner::Core(tag),
                class: Class::default(),
                place: Retained::place(chunk, 0..bytes.len()),
                db: self.options.db,
                confirmations: 0,
                refusals: 0,
                abandoned: false,
                deadline: None,
            };
            if self.state != State::Ready || self.is_subscriber() {
                self.reject(entry, Reason::Kind(ErrorKind::ConnectionClosed), false);
            } else if self.wire_transaction {
                self.held.push_back(entry);
            } else {
                self.write(entry);
            }
        }
    }

    /// Puts a command on the wire.
    fn write(&mut self, entry: Entry) {
        let kind = entry.class.kind();
        if !self.wire_transaction && self.wire_db != Some(entry.db) && kind != Kind::Select {
            self.switch_database(entry.db);
        }
        match kind {
            Kind::Select => {
                let db = arguments(self.retained.get(entry.place)).nth(1).and_then(|a| std::str::from_utf8(a).ok()?.parse().ok());
                self.wire_db = db;
            }
            Kind::Multi => self.wire_transaction = true,
            Kind::Exec | Kind::Discard | Kind::Reset => {
                self.wire_transaction = false;
                if kind != Kind::Exec {
                    // A SELECT may have been dropped with the transaction.
                    self.wire_db = None;
                }
            }
            Kind::Quit => self.closing = true,
            _ => {}
        }
        self.output.extend_from_slice(self.retained.get(entry.place));
        self.sent.push_back(entry);
        if !self.wire_transaction {
            while let Some(held) = self.held.pop_front() {
                self.write(held);
            }
        }
    }

    fn switch_database(&mut self, db: u32) {
        let mut select = Commands::new();
        select.push(&["select", &db.to_string()]);
        self.send_own(Step::SwitchDatabase(db), &select);
        self.wire_db = Some(db);
    }

    /// A refused command is written again after a pause.
    pub(super) fn send_again(&mut self, mut entry: Entry) {
        entry.refusals += 1;
        let pause = REFUSED_PAUSE * entry.refusals.min(20);
        self.refused.push(entry);
        self.refused_until = Some(self.refused_until.unwrap_or(self.now + pause));
    }

    // ---- ends

    /// After a cut: what was in flight is sent again, rejected, or nobody's business any more.
    fn sort_in_flight(&mut self) {
        let mut again: VecDeque<Entry> = VecDeque::new();
        let mut head = true;
        let mut broken = false;
        for entry in std::mem::take(&mut self.sent) {
            match entry.owner {
                Owner::Link(_) => self.retained.release(entry.place),
                Owner::Core(tag) => {
                    self.retained.release(entry.place);
                    self.outputs.push_back(Output::CoreCut { tag, sent: true });
                }
                Owner::Caller(_) if entry.abandoned => self.retained.release(entry.place),
                Owner::Caller(_) => {
                    // The rest of a pipeline whose head was answered, and the rest of a transaction, are lost with their connection.
                    let tail = entry.class.has(Class::PIPELINE_TAIL);
                    broken = if head { tail } else { broken && tail };
                    head = false;
                    let lost = broken || entry.class.has(Class::IN_TRANSACTION);
                    if self.may_send_again(&entry) && !lost {
                        again.push_back(Entry { confirmations: 0, ..entry });
                    } else {
                        self.reject(entry, Reason::Kind(ErrorKind::Aborted), true);
                    }
                }
            }
        }
        for entry in std::mem::take(&mut self.held) {
            self.reject(entry, Reason::Kind(ErrorKind::ConnectionClosed), false);
        }
        for entry in again.into_iter().rev() {
            self.waiting.push_front(entry);
        }
    }

    fn may_send_again(&self, entry: &Entry) -> bool {
        if self.closing || !self.options.auto_resend {
            return false;
        }
        match self.options.resend {
            Resend::All => true,
            Resend::Idempotent => entry.class.has(Class::IDEMPOTENT),
            Resend::None => false,
        }
    }

    pub(super) fn reject_all(&mut self, reason: &Reason) {
        let maybe = self.sent.len();
        let all = std::mem::take(&mut self.sent)
            .into_iter()
            .chain(std::mem::take(&mut self.refused))
            .chain(std::mem::take(&mut self.waiting))
            .chain(std::mem::take(&mut self.held));
        self.refused_until = None;
        for (index, entry) in all.enumerate() {
            self.reject(entry, reason.clone(), index < maybe);
        }
    }

    pub(super) fn reject(&mut self, entry: Entry, reason: Reason, maybe_executed: bool) {
        self.retained.release(entry.place);
        match entry.owner {
            Owner::Caller(id) if !entry.abandoned => self.outputs.push_back(Output::Rejected { id, reason, maybe_executed }),
            Owner::Core(tag) => self.outputs.push_back(Output::CoreCut { tag, sent: maybe_executed }),
            _ => {}
        }
    }

    /// Rejects what is past its deadline. What was sent keeps its place in the order of replies.
    fn judge_deadlines(&mut self) {
        let now = self.now;
        let mut next = None;
        for entry in &mut self.sent {
            let Some(deadline) = entry.deadline.filter(|_| !entry.abandoned) else { continue };
            if deadline > now {
                next = Some(deadline);
                break;
            }
            entry.abandoned = true;
            if let Owner::Caller(id) = entry.owner {
                let reason = Reason::Kind(ErrorKind::Timeout);
                self.outputs.push_back(Output::Rejected { id, reason, maybe_executed: true });
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting = self.keep_timely(waiting, &mut next);
        let refused = std::mem::take(&mut self.refused);
        self.refused = self.keep_timely(refused.into(), &mut next).into();
        self.wake_deadline = next;
    }

    fn keep_timely(&mut self, queue: VecDeque<Entry>, next: &mut Option<Instant>) -> VecDeque<Entry> {
        let mut kept = VecDeque::with_capacity(queue.len());
        for entry in queue {
            match entry.deadline {
                Some(deadline) if deadline <= self.now => self.reject(entry, Reason::Kind(ErrorKind::Timeout), false),
                deadline => {
                    *next = [*next, deadline].into_iter().flatten().min();
                    kept.push_back(entry);
                }
            }
        }
        kept
    }
}

const fn is_subscriber_command(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Subscribe
            | Kind::PatternSubscribe
            | Kind::ShardSubscribe
            | Kind::Unsubscribe
            | Kind::PatternUnsubscribe
            | Kind::ShardUnsubscribe
            | Kind::Ping
            | Kind::Quit
            | Kind::Reset
    )
}
