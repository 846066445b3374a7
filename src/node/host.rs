//! A session that the handles of its links and its cache share. One thread uses them, one call at a time.

use std::cell::RefCell;
use std::rc::Rc;

use super::pinned::Pinned;
use crate::cache::wire::counted_as;
use crate::clock::Instant;
use crate::conn::LinkId;
use crate::contract::CacheSlot;
use crate::session::{Peer, Session};

/// A session and the state array of its cache. JavaScript reads the array after every call through any handle.
pub struct Host {
    pub session: Session,
    pub cache_state: Option<Pinned<f64>>,
    /// Hits on parsed values, see `CacheSlot::Hits`.
    pub cache_hits: Option<Pinned<u32>>,
}

impl Host {
    /// A host that handles can share.
    pub fn shared(session: Session) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self { session, cache_state: None, cache_hits: None }))
    }

    /// Removes a link from the session.
    pub fn leave(&mut self, id: LinkId, now: Instant) -> Option<Box<Peer>> {
        let peer = self.session.remove(id, now);
        self.report_if_ran(now);
        peer
    }

    /// Updates the cache's state array if the cache has run.
    pub fn report_if_ran(&mut self, now: Instant) {
        if self.session.take_cache_ran() {
            self.report(now);
        }
    }

    /// Updates the cache's state array.
    pub fn report(&mut self, now: Instant) {
        let Self { session, cache_state: Some(state), cache_hits } = self else { return };
        if let Some(hits) = cache_hits {
            pass_hits(session, state, hits);
        }
        let tick_in = session.cache_wakeup().map_or(-1.0, |at| at.since(now).as_secs_f64() * 1e3);
        let is_writable = session.writable().next().is_some();
        state.set(CacheSlot::Decisions as usize, session.decided() as f64);
        state.set(CacheSlot::Writable as usize, f64::from(u8::from(is_writable)));
        state.set(CacheSlot::TickIn as usize, tick_in);
        let proven_in = session.near_proven_until().map_or(f64::INFINITY, |at| at.since(now).as_secs_f64() * 1e3);
        state.set(CacheSlot::NearProvenIn as usize, proven_in);
        state.set(CacheSlot::Jobs as usize, session.jobs_due() as f64);
        if session.take_map_outdated() {
            state.set(CacheSlot::MapOutdated as usize, 1.0);
        }
    }
}

/// How many numbers a hit has in the array of hits.
const HIT_SLOTS: usize = 3;

/// Writes hits behind those that JavaScript has not taken yet. Where there is no room, they stay decisions.
fn pass_hits(session: &mut Session, state: &mut Pinned<f64>, hits: &mut Pinned<u32>) {
    let mut count = state.get()[CacheSlot::Hits as usize] as usize;
    session.take_hits(|call, parsed, hit| {
        let at = HIT_SLOTS * count;
        let has_room = at + HIT_SLOTS <= hits.get().len();
        if has_room {
            for (place, number) in [call.0, parsed.0, counted_as(hit).number()].into_iter().enumerate() {
                hits.set(at + place, number);
            }
            count += 1;
        }
        has_room
    });
    state.set(CacheSlot::Hits as usize, count as f64);
}
