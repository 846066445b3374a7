//! A link's events as slots of a flat array: `EVENT_SLOTS` per event, the kind first, see `LinkEvent`.

use napi::sys::napi_value;

use super::replies::millis32;
use super::values::Values;
use crate::conn::{Message, MessageKind, Output, Reason};
use crate::contract::{self, LinkEvent, EVENT_SLOTS};
use crate::error::ErrorKind;

/// The slots of one event.
type Slots = [napi_value; EVENT_SLOTS];

/// Appends the slots of one event.
pub fn push_event(values: &Values<'_>, output: &Output, flat: &mut Vec<napi_value>) {
    let slots = match output {
        Output::Message(message) => message_slots(values, message),
        Output::Rejected { id, reason, maybe_executed } => {
            let (kind, text) = cause(reason);
            error_slots(values, LinkEvent::Rejected, *id, values.error(kind, text, *maybe_executed))
        }
        Output::HandedBack { id, sent, left } => {
            let none = values.undefined();
            let left = left.map_or(none, |left| number(values, millis32(left)));
            [number(values, LinkEvent::HandedBack.number()), number(values, *id), number(values, u32::from(*sent)), left, none]
        }
        Output::FieldsetRefused { index, text } => {
            let error = values.error(ErrorKind::Reply, Some(text), false);
            error_slots(values, LinkEvent::FieldsetRefused, u32::from(*index), error)
        }
        Output::CredentialsRefused { text } => {
            error_slots(values, LinkEvent::CredentialsRefused, 0, values.error(ErrorKind::Reply, Some(text), false))
        }
        Output::Failed { kind, text } => error_slots(values, LinkEvent::Failed, 0, values.error(*kind, Some(text), false)),
        _ => {
            let Some((kind, argument)) = plain(values, output) else { return };
            let none = values.undefined();
            [number(values, kind.number()), argument.unwrap_or(none), none, none, none]
        }
    };
    let slots = match values.take_failure() {
        None => slots,
        Some(error) => unreadable(values, output, error),
    };
    flat.extend_from_slice(&slots);
}

/// The kind of an event that has at most one argument, and the argument. `None` for all other outputs.
fn plain(values: &Values<'_>, output: &Output) -> Option<(LinkEvent, Option<napi_value>)> {
    Some(match output {
        Output::Connect => (LinkEvent::Connect, None),
        Output::Close { destroy } => (LinkEvent::Close, Some(number(values, u32::from(*destroy)))),
        Output::Check(info) => (LinkEvent::Check, Some(values.text(info))),
        Output::Ready => (LinkEvent::Ready, None),
        Output::Closed { attempts } => (LinkEvent::Closed, Some(number(values, *attempts))),
        Output::Monitor(line) => (LinkEvent::Monitor, Some(values.text(line))),
        Output::Moved(channel) => (LinkEvent::Moved, Some(values.text(channel))),
        Output::Warning(text) => (LinkEvent::Warning, Some(values.text(text.as_bytes()))),
        Output::AskTransport => (LinkEvent::AskTransport, None),
        Output::Database => (LinkEvent::Database, None),
        Output::NothingRan => (LinkEvent::NothingRan, None),
        Output::Probe(request) => (LinkEvent::Probe, Some(values.buffer(&request.bytes))),
        Output::Ended => (LinkEvent::Ended, None),
        Output::Core(_)
        | Output::Message(_)
        | Output::Rejected { .. }
        | Output::HandedBack { .. }
        | Output::FieldsetRefused { .. }
        | Output::CredentialsRefused { .. }
        | Output::Failed { .. } => return None,
    })
}

fn message_slots(values: &Values<'_>, message: &Message) -> Slots {
    let kind = match message.kind {
        MessageKind::Channel => contract::MessageKind::Channel,
        MessageKind::Pattern => contract::MessageKind::Pattern,
        MessageKind::Shard => contract::MessageKind::Shard,
    };
    let [pattern, channel, payload] = [&message.pattern, &message.channel, &message.payload].map(|bytes| values.buffer(bytes));
    [number(values, LinkEvent::Message.number()), number(values, kind.number()), pattern, channel, payload]
}

fn error_slots(values: &Values<'_>, kind: LinkEvent, id: u32, [code, message, maybe_executed]: [napi_value; 3]) -> Slots {
    [number(values, kind.number()), number(values, id), code, message, maybe_executed]
}

/// JavaScript cannot hold the event. Its error takes the place of the code: the command is rejected with it, or the client emits it.
#[cold]
fn unreadable(values: &Values<'_>, output: &Output, error: napi_value) -> Slots {
    let none = values.undefined();
    match output {
        Output::Rejected { id, .. } => error_slots(values, LinkEvent::Rejected, *id, [error, none, none]),
        _ => error_slots(values, LinkEvent::Failed, 0, [error, none, none]),
    }
}

fn cause(reason: &Reason) -> (ErrorKind, Option<&str>) {
    match reason {
        Reason::Kind(kind) => (*kind, None),
        Reason::Server(text) => (ErrorKind::Reply, Some(text)),
        Reason::NoDatabase(text) => (ErrorKind::NoDatabase, Some(text)),
    }
}

fn number(values: &Values<'_>, n: u32) -> napi_value {
    values.integer(i64::from(n))
}
