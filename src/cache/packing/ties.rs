//! What messages and decisions are about, as far as their order matters.

use super::line::Tie;
use crate::cache::decision::Decision;
use crate::cache::ids::{CallId, LoadId, ParsedId};
use crate::cache::request::Request;
use crate::cache::wire::Message;

pub(super) fn of_message(message: &Message) -> Vec<Tie> {
    match message {
        Message::Call(call, reader, request) => {
            let repo = reader.repo;
            let mut ties = match request {
                Request::GetOrSet { key, .. } | Request::Get { key, .. } | Request::Has { key } | Request::Set { key, .. } => {
                    vec![Tie::Key(repo, key.clone())]
                }
                Request::Delete { keys } | Request::Inspect { keys, .. } => keys.iter().map(|key| Tie::Key(repo, key.clone())).collect(),
                Request::DeletePattern { .. } | Request::InvalidateTags { .. } | Request::Clear | Request::Scan { .. } => {
                    vec![Tie::Repo(repo)]
                }
            };
            ties.push(Tie::Call(call.0));
            ties
        }
        Message::Loaded(load, _) => vec![Tie::Load(load.0)],
        Message::AddTags(call, load, _) => vec![Tie::Call(call.0), Tie::Load(load.0)],
        Message::Cancel(call) | Message::Soften(call) | Message::Word(call, _) => vec![Tie::Call(call.0)],
        Message::Dropped(_) | Message::NearFill(..) | Message::NearForget(_) => Vec::new(),
    }
}

pub(super) fn of_decision(decision: &Decision) -> Vec<Tie> {
    let call = |call: &CallId| Tie::Call(call.0);
    match decision {
        Decision::HitParsed { call: CallId(id), parsed: ParsedId(parsed), .. } => vec![Tie::Call(*id), Tie::Parsed(*parsed)],
        Decision::Keep { parsed: ParsedId(parsed), .. } => vec![Tie::Parsed(*parsed)],
        Decision::FailedWith { call: CallId(id), load: LoadId(load) } => vec![Tie::Call(*id), Tie::Load(*load)],
        Decision::Hit { call: id, .. }
        | Decision::Miss { call: id }
        | Decision::Load { call: id, .. }
        | Decision::Refresh { call: id, .. }
        | Decision::Stored { call: id, .. }
        | Decision::Nothing { call: id, .. }
        | Decision::Done { call: id, .. }
        | Decision::Error { call: id, .. }
        | Decision::Scanned { call: id, .. }
        | Decision::Inspected { call: id, .. }
        | Decision::Waiting { call: id } => vec![call(id)],
        Decision::LoadOver { call: id, load } => id.iter().map(call).chain(load.iter().map(|load| Tie::Load(load.0))).collect(),
        Decision::NearFilled(filled) => vec![Tie::Copy(filled.copy)],
        Decision::NearDropped { copy } => vec![Tie::Copy(*copy)],
        Decision::NearRefused { .. }
        | Decision::LaneUseless { .. }
        | Decision::Event { .. }
        | Decision::Counted { .. }
        | Decision::Packed { .. } => Vec::new(),
    }
}
