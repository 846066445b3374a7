//! A link's events as slots of a flat array: `EVENT_SLOTS` per event, the kind first, see `LinkEvent`.

use napi::sys::napi_value;

use super::values::Values;
use crate::conn::{Message, MessageKind, Output, Reason};
use crate::contract::{self, LinkEvent, EVENT_SLOTS};
use crate::error::ErrorKind;

/// Appends one event's slots.
pub fn push_event(values: &Values<'_>, output: &Output, flat: &mut Vec<napi_value>) {
    let none = values.undefined();
    let integer = |n: u32| values.integer(i64::from(n));
    let one = |kind: LinkEvent, a: napi_value| [integer(kind.number()), a, none, none, none];
    let slots: [napi_value; EVENT_SLOTS] = match output {
        Output::Connect => one(LinkEvent::Connect, none),
        Output::Close { destroy } => one(LinkEvent::Close, integer(u32::from(*destroy))),
        Output::Check(info) => one(LinkEvent::Check, values.text(info)),
        Output::Ready => one(LinkEvent::Ready, none),
        Output::Closed { attempts } => one(LinkEvent::Closed, integer(*attempts)),
        Output::Ended => one(LinkEvent::Ended, none),
        Output::Rejected { id, reason, maybe_executed } => {
            let (kind, text) = cause(reason);
            failed(values, LinkEvent::Rejected, integer(*id), values.error(kind, text, *maybe_executed))
        }
        Output::Message(message) => told(values, message),
        Output::Monitor(line) => one(LinkEvent::Monitor, values.text(line)),
        Output::Moved(channel) => one(LinkEvent::Moved, values.text(channel)),
        Output::Failed { kind, text } => failed(values, LinkEvent::Failed, none, values.error(*kind, Some(text), false)),
        Output::Warning(text) => one(LinkEvent::Warning, values.text(text.as_bytes())),
        Output::AskTransport => one(LinkEvent::AskTransport, none),
        Output::Probe(request) => one(LinkEvent::Probe, values.buffer(&request.bytes)),
        Output::Core(_) => return,
    };
    flat.extend_from_slice(&slots);
}

fn failed(
    values: &Values<'_>,
    kind: LinkEvent,
    a: napi_value,
    [code, message, maybe_executed]: [napi_value; 3],
) -> [napi_value; EVENT_SLOTS] {
    [values.integer(i64::from(kind.number())), a, code, message, maybe_executed]
}

fn cause(reason: &Reason) -> (ErrorKind, Option<&str>) {
    match reason {
        Reason::Kind(kind) => (*kind, None),
        Reason::Server(text) => (ErrorKind::Reply, Some(text)),
    }
}

fn told(values: &Values<'_>, message: &Message) -> [napi_value; EVENT_SLOTS] {
    let kind = match message.kind {
        MessageKind::Channel => contract::MessageKind::Channel,
        MessageKind::Pattern => contract::MessageKind::Pattern,
        MessageKind::Shard => contract::MessageKind::Shard,
    };
    let integer = |n: u32| values.integer(i64::from(n));
    let [pattern, channel, payload] = [&message.pattern, &message.channel, &message.payload].map(|bytes| values.buffer(bytes));
    [integer(LinkEvent::Message.number()), integer(kind.number()), pattern, channel, payload]
}
