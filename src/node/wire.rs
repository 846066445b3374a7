//! Connections that the socket thread serves, as JavaScript sees them.

use std::cell::RefCell;
use std::mem::take;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Buffer, Env, Unknown};
use napi_derive::napi;

use super::bell::Bell;
use super::environment;
use super::errors::{defect, thrown, Result};
use super::transport;
use crate::conn::Unused;
use crate::contract::WireFlag;
use crate::tokio_io::wire::{Exchange, Failure, Order, Reactor, Tls};

/// The link sees so many bytes at once, unless one reply is longer.
const PORTION: usize = 1 << 16;

/// How long a look at the socket may take. The socket thread answers within microseconds, unless the machine is short of cores.
const LOOK: Duration = Duration::from_millis(20);

thread_local! {
    /// The socket thread of this environment.
    static REACTOR: RefCell<Option<Rc<Reactor>>> = const { RefCell::new(None) };
}

fn reactor(env: Env) -> Result<Rc<Reactor>> {
    environment::once(env, &REACTOR, "the socket thread", Reactor::start)
}

/// TLS settings that have been read.
#[napi]
pub struct NativeTls(Tls);

#[napi]
impl NativeTls {
    /// Reads settings (JSON, see `TlsSettings`). Throws what is wrong with them.
    #[napi(constructor, catch_unwind)]
    pub fn new(settings: String) -> Result<Self> {
        Tls::from_json(&settings).map(Self).map_err(|error| thrown(&error))
    }
}

/// One connection. `lib/link/thread_socket.ts` is its only user.
#[napi]
pub struct NativeWire {
    exchange: Arc<Exchange>,
    bell: Bell,
    taken: Taken,
    bytes_read: f64,
}

/// What was taken from the exchange and is not used up.
#[derive(Default)]
struct Taken {
    bytes: Vec<u8>,
    /// Bytes of whole replies.
    used: usize,
    /// Bytes that the link has seen: those, and the start of an unfinished reply.
    seen: usize,
    /// What the unfinished reply needs at least.
    missing: usize,
}

impl Taken {
    const fn has_more(&self) -> bool {
        self.seen < self.bytes.len()
    }
}

#[napi]
impl NativeWire {
    /// Serves the socket `fd`, with `tls` to the server `name`. `call` is called when there is news, which `status` tells.
    #[allow(clippy::too_many_arguments, reason = "called once, by one file")]
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        fd: i32,
        is_unix: bool,
        tls: Option<&NativeTls>,
        name: String,
        call: Unknown<'_>,
        label: Unknown<'_>,
    ) -> Result<Self> {
        let plug =
            transport::duplicate(fd, is_unix).map_err(|error| defect(&format!("the socket cannot be given to its thread: {error}")))?;
        let reactor = reactor(env)?;
        let bell = Bell::new(env, &call, &label)?;
        let exchange = reactor.serve(plug, tls.map(|tls| (tls.0.clone(), name)), Box::new(bell.share()));
        Ok(Self { exchange, bell, taken: Taken::default(), bytes_read: 0.0 })
    }

    /// Has these bytes written.
    #[napi(catch_unwind)]
    pub fn write(&self, bytes: Buffer) {
        self.exchange.write(&bytes);
    }

    /// Bits of `WireFlag`. From now on `call` is called for what happens next.
    #[napi(catch_unwind)]
    pub fn status(&self) -> u32 {
        let status = self.exchange.status();
        let bits = [
            (WireFlag::Input, status.has_input || self.taken.has_more()),
            (WireFlag::Open, status.is_open),
            (WireFlag::Over, status.is_over),
            (WireFlag::Failed, status.failure.is_some()),
        ];
        bits.iter().map(|(bit, is_set)| bit.number() * u32::from(*is_set)).sum()
    }

    /// Why the connection ended: the system's number, or a code and a text.
    #[napi(catch_unwind)]
    pub fn failure(&self) -> Vec<String> {
        match self.exchange.status().failure {
            None => Vec::new(),
            Some(Failure::System(number)) => vec![number.to_string()],
            Some(Failure::Other(code, text)) => vec![code.to_owned(), text],
        }
    }

    /// The server's certificate and those with which it came, as DER.
    #[napi(catch_unwind)]
    pub fn certificates(&self) -> Vec<Buffer> {
        self.exchange.certificates().into_iter().map(Buffer::from).collect()
    }

    /// Bytes that have been taken.
    #[napi(catch_unwind)]
    pub fn bytes_read(&self) -> f64 {
        self.bytes_read
    }

    /// Bytes that the socket has not accepted yet.
    #[napi(catch_unwind)]
    pub fn unwritten(&self) -> f64 {
        self.exchange.unwritten() as f64
    }

    /// Has the socket read now.
    #[napi(catch_unwind)]
    pub fn look(&self) {
        self.exchange.look(LOOK);
    }

    /// Whether the connection holds the process alive.
    #[napi(catch_unwind)]
    pub fn hold(&self, env: Env, holds: bool) {
        self.bell.hold(env, holds);
    }

    /// Writes what waits and tells the server that nothing follows.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        self.exchange.order(Order::End);
    }

    /// Lets go of the socket. `call` is not called any more.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        self.taken = Taken::default();
        self.bell.close();
        self.exchange.order(Order::Drop);
    }

    /// Passes the next portion of what has arrived to `use_up`, and keeps what that does not use. `call` comes again for the rest, so that the
    /// application works on a portion before the next one is decoded.
    pub(super) fn read(&mut self, use_up: impl FnOnce(&[u8]) -> Unused) {
        let taken = &mut self.taken;
        if !taken.has_more() {
            let fresh;
            (taken.bytes, fresh) = self.exchange.take();
            self.bytes_read += fresh as f64;
        }
        let end = taken.bytes.len().min(taken.seen + taken.missing.max(PORTION));
        let unused = use_up(&taken.bytes[taken.used..end]);
        taken.seen = end;
        taken.used = end.saturating_sub(unused.bytes);
        taken.missing = unused.missing;
        if taken.has_more() {
            self.exchange.call_again();
        } else {
            self.exchange.put_back(take(&mut taken.bytes), taken.used, taken.missing);
            // The start of the reply comes back in front of what follows.
            taken.seen -= taken.used;
            taken.used = 0;
        }
    }
}

impl Drop for NativeWire {
    fn drop(&mut self) {
        self.close();
    }
}
