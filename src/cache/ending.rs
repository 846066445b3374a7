//! The outcome of a load, and the decisions for its callers.

use super::caller::Caller;
use super::decision::{Decision, Hit};
use super::effects::Outbox;
use super::ids::LoadId;
use super::payload::Payload;
use crate::clock::Instant;

/// How a load ended.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    Value {
        payload: Payload,
        stored: bool,
    },
    Nothing,
    Failed,
    /// Its own caller may have the value; those that joined must not: a tag of it may have been invalidated before they began.
    Unproven,
}

/// Tells the owner of a load and the callers that joined it how it ended, and closes the load.
pub(super) fn conclude(out: &mut Outbox, load: u32, owner: Option<Caller>, joined: Vec<Caller>, ending: &Ending, now: Instant) {
    let owner = owner.into_iter().map(|caller| (caller, true));
    for (caller, is_owner) in owner.chain(joined.into_iter().map(|caller| (caller, false))) {
        out.decide(decision(LoadId(load), &caller, is_owner, ending, now));
    }
    out.close_load(load);
}

fn decision(load: LoadId, caller: &Caller, is_owner: bool, ending: &Ending, now: Instant) -> Decision {
    let call = caller.id;
    match (ending, &caller.fallback) {
        (Ending::Value { stored, .. }, _) if is_owner => Decision::Stored { call, load, stored: *stored },
        (Ending::Value { payload, .. }, _) => Decision::Hit { call, payload: payload.clone().decoded_by(caller.codec), hit: Hit::Joined },
        (Ending::Unproven, _) if is_owner => Decision::Stored { call, load, stored: false },
        (Ending::Nothing, _) => Decision::Nothing { call, load },
        (Ending::Failed, Some((payload, until))) if *until > now => {
            let payload = payload.clone().decoded_by(caller.codec);
            Decision::Hit { call, payload, hit: if is_owner { Hit::Kept } else { Hit::Joined } }
        }
        (Ending::Failed | Ending::Unproven, _) => Decision::FailedWith { call, load },
    }
}
