//! A driver as a value: carries bytes between the links of a session and the server, runs loaders, and keeps what callers
//! and the cache's callers were told.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{Cache, Session};
use super::server::{Connection, Server};
use crate::cache::wire::{slots, Slot};
use crate::cache::EngineConfig;
use crate::clock::Instant;
use crate::command::{classify, Class, Kind};
use crate::conn::{Link, LinkId, LinkOptions, Output, Sink, State, Transport};
use crate::entropy::Entropy;
use crate::resp::{Commands, Reply};

struct Counter(u64);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        bytes.iter_mut().zip(self.0.to_le_bytes().into_iter().cycle()).for_each(|(byte, n)| *byte = n);
    }
}

/// What callers of a link were told, by the number of the command.
#[derive(Debug, Default)]
pub struct Callers(pub Vec<(u32, String)>);

impl Sink for Callers {
    fn reply(&mut self, id: u32, _: Class, _: u32, frame: &[u8]) {
        let reply = Reply::parse(frame);
        let text = reply.as_bytes().or(reply.error()).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        self.0.push((id, text.unwrap_or_else(|| format!("{reply:?}"))));
    }

    fn count(&mut self, id: u32, count: i64) {
        self.0.push((id, count.to_string()));
    }
}

#[derive(Debug, Default)]
struct Wire {
    connection: Option<Connection>,
    /// Bytes that this link's connections still deliver before the next cut.
    budget: Option<usize>,
}

pub struct Rig {
    pub session: Session,
    pub server: Server,
    pub now: Instant,
    pub callers: Callers,
    /// What the cache's callers were told, in order: letter or kind, call, what else.
    pub told: Vec<String>,
    /// How many bytes one read brings at most.
    pub piece: usize,
    /// What the transports say.
    pub transport: Transport,
    wires: BTreeMap<LinkId, Wire>,
    next_id: u32,
}

/// RESP2 without a ready check and a watchdog: ready as soon as it is connected.
pub fn quiet() -> LinkOptions {
    LinkOptions { protocol: 2, watchdog: Duration::ZERO, ready_check: false, max_retries_per_request: None, ..LinkOptions::default() }
}

pub fn cache() -> Cache {
    Cache::new(EngineConfig::default(), Box::new(Counter(0)))
}

impl Rig {
    /// A session with a cache and a link, both idle.
    pub fn new() -> (Self, LinkId) {
        let mut rig = Self::over(Session::with_cache(cache()));
        let link = rig.open();
        assert_eq!(rig.session.cache_input(rig.now, |engine, _| engine.register("p").unwrap().0), Some(1));
        (rig, link)
    }

    pub fn over(session: Session) -> Self {
        Self {
            session,
            server: Server::default(),
            now: Instant::from_millis(1000),
            callers: Callers::default(),
            told: Vec::new(),
            piece: usize::MAX,
            transport: Transport::Unknown,
            wires: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// A session whose cache is on a link that is ready.
    pub fn ready() -> (Self, LinkId) {
        let (mut rig, link) = Self::new();
        rig.session.attach(link, rig.now);
        rig.connect(link);
        rig.settle();
        rig.server.ran.clear();
        (rig, link)
    }

    pub fn open(&mut self) -> LinkId {
        let link = self.session.open(quiet());
        self.wires.insert(link, Wire::default());
        link
    }

    pub fn connect(&mut self, link: LinkId) {
        self.session.input(link, self.now, |l| l.connect(self.now));
        self.drain();
    }

    /// The next connection of this link delivers so many bytes and is cut.
    pub fn cut_after(&mut self, link: LinkId, bytes: usize) {
        self.wires.entry(link).or_default().budget = Some(bytes);
    }

    /// A call to the cache in the words of the crossing.
    pub fn call(&mut self, parts: &[&str]) {
        let mut message = Commands::new();
        message.push(parts);
        let bytes: Vec<u8> = message.iter().flatten().copied().collect();
        self.cross(&bytes);
    }

    fn cross(&mut self, bytes: &[u8]) {
        let taken = self.session.take_messages(bytes, self.now);
        assert_eq!(taken, Some(Ok(())));
        self.drain();
    }

    pub fn get_or_set(&mut self, call: u32, key: &str, tags: &[&str]) {
        let part = |text: &str| [&(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat();
        let reading = [&["1,60000,,,,,"], tags].concat().into_iter().flat_map(part).collect::<Vec<u8>>();
        let length = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
        let key = key.as_bytes();
        self.cross(&[b"G", &call.to_le_bytes()[..], &length(key), &length(&reading), key, &reading].concat());
    }

    /// Commands of callers on a link, as one batch; returns the number of the first.
    pub fn issue(&mut self, link: LinkId, texts: &[&str]) -> u32 {
        let mut commands = Commands::new();
        let mut meta = Vec::new();
        let mut inside = false;
        for text in texts {
            let parts: Vec<&str> = text.split(' ').collect();
            commands.push(&parts);
            let class = classify(parts[0]).with(Class::IN_TRANSACTION, inside);
            inside = (inside || class.kind() == Kind::Multi) && class.kind() != Kind::Exec;
            meta.extend([0, class.bits()]);
        }
        let batch: Vec<u8> = commands.iter().flatten().copied().collect();
        commands.iter().zip(meta.iter_mut().step_by(2)).for_each(|(bytes, length)| *length = bytes.len() as u32);
        let first = self.next_id;
        self.next_id += texts.len() as u32;
        if self.session.submit(link, &batch, &meta, first, self.now) {
            self.write(link, &batch);
        }
        self.drain();
        first
    }

    /// Says raw bytes as the server would.
    pub fn say(&mut self, link: LinkId, bytes: &str) {
        let connection = self.wires.get_mut(&link).and_then(|wire| wire.connection.as_mut());
        connection.expect("a connection").outbound.extend_from_slice(bytes.as_bytes());
    }

    fn write(&mut self, link: LinkId, bytes: &[u8]) {
        if let Some(connection) = self.wires.get_mut(&link).and_then(|wire| wire.connection.as_mut()) {
            connection.receive(bytes, &mut self.server);
        }
    }

    /// Takes every output of the session until there is none.
    pub fn drain(&mut self) {
        loop {
            let writable: Vec<LinkId> = self.session.writable().collect();
            for link in &writable {
                let bytes = self.session.take_output(*link);
                self.write(*link, &bytes);
            }
            let decisions = self.session.take_decisions();
            let mut is_done = writable.is_empty() && decisions.is_empty();
            for decision in decisions {
                self.decided(&slots(decision));
            }
            for link in self.wires.keys().copied().collect::<Vec<_>>() {
                while let Some(output) = self.session.poll_link(link) {
                    is_done = false;
                    self.obey(link, output);
                }
            }
            if is_done {
                return;
            }
        }
    }

    fn obey(&mut self, link: LinkId, output: Output) {
        let now = self.now;
        match output {
            Output::Connect => {
                self.wires.entry(link).or_default().connection = Some(Connection::default());
                self.session.input(link, now, |l| l.on_connected(now));
            }
            Output::Close { .. } => self.cut(link),
            Output::Closed { .. } => {
                self.session.input(link, now, |l| l.reconnect_after(Some(Duration::from_millis(10)), now));
            }
            Output::AskTransport => self.session.on_transport(link, self.transport, now),
            Output::Rejected { id, reason, maybe_executed } => self.callers.0.push((id, format!("{reason:?} {maybe_executed}"))),
            _ => {}
        }
    }

    /// Loaders take no time here: a caller that is told to load has loaded.
    fn decided(&mut self, [kind, id, a, b]: &[Slot; 4]) {
        let text = |slot: &Slot| match slot {
            Slot::None => String::new(),
            Slot::Number(n) => format!(" {n}"),
            Slot::Text(text) => format!(" {text}"),
            Slot::Error(error) => format!(" {}{}", error.kind().code(), if error.is_maybe_executed() { "?" } else { "" }),
            Slot::List(items) => format!(" {items:?}"),
            Slot::Payload(payload) => format!(" {}", String::from_utf8_lossy(payload.as_bytes())),
        };
        let line = format!("{}:{}{}{}", text(kind).trim(), text(id).trim(), text(a), text(b));
        if matches!(kind, Slot::Number(n) if *n < 10.0) {
            self.told.push(line);
        }
        if *kind == Slot::Number(2.0) {
            self.call(&["V", text(a).trim(), "", "loaded"]);
        }
    }

    /// The connection is gone, with everything that was on its way.
    pub fn cut(&mut self, link: LinkId) {
        if let Some(wire) = self.wires.get_mut(&link) {
            wire.connection = None;
        }
        let now = self.now;
        self.session.input(link, now, |l| l.on_closed(now));
        self.drain();
    }

    /// One read on one link. False if there was nothing.
    fn read(&mut self, link: LinkId) -> bool {
        let Some(wire) = self.wires.get_mut(&link) else { return false };
        let Some(connection) = &mut wire.connection else { return false };
        let n = self.piece.min(connection.outbound.len()).min(wire.budget.unwrap_or(usize::MAX));
        let chunk: Vec<u8> = connection.outbound.drain(..n).collect();
        let is_spent = wire.budget.as_mut().is_some_and(|budget| {
            *budget -= n;
            *budget == 0
        });
        if n > 0 {
            self.session.on_bytes(link, &chunk, self.now, &mut self.callers);
            self.drain();
        }
        if is_spent {
            self.wires.entry(link).or_default().budget = None;
            self.cut(link);
        }
        n > 0 || is_spent
    }

    /// Delivers what there is.
    pub fn deliver(&mut self) {
        for link in self.wires.keys().copied().collect::<Vec<_>>() {
            while self.read(link) {}
        }
    }

    /// Delivers what there is, and lets time pass up to two seconds as long as something wants to be woken.
    pub fn settle(&mut self) {
        let until = self.now + Duration::from_secs(2);
        loop {
            self.deliver();
            let Some(at) = self.session.next_wakeup().filter(|at| *at <= until) else { return };
            self.now = self.now.max(at);
            self.session.on_timer(self.now);
            self.drain();
        }
    }

    /// Time passes. The driver looks at its sockets whenever something wants to be woken.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.session.next_wakeup().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.deliver();
            self.session.on_timer(self.now);
            self.drain();
        }
        self.now = end;
        self.deliver();
    }

    pub fn state(&self, link: LinkId) -> State {
        self.session.link(link).map_or(State::Ended, Link::state)
    }
}
