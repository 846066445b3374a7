//! The link under Node.js: JavaScript owns the socket and calls in with batches; a shared array tells the remaining work.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Env, Unknown};
use napi_derive::napi;

use super::clock::now;
use super::errors::{defect, thrown, Code, Result};
use super::events::push_event;
use super::host::Host;
use super::link_memory::LinkMemory;
use super::pinned::Pinned;
use super::replies::{Answered, Collect};
use super::transport;
use super::values::{Maker, Makers, Shape, Values};
use super::wire::NativeWire;
use crate::clock::Instant;
use crate::conn::{Link, LinkId, LinkOptions};
use crate::session::Session;

/// One connection. `lib/link/link.ts` is its only user.
#[napi]
pub struct NativeLink {
    host: Rc<RefCell<Host>>,
    id: LinkId,
    memory: Option<LinkMemory>,
    shape: Shape,
    answered: Answered,
}

#[napi]
impl NativeLink {
    /// A link with these options (JSON, see `LinkSettings`), in its own session.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: String, resp3: bool, string_numbers: bool) -> Result<Self> {
        let mut session = Session::new();
        let id = session.open(parse(&options)?);
        let shape = Shape { resp3, string_numbers };
        Ok(Self { host: Host::shared(session), id, memory: None, shape, answered: Answered::default() })
    }

    /// Moves the link into the session of `host`. Returns its number there.
    pub(super) fn move_to(&mut self, host: &Rc<RefCell<Host>>) -> LinkId {
        if !Rc::ptr_eq(&self.host, host) {
            let now = now();
            let peer = self.host.borrow_mut().leave(self.id, now);
            if let Some(peer) = peer {
                self.id = host.borrow_mut().session.adopt(peer);
                self.host = Rc::clone(host);
            }
        }
        self.id
    }

    /// The link's number in the session of `host`, if it is there.
    pub(super) fn id_in(&self, host: &Rc<RefCell<Host>>) -> Option<LinkId> {
        Rc::ptr_eq(&self.host, host).then_some(self.id)
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
        let makers = Makers { array: Maker::new(env, &array)?, object: Maker::new(env, &object)?, error: Maker::new(env, &error)? };
        self.memory = Some(LinkMemory::new(env, [&input, &out, &meta, &state], makers)?);
        Ok(())
    }

    /// The buffer of outgoing commands is another one now.
    #[napi(catch_unwind)]
    pub fn set_out(&mut self, env: Env, out: Unknown<'_>) -> Result<()> {
        let pinned = Pinned::new(env, &out)?;
        self.memory()?.out = pinned;
        Ok(())
    }

    /// The words of outgoing commands are another array now.
    #[napi(catch_unwind)]
    pub fn set_meta(&mut self, env: Env, meta: Unknown<'_>) -> Result<()> {
        let pinned = Pinned::new(env, &meta)?;
        self.memory()?.meta = pinned;
        Ok(())
    }

    /// Takes over the batch in `out`; true if JavaScript writes the same bytes to the socket.
    #[napi(catch_unwind)]
    pub fn submit(&mut self, bytes: u32, commands: u32, first_id: u32) -> Result<bool> {
        let now = now();
        let memory = self.memory.as_ref().ok_or_else(no_memory)?;
        let batch = memory.out.first(bytes as usize);
        let meta = memory.meta.first(2 * commands as usize);
        let is_direct = self.host.borrow_mut().session.submit(self.id, batch, meta, first_id, now);
        self.report(now)?;
        Ok(is_direct)
    }

    /// The next batch is issued for this database.
    #[napi(catch_unwind)]
    pub fn issue_in(&mut self, database: u32) {
        self.host.borrow_mut().session.input(self.id, now(), |link| link.issue_in(database));
    }

    /// The command `id`, which waits, becomes the one in the first `bytes` of `out`.
    #[napi(catch_unwind)]
    pub fn rewrite(&mut self, id: u32, bytes: u32) -> Result<()> {
        let memory = self.memory.as_ref().ok_or_else(no_memory)?;
        let command = memory.out.first(bytes as usize);
        self.host.borrow_mut().session.input(self.id, now(), |link| link.rewrite(id, command));
        Ok(())
    }

    /// Decodes `n` bytes of `input` and returns the values of all complete replies, in order.
    #[napi(catch_unwind)]
    pub fn receive(&mut self, env: Env, n: u32) -> Result<Unknown<'static>> {
        self.take_in(env, n as usize, None)
    }

    /// Does the same for what the socket thread has read.
    #[napi(catch_unwind)]
    pub fn receive_wire(&mut self, env: Env, wire: &mut NativeWire) -> Result<Unknown<'static>> {
        let now = now();
        let memory = self.memory.as_ref().ok_or_else(no_memory)?;
        let mut sink = Collect::new(Values::new(env, &memory.makers, self.shape), &mut self.answered);
        wire.read(|bytes| self.host.borrow_mut().session.on_kept_bytes(self.id, bytes, now, &mut sink));
        let replies = sink.into_array();
        self.report_replies(now)?;
        Ok(replies)
    }

    /// Does the same for a chunk that is not in `input` (streams of a custom connector).
    #[napi(catch_unwind)]
    pub fn receive_chunk(&mut self, env: Env, chunk: Buffer) -> Result<Unknown<'static>> {
        self.take_in(env, chunk.len(), Some(&chunk))
    }

    /// The numbers of the commands that the last `receive` answered, where they are not consecutive.
    #[napi(catch_unwind)]
    pub fn ids(&self) -> Vec<u32> {
        self.answered.ids.clone()
    }

    /// Which of the last `receive`'s values are error texts: the index of each, the database its command was issued for, and the
    /// milliseconds until its deadline (2^32 - 1: it has none).
    #[napi(catch_unwind)]
    pub fn errors(&self) -> Vec<u32> {
        self.answered.errors.clone()
    }

    /// Other options, from the connection on that is about to be opened.
    #[napi(catch_unwind)]
    pub fn configure(&mut self, options: String) -> Result<()> {
        let options = parse(&options)?;
        self.input(|link, _| link.configure(options))
    }

    /// Credentials for the next handshake, or for the connection that is ready.
    #[napi(catch_unwind)]
    pub fn authenticate(&mut self, username: Option<String>, password: String) -> Result<()> {
        self.input(|link, now| link.authenticate(username, password, now))
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

    /// All that has arrived on the second connection so far. Whether it has served its purpose.
    #[napi(catch_unwind)]
    pub fn probe_received(&mut self, bytes: Buffer) -> Result<bool> {
        let mut is_done = true;
        self.input(|link, now| is_done = link.on_probe_bytes(&bytes, now))?;
        Ok(is_done)
    }

    /// The second connection cannot be made, is closed, or is silent.
    #[napi(catch_unwind)]
    pub fn probe_failed(&mut self) -> Result<()> {
        self.input(Link::on_probe_failed)
    }

    /// The link asked for its transport, which is the socket `fd`; a negative number: there is none.
    #[napi(catch_unwind)]
    pub fn transport(&mut self, fd: i32) -> Result<()> {
        let now = now();
        self.host.borrow_mut().session.on_transport(self.id, transport::ask(fd), now);
        self.report(now)
    }

    /// The transport has ended the connection because the other side is silent; `closed` follows.
    #[napi(catch_unwind)]
    pub fn transport_lost(&mut self) -> Result<()> {
        self.input(Link::on_transport_lost)
    }

    /// Whether the server whose INFO came as an event will do.
    #[napi(catch_unwind)]
    pub fn checked(&mut self, accepted: bool) -> Result<()> {
        self.input(|link, now| link.on_checked(accepted, now))
    }

    /// Hands back what waits for a connection.
    #[napi(catch_unwind)]
    pub fn hand_back_waiting(&mut self) -> Result<()> {
        self.input(Link::hand_back_waiting)
    }

    /// Brings the state array up to date, after the cache has used the link.
    #[napi(catch_unwind)]
    pub fn refresh(&mut self) -> Result<()> {
        self.report(now())
    }

    /// Moves the bytes that the core wants written to the start of `out`. Returns their number; -1: they are too many, so `output` takes them.
    #[napi(catch_unwind)]
    pub fn move_output(&mut self) -> Result<i32> {
        let now = now();
        let memory = self.memory.as_mut().ok_or_else(no_memory)?;
        let mut length = 0;
        let is_written = {
            let mut host = self.host.borrow_mut();
            let is_written = host.session.write_output(self.id, |bytes| {
                length = bytes.len();
                memory.out.write(bytes)
            });
            host.report(now);
            is_written
        };
        self.report(now)?;
        Ok(if is_written { i32::try_from(length).unwrap_or(-1) } else { -1 })
    }

    /// Takes the bytes that the core wants written.
    #[napi(catch_unwind)]
    pub fn output(&mut self) -> Result<Buffer> {
        let now = now();
        let bytes = {
            let mut host = self.host.borrow_mut();
            let bytes = host.session.take_output(self.id);
            host.report(now);
            bytes
        };
        self.report(now)?;
        Ok(bytes.into())
    }

    /// Takes up to `limit` events: a flat array of `EVENT_SLOTS` slots each, see `LinkEvent`.
    #[napi(catch_unwind)]
    pub fn events(&mut self, env: Env, limit: u32) -> Result<Unknown<'static>> {
        let host = Rc::clone(&self.host);
        let id = self.id;
        let values = Values::new(env, &self.memory()?.makers, Shape { resp3: false, string_numbers: false });
        let mut flat = Vec::new();
        for _ in 0..limit {
            let Some(event) = host.borrow_mut().session.poll_link(id) else { break };
            push_event(&values, &event, &mut flat);
        }
        let array = values.returned(values.array(&flat));
        self.report(now())?;
        Ok(array)
    }

    /// Decodes `n` bytes of `chunk`, or of `input`. A panic on the way leaves the session as it is.
    fn take_in(&mut self, env: Env, n: usize, chunk: Option<&[u8]>) -> Result<Unknown<'static>> {
        let now = now();
        let memory = self.memory.as_ref().ok_or_else(no_memory)?;
        let mut sink = Collect::new(Values::new(env, &memory.makers, self.shape), &mut self.answered);
        let bytes = chunk.unwrap_or_else(|| memory.input.first(n));
        self.host.borrow_mut().session.on_bytes(self.id, bytes, now, &mut sink);
        let replies = sink.into_array();
        self.report_replies(now)?;
        Ok(replies)
    }

    fn memory(&mut self) -> Result<&mut LinkMemory> {
        self.memory.as_mut().ok_or_else(no_memory)
    }

    fn input(&mut self, act: impl FnOnce(&mut Link, Instant)) -> Result<()> {
        let now = now();
        self.host.borrow_mut().session.input(self.id, now, |link| act(link, now));
        self.report(now)
    }

    /// Reports the remaining work after a crossing without replies.
    fn report(&mut self, now: Instant) -> Result<()> {
        self.answered.clear();
        self.report_replies(now)
    }

    /// Reports the replies of a crossing and the remaining work.
    fn report_replies(&mut self, now: Instant) -> Result<()> {
        let memory = self.memory.as_mut().ok_or_else(no_memory)?;
        let mut host = self.host.borrow_mut();
        memory.report(&host, self.id, &self.answered, now);
        host.report_if_ran(now);
        Ok(())
    }
}

impl Drop for NativeLink {
    fn drop(&mut self) {
        // Collected in the middle of a crossing of the same session: the link stays until its session goes.
        if let Ok(mut host) = self.host.try_borrow_mut() {
            drop(host.leave(self.id, now()));
        }
    }
}

fn parse(options: &str) -> Result<LinkOptions> {
    LinkOptions::from_json(options).map_err(|error| thrown(&error))
}

fn no_memory() -> napi::Error<Code> {
    defect("the link has no shared memory yet")
}
