//! The task that runs a session of one link. It waits for the next event, passes it to the session, and carries out what the
//! session asks for. It owns the socket, the clock and all pending work; dropping it ends them.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{sleep_until, Instant};

use super::pending::{Pending, Request};
use super::socket::{probe, Endpoint, Socket};
use crate::clock;
use crate::conn::{Link, LinkId, LinkOptions, Message, Output, State};
use crate::session::Session;

/// The reconnect policy. It is called after the `n`th failed or lost connection in a row, and returns how long to wait
/// before the next attempt, or `None` to give up.
pub type Policy = Box<dyn FnMut(u32) -> Option<Duration> + Send>;

/// While more commands than this are in flight or queued in the link, the task takes no further batches.
const IN_FLIGHT: usize = 1 << 16;

/// The time limit for a closing connection to write its remaining output.
const LINGER: Duration = Duration::from_secs(2);

const READ_BUFFER: usize = 1 << 16;

/// The task's ends of the handle's channels.
pub struct Wires {
    pub requests: mpsc::Receiver<Request>,
    pub messages: broadcast::Sender<Message>,
    pub state: watch::Sender<State>,
    pub stop: watch::Receiver<Option<Instant>>,
}

type Under<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

pub struct Task {
    endpoint: Endpoint,
    session: Session,
    link: LinkId,
    policy: Policy,
    wires: Wires,
    epoch: Instant,
    pending: Pending,
    socket: Option<Socket>,
    connecting: Under<io::Result<Socket>>,
    probing: Under<Option<Vec<u8>>>,
    /// Bytes to write, and how many of them are written.
    outbox: Vec<u8>,
    written: usize,
    /// If set, the socket closes when the outbox is empty, at the latest at this time.
    linger: Option<Instant>,
    /// No more requests will come.
    deaf: bool,
    buffer: Vec<u8>,
}

/// An event that woke the task.
enum Event {
    Request(Option<Request>),
    Readable,
    Writable,
    Connected(io::Result<Socket>),
    Probed(Option<Vec<u8>>),
    Timer,
    Stop,
}

impl Task {
    pub fn new(endpoint: Endpoint, options: LinkOptions, policy: Policy, wires: Wires) -> Self {
        let mut session = Session::new();
        let link = session.open(options);
        Self {
            pending: Pending::new(endpoint.to_string()),
            endpoint,
            session,
            link,
            policy,
            wires,
            epoch: Instant::now(),
            socket: None,
            connecting: None,
            probing: None,
            outbox: Vec::new(),
            written: 0,
            linger: None,
            deaf: false,
            buffer: vec![0; READ_BUFFER],
        }
    }

    /// Runs until the task is told to stop.
    pub async fn run(mut self) {
        self.tell(Link::connect);
        self.follow_up();
        while !self.is_over() {
            let event = self.next().await;
            self.handle(event);
            self.follow_up();
        }
    }

    fn now(&self) -> clock::Instant {
        clock::Instant::new(self.epoch.elapsed())
    }

    /// Passes an input to the link.
    fn tell(&mut self, act: impl FnOnce(&mut Link, clock::Instant)) {
        let now = self.now();
        self.session.input(self.link, now, |link| act(link, now));
    }

    fn state(&self) -> State {
        self.session.link(self.link).map_or(State::Ended, Link::state)
    }

    fn queued(&self) -> usize {
        self.session.link(self.link).map_or(0, Link::queued)
    }

    fn has_output(&self) -> bool {
        self.session.link(self.link).is_some_and(Link::has_output)
    }

    fn is_stopping(&self) -> bool {
        self.wires.stop.borrow().is_some()
    }

    fn is_over(&self) -> bool {
        self.deaf && self.state() == State::Ended && self.socket.is_none()
    }

    async fn next(&mut self) -> Event {
        let timer = self.wakeup();
        let has_room = self.queued() < IN_FLIGHT || self.state() == State::Ended;
        let socket = self.socket.as_ref();
        tokio::select! {
            request = self.wires.requests.recv(), if !self.deaf && has_room => Event::Request(request),
            () = readable(socket), if socket.is_some() => Event::Readable,
            () = writable(socket), if socket.is_some() && self.written < self.outbox.len() => Event::Writable,
            opened = finished(&mut self.connecting), if self.connecting.is_some() => Event::Connected(opened),
            outcome = finished(&mut self.probing), if self.probing.is_some() => Event::Probed(outcome),
            () = sleep_until(timer.unwrap_or(self.epoch)), if timer.is_some() => Event::Timer,
            // If all handles are gone, no stop comes; the task is aborted instead.
            Ok(()) = self.wires.stop.changed() => Event::Stop,
            else => std::future::pending().await,
        }
    }

    fn wakeup(&mut self) -> Option<Instant> {
        let session = self.session.next_wakeup().map(|at| self.epoch + at.since_epoch());
        let is_ending = self.state() == State::Ended || self.linger.is_some();
        let stop = if is_ending { None } else { *self.wires.stop.borrow() };
        [session, stop, self.linger].into_iter().flatten().min()
    }

    fn handle(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Request(Some(Request { batch, done })) => {
                let first = self.pending.add(&batch, done);
                if self.session.submit(self.link, &batch.bytes, &batch.meta, first, now) {
                    self.outbox.extend_from_slice(&batch.bytes);
                }
            }
            Event::Request(None) => self.deaf = true,
            Event::Readable => self.read(),
            Event::Writable => {}
            Event::Connected(Ok(socket)) => {
                self.connecting = None;
                self.socket = Some(socket);
                self.tell(Link::on_connected);
            }
            Event::Connected(Err(_)) => {
                self.connecting = None;
                self.tell(Link::on_closed);
            }
            Event::Probed(outcome) => {
                self.probing = None;
                self.tell(|link, now| match outcome {
                    Some(answer) => {
                        link.on_probe_bytes(&answer, now);
                    }
                    None => link.on_probe_failed(now),
                });
            }
            Event::Timer => {
                // Read replies that have arrived before the timer declares them late.
                self.read();
                self.session.on_timer(now);
            }
            Event::Stop => self.wires.requests.close(),
        }
    }

    fn read(&mut self) {
        while let Some(socket) = &self.socket {
            match socket.try_read(&mut self.buffer) {
                Ok(0) => return self.drop_socket(),
                Ok(n) => {
                    let now = self.now();
                    self.session.on_bytes(self.link, &self.buffer[..n], now, &mut self.pending);
                    if n < self.buffer.len() {
                        return;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.drop_socket(),
            }
        }
    }

    fn write(&mut self) {
        while let Some(socket) = self.socket.as_ref().filter(|_| self.written < self.outbox.len()) {
            match socket.try_write(&self.outbox[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.drop_socket(),
            }
        }
        self.outbox.clear();
        self.outbox.shrink_to(READ_BUFFER);
        self.written = 0;
    }

    fn drop_socket(&mut self) {
        self.socket = None;
        self.connecting = None;
        self.probing = None;
        self.linger = None;
        self.outbox.clear();
        self.written = 0;
        self.tell(Link::on_closed);
    }

    /// Carries out what the session asks for, until it asks for nothing more.
    fn follow_up(&mut self) {
        self.stop_when_drained();
        loop {
            if self.has_output() {
                self.outbox.extend_from_slice(&self.session.take_output(self.link));
            }
            self.write();
            if let Some(output) = self.session.poll_link(self.link) {
                self.obey(output);
                continue;
            }
            let late = self.linger.is_some_and(|until| Instant::now() >= until);
            if self.linger.is_some() && (late || self.outbox.is_empty()) {
                self.drop_socket();
            } else if !self.has_output() {
                break;
            }
        }
        let now = self.state();
        self.wires.state.send_if_modified(|state| std::mem::replace(state, now) != now);
    }

    fn stop_when_drained(&mut self) {
        let until = *self.wires.stop.borrow();
        let drained = self.deaf && self.queued() == 0 && self.outbox.is_empty();
        let is_late = until.is_some_and(|until| Instant::now() >= until);
        if (is_late || (self.is_stopping() && drained)) && self.state() != State::Ended && self.linger.is_none() {
            self.tell(|link, now| link.disconnect(false, now));
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Connect => self.connecting = Some(Box::pin(Socket::open(self.endpoint.clone()))),
            Output::Close { destroy: false } if self.socket.is_some() => self.linger = Some(Instant::now() + LINGER),
            Output::Close { .. } => self.drop_socket(),
            Output::Closed { attempts } => {
                let delay = (self.policy)(attempts);
                self.tell(|link, now| link.reconnect_after(delay, now));
            }
            Output::Probe(request) => self.probing = Some(Box::pin(probe(self.endpoint.clone(), request))),
            Output::Rejected { id, reason, maybe_executed } => self.pending.reject(id, &reason, maybe_executed),
            // Nobody may be listening.
            Output::Message(message) => drop(self.wires.messages.send(message)),
            _ => {}
        }
    }
}

/// The result of the pending future. An `if` guard ensures that it is polled only when there is one.
async fn finished<T>(under: &mut Under<T>) -> T {
    match under {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn readable(socket: Option<&Socket>) {
    match socket {
        Some(socket) => drop(socket.readable().await),
        None => std::future::pending().await,
    }
}

async fn writable(socket: Option<&Socket>) {
    match socket {
        Some(socket) => drop(socket.writable().await),
        None => std::future::pending().await,
    }
}
