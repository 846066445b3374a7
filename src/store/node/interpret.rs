//! A server's answer as its node tells it: own values and foreign ones, by the replication id at its fixed place.

use crate::store::entry;
use crate::store::{Answer, Found, Id, Inside, Placed, Replication, Seen, StoreReply, Version};

/// The answer under the replication id of this moment.
pub(crate) fn answer(reply: StoreReply, replication: &Replication) -> Answer {
    match reply {
        StoreReply::Read { mut entries, versions, atomic } => {
            for found in &mut entries {
                tell_foreign(found, replication);
            }
            Answer::Read { entries, versions: versions.into_iter().map(|version| seen(version, replication)).collect(), atomic }
        }
        StoreReply::Versions(versions) => Answer::Versions(versions.into_iter().map(|version| seen(version, replication)).collect()),
        StoreReply::Ensured(ids) => Answer::Ensured(ids),
        StoreReply::Placed(Placed::Yes { left, end }) => Answer::Placed { left, end },
        StoreReply::PlacedInside(Inside::Yes) => Answer::PlacedInside,
        StoreReply::PlacedInside(Inside::Held { lease, remaining }) => Answer::Held { lease, remaining },
        StoreReply::Placed(Placed::No(mut found)) | StoreReply::PlacedInside(Inside::No(mut found)) => {
            tell_foreign(&mut found, replication);
            Answer::Changed(found)
        }
        StoreReply::Held(held) => Answer::Lease(held),
        StoreReply::Number(number) => Answer::Number(number),
        StoreReply::Inspected(mut all) => {
            for inspected in &mut all {
                inspected.replication = *replication;
            }
            Answer::Inspected(all)
        }
        StoreReply::Scanned { cursor, keys } => Answer::Scanned { cursor, keys },
        // Only a node asks for its identity, and it takes the reply itself.
        StoreReply::Done | StoreReply::Identity { .. } => Answer::Done,
    }
}

/// Marks a value with another replication id as foreign. A value without one is the node's own: the engine decides how to treat it.
fn tell_foreign(found: &mut Found, replication: &Replication) {
    if !replication.is_checked {
        return;
    }
    if let Seen::Own(value) = &found.value {
        if entry::replication_id(value).is_some_and(|id| !replication.accepts(id.as_bytes())) {
            found.value = Seen::Foreign;
        }
    }
}

fn seen(version: Option<Version>, replication: &Replication) -> Seen<Id> {
    match version {
        None => Seen::Nothing,
        Some(version) if replication.accepts(version.replication_id.as_bytes()) => Seen::Own(version.id),
        Some(_) => Seen::Foreign,
    }
}
