//! The memory of one link that JavaScript and the core share: byte buffers, words of commands, and the state array, which
//! says what is left to do after a crossing.

use napi::bindgen_prelude::{Env, Unknown};
use napi::Result;

use super::host::Host;
use super::pinned::Pinned;
use super::replies::Answered;
use super::values::Makers;
use crate::clock::Instant;
use crate::conn::LinkId;

/// Slots of the state array that JavaScript reads after every crossing.
mod slot {
    pub const REPLIES: usize = 0;
    pub const FIRST_ID: usize = 1;
    pub const FLAGS: usize = 2;
    pub const WAKE_IN: usize = 3;
    pub const ATTEMPTS: usize = 4;
    pub const DATABASE: usize = 5;
    pub const PROTOCOL: usize = 6;
    pub const QUEUED: usize = 7;
    pub const WAKE_AT: usize = 8;
}

/// Bits of the state array's flags.
mod flag {
    pub const ERRORS: u32 = 1;
    pub const SPARSE: u32 = 2;
    pub const OUTPUT: u32 = 4;
    pub const EVENTS: u32 = 8;
}

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
        let bits = [
            (flag::ERRORS, !answered.errors.is_empty()),
            (flag::SPARSE, answered.is_sparse()),
            (flag::OUTPUT, link.has_output()),
            (flag::EVENTS, host.session.has_outputs(id)),
        ];
        let flags: u32 = bits.iter().map(|(bit, is_set)| bit * u32::from(*is_set)).sum();
        let wake = link.next_wakeup();
        let slots = [
            (slot::REPLIES, answered.ids.len() as f64),
            (slot::FIRST_ID, f64::from(answered.first_id())),
            (slot::FLAGS, f64::from(flags)),
            (slot::WAKE_IN, wake.map_or(-1.0, |at| at.since(now).as_secs_f64() * 1e3)),
            (slot::WAKE_AT, wake.map_or(-1.0, |at| at.since_epoch().as_secs_f64() * 1e3)),
            (slot::ATTEMPTS, f64::from(link.attempts())),
            (slot::DATABASE, f64::from(link.database())),
            (slot::PROTOCOL, f64::from(link.protocol())),
            (slot::QUEUED, link.queued() as f64),
        ];
        for (index, value) in slots {
            self.state.set(index, value);
        }
    }
}
