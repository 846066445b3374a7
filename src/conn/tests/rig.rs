//! A driver as a value: hands bytes between the link and the server, in pieces and up to where a test cuts them, and keeps
//! what became of each command.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::{CoreEvent, Link, LinkOptions, Message, Output, Sink, State};
use super::calls::{call, quiet, text, Call, Outcome};
use super::server::{Connection, Server};
use crate::clock::Instant;
use crate::command::{classify, Class};
use crate::error::ErrorKind;
use crate::resp::{Commands, Reply};

#[derive(Debug, Default)]
struct Seen {
    outcomes: BTreeMap<u32, Vec<Outcome>>,
    /// Numbers of commands in the order of their replies.
    order: Vec<u32>,
}

impl Sink for Seen {
    fn reply(&mut self, id: u32, _: Class, _: u32, frame: &[u8]) {
        self.order.push(id);
        self.outcomes.entry(id).or_default().push(Outcome::Reply(Reply::parse(frame)));
    }

    fn count(&mut self, id: u32, count: i64) {
        self.order.push(id);
        self.outcomes.entry(id).or_default().push(Outcome::Count(count));
    }
}

pub struct Rig {
    pub link: Link,
    pub server: Server,
    pub connection: Option<Connection>,
    pub now: Instant,
    /// What the policy answers to `Closed`.
    pub retry: Option<Duration>,
    /// Whether a connection is made as soon as it is asked for.
    pub reachable: bool,
    /// Bytes that this and later connections deliver; a connection is cut when its own are spent.
    pub budgets: Vec<usize>,
    /// How many bytes one read brings at most.
    pub piece: usize,
    pub connections: u32,
    /// Everything the link said but rejections.
    pub events: Vec<Output>,
    /// What the core was told, in order.
    pub core_events: Vec<CoreEvent>,
    pub calls: Vec<Call>,
    seen: Seen,
    connecting: bool,
    delivered: usize,
}

impl Rig {
    pub fn new(options: LinkOptions) -> Self {
        Self {
            link: Link::new(options),
            server: Server::default(),
            connection: None,
            now: Instant::from_millis(1000),
            retry: Some(Duration::from_millis(50)),
            reachable: true,
            budgets: Vec::new(),
            piece: usize::MAX,
            connections: 0,
            events: Vec::new(),
            core_events: Vec::new(),
            calls: Vec::new(),
            seen: Seen::default(),
            connecting: false,
            delivered: 0,
        }
    }

    /// A link that is ready, with a watchdog that is off.
    pub fn ready() -> Self {
        Self::ready_with(quiet())
    }

    pub fn ready_with(options: LinkOptions) -> Self {
        let mut rig = Self::new(options);
        rig.connect();
        rig.settle();
        assert_eq!(rig.link.state(), State::Ready);
        rig.events.clear();
        rig
    }

    pub fn connect(&mut self) {
        self.link.connect(self.now);
        self.drain();
    }

    /// Issues calls as one batch; returns the number of the first.
    pub fn submit(&mut self, calls: &[Call]) -> u32 {
        let mut commands = Commands::new();
        let mut meta = Vec::new();
        for call in calls {
            commands.push(&call.text.split(' ').collect::<Vec<_>>());
            let name = call.text.split(' ').next().unwrap_or_default();
            meta.push(0);
            meta.push(classify(name).bits() | call.flags);
        }
        let mut batch = Vec::new();
        for (index, bytes) in commands.iter().enumerate() {
            meta[2 * index] = bytes.len() as u32;
            batch.extend_from_slice(bytes);
        }
        let first = self.calls.len() as u32;
        self.calls.extend_from_slice(calls);
        if self.link.submit(&batch, &meta, first, self.now) {
            assert!(!self.link.has_output(), "nothing may be overtaken");
            self.write(&batch);
        }
        self.drain();
        first
    }

    pub fn issue(&mut self, text: &str) -> u32 {
        self.submit(&[call(text)])
    }

    pub fn submit_core(&mut self, texts: &[&str], tag: u32) {
        let mut commands = Commands::new();
        for text in texts {
            commands.push(&text.split(' ').collect::<Vec<_>>());
        }
        self.link.submit_core(&commands, tag, self.now);
        self.drain();
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(connection) = &mut self.connection {
            connection.receive(bytes, &mut self.server);
        }
    }

    /// Does what the link asks for, until it asks for nothing more.
    pub fn drain(&mut self) {
        loop {
            let bytes = self.link.take_output();
            if !bytes.is_empty() {
                assert!(self.connection.is_some(), "bytes without a connection");
                self.write(&bytes);
            }
            if self.connecting && self.reachable {
                self.connecting = false;
                self.connections += 1;
                self.delivered = 0;
                self.connection = Some(Connection::default());
                self.link.on_connected(self.now);
                continue;
            }
            let Some(output) = self.link.poll_output() else {
                if bytes.is_empty() {
                    return;
                }
                continue;
            };
            match output {
                Output::Rejected { id, reason, maybe_executed } => {
                    self.seen.outcomes.entry(id).or_default().push(Outcome::Rejected(reason, maybe_executed));
                }
                Output::HandedBack { id, sent, .. } => {
                    self.seen.order.push(id);
                    self.seen.outcomes.entry(id).or_default().push(Outcome::HandedBack(sent));
                }
                Output::Core(event) => self.core_events.push(event),
                other => {
                    self.events.push(other.clone());
                    match other {
                        Output::Connect => self.connecting = true,
                        Output::Close { .. } => self.cut(),
                        Output::Closed { .. } => self.link.reconnect_after(self.retry, self.now),
                        _ => {}
                    }
                }
            }
        }
    }

    /// The connection attempt fails.
    pub fn fail_to_connect(&mut self) {
        assert!(std::mem::take(&mut self.connecting), "nothing to fail");
        self.link.on_closed(self.now);
        self.drain();
    }

    /// The connection is gone, with everything that was on its way.
    pub fn cut(&mut self) {
        self.connecting = false;
        self.connection = None;
        self.link.on_closed(self.now);
        self.drain();
    }

    /// Delivers up to `n` bytes as one read. False if there was nothing.
    pub fn deliver(&mut self, n: usize) -> bool {
        let left = self.budget().saturating_sub(self.delivered);
        let Some(connection) = &mut self.connection else { return false };
        connection.answer(n.min(left), &mut self.server);
        let n = n.min(connection.outbound.len()).min(left);
        let chunk: Vec<u8> = connection.outbound.drain(..n).collect();
        self.delivered += n;
        if n > 0 {
            self.link.on_bytes(&chunk, self.now, &mut self.seen);
            self.drain();
        }
        let spent = self.delivered >= self.budget();
        let over = self.connection.as_ref().is_some_and(|c| c.closed && c.outbound.is_empty());
        if self.connection.is_some() && (spent || over) {
            self.cut();
        }
        n > 0
    }

    fn budget(&self) -> usize {
        self.budgets.get(self.connections as usize - usize::from(self.connections > 0)).copied().unwrap_or(usize::MAX)
    }

    /// Bytes that the server has sent on the present connection.
    pub fn delivered(&self) -> usize {
        self.delivered
    }

    /// Delivers all there is.
    pub fn read(&mut self) {
        while self.deliver(self.piece) {}
    }

    /// Lets time pass, and the timer fire when it is due.
    pub fn pass(&mut self, by: Duration) {
        self.read();
        let until = self.now + by;
        while let Some(at) = self.link.next_wakeup().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.link.on_timer(self.now);
            self.drain();
            assert!(self.link.next_wakeup().is_none_or(|next| next > self.now), "the timer fires for ever");
            self.read();
        }
        self.now = until;
        self.link.on_timer(self.now);
        self.drain();
        self.read();
    }

    /// Reads and lets time pass until nothing moves any more.
    pub fn settle(&mut self) {
        self.read();
        for _ in 0..200 {
            let Some(at) = self.link.next_wakeup().filter(|at| at.since(self.now) < Duration::from_secs(2)) else { return };
            self.pass(at.since(self.now));
        }
        panic!("it does not settle");
    }

    pub fn outcomes(&self, id: u32) -> &[Outcome] {
        self.seen.outcomes.get(&id).map_or(&[], Vec::as_slice)
    }

    /// What became of a command: the text of its one outcome, or that there is none yet.
    pub fn outcome(&self, id: u32) -> String {
        match self.outcomes(id) {
            [] => "pending".to_owned(),
            [one] => one.text(),
            many => panic!("{} has {} outcomes: {many:?}", self.calls[id as usize].text, many.len()),
        }
    }

    pub fn order(&self) -> &[u32] {
        &self.seen.order
    }

    /// Replies to the core, with their tags.
    pub fn core(&self) -> Vec<(u32, String)> {
        let reply = |event: &CoreEvent| if let CoreEvent::Reply { tag, reply } = event { Some((*tag, text(reply))) } else { None };
        self.core_events.iter().filter_map(reply).collect()
    }

    /// Commands of the core that were lost: their tags, and whether the server may have run them.
    pub fn core_lost(&self) -> Vec<(u32, bool)> {
        let loss = |event: &CoreEvent| if let CoreEvent::Lost { tag, sent } = event { Some((*tag, *sent)) } else { None };
        self.core_events.iter().filter_map(loss).collect()
    }

    pub fn messages(&self) -> Vec<String> {
        let show = |m: &Message| {
            format!(
                "{} {} {}",
                String::from_utf8_lossy(&m.pattern),
                String::from_utf8_lossy(&m.channel),
                String::from_utf8_lossy(&m.payload)
            )
        };
        self.events.iter().filter_map(|e| if let Output::Message(m) = e { Some(show(m)) } else { None }).collect()
    }

    pub fn failures(&self) -> Vec<(ErrorKind, String)> {
        self.events.iter().filter_map(|e| if let Output::Failed { kind, text } = e { Some((*kind, text.clone())) } else { None }).collect()
    }

    pub fn count(&self, what: impl Fn(&Output) -> bool) -> usize {
        self.events.iter().filter(|e| what(e)).count()
    }

    /// How often the server ran this command.
    pub fn ran(&self, text: &str) -> u32 {
        self.server.ran.get(text).copied().unwrap_or(0)
    }

    /// Ends the link and checks that nothing is left of it.
    pub fn finish(&mut self) {
        self.link.disconnect(false, self.now);
        self.drain();
        assert_eq!(self.link.state(), State::Ended);
        self.check_ended();
    }

    pub fn check_ended(&self) {
        for id in 0..self.calls.len() as u32 {
            assert_ne!(self.outcome(id), "pending", "{}", self.calls[id as usize].text);
        }
        assert_eq!((self.link.queued(), self.link.queues.bytes()), (0, 0), "nothing is kept");
        assert_eq!(self.link.next_wakeup(), None, "nothing wants to be woken");
    }
}
