//! A link's events as slots of a flat array: five slots per event, the kind first. `lib/link/link.ts` knows the kinds.

use napi::sys::napi_value;

use super::values::Values;
use crate::conn::{Message, MessageKind, Output, Reason};

/// Kinds of events.
mod event {
    pub const CONNECT: i64 = 0;
    pub const CLOSE: i64 = 1;
    pub const READY: i64 = 2;
    pub const CLOSED: i64 = 3;
    pub const ENDED: i64 = 4;
    pub const REJECTED: i64 = 5;
    pub const MESSAGE: i64 = 6;
    pub const MONITOR: i64 = 7;
    pub const MOVED: i64 = 8;
    pub const FAILED: i64 = 9;
    pub const WARNING: i64 = 10;
    pub const SELECTED: i64 = 11;
    pub const PROBE: i64 = 12;
    pub const CHECK: i64 = 13;
    pub const ASK_TRANSPORT: i64 = 14;
}

/// Appends one event's slots.
pub fn push_event(values: &Values<'_>, output: &Output, flat: &mut Vec<napi_value>) {
    let none = values.undefined();
    let flag = |set: bool| values.integer(i64::from(set));
    let slots = match output {
        Output::Connect => [values.integer(event::CONNECT), none, none, none, none],
        Output::Close { destroy } => [values.integer(event::CLOSE), flag(*destroy), none, none, none],
        Output::Check(info) => [values.integer(event::CHECK), values.text(info), none, none, none],
        Output::Ready => [values.integer(event::READY), none, none, none, none],
        Output::Closed { attempts } => [values.integer(event::CLOSED), values.integer(i64::from(*attempts)), none, none, none],
        Output::Ended => [values.integer(event::ENDED), none, none, none, none],
        Output::Rejected { id, reason, maybe_executed } => {
            let (code, text) = match reason {
                Reason::Kind(kind) => (values.text(kind.code().as_bytes()), none),
                Reason::Server(text) => (values.text(b"E_REPLY"), values.text(text.as_bytes())),
            };
            [values.integer(event::REJECTED), values.integer(i64::from(*id)), code, text, flag(*maybe_executed)]
        }
        Output::Message(Message { kind, pattern, channel, payload }) => {
            let kind = match kind {
                MessageKind::Channel => 0,
                MessageKind::Pattern => 1,
                MessageKind::Shard => 2,
            };
            [values.integer(event::MESSAGE), values.integer(kind), values.buffer(pattern), values.buffer(channel), values.buffer(payload)]
        }
        Output::Monitor(line) => [values.integer(event::MONITOR), values.text(line), none, none, none],
        Output::Moved(channel) => [values.integer(event::MOVED), values.text(channel), none, none, none],
        Output::Failed { kind, text } => {
            [values.integer(event::FAILED), values.text(kind.code().as_bytes()), values.text(text.as_bytes()), none, none]
        }
        Output::Warning(text) => [values.integer(event::WARNING), values.text(text.as_bytes()), none, none, none],
        Output::Selected(db) => [values.integer(event::SELECTED), values.integer(i64::from(*db)), none, none, none],
        Output::AskTransport => [values.integer(event::ASK_TRANSPORT), none, none, none, none],
        Output::Probe(request) => [values.integer(event::PROBE), values.buffer(&request.bytes), none, none, none],
        Output::Core(_) => return,
    };
    flat.extend_from_slice(&slots);
}
