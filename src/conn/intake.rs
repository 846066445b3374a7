//! What the server sends: replies to their commands, confirmations to subscriptions, messages to subscribers.

use super::entry::{Entry, Owner, Step};
use super::handshake::{judge_auth, judge_info, Readiness, Verdict};
use super::link::Link;
use super::output::{Message, MessageKind, Output, Reason, Sink, State};
use crate::clock::Instant;
use crate::command::{Class, Kind};
use crate::error::ErrorKind;
use crate::resp::Reply;

/// How often a command that the server keeps refusing is sent again before its caller hears of it.
const MAX_REFUSALS: u32 = 20;

impl Link {
    /// Bytes arrived. `chunk` is consumed before the call returns.
    pub fn on_bytes<S: Sink>(&mut self, chunk: &[u8], now: Instant, sink: &mut S) {
        self.now = now;
        if !matches!(self.state, State::Handshake | State::Ready) {
            return;
        }
        self.watchdog.heard(now);
        let mut held = std::mem::take(&mut self.input);
        let bytes: &[u8] = if held.is_empty() {
            chunk
        } else {
            held.extend_from_slice(chunk);
            &held
        };
        let mut at = 0;
        loop {
            match self.scanner.scan(&bytes[at..]) {
                Ok(Some(length)) => {
                    self.on_frame(&bytes[at..at + length], sink);
                    at += length;
                }
                Ok(None) => break,
                Err(error) => {
                    self.fail(ErrorKind::Protocol, error.to_string());
                    return;
                }
            }
            if self.closing && !matches!(self.state, State::Handshake | State::Ready) {
                return;
            }
        }
        if held.is_empty() {
            held.extend_from_slice(&chunk[at..]);
        } else {
            held.drain(..at);
        }
        self.input = held;
    }

    /// The connection cannot be used any more.
    fn fail(&mut self, kind: ErrorKind, text: String) {
        self.outputs.push_back(Output::Failed { kind, text });
        self.outputs.push_back(Output::Close { destroy: true });
    }

    fn on_frame<S: Sink>(&mut self, frame: &[u8], sink: &mut S) {
        if frame[0] == b'>' {
            self.on_push(&Reply::parse(frame), sink);
            return;
        }
        let front_kind = self.sent.front().map_or(Kind::Plain, |e| e.class.kind());
        if frame[0] == b'*' && self.protocol == 2 && (self.subscriptions.total() > 0 || is_subscription(front_kind) || self.resubscribing())
        {
            let reply = Reply::parse(frame);
            if is_subscriber_reply(&reply) {
                self.on_push(&reply, sink);
                return;
            }
        }
        if self.monitoring && frame[0] == b'+' && frame.get(1).is_some_and(u8::is_ascii_digit) {
            self.outputs.push_back(Output::Monitor(frame[1..frame.len() - 2].to_vec()));
            return;
        }
        let Some(entry) = self.sent.pop_front() else {
            self.fail(ErrorKind::Protocol, "a reply to no command".to_owned());
            return;
        };
        match entry.owner {
            Owner::Caller(id) => self.on_caller_reply(entry, id, frame, sink),
            Owner::Core(tag) => {
                self.retained.release(entry.place);
                sink.core(tag, frame);
            }
            Owner::Link(step) => {
                self.retained.release(entry.place);
                self.on_own_reply(step, &Reply::parse(frame));
            }
        }
    }

    fn on_caller_reply<S: Sink>(&mut self, entry: Entry, id: u32, frame: &[u8], sink: &mut S) {
        let is_error = frame[0] == b'-';
        if is_error && self.options.retry_refused && !entry.abandoned && self.keep_trying(entry, frame) {
            return;
        }
        match entry.class.kind() {
            Kind::Select if is_error => {
                // The server stayed where it was, and so do later commands.
                self.caller_db = entry.db;
                self.wire_db = None;
            }
            Kind::Select => self.outputs.push_back(Output::Selected(self.caller_db)),
            Kind::Monitor if !is_error => self.monitoring = true,
            Kind::Reset if !is_error => {
                self.subscriptions.clear();
                self.monitoring = false;
                self.protocol = 2;
                self.wire_db = Some(0);
            }
            _ => {}
        }
        self.retained.release(entry.place);
        if !entry.abandoned {
            sink.reply(id, entry.class, frame);
        }
    }

    /// Whether a refusal is none of the caller's business yet.
    fn keep_trying(&mut self, entry: Entry, frame: &[u8]) -> bool {
        let refusal = |prefix: &[u8]| frame[1..].starts_with(prefix);
        let read_only = refusal(b"READONLY");
        let passing = read_only || refusal(b"LOADING") || refusal(b"TRYAGAIN") || refusal(b"CLUSTERDOWN") || refusal(b"MASTERDOWN");
        if !passing || entry.refusals >= MAX_REFUSALS || entry.class.has(Class::IN_TRANSACTION) {
            return false;
        }
        if read_only && entry.refusals == 0 {
            // This server is a replica now; the name may lead to another one.
            self.outputs.push_back(Output::Close { destroy: false });
        }
        self.send_again(entry);
        true
    }

    fn on_own_reply(&mut self, step: Step, reply: &Reply) {
        match step {
            Step::Hello | Step::Auth => match judge_auth(step, reply) {
                Verdict::Accepted => {}
                Verdict::Warning(text) => self.outputs.push_back(Output::Warning(text)),
                Verdict::NoResp3 => self.fall_back(),
                Verdict::Refused(text) => return self.refuse_handshake(text),
            },
            Step::Select => {
                if let Some(error) = reply.error() {
                    let text = String::from_utf8_lossy(error).into_owned();
                    self.outputs.push_back(Output::Failed { kind: ErrorKind::Reply, text });
                }
            }
            Step::Info => match judge_info(reply) {
                Readiness::Ready => {}
                Readiness::Warning(text) => self.outputs.push_back(Output::Warning(text)),
                Readiness::Loading(ms) => {
                    let pause = std::time::Duration::from_millis(ms).min(self.options.max_loading_retry);
                    self.wake_info = Some(self.now + pause);
                    return;
                }
                Readiness::Refused(text) => return self.refuse_handshake(text),
            },
            Step::SwitchDatabase(_) => {
                if reply.error().is_some() {
                    self.wire_db = None;
                }
            }
            Step::Optional | Step::Resubscribe | Step::Ping | Step::Overtaken => {}
        }
        let handshake_over = self.state == State::Handshake && self.wake_info.is_none() && self.sent.is_empty();
        if handshake_over {
            self.become_ready();
        }
    }

    /// HELLO was refused. Where it carried credentials, what followed it was refused too: the handshake starts over in RESP2.
    fn fall_back(&mut self) {
        self.protocol = 2;
        if self.options.password.is_some() {
            for entry in &mut self.sent {
                entry.owner = Owner::Link(Step::Overtaken);
            }
            self.start_handshake();
        }
    }

    fn refuse_handshake(&mut self, text: String) {
        let reason = Reason::Server(text.as_str().into());
        self.reject_all(&reason);
        self.fail(ErrorKind::Reply, text);
    }

    fn resubscribing(&self) -> bool {
        self.sent.front().is_some_and(|e| e.owner == Owner::Link(Step::Resubscribe))
    }

    fn on_push<S: Sink>(&mut self, push: &Reply, sink: &mut S) {
        let Some([kind, rest @ ..]) = push.items() else { return };
        let text = |index: usize| rest.get(index).and_then(Reply::as_bytes).unwrap_or_default().to_vec();
        let message = |kind: MessageKind| {
            let pattern = kind == MessageKind::Pattern;
            let skip = usize::from(pattern);
            Message { kind, pattern: if pattern { text(0) } else { Vec::new() }, channel: text(skip), payload: text(skip + 1) }
        };
        let confirmed = match kind.as_bytes().unwrap_or_default() {
            b"message" => return self.outputs.push_back(Output::Message(message(MessageKind::Channel))),
            b"pmessage" => return self.outputs.push_back(Output::Message(message(MessageKind::Pattern))),
            b"smessage" => return self.outputs.push_back(Output::Message(message(MessageKind::Shard))),
            b"subscribe" => Kind::Subscribe,
            b"psubscribe" => Kind::PatternSubscribe,
            b"ssubscribe" => Kind::ShardSubscribe,
            b"unsubscribe" => Kind::Unsubscribe,
            b"punsubscribe" => Kind::PatternUnsubscribe,
            b"sunsubscribe" => Kind::ShardUnsubscribe,
            _ => return,
        };
        let channel = rest.first().and_then(Reply::as_bytes);
        let count = rest.get(1).and_then(Reply::as_integer).unwrap_or(0);
        self.on_confirmation(confirmed, channel, count, sink);
    }

    fn on_confirmation<S: Sink>(&mut self, kind: Kind, channel: Option<&[u8]>, count: i64, sink: &mut S) {
        let announced = self.subscriptions.count(kind) as u32;
        self.subscriptions.confirm(kind, channel);
        let Some(front) = self.sent.front_mut() else { return self.unasked(kind, channel) };
        let own = front.owner == Owner::Link(Step::Resubscribe);
        if !own && front.class.kind() != kind {
            return self.unasked(kind, channel);
        }
        if front.confirmations == 0 {
            // One for each channel named; without names, one for each channel there was, and one if there was none.
            let named = crate::command::arguments(self.retained.get(front.place)).count() as u32 - 1;
            front.confirmations = if named > 0 { named } else { announced.max(1) };
        }
        front.confirmations -= 1;
        if front.confirmations > 0 {
            return;
        }
        if let Some(entry) = self.sent.pop_front() {
            self.retained.release(entry.place);
            if let Owner::Caller(id) = entry.owner {
                if !entry.abandoned {
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

const fn is_subscription(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Subscribe
            | Kind::PatternSubscribe
            | Kind::ShardSubscribe
            | Kind::Unsubscribe
            | Kind::PatternUnsubscribe
            | Kind::ShardUnsubscribe
    )
}

/// Whether an array is one of RESP2's in-band pub/sub messages. Asked only of a connection that has asked for some.
fn is_subscriber_reply(reply: &Reply) -> bool {
    let Some([kind, ..]) = reply.items() else { return false };
    matches!(
        kind.as_bytes(),
        Some(
            b"message"
                | b"pmessage"
                | b"smessage"
                | b"subscribe"
                | b"psubscribe"
                | b"ssubscribe"
                | b"unsubscribe"
                | b"punsubscribe"
                | b"sunsubscribe"
        )
    )
}
