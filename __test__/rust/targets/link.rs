//! The link against any server: whatever bytes arrive, and however commands, cuts and timers interleave, each command has one outcome, and
//! the link writes no more than it was given.

use std::collections::BTreeMap;
use std::time::Duration;

use hawser::clock::Instant;
use hawser::command::{classify, Class};
use hawser::conn::{CoreEvent, Link, LinkOptions, Output, Resend, Sink, State, Transport};
use hawser::resp::{Commands, Reply};

use super::input::Input;

const COMMANDS: &[&str] = &[
    "get k",
    "incr k",
    "mget a b",
    "blpop q 0",
    "subscribe a b",
    "unsubscribe a",
    "unsubscribe",
    "psubscribe p*",
    "punsubscribe",
    "ssubscribe s",
    "sunsubscribe s",
    "ping",
    "watch w",
    "unwatch",
    "multi",
    "exec",
    "discard",
    "select 1",
    "select x",
    "quit",
    "reset",
    "monitor",
    "hello 3",
    "client reply off",
    "eval return 0",
];

const REPLIES: &[&[u8]] = &[
    b"+OK\r\n",
    b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
    b"+PONG\r\n",
    b"+QUEUED\r\n",
    b":1\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*2\r\n:1\r\n-ERR no\r\n",
    b"%1\r\n+proto\r\n:3\r\n",
    b"$9\r\nloading:0\r\n",
    b"$9\r\nloading:1\r\n",
    b"-ERR unknown command 'HELLO'\r\n",
    b"-NOPROTO no\r\n",
    b"-LOADING soon\r\n",
    b"-READONLY no\r\n",
    b"-EXECABORT no\r\n",
    b"-NOAUTH no\r\n",
    b">3\r\n+subscribe\r\n+a\r\n:1\r\n",
    b">3\r\n+unsubscribe\r\n_\r\n:0\r\n",
    b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
    b">3\r\n+message\r\n+a\r\n+m\r\n",
    b">2\r\n+invalidate\r\n*1\r\n+k\r\n",
    b">0\r\n",
    b"*0\r\n",
    b"|1\r\n+a\r\n:1\r\n",
];

/// What the handshake and the watchdog may write on their own in one step.
const OWN_BYTES: usize = 1 << 12;

#[derive(Default)]
struct Outcomes {
    of: BTreeMap<u32, u32>,
}

impl Outcomes {
    fn note(&mut self, id: u32) {
        let times = self.of.entry(id).or_default();
        *times += 1;
        assert_eq!(*times, 1, "command {id} has another outcome");
    }
}

impl Sink for Outcomes {
    fn reply(&mut self, id: u32, _: Class, _: u32, frame: &[u8]) {
        let _ = Reply::parse(frame);
        self.note(id);
    }

    fn count(&mut self, id: u32, _: i64) {
        self.note(id);
    }
}

struct Driver {
    link: Link,
    now: Instant,
    outcomes: Outcomes,
    /// Whether the driver has a socket or is opening one.
    is_connecting: bool,
    is_connected: bool,
    must_close: bool,
    must_check: bool,
    issued: u32,
    issued_bytes: usize,
    core_issued: usize,
    core_outcomes: usize,
}

pub fn link(data: &[u8]) {
    let mut input = Input::new(data);
    let mut driver = Driver::new(options(&mut input));
    driver.link.connect(driver.now);
    driver.drain(0);
    for _ in 0..2000 {
        if input.is_over() {
            break;
        }
        driver.step(&mut input);
    }
    driver.finish();
}

fn options(input: &mut Input<'_>) -> LinkOptions {
    let bits = input.byte();
    let more = input.byte();
    LinkOptions {
        protocol: 2 + (bits & 1),
        ready_check: bits & 2 != 0,
        asks_driver: bits & 4 != 0,
        offline_queue: bits & 8 == 0,
        auto_resend: bits & 16 == 0,
        retry_refused: bits & 32 != 0,
        hands_back: bits & 64 != 0,
        leaves_replicas: bits & 128 != 0,
        password: (more & 1 != 0).then(|| "p".to_owned()),
        db: u32::from(more & 2),
        strict_database: more & 4 != 0,
        auto_resubscribe: more & 8 == 0,
        command_timeout: (more & 16 != 0).then_some(Duration::from_millis(100)),
        max_queue_commands: if more & 32 != 0 { 3 } else { 0 },
        max_retries_per_request: input.pick(&[Some(20), Some(0), Some(1), None]),
        resend: input.pick(&[Resend::All, Resend::Idempotent, Resend::None]),
        ..LinkOptions::default()
    }
}

impl Driver {
    fn new(options: LinkOptions) -> Self {
        Self {
            link: Link::new(options),
            now: Instant::from_millis(1000),
            outcomes: Outcomes::default(),
            is_connecting: false,
            is_connected: false,
            must_close: false,
            must_check: false,
            issued: 0,
            issued_bytes: 0,
            core_issued: 0,
            core_outcomes: 0,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let mut received = 0;
        match input.byte() % 20 {
            0..=3 => self.submit(input),
            4 => {
                let mut commands = Commands::new();
                commands.push(&["get", "core"]);
                self.core_issued += 1;
                self.issued_bytes += 30;
                self.link.submit_core(&commands, 1, self.now);
            }
            5..=8 => received = self.receive(input.pick(REPLIES)),
            9 | 10 => received = self.receive(input.text()),
            11 | 12 => self.pass(input),
            13 => self.connected(),
            14 => self.closed(),
            15 => {
                let is_accepted = !input.byte().is_multiple_of(4);
                if std::mem::take(&mut self.must_check) {
                    self.link.on_checked(is_accepted, self.now);
                }
            }
            16 => match input.byte() % 4 {
                0 => self.link.on_probe_failed(self.now),
                1 => drop(self.link.on_probe_bytes(input.text(), self.now)),
                2 => self.link.on_transport(input.pick(&[Transport::Unknown, Transport::Delivered]), self.now),
                _ => {
                    let last_acknowledgement = Duration::from_secs(60);
                    self.link.on_transport(Transport::Waiting { last_acknowledgement }, self.now);
                }
            },
            17 => self.link.hand_back_waiting(self.now),
            18 => match input.byte() % 8 {
                0 => self.link.disconnect(false, self.now),
                1 => self.link.disconnect(true, self.now),
                2 => self.link.authenticate(None, "other".to_owned(), self.now),
                _ => self.link.connect(self.now),
            },
            _ => self.link.reconnect_after(input.pick(&[Some(Duration::ZERO), Some(Duration::from_millis(50)), None]), self.now),
        }
        self.drain(received);
    }

    fn submit(&mut self, input: &mut Input<'_>) {
        let mut commands = Commands::new();
        let mut meta = Vec::new();
        for at in 0..=input.byte() % 3 {
            let text = input.pick(COMMANDS);
            let parts: Vec<&str> = text.split(' ').collect();
            commands.push(&parts);
            meta.extend([0, classify(parts[0]).bits() | if at > 0 { Class::PIPELINE_TAIL } else { 0 }]);
        }
        let mut batch = Vec::new();
        for (at, bytes) in commands.iter().enumerate() {
            meta[2 * at] = bytes.len() as u32;
            batch.extend_from_slice(bytes);
        }
        let first = self.issued;
        self.issued += commands.len() as u32;
        self.issued_bytes += batch.len();
        if self.link.submit(&batch, &meta, first, self.now) {
            assert!(!self.link.has_output(), "nothing is overtaken");
            assert!(self.is_connected, "bytes without a connection");
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        if !self.is_connected {
            return 0;
        }
        self.link.on_bytes(bytes, self.now, &mut self.outcomes);
        bytes.len()
    }

    fn pass(&mut self, input: &mut Input<'_>) {
        self.now = self.now + Duration::from_millis(input.pick(&[1, 50, 100, 1000, 4000, 10_000]));
        self.link.on_timer(self.now);
        assert!(self.link.next_wakeup().is_none_or(|at| at > self.now), "the timer fires for ever");
    }

    fn connected(&mut self) {
        if std::mem::take(&mut self.is_connecting) {
            self.is_connected = true;
            self.link.on_connected(self.now);
        }
    }

    fn closed(&mut self) {
        if self.is_connecting || self.is_connected || self.must_close {
            (self.is_connecting, self.is_connected, self.must_close, self.must_check) = (false, false, false, false);
            self.link.on_closed(self.now);
        }
    }

    fn drain(&mut self, received: usize) {
        // A replay writes everything again, behind the database it needs.
        let most = OWN_BYTES + 4 * self.issued_bytes;
        let written = self.link.take_output().len();
        assert!(written <= most, "{written} bytes to write");
        assert!(written == 0 || self.is_connected, "bytes without a connection");
        let mut outputs = 0;
        while let Some(output) = self.link.poll_output() {
            outputs += 1;
            self.note(&output);
        }
        assert!(outputs <= 64 + received + 2 * self.issued as usize + self.core_issued, "{outputs} outputs of one input");
        assert!(self.core_outcomes <= self.core_issued, "a command of the core has another outcome");
        // The link selects a database before a command that needs another one.
        let most = 64 + 3 * self.issued as usize + self.core_issued;
        assert!(self.link.queued() <= most, "{} commands are queued", self.link.queued());
    }

    fn note(&mut self, output: &Output) {
        match output {
            Output::Connect => {
                assert!(!self.is_connecting && !self.is_connected, "one connection");
                self.is_connecting = true;
            }
            Output::Close { .. } => self.must_close = true,
            Output::Check(_) => self.must_check = true,
            Output::Rejected { id, .. } | Output::HandedBack { id, .. } => self.outcomes.note(*id),
            Output::Core(CoreEvent::Reply { .. } | CoreEvent::Lost { .. }) => self.core_outcomes += 1,
            _ => {}
        }
    }

    /// Everything has its outcome once a link has ended.
    fn finish(mut self) {
        self.link.disconnect(false, self.now);
        self.drain(0);
        self.closed();
        self.drain(0);
        assert_eq!(self.link.state(), State::Ended);
        assert_eq!(self.outcomes.of.len(), self.issued as usize, "each command has one outcome");
        assert_eq!(self.core_outcomes, self.core_issued, "each command of the core has one outcome");
        assert_eq!((self.link.queued(), self.link.unanswered_bytes(), self.link.next_wakeup()), (0, 0, None), "nothing is kept");
    }
}
