//! The link under Node.js: JavaScript owns the socket and calls in with batches; what is left to do is in a shared array.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Env, Unknown};
use napi::{Error, Result};
use napi_derive::napi;

use super::clock::now;
use super::events::push_event;
use super::pinned::Pinned;
use super::values::{Maker, Makers, Shape, Values};
use crate::clock::Instant;
use crate::command::Class;
use crate::conn::{CoreEvent, Link, LinkOptions, Output, Probe, Sink};
use crate::resp::Reply;

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

/// A part of the core that lives on a link: the cache.
pub trait Tenant {
    /// The link became ready.
    fn on_up(&mut self, link: &mut Link, now: Instant);
    /// The link is gone; what was in flight on it comes as `on_cut`.
    fn on_down(&mut self, now: Instant);
    /// A reply.
    fn on_reply(&mut self, tag: u32, reply: Reply, link: &mut Link, now: Instant);
    /// A command without a reply; `sent` if the server may have run it.
    fn on_cut(&mut self, tag: u32, sent: bool, now: Instant);
}

/// A link and who lives on it.
pub struct LinkCore {
    pub link: Link,
    pub tenant: Option<Rc<RefCell<dyn Tenant>>>,
    events: VecDeque<Output>,
}

impl LinkCore {
    /// Sorts the link's outputs: the tenant's to the tenant, the others to JavaScript.
    pub fn drain(&mut self) {
        while let Some(output) = self.link.poll_output() {
            let now = now();
            match (output, &self.tenant) {
                (Output::Core(CoreEvent::Reply { tag, reply }), Some(tenant)) => {
                    tenant.borrow_mut().on_reply(tag, reply, &mut self.link, now);
                }
                (Output::Core(CoreEvent::Lost { tag, sent }), Some(tenant)) => tenant.borrow_mut().on_cut(tag, sent, now),
                (Output::Core(_), _) => {}
                (Output::Ready, Some(tenant)) => {
                    tenant.borrow_mut().on_up(&mut self.link, now);
                    self.events.push_back(Output::Ready);
                }
                (output @ (Output::Closed { .. } | Output::Ended), Some(tenant)) => {
                    tenant.borrow_mut().on_down(now);
                    self.events.push_back(output);
                }
                (output, _) => self.events.push_back(output),
            }
        }
    }
}

struct Shared {
    input: Pinned<u8>,
    out: Pinned<u8>,
    meta: Pinned<u32>,
    state: Pinned<f64>,
    makers: Makers,
}

/// One connection. `lib/link/link.ts` is its only user.
#[napi]
pub struct NativeLink {
    core: Rc<RefCell<LinkCore>>,
    shared: Option<Shared>,
    shape: Shape,
    ids: Vec<u32>,
    errors: Vec<u32>,
}

struct Collect<'a, 'v> {
    values: &'a mut Values<'v>,
    replies: Vec<napi::sys::napi_value>,
    ids: &'a mut Vec<u32>,
    errors: &'a mut Vec<u32>,
}

impl Sink for Collect<'_, '_> {
    fn reply(&mut self, id: u32, class: Class, db: u32, frame: &[u8]) {
        if matches!(frame[0], b'-' | b'!') {
            self.errors.extend([self.replies.len() as u32, db]);
        }
        self.ids.push(id);
        let value = self.values.reply(frame, class.has(Class::BUFFERS));
        self.replies.push(value);
    }

    fn count(&mut self, id: u32, count: i64) {
        self.ids.push(id);
        let value = self.values.integer(count);
        self.replies.push(value);
    }
}

#[napi]
impl NativeLink {
    /// A link with these options (JSON, see `LinkOptions`).
    #[napi(constructor, catch_unwind)]
    pub fn new(options: String, resp3: bool, string_numbers: bool) -> Result<Self> {
        let link = Link::new(parse(&options)?);
        Ok(Self {
            core: Rc::new(RefCell::new(LinkCore { link, tenant: None, events: VecDeque::new() })),
            shared: None,
            shape: Shape { resp3, string_numbers },
            ids: Vec::new(),
            errors: Vec::new(),
        })
    }

    pub(super) fn core(&self) -> &Rc<RefCell<LinkCore>> {
        &self.core
    }

    /// Pins the memory both sides use and keeps the functions that make values.
    #[allow(clippy::too_many_arguments, reason = "called once, by one file")]
    #[napi(catch_unwind)]
    pub fn share(
        &mut self,
        env: Env,
        input: Unknown<'_>,
        out: Unknown<'_>,
        meta: Unknown<'_>,
        state: Unknown<'_>,
        array: Unknown<'_>,
        object: Unknown<'_>,
        error: Unknown<'_>,
    ) -> Result<()> {
        self.shared = Some(Shared {
            input: Pinned::new(env, &input)?,
            out: Pinned::new(env, &out)?,
            meta: Pinned::new(env, &meta)?,
            state: Pinned::new(env, &state)?,
            makers: Makers { array: Maker::new(env, &array)?, object: Maker::new(env, &object)?, error: Maker::new(env, &error)? },
        });
        Ok(())
    }

    /// The buffer of outgoing commands is another one now.
    #[napi(catch_unwind)]
    pub fn set_out(&mut self, env: Env, out: Unknown<'_>) -> Result<()> {
        let pinned = Pinned::new(env, &out)?;
        self.shared()?.out = pinned;
        Ok(())
    }

    /// The words of outgoing commands are another array now.
    #[napi(catch_unwind)]
    pub fn set_meta(&mut self, env: Env, meta: Unknown<'_>) -> Result<()> {
        let pinned = Pinned::new(env, &meta)?;
        self.shared()?.meta = pinned;
        Ok(())
    }

    fn shared(&mut self) -> Result<&mut Shared> {
        self.shared.as_mut().ok_or_else(no_memory)
    }

    /// Takes over the batch in `out`; true if JavaScript writes the same bytes to the socket.
    #[napi(catch_unwind)]
    pub fn submit(&mut self, bytes: u32, commands: u32, first_id: u32) -> Result<bool> {
        let core = Rc::clone(&self.core);
        let mut core = core.borrow_mut();
        let now = now();
        let shared = self.shared()?;
        let batch = shared.out.first(bytes as usize);
        let meta = shared.meta.first(2 * commands as usize);
        let direct = core.link.submit(batch, meta, first_id, now);
        self.settle(&mut core, now)?;
        Ok(direct)
    }

    /// The next batch is issued for this database.
    #[napi(catch_unwind)]
    pub fn issue_in(&mut self, database: u32) {
        self.core.borrow_mut().link.issue_in(database);
    }

    /// The command `id`, which waits, becomes the one in the first `bytes` of `out`.
    #[napi(catch_unwind)]
    pub fn rewrite(&mut self, id: u32, bytes: u32) -> Result<()> {
        let core = Rc::clone(&self.core);
        core.borrow_mut().link.rewrite(id, self.shared()?.out.first(bytes as usize));
        Ok(())
    }

    /// Decodes `n` bytes of `input`; the values of all replies completed, in order.
    #[napi(catch_unwind)]
    pub fn receive(&mut self, env: Env, n: u32) -> Result<Unknown<'static>> {
        let Self { core, shared, shape, ids, errors } = self;
        let shared = shared.as_mut().ok_or_else(no_memory)?;
        let now = now();
        let values = Values::new(env, &shared.makers, *shape);
        let replies = take_in(core, values, shared.input.first(n as usize), ids, errors, now);
        Self::report(&mut shared.state, ids, errors, &core.borrow(), now);
        Ok(replies)
    }

    /// The same for a chunk that is not in `input` (streams of a custom connector).
    #[napi(catch_unwind)]
    pub fn receive_chunk(&mut self, env: Env, chunk: Buffer) -> Result<Unknown<'static>> {
        let Self { core, shared, shape, ids, errors } = self;
        let shared = shared.as_mut().ok_or_else(no_memory)?;
        let now = now();
        let values = Values::new(env, &shared.makers, *shape);
        let replies = take_in(core, values, &chunk, ids, errors, now);
        Self::report(&mut shared.state, ids, errors, &core.borrow(), now);
        Ok(replies)
    }

    /// The numbers of the commands that the last `receive` answered, where they are not consecutive.
    #[napi(catch_unwind)]
    pub fn ids(&self) -> Vec<u32> {
        self.ids.clone()
    }

    /// Which of the last `receive`'s values are error texts: the index of each, and the database its command was issued for.
    #[napi(catch_unwind)]
    pub fn errors(&self) -> Vec<u32> {
        self.errors.clone()
    }

    fn settle(&mut self, core: &mut LinkCore, now: Instant) -> Result<()> {
        core.drain();
        self.ids.clear();
        self.errors.clear();
        Self::report(&mut self.shared()?.state, &[], &[], core, now);
        Ok(())
    }

    fn report(state: &mut Pinned<f64>, ids: &[u32], errors: &[u32], core: &LinkCore, now: Instant) {
        let first = ids.first().copied().unwrap_or(0);
        let sparse = ids.iter().zip(0u32..).any(|(id, n)| *id != first.wrapping_add(n));
        let mut flags = 0;
        for (bit, set) in [
            (flag::ERRORS, !errors.is_empty()),
            (flag::SPARSE, sparse),
            (flag::OUTPUT, core.link.has_output()),
            (flag::EVENTS, !core.events.is_empty()),
        ] {
            flags |= if set { bit } else { 0 };
        }
        let wake = core.link.next_wakeup();
        let wake_at = wake.map_or(-1.0, |at| at.since_epoch().as_secs_f64() * 1e3);
        let wake_in = wake.map_or(-1.0, |at| at.since(now).as_secs_f64() * 1e3);
        for (index, value) in [
            (slot::REPLIES, ids.len() as f64),
            (slot::FIRST_ID, f64::from(first)),
            (slot::FLAGS, f64::from(flags)),
            (slot::WAKE_IN, wake_in),
            (slot::WAKE_AT, wake_at),
            (slot::ATTEMPTS, f64::from(core.link.attempts())),
            (slot::DATABASE, f64::from(core.link.database())),
            (slot::PROTOCOL, f64::from(core.link.protocol())),
            (slot::QUEUED, core.link.queued() as f64),
        ] {
            state.set(index, value);
        }
    }

    fn input(&mut self, act: impl FnOnce(&mut Link, Instant)) -> Result<()> {
        let core = Rc::clone(&self.core);
        let mut core = core.borrow_mut();
        let now = now();
        act(&mut core.link, now);
        self.settle(&mut core, now)
    }

    /// Other options, from the connection on that is about to be opened.
    #[napi(catch_unwind)]
    pub fn configure(&mut self, options: String) -> Result<()> {
        let options = parse(&options)?;
        self.input(|link, _| link.configure(options))
    }

    /// Opens the connection.
    #[napi(catch_unwind)]
    pub fn connect(&mut self) -> Result<()> {
        self.input(Link::connect)
    }

    /// The socket is open.
    #[napi(catch_unwind)]
    pub fn connected(&mut self) -> Result<()> {
        self.input(Link::on_connected)
    }

    /// The socket is closed, or could not be opened.
    #[napi(catch_unwind)]
    pub fn closed(&mut self) -> Result<()> {
        self.input(Link::on_closed)
    }

    /// Closes the connection; `reconnect`: to open another one.
    #[napi(catch_unwind)]
    pub fn disconnect(&mut self, reconnect: bool) -> Result<()> {
        self.input(|link, now| link.disconnect(reconnect, now))
    }

    /// The policy's answer to `closed`: milliseconds, or a negative number for never.
    #[napi(catch_unwind)]
    pub fn reconnect_after(&mut self, ms: f64) -> Result<()> {
        let delay = (ms >= 0.0).then(|| Duration::from_secs_f64(ms.min(1e12) / 1e3));
        self.input(|link, now| link.reconnect_after(delay, now))
    }

    /// The timer fired, and the socket was looked at once more.
    #[napi(catch_unwind)]
    pub fn tick(&mut self) -> Result<()> {
        self.input(Link::on_timer)
    }

    /// The second connection's outcome: 0 unreachable, 1 answered, 2 busy.
    #[napi(catch_unwind)]
    pub fn probed(&mut self, outcome: u32) -> Result<()> {
        let probe = match outcome {
            0 => Probe::Unreachable,
            1 => Probe::Answered,
            _ => Probe::Busy,
        };
        self.input(|link, now| link.on_probe(probe, now))
    }

    /// Whether the server whose INFO came as an event will do.
    #[napi(catch_unwind)]
    pub fn checked(&mut self, accepted: bool) -> Result<()> {
        self.input(|link, now| link.on_checked(accepted, now))
    }

    /// Brings the state array up to date, after the cache has used the link.
    #[napi(catch_unwind)]
    pub fn refresh(&mut self) -> Result<()> {
        self.input(|_, _| {})
    }

    /// Takes the bytes that the core wants written.
    #[napi(catch_unwind)]
    pub fn output(&mut self) -> Result<Buffer> {
        let core = Rc::clone(&self.core);
        let mut core = core.borrow_mut();
        let bytes = core.link.take_output();
        self.settle(&mut core, now())?;
        Ok(bytes.into())
    }

    /// Takes the events: a flat array of five slots each, see `lib/link/link.ts`.
    #[napi(catch_unwind)]
    pub fn events(&mut self, env: Env) -> Result<Unknown<'static>> {
        let core = Rc::clone(&self.core);
        let mut core = core.borrow_mut();
        let events = std::mem::take(&mut core.events);
        let shared = self.shared()?;
        let values = Values::new(env, &shared.makers, Shape { resp3: false, string_numbers: false });
        let mut flat = Vec::with_capacity(5 * events.len());
        for event in &events {
            push_event(&values, event, &mut flat);
        }
        let array = values.array(&flat);
        Self::report(&mut shared.state, &[], &[], &core, now());
        Ok(values.returned(array))
    }
}

/// Decodes a chunk: callers' replies become one array. A panic on the way leaves the link as it is.
fn take_in(
    core: &RefCell<LinkCore>,
    mut values: Values<'_>,
    chunk: &[u8],
    ids: &mut Vec<u32>,
    errors: &mut Vec<u32>,
    now: Instant,
) -> Unknown<'static> {
    ids.clear();
    errors.clear();
    let mut core = core.borrow_mut();
    let core = &mut *core;
    let replies = Vec::with_capacity(ids.capacity());
    let mut sink = Collect { values: &mut values, replies, ids, errors };
    core.link.on_bytes(chunk, now, &mut sink);
    let replies = sink.replies;
    core.drain();
    let array = values.array(&replies);
    values.returned(array)
}

fn parse(options: &str) -> Result<LinkOptions> {
    LinkOptions::from_json(options).map_err(|e| Error::from_reason(format!("{} {}", e.kind().code(), e.message())))
}

fn no_memory() -> Error {
    Error::from_reason("E_INTERNAL the link has no shared memory yet")
}
