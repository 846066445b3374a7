//! The memory of one link that JavaScript and the core share: byte buffers, words of commands, and the state array, which
//! says what is left to do after a crossing.

use napi::bindgen_prelude::{Env, Unknown};

use super::errors::Result;
use super::host::Host;
use super::pinned::Pinned;
use super::replies::Answered;
use super::values::Makers;
use crate::clock::Instant;
use crate::conn::LinkId;
use crate::contract::{LinkFlag, LinkSlot};

/// The memory that both sides of one link use.
pub struct LinkMemory {
    pub input: Pinned<u8>,
    pub out: Pinned<u8>,
    pub meta: Pinned<u32>,
    pub makers: Makers,
    state: Pinned<f64>,
}

impl LinkMemory {
    /// Pins the arrays: bytes read, bytes to write, words of commands, state.
    pub fn new(env: Env, [input, out, meta, state]: [&Unknown<'_>; 4], makers: Makers) -> Result<Self> {
        Ok(Self {
            input: Pinned::new(env, input)?,
            out: Pinned::new(env, out)?,
            meta: Pinned::new(env, meta)?,
            state: Pinned::new(env, state)?,
            makers,
        })
    }

    /// Fills the state array.
    pub fn report(&mut self, host: &Host, id: LinkId, answered: &Answered, now: Instant) {
        let Some(link) = host.session.link(id) else { return };
        let flags = flags(answered, link.has_output(), host.session.has_outputs(id));
        let wake = link.next_wakeup();
        let slots = [
            (LinkSlot::FirstId, f64::from(answered.first_id())),
            (LinkSlot::Flags, f64::from(flags)),
            (LinkSlot::WakeIn, wake.map_or(-1.0, |at| at.since(now).as_secs_f64() * 1e3)),
            (LinkSlot::WakeAt, wake.map_or(-1.0, |at| at.since_epoch().as_secs_f64() * 1e3)),
            (LinkSlot::Attempts, f64::from(link.attempts())),
            (LinkSlot::Database, f64::from(link.database())),
            (LinkSlot::Protocol, f64::from(link.protocol())),
            (LinkSlot::Queued, link.queued() as f64),
        ];
        for (slot, value) in slots {
            self.state.set(slot as usize, value);
        }
    }
}

/// The bits of `LinkFlag` that are set.
fn flags(answered: &Answered, has_output: bool, has_events: bool) -> u32 {
    let bits = [
        (LinkFlag::Errors, !answered.errors.is_empty()),
        (LinkFlag::Sparse, answered.is_sparse()),
        (LinkFlag::Output, has_output),
        (LinkFlag::Events, has_events),
    ];
    bits.iter().map(|(bit, is_set)| bit.number() * u32::from(*is_set)).sum()
}
