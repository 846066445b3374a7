//! From bytes to a message.

use super::message::{Crossed, Message};
use super::parts::Parts;
use crate::cache::ids::{CallId, LoadId, ParsedId, RepoId};
use crate::cache::request::{LoadOutcome, Request, ResultOptions};
use crate::contract::CallLetter;

/// The message at the start of `bytes`, which is an array; `None` if it is none of this protocol.
pub(super) fn parse(bytes: &[u8]) -> Option<Crossed> {
    let mut parts = Parts::open(bytes)?;
    let &[letter] = parts.next()? else { return None };
    let message = match CallLetter::from_number(letter.into())? {
        // They have a form of their own (`readings`).
        CallLetter::GetOrSet | CallLetter::GetOrSetReplacing => return None,
        CallLetter::Get => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Get { key: parts.owned()?, fresh: parts.duration()?, max_age: parts.duration()? })
        }
        CallLetter::Has => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Has { key: parts.owned()? })
        }
        CallLetter::Set => {
            let (call, reader) = parts.head()?;
            let key = parts.owned()?;
            let ttl = parts.duration()??;
            let [keep, fresh] = [parts.duration()?, parts.duration()?];
            let payload = parts.payload()?;
            Message::Call(call, reader, Request::Set { key, ttl, keep, fresh, payload, tags: parts.tags()? })
        }
        CallLetter::Delete => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Delete { keys: parts.rest()? })
        }
        CallLetter::DeletePattern => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::DeletePattern { glob: parts.owned()? })
        }
        CallLetter::Clear => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Clear)
        }
        CallLetter::InvalidateTags => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::InvalidateTags { tags: parts.tags()? })
        }
        CallLetter::Inspect => {
            let (call, reader) = parts.head()?;
            let in_full = parts.next()? == b"1";
            let [fresh, max_age, keep] = [parts.duration()?, parts.duration()?, parts.duration()?];
            Message::Call(call, reader, Request::Inspect { keys: parts.rest()?, in_full, fresh, max_age, keep })
        }
        CallLetter::Scan => {
            let (call, reader) = parts.head()?;
            Message::Call(call, reader, Request::Scan { cursor: parts.owned()?, glob: parts.owned()? })
        }
        CallLetter::Loaded => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Value(parts.payload()?)),
        CallLetter::LoadedOn => {
            let (load, options) = (LoadId(parts.number()?), parts.options()?);
            let payload = parts.payload()?;
            Message::Loaded(load, LoadOutcome::ValueWith(payload, ResultOptions { tags: parts.tags()?, ..options }))
        }
        CallLetter::Unmodified => {
            let (load, options) = (LoadId(parts.number()?), parts.options()?);
            Message::Loaded(load, LoadOutcome::Unmodified(ResultOptions { tags: parts.tags()?, ..options }))
        }
        CallLetter::LoadedNothing => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Nothing),
        CallLetter::LoadFailed => Message::Loaded(LoadId(parts.number()?), LoadOutcome::Failed),
        CallLetter::AddTags => Message::AddTags(CallId(parts.number()?), LoadId(parts.number()?), parts.tags()?),
        CallLetter::Cancel => Message::Cancel(CallId(parts.number()?)),
        CallLetter::Dropped => Message::Dropped(ParsedId(parts.number()?)),
        CallLetter::NearFill => Message::NearFill(parts.number()?, RepoId(parts.number()?), parts.owned()?, parts.tags()?),
        CallLetter::NearForget => {
            let mut copies = vec![parts.number()?];
            while parts.left > 0 {
                copies.push(parts.number()?);
            }
            Message::NearForget(copies)
        }
        CallLetter::Soften => Message::Soften(CallId(parts.number()?)),
        CallLetter::Word => {
            let call = CallId(parts.number()?);
            let word = match parts.next()? {
                b"1" => true,
                b"0" => false,
                _ => return None,
            };
            Message::Word(call, word)
        }
    };
    (parts.left == 0).then_some(Crossed { message, handling: parts.handling, length: parts.at })
}
