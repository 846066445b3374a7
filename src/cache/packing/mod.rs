//! Compression, between the facade and the engine. Payloads are packed before the engine gets their messages, and unpacked after it has decided, so the
//! engine knows nothing of it: its budgets, leases and deadlines begin when a payload is ready, and end before one is unpacked.
//!
//! A short payload is packed and unpacked at once, because a thread hop would take longer. For a long one, a [`Job`] leaves; the driver runs it on another
//! thread and brings the result back. Meanwhile its message or decision waits in a [`line::Line`], together with what must not overtake it: messages
//! about the same key, call or load, and decisions about the same call or parsed value. A message may also wait for the facade's word, where the
//! facade has to ask for the server's limit first.
//!
//! What cannot be unpacked, or says that it is longer than the longest value, becomes a value that nobody can read: a miss.

mod codec;
mod job;
mod line;
mod ties;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

pub use job::{Finished, Job, Work};

use self::line::{Line, Place};
use super::decision::Decision;
use super::ids::CallId;
use super::payload::Payload;
use super::wire::{Handling, Message, Wish};
use crate::store::Value;

/// Longer payloads are packed on another thread (the measurements are in `docs/design/cache.md`), shorter ones too where the level is slow.
const PACK_HERE: usize = 32 << 10;
/// Payloads that were longer are unpacked on another thread.
const UNPACK_HERE: usize = 128 << 10;

/// What a job is for.
#[derive(Debug)]
enum For {
    Message(Place),
    /// Decisions that hold the same payload.
    Decisions(Value, Vec<Place>),
}

/// What may go on after a job.
#[derive(Debug, Default)]
pub struct Freed {
    /// For the engine, in order.
    pub messages: Vec<Message>,
    /// For the driver, in order.
    pub decisions: Vec<Decision>,
}

/// The stage between the facade and the engine.
#[derive(Debug, Default)]
pub struct Packing {
    longest: usize,
    /// `None`: a message that the facade has taken back.
    messages: Line<Option<Message>>,
    awaiting_word: HashMap<CallId, Place>,
    decisions: Line<Decision>,
    jobs: HashMap<u32, For>,
    due: Vec<Job>,
    last_job: u32,
    /// The payload that was unpacked last: the callers of a lookup share one.
    recent: Option<(Value, Payload)>,
}

impl Packing {
    /// No value is longer than `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self { longest, ..Self::default() }
    }

    /// A message from the facade. Returns it if the engine gets it now.
    pub fn admit(&mut self, mut message: Message, handling: Handling) -> Option<Message> {
        let work = handling.wish.and_then(|wish| Self::pack(&mut message, wish));
        let waits = usize::from(work.is_some()) + usize::from(handling.awaits_word);
        if waits == 0 && self.messages.is_empty() {
            return Some(message);
        }
        let ties = ties::of_message(&message);
        if waits == 0 && !self.messages.holds_up(&ties) {
            return Some(message);
        }
        let call = if let Message::Call(call, ..) = &message { Some(*call) } else { None };
        let place = self.messages.hold(Some(message), ties, waits);
        if let Some(call) = call.filter(|_| handling.awaits_word) {
            self.awaiting_word.insert(call, place);
        }
        if let Some(work) = work {
            self.start(For::Message(place), work);
        }
        None
    }

    /// The facade's word about a message: it may go on, or counts as never sent. Returns what the engine gets now.
    pub fn word(&mut self, call: CallId, may_go: bool) -> Vec<Message> {
        let Some(place) = self.awaiting_word.remove(&call) else { return Vec::new() };
        if !may_go {
            if let Some(message) = self.messages.get_mut(place) {
                *message = None;
            }
        }
        self.messages.advance(place).into_iter().flatten().collect()
    }

    /// Packs a short payload. Returns the work that a long one is.
    fn pack(message: &mut Message, wish: Wish) -> Option<Work> {
        let payload = message.payload_mut().filter(|payload| payload.as_bytes().len() >= wish.min_bytes)?;
        let work = Work::Pack(payload.clone(), wish);
        let here = match wish.level {
            0..=3 => PACK_HERE,
            4..=6 => PACK_HERE / 4,
            _ => 0,
        };
        if payload.as_bytes().len() > here {
            return Some(work);
        }
        if let Some(packed) = work.run() {
            *payload = packed;
        }
        None
    }

    /// A decision of the engine. It goes to `ready` now, or waits.
    pub fn decide(&mut self, mut decision: Decision, ready: &mut VecDeque<Decision>) {
        let work = decision.payload_mut().and_then(|payload| self.unpack(payload));
        if work.is_none() && self.decisions.is_empty() {
            return ready.push_back(decision);
        }
        let ties = ties::of_decision(&decision);
        let Some((raw, work)) = work else {
            if self.decisions.holds_up(&ties) {
                self.decisions.hold(decision, ties, 0);
            } else {
                ready.push_back(decision);
            }
            return;
        };
        let place = self.decisions.hold(decision, ties, 1);
        let same = self.jobs.values_mut().find_map(|purpose| match purpose {
            For::Decisions(own, places) if Arc::ptr_eq(own, &raw) => Some(places),
            _ => None,
        });
        match same {
            Some(places) => places.push(place),
            None => self.start(For::Decisions(raw, vec![place]), work),
        }
    }

    /// Unpacks a short payload. Returns the work that a long one is.
    fn unpack(&mut self, payload: &mut Payload) -> Option<(Value, Work)> {
        let packed = payload.form().packed?;
        if packed.length > UNPACK_HERE && packed.length <= self.longest {
            return Some((Value::clone(payload.raw()), Work::Unpack(payload.clone())));
        }
        let raw = Value::clone(payload.raw());
        *payload = match &self.recent {
            Some((own, unpacked)) if Arc::ptr_eq(own, &raw) => unpacked.clone(),
            _ => self.open(payload),
        };
        self.recent = Some((raw, payload.clone()));
        None
    }

    /// A payload as its reader gets it, now, however long it is.
    pub fn open(&self, payload: &Payload) -> Payload {
        match payload.form().packed {
            None => payload.clone(),
            Some(packed) if packed.length > self.longest => Payload::unreadable(),
            Some(_) => Work::Unpack(payload.clone()).run().unwrap_or_else(Payload::unreadable),
        }
    }

    fn start(&mut self, purpose: For, work: Work) {
        loop {
            self.last_job = self.last_job.wrapping_add(1);
            if !self.jobs.contains_key(&self.last_job) {
                break;
            }
        }
        self.jobs.insert(self.last_job, purpose);
        self.due.push(Job { id: self.last_job, work });
    }

    /// Jobs that nobody has taken yet.
    pub fn due(&self) -> usize {
        self.due.len()
    }

    /// Takes the jobs, to be run on any thread.
    pub fn take_jobs(&mut self) -> Vec<Job> {
        self.recent = None;
        std::mem::take(&mut self.due)
    }

    /// A job is done.
    pub fn done(&mut self, Finished { id, payload }: Finished) -> Freed {
        let mut freed = Freed::default();
        match self.jobs.remove(&id) {
            None => {}
            Some(For::Message(place)) => {
                let message = self.messages.get_mut(place).and_then(Option::as_mut);
                if let (Some(own), Some(packed)) = (message.and_then(Message::payload_mut), payload) {
                    *own = packed;
                }
                freed.messages.extend(self.messages.advance(place).into_iter().flatten());
            }
            Some(For::Decisions(_, places)) => {
                let payload = payload.unwrap_or_else(Payload::unreadable);
                for place in places {
                    if let Some(own) = self.decisions.get_mut(place).and_then(Decision::payload_mut) {
                        *own = payload.clone();
                    }
                    freed.decisions.extend(self.decisions.advance(place));
                }
            }
        }
        freed
    }

    /// The drain is over: nothing of what it unpacked is kept.
    pub fn forget_recent(&mut self) {
        self.recent = None;
    }
}

#[cfg(test)]
mod tests;
