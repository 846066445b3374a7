//! A cluster's actions as slots of a flat array: `ACTION_SLOTS` per action, the kind first, see `ClusterAction`.

use napi::sys::napi_value;

use super::values::Values;
use crate::cluster::{Address, NodeId, Output, Trail};
use crate::contract::{ClusterAction, ClusterNodeNumber, ACTION_SLOTS};

/// One part of an action.
enum Part<'a> {
    Number(u32),
    Trail(Trail),
    Text(&'a str),
    Address(Option<&'a Address>),
}

/// Appends the slots of one action.
pub fn push_action(values: &Values<'_>, output: &Output, flat: &mut Vec<napi_value>) {
    let (kind, parts) = parts(output);
    let end = flat.len() + ACTION_SLOTS;
    flat.push(values.integer(i64::from(kind.number())));
    flat.extend(parts.iter().map(|part| match part {
        Part::Number(number) => values.integer(i64::from(*number)),
        Part::Trail(trail) => values.number(trail.pack()),
        Part::Text(text) => values.text(text.as_bytes()),
        Part::Address(Some(address)) => values.text(address.to_string().as_bytes()),
        Part::Address(None) => values.text(b""),
    }));
    flat.resize(end, values.undefined());
}

fn parts(output: &Output) -> (ClusterAction, Vec<Part<'_>>) {
    use Part::{Number, Text};
    match output {
        Output::Open { node, address, is_replica } => (ClusterAction::Open, vec![id(*node), at(address), flag(*is_replica)]),
        Output::Close { node, address } => (ClusterAction::Close, vec![id(*node), at(address)]),
        Output::Role { node, is_replica } => (ClusterAction::Role, vec![id(*node), flag(*is_replica)]),
        Output::AskMap { request, node, address, with_epoch } => {
            (ClusterAction::AskMap, vec![Number(request.0), maybe(*node), at(address), flag(*with_epoch)])
        }
        Output::DropMap { request } => (ClusterAction::DropMap, vec![Number(request.0)]),
        Output::Send { ticket, node, is_asking, trail } => {
            (ClusterAction::Send, vec![Number(ticket.0), id(*node), flag(*is_asking), Part::Trail(*trail)])
        }
        Output::Reject { ticket, rejection, text, maybe_executed } => {
            (ClusterAction::Reject, vec![Number(ticket.0), Number(rejection.number()), Text(text), flag(*maybe_executed)])
        }
        Output::Back { ticket } => (ClusterAction::Back, vec![Number(ticket.0)]),
        Output::Fence { fence, node } => (ClusterAction::Fence, vec![Number(fence.0), id(*node)]),
        Output::Refreshed { is_other } => (ClusterAction::Refreshed, vec![flag(*is_other)]),
        Output::RefreshFailed { text, address } => (ClusterAction::RefreshFailed, vec![Text(text), Part::Address(address.as_ref())]),
        Output::NodeError { node, address, text, is_protocol } => {
            (ClusterAction::NodeError, vec![maybe(*node), at(address), Text(text), flag(*is_protocol)])
        }
        Output::Mapped => (ClusterAction::Mapped, vec![]),
        Output::Cut { node } => (ClusterAction::Cut, vec![id(*node)]),
    }
}

fn id(node: NodeId) -> Part<'static> {
    Part::Number(u32::from(node.0))
}

fn maybe(node: Option<NodeId>) -> Part<'static> {
    node.map_or(Part::Number(ClusterNodeNumber::Uncovered.number()), id)
}

fn at(address: &Address) -> Part<'_> {
    Part::Address(Some(address))
}

fn flag(is_set: bool) -> Part<'static> {
    Part::Number(u32::from(is_set))
}
