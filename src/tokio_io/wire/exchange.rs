//! What the caller's thread and the socket thread share of one connection: bytes in both directions, what the caller wants, and
//! what has happened. Each side holds the lock only to swap buffers or to append to one.

use std::mem::{swap, take};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::failure::Failure;

/// Calls the caller's thread, which then asks `status`. At most one call is under way.
pub trait Bell: Send + Sync {
    /// Calls.
    fn ring(&self);
}

/// What the caller wants of the connection. Later ones overrule earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Move bytes.
    Serve,
    /// Write what waits, tell the other side that nothing follows, and go on reading.
    End,
    /// Give the socket up.
    Drop,
}

/// What has happened so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Bytes have arrived since the last `take`.
    pub has_input: bool,
    /// The connection carries commands, or did so: a TLS handshake is over.
    pub is_open: bool,
    /// The socket thread has let go of the socket.
    pub is_over: bool,
    /// Why.
    pub failure: Option<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Open,
    Over,
}

/// With so many bytes that the caller has not seen, the socket is not read, unless the caller waits for a longer reply.
const MAX_FRESH: usize = 2 << 20;
/// So much of a reply gets its memory at once, which is the kernel's until it is written to.
const MAX_RESERVE: usize = 64 << 20;
/// An empty buffer is kept for the next bytes up to this size.
const KEEP: usize = 1 << 18;
/// A caller that misses as much of a reply is not called for each of its parts.
const LONG: usize = 1 << 16;
/// While a long reply arrives, the caller hears of it this often, since it watches for silence.
const PULSE: Duration = Duration::from_millis(20);

struct Shared {
    input: Vec<u8>,
    /// How many bytes at the end of `input` the caller has not seen.
    fresh: usize,
    /// The caller can use `input` from this length on.
    enough: usize,
    output: Vec<u8>,
    order: Order,
    /// Wakes the pump; none while it runs.
    waker: Option<Waker>,
    is_ringing: bool,
    rung: Instant,
    /// Looks at the socket that the caller has asked for, and that have been taken.
    asked: u64,
    looked: u64,
    phase: Phase,
    has_opened: bool,
    failure: Option<Failure>,
    certificates: Vec<Vec<u8>>,
}

/// What both threads share of one connection.
pub struct Exchange {
    shared: Mutex<Shared>,
    has_looked: Condvar,
    unwritten: AtomicUsize,
    bell: Box<dyn Bell>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl Exchange {
    /// A connection whose caller listens to `bell`.
    pub fn new(bell: Box<dyn Bell>) -> Self {
        let shared = Shared {
            input: Vec::new(),
            fresh: 0,
            enough: 0,
            output: Vec::new(),
            order: Order::Serve,
            waker: None,
            is_ringing: false,
            rung: Instant::now(),
            asked: 0,
            looked: 0,
            phase: Phase::Opening,
            has_opened: false,
            failure: None,
            certificates: Vec::new(),
        };
        Self { shared: Mutex::new(shared), has_looked: Condvar::new(), unwritten: AtomicUsize::new(0), bell }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- the caller's side

    /// Has these bytes written.
    pub fn write(&self, bytes: &[u8]) {
        self.unwritten.fetch_add(bytes.len(), Ordering::Relaxed);
        self.tell(|shared| {
            if shared.phase != Phase::Over {
                shared.output.extend_from_slice(bytes);
            }
        });
    }

    /// Bytes that the socket has not accepted yet.
    pub fn unwritten(&self) -> usize {
        self.unwritten.load(Ordering::Relaxed)
    }

    /// Says what happens to the connection.
    pub fn order(&self, order: Order) {
        self.tell(|shared| {
            shared.order = shared.order.max(order);
            if order == Order::Drop {
                shared.forget_input();
            }
        });
    }

    /// What has happened. From now on the bell rings for what happens next.
    pub fn status(&self) -> Status {
        let mut shared = self.lock();
        shared.is_ringing = false;
        Status {
            has_input: shared.fresh > 0,
            is_open: shared.has_opened,
            is_over: shared.phase == Phase::Over,
            failure: shared.failure.clone(),
        }
    }

    /// Takes all that has arrived and was not used, and how much of it is new.
    pub fn take(&self) -> (Vec<u8>, usize) {
        self.tell(|shared| {
            shared.enough = 0;
            (take(&mut shared.input), take(&mut shared.fresh))
        })
    }

    /// Puts back what was not used after the first `used` bytes, the start of a reply. It needs `missing` more bytes.
    pub fn put_back(&self, mut bytes: Vec<u8>, used: usize, missing: usize) {
        bytes.drain(..used);
        let is_long = missing >= LONG;
        if is_long {
            // Without it, the buffer would be copied each time that it grows. If memory is short, it grows as it can.
            let _ = bytes.try_reserve_exact(missing.min(MAX_RESERVE));
        }
        // A call for what has arrived meanwhile may have been answered while the caller was still using up what it had taken before.
        self.report(|shared| {
            shared.enough = if is_long { bytes.len().saturating_add(missing) } else { 0 };
            if !bytes.is_empty() {
                bytes.append(&mut shared.input);
                shared.input = bytes;
            } else if shared.input.capacity() == 0 && bytes.capacity() <= KEEP {
                shared.input = bytes;
            }
            shared.fresh > 0 && shared.input.len() >= shared.enough
        });
    }

    /// The caller has not used all of what it took, and wants to be called again.
    pub fn call_again(&self) {
        self.report(|_| true);
    }

    /// Has the socket read now, and waits until that is done, for `patience` at most.
    pub fn look(&self, patience: Duration) {
        let asked = self.tell(|shared| {
            shared.asked += 1;
            shared.asked
        });
        let pending = |shared: &mut Shared| shared.phase == Phase::Open && shared.looked < asked;
        drop(self.has_looked.wait_timeout_while(self.lock(), patience, pending));
    }

    /// The server's certificate and those with which it came, as DER.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        self.lock().certificates.clone()
    }

    fn tell<R>(&self, act: impl FnOnce(&mut Shared) -> R) -> R {
        let mut shared = self.lock();
        let result = act(&mut shared);
        let waker = shared.waker.take();
        drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    // ---- the pump's side

    /// The connection carries commands.
    pub(super) fn opened(&self, certificates: Vec<Vec<u8>>) {
        self.report(|shared| {
            shared.phase = Phase::Open;
            shared.has_opened = true;
            shared.certificates = certificates;
            true
        });
    }

    /// The socket thread has let go of the socket.
    pub(super) fn over(&self, failure: Option<Failure>) {
        self.report(|shared| {
            shared.phase = Phase::Over;
            shared.failure = failure;
            shared.output = Vec::new();
            true
        });
        self.unwritten.store(0, Ordering::Relaxed);
        self.has_looked.notify_all();
    }

    /// Moves bytes that have arrived to the caller.
    pub(super) fn deliver(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.report(|shared| {
            if shared.order == Order::Drop {
                return false;
            }
            shared.fresh += bytes.len();
            if shared.input.is_empty() {
                swap(&mut shared.input, bytes);
            } else {
                shared.input.append(bytes);
            }
            shared.input.len() >= shared.enough || shared.rung.elapsed() > PULSE
        });
        bytes.clear();
        bytes.shrink_to(KEEP);
    }

    fn report(&self, act: impl FnOnce(&mut Shared) -> bool) {
        let mut shared = self.lock();
        let rings = act(&mut shared) && !shared.is_ringing;
        if rings {
            shared.is_ringing = true;
            shared.rung = Instant::now();
        }
        drop(shared);
        if rings {
            self.bell.ring();
        }
    }

    /// Whether the caller should take what has arrived first.
    pub(super) fn is_full(&self) -> bool {
        self.lock().is_full()
    }

    /// What the caller wants, and the number of the look that it waits for. Takes what is to be written if `outgoing` is empty.
    pub(super) fn orders(&self, outgoing: &mut Vec<u8>) -> (Order, u64) {
        let mut shared = self.lock();
        if outgoing.is_empty() {
            swap(outgoing, &mut shared.output);
        }
        (shared.order, shared.asked)
    }

    /// That much less is to be written.
    pub(super) fn wrote(&self, bytes: usize) {
        self.unwritten.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The socket was read after the look `number` was asked for.
    pub(super) fn looked(&self, number: u64) {
        let mut shared = self.lock();
        if shared.looked < number {
            shared.looked = number;
            self.has_looked.notify_all();
        }
    }

    /// Has `waker` called at the next change. False if something has changed since `orders`: `seen`, with which the pump may write more
    /// (`writes`), or has stopped reading because the caller did not take (`is_full`).
    pub(super) fn park(&self, waker: &Waker, seen: (Order, u64), writes: bool, is_full: bool) -> bool {
        let mut shared = self.lock();
        let has_work = (writes && !shared.output.is_empty()) || (is_full && !shared.is_full());
        if has_work || (shared.order, shared.asked) != seen {
            return false;
        }
        shared.waker = Some(waker.clone());
        true
    }
}

impl Shared {
    /// Memory must not wait until JavaScript collects the connection.
    fn forget_input(&mut self) {
        self.input = Vec::new();
        self.fresh = 0;
        self.enough = 0;
    }

    fn is_full(&self) -> bool {
        self.fresh >= MAX_FRESH && self.input.len() >= self.enough
    }
}
