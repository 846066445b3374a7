//! Handles what the server sends: replies to commands, confirmations of subscriptions, messages.

use std::time::Duration;

use super::handshake::{check_auth, check_info, is_passing, Readiness, Verdict};
use super::link::{CloseState, Link};
use super::output::{CoreEvent, Output, Reason, Sink, State};
use super::pending::{Owner, PendingCommand, Step};
use super::push::{self, Push};
use super::reader::Read;
use super::secrets::masked;
use super::timers::Timer;
use crate::clock::Instant;
use crate::command::{arguments, Kind};
use crate::error::ErrorKind;
use crate::resp::{without_attributes, Reply};

/// How often a command that the server keeps refusing is sent again before its caller hears of it.
const MAX_REFUSALS: u32 = 20;

/// How long the link stays with a server that has become a replica before it looks for another server again.
const REDISCOVER_PAUSE: Duration = Duration::from_secs(5);

/// The reply to an EXEC whose transaction did not run, in each protocol.
const NOTHING_RAN: &[u8] = b"*-1\r\n";

/// The end of what has arrived: the start of a reply.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Unused {
    /// Its length.
    pub bytes: usize,
    /// How many more bytes it needs at least.
    pub missing: usize,
}

impl Link {
    /// Bytes arrived. `chunk` is consumed before the call returns.
    pub fn on_bytes<S: Sink>(&mut self, chunk: &[u8], now: Instant, sink: &mut S) {
        if let Some(read) = self.read(chunk, now, sink) {
            self.reader.finish(read);
        }
    }

    /// Bytes arrived behind those that the driver has kept: `kept` is both. Returns what to keep for the next time.
    pub fn on_kept_bytes<S: Sink>(&mut self, kept: &[u8], now: Instant, sink: &mut S) -> Unused {
        match self.read(kept, now, sink) {
            Some(read) => Unused { bytes: read.unused(), missing: self.reader.missing() },
            None => Unused::default(),
        }
    }

    fn read<'c, S: Sink>(&mut self, chunk: &'c [u8], now: Instant, sink: &mut S) -> Option<Read<'c>> {
        self.now = now;
        if !matches!(self.state, State::Handshake | State::Ready) || self.close_state == CloseState::Broken {
            return None;
        }
        self.watchdog.heard(now);
        let mut read = self.reader.begin(chunk);
        loop {
            match self.reader.next(&mut read) {
                Ok(Some(frame)) => self.on_frame(without_attributes(frame), sink),
                Ok(None) => break,
                Err(error) => self.fail_protocol(error.to_string()),
            }
            if self.close_state == CloseState::Broken {
                return None;
            }
        }
        Some(read)
    }

    /// The connection cannot be used any more.
    pub(super) fn fail(&mut self, kind: ErrorKind, text: String) {
        self.outputs.push_back(Output::Failed { kind, text });
        self.hang_up(true);
    }

    /// Commands in flight are not sent again, because one of their replies may be the unreadable one.
    fn fail_protocol(&mut self, text: String) {
        self.reject_sent(&Reason::Kind(ErrorKind::Protocol));
        self.fail(ErrorKind::Protocol, text);
    }

    fn on_frame<S: Sink>(&mut self, frame: &[u8], sink: &mut S) {
        if frame[0] == b'>' {
            self.on_push(Reply::parse(frame), sink);
            return;
        }
        if frame[0] == b'*' && self.may_be_in_band() {
            let reply = Reply::parse(frame);
            if push::read_in_band(&reply).is_some() {
                // Whatever the server answered to HELLO.
                self.protocol = 2;
                self.on_push(reply, sink);
                return;
            }
        }
        if self.monitoring && frame[0] == b'+' && frame.get(1).is_some_and(u8::is_ascii_digit) {
            self.outputs.push_back(Output::Monitor(frame[1..frame.len() - 2].to_vec()));
            return;
        }
        let Some(command) = self.queues.take_answered() else {
            return self.fail_protocol("a reply to no command".to_owned());
        };
        match command.owner {
            Owner::Caller(id) => self.on_caller_reply(command, id, frame, sink),
            Owner::Core(tag) => {
                self.queues.release(&command);
                self.outputs.push_back(Output::Core(CoreEvent::Reply { tag, reply: Reply::parse(frame) }));
            }
            Owner::Link(step) => {
                let reply = Reply::parse(frame);
                if let (Step::Resubscribe, Some(error)) = (step, reply.error()) {
                    self.on_lost_subscription(&command, error);
                }
                self.queues.release(&command);
                self.on_own_reply(step, command.db, &reply);
            }
        }
    }

    /// Whether an array may be a RESP2 pub/sub message; never if a caller's array could look like one.
    fn may_be_in_band(&self) -> bool {
        let awaited = self.queues.sent().front().is_some_and(|c| c.class.kind().is_subscription() && !c.is_in_transaction());
        awaited || self.is_subscriber()
    }

    fn on_caller_reply<S: Sink>(&mut self, command: PendingCommand, id: u32, frame: &[u8], sink: &mut S) {
        let is_error = frame[0] == b'-';
        if is_error && self.options.leaves_replicas && is_from_replica(frame) {
            self.hang_up(false);
        }
        if is_error && !command.abandoned && self.keep_trying(command, frame) {
            return;
        }
        self.follow(&command, frame);
        // This is the answer to the DISCARD that was written instead.
        let frame = if command.is_unguarded && !is_error { NOTHING_RAN } else { frame };
        self.queues.release(&command);
        if !command.abandoned {
            if let Some(left) = command.left(self.now).filter(|_| is_error) {
                sink.left(left);
            }
            sink.reply(id, command.class, command.db, frame);
        }
    }

    /// What a reply says about the state of the connection.
    fn follow(&mut self, command: &PendingCommand, frame: &[u8]) {
        let is_error = frame[0] == b'-';
        match command.class.kind() {
            Kind::Select if is_error && self.options.strict_database && !command.is_in_transaction() => {
                self.on_refused_select(command, &frame[1..]);
            }
            Kind::Select if is_error => self.stay_in(command.db),
            // In a transaction that the server has not opened, it counts at once.
            Kind::Select if !command.is_in_transaction() || frame == b"+OK\r\n" => {
                if let Some(db) = self.queues.target(command) {
                    self.databases.confirm(db);
                    self.on_selected(db);
                }
            }
            Kind::Multi if is_error && !command.is_in_transaction() => self.on_refused_transaction(),
            Kind::Watch if !is_error && !command.is_in_transaction() => self.watch.confirmed(),
            Kind::Unwatch if !is_error && !command.is_in_transaction() => self.watch.released(),
            Kind::Exec if command.is_in_transaction() => {
                if !is_error || frame.starts_with(b"-EXECABORT") {
                    self.watch.released();
                }
                if command.decides {
                    self.on_decided(frame);
                }
                if frame[0] != b'*' || frame == b"*-1\r\n" {
                    self.outputs.push_back(Output::NothingRan);
                }
            }
            Kind::Discard if !is_error && command.is_in_transaction() => {
                self.watch.released();
                self.outputs.push_back(Output::NothingRan);
            }
            // What else a proxy may say to it opens no stream.
            Kind::Monitor if frame == b"+OK\r\n" => self.monitoring = true,
            Kind::Reset if is_error => self.databases.forget_wire(),
            Kind::Reset => {
                self.watch.released();
                self.subscriptions.clear();
                self.monitoring = false;
                self.protocol = 2;
            }
            // Most servers close the connection themselves, but not all.
            Kind::Quit if !is_error => self.hang_up(false),
            _ => {}
        }
    }

    /// The server did not open a transaction. None is open, unless another was opened since or its end is already written.
    fn on_refused_transaction(&mut self) {
        if self.transaction.is_open() && !self.queues.sent().iter().any(PendingCommand::opens_transaction) {
            self.transaction.lose();
            self.close_wire_transaction();
            self.release_held();
        }
    }

    /// Whether the link handles a refusal without telling the caller yet.
    fn keep_trying(&mut self, command: PendingCommand, frame: &[u8]) -> bool {
        let refusal = |prefix: &[u8]| frame[1..].starts_with(prefix);
        let (leaves, retries) = (self.options.leaves_replicas, self.options.retries_refused());
        if !leaves && !retries {
            return false;
        }
        let read_only = refusal(b"READONLY");
        let not_now = || refusal(b"LOADING") || refusal(b"TRYAGAIN") || refusal(b"CLUSTERDOWN") || refusal(b"MASTERDOWN");
        let passing = read_only || (retries && not_now());
        let kind = command.class.kind();
        let alone = !command.is_in_transaction() && !matches!(kind, Kind::Multi | Kind::Exec | Kind::Discard);
        // If it were sent again, it would come after the transaction that it guards.
        let alone = alone && (kind != Kind::Watch || !self.queues.sent().iter().any(PendingCommand::opens_transaction));
        if !passing || command.refusals >= MAX_REFUSALS || !alone {
            return false;
        }
        if read_only && !leaves && self.rediscovered.is_none_or(|at| self.now.since(at) >= REDISCOVER_PAUSE) {
            // This server is now a replica; the name may resolve to another server.
            self.rediscovered = Some(self.now);
            self.hang_up(false);
        }
        self.send_again(command);
        true
    }

    fn on_own_reply(&mut self, step: Step, db: u32, reply: &Reply) {
        if self.state == State::Handshake && self.close_state != CloseState::Open {
            return;
        }
        let hidden = reply.error().zip(self.options.password.as_deref()).and_then(|(error, password)| masked(error, password));
        let hidden = hidden.map(Reply::Error);
        let reply = hidden.as_ref().unwrap_or(reply);
        match step {
            Step::Hello | Step::Auth => match check_auth(step, reply) {
                Verdict::Accepted => {}
                Verdict::Warning(text) => {
                    // A HELLO that was refused changed nothing.
                    self.protocol = 2;
                    self.outputs.push_back(Output::Warning(text));
                }
                Verdict::NoResp3 => self.fall_back(),
                Verdict::Refused(text) => return self.refuse_handshake(text),
            },
            Step::Select | Step::SwitchDatabase => match reply.error() {
                None => self.on_selected(if step == Step::Select { self.options.db } else { db }),
                Some(error) if !self.options.strict_database => {
                    let text = String::from_utf8_lossy(error).into_owned();
                    self.outputs.push_back(Output::Failed { kind: ErrorKind::Reply, text });
                }
                Some(error) if step == Step::Select => return self.refuse_database(error),
                Some(error) => self.on_refused_database(db, error),
            },
            Step::Info => match check_info(reply) {
                Readiness::Ready => self.info = Some(reply.as_bytes().unwrap_or_default().to_vec()),
                Readiness::Warning(text) => {
                    self.info = Some(Vec::new());
                    self.outputs.push_back(Output::Warning(text));
                }
                Readiness::Loading(ms) => {
                    let pause = Duration::from_millis(ms).min(self.options.max_loading_retry);
                    self.timers.set(Timer::Info, Some(self.now + pause));
                    return;
                }
                Readiness::Refused(text) => return self.refuse_handshake(text),
            },
            Step::Renewal => self.on_renewed(reply),
            Step::Ping => {
                let error = reply.error().map(String::from_utf8_lossy);
                self.watchdog.answered(error.is_some_and(|text| !is_passing(&text)), self.now);
            }
            Step::Fieldset(index) => {
                if let Some(error) = reply.error() {
                    let text = String::from_utf8_lossy(error).into_owned();
                    self.outputs.push_back(Output::FieldsetRefused { index, text });
                }
            }
            Step::Optional | Step::Resubscribe | Step::Overtaken => {}
        }
        let handshake_over =
            self.state == State::Handshake && !self.is_driver_asked && !self.timers.is_set(Timer::Info) && self.queues.sent().is_empty();
        if handshake_over {
            match self.info.take().filter(|_| self.options.asks_driver) {
                Some(info) => {
                    self.is_driver_asked = true;
                    self.outputs.push_back(Output::Check(info));
                }
                None => self.become_ready(),
            }
        }
    }

    /// HELLO was refused. If it carried credentials, the commands after it were refused too, so the handshake starts over in RESP2.
    fn fall_back(&mut self) {
        self.protocol = 2;
        if self.options.password.is_some() {
            for command in self.queues.sent_mut() {
                command.owner = Owner::Link(Step::Overtaken);
            }
            self.start_handshake();
        }
    }

    fn refuse_handshake(&mut self, text: String) {
        // On "not now", commands wait for the next connection.
        if !is_passing(&text) && !self.brings_others() {
            self.reject_all(&Reason::Server(text.as_str().into()));
        }
        self.fail(ErrorKind::Reply, text);
    }

    /// The server refused to restore subscriptions.
    fn on_lost_subscription(&mut self, command: &PendingCommand, error: &[u8]) {
        let kind = command.class.kind();
        for channel in arguments(self.queues.bytes_of(command)).skip(1) {
            self.subscriptions.forget(kind, channel);
            if kind == Kind::ShardSubscribe && error.starts_with(b"MOVED ") {
                self.outputs.push_back(Output::Moved(channel.to_vec()));
                return;
            }
        }
        self.outputs.push_back(Output::Warning(format!("subscriptions could not be restored: {}", String::from_utf8_lossy(error))));
    }

    fn on_push<S: Sink>(&mut self, reply: Reply, sink: &mut S) {
        match push::read(&reply) {
            Some(Push::Message(message)) => self.outputs.push_back(Output::Message(message)),
            Some(Push::Confirmation { kind, channel, count }) => self.on_confirmation(kind, channel, count, sink),
            Some(Push::Broken(what)) => self.fail_protocol(what.to_owned()),
            Some(Push::Tracking) => self.outputs.push_back(Output::Core(CoreEvent::Push(reply))),
            None => {}
        }
    }

    fn on_confirmation<S: Sink>(&mut self, kind: Kind, channel: Option<&[u8]>, count: i64, sink: &mut S) {
        let announced = self.subscriptions.count(kind) as u32;
        self.subscriptions.confirm(kind, channel);
        let Some((front, bytes)) = self.queues.front().filter(|(c, _)| c.class.kind() == kind) else { return self.unasked(kind, channel) };
        let names = || arguments(bytes).skip(1);
        if front.confirmations == 0 {
            // One for each channel named; without names, one for each channel there was, and one if there was none.
            let named = names().count() as u32;
            front.confirmations = if named > 0 { named } else { announced.max(1) };
        }
        if kind == Kind::ShardUnsubscribe && names().next().is_some() && !names().any(|name| Some(name) == channel) {
            // Its slot moved while the confirmation of another channel is pending.
            return self.unasked(kind, channel);
        }
        front.confirmations -= 1;
        if front.confirmations > 0 {
            return;
        }
        if let Some(command) = self.queues.take_answered() {
            self.queues.release(&command);
            if let Owner::Caller(id) = command.owner {
                if !command.abandoned {
                    sink.count(id, count);
                }
            }
        }
    }

    fn unasked(&mut self, kind: Kind, channel: Option<&[u8]>) {
        if kind == Kind::ShardUnsubscribe {
            self.outputs.push_back(Output::Moved(channel.unwrap_or_default().to_vec()));
        }
    }
}

/// Whether an error says that the server is a replica. Older servers say it in the middle of the error of a script.
fn is_from_replica(error: &[u8]) -> bool {
    error.starts_with(b"-READONLY ") || memchr::memmem::find(error, b": -READONLY ").is_some()
}
