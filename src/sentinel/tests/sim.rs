//! Random histories: Sentinels that are dead, silent, slow, lying or late, servers that die, are demoted and come back. In every
//! history, each connection that the machine opens is answered or closed, only servers of the wanted role are used, and while one
//! Sentinel is honest and the master is up, it is found within a bound that grows with the number of bad Sentinels alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{json, Value};

use crate::clock::Instant;
use crate::contract::{SentinelInput as In, SentinelSettings, SentinelStep as Step, ServerAddress, StartSentinel, WantedRole};
use crate::entropy::Entropy;
use crate::sentinel::Sentinel;

/// Seeds of a run. A seed that fails is named by the panic.
const SEEDS: u64 = 3000;
/// How long a driver gives a Sentinel, and a server that does not accept.
const TIMEOUT: Duration = Duration::from_secs(3);
const SERVERS: u16 = 3;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

impl Entropy for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.below(256) as u8;
        }
    }
}

/// How a Sentinel behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Manner {
    Honest,
    Dead,
    Silent,
    /// Names a server that does not have the role.
    Wrong,
    /// Names an address at which nobody answers.
    BlackHole,
    /// Answers with something else.
    Garbage,
    /// Announces masters that there are not, and is honest when asked.
    Alarmist,
}

/// What the client has of the server.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Client {
    Searching,
    Connecting(u16),
    Ready(u16),
    Waiting,
}

struct World {
    dice: Dice,
    now: Instant,
    machine: Sentinel,
    role: WantedRole,
    manners: Vec<Manner>,
    master: u16,
    client: Client,
    attempts: u32,
    /// Questions under way.
    asked: BTreeSet<u32>,
    watched: BTreeSet<u32>,
    /// What happens next, by time and order.
    agenda: BTreeMap<(Instant, u64), Event>,
    order: u64,
    rounds_told: u32,
}

#[derive(Debug, Clone)]
enum Event {
    Answer(u32),
    Fail(u32),
    Outcome(u16),
    Reconnect,
    Announce(u32, String),
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let count = 1 + dice.below(5) as usize;
        let all = [Manner::Honest, Manner::Dead, Manner::Silent, Manner::Wrong, Manner::BlackHole, Manner::Garbage, Manner::Alarmist];
        let mut manners: Vec<Manner> = (0..count).map(|_| all[dice.below(all.len() as u64) as usize]).collect();
        let honest = dice.below(count as u64) as usize;
        manners[honest] = Manner::Honest;
        let role = if dice.chance(30) { WantedRole::Slave } else { WantedRole::Master };
        let settings = SentinelSettings {
            name: "group".into(),
            role,
            sentinels: (0..count as u16).map(|at| StartSentinel { host: "s".into(), port: at + 1, family: None }).collect(),
            learns: dice.chance(50),
            watches: dice.chance(60),
            max_watched: 1 + dice.below(4) as u32,
            preferred: Vec::new(),
            chooses: dice.chance(30),
        };
        Self {
            machine: Sentinel::new(settings),
            dice,
            now: Instant::default(),
            role,
            manners,
            master: 1,
            client: Client::Searching,
            attempts: 0,
            asked: BTreeSet::new(),
            watched: BTreeSet::new(),
            agenda: BTreeMap::new(),
            order: 0,
            rounds_told: 0,
        }
    }

    fn manner(&self, sentinel: u32) -> Manner {
        self.manners.get(sentinel as usize).copied().unwrap_or(Manner::Dead)
    }

    fn later(&mut self, ms: u64, event: Event) {
        self.order += 1;
        self.agenda.insert((self.now + Duration::from_millis(ms), self.order), event);
    }

    fn has_role(&self, port: u16) -> bool {
        (1..=SERVERS).contains(&port) && (port == self.master) == (self.role == WantedRole::Master)
    }

    fn input(&mut self, input: In) {
        self.machine.on_input(input, &mut self.dice, self.now);
        for step in self.machine.take_steps() {
            self.carry_out(step);
        }
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Ask { sentinel, .. } => {
                assert!(self.asked.insert(sentinel), "asked twice at once");
                assert_eq!(self.client, Client::Searching);
                let ms = self.dice.below(40);
                match self.manner(sentinel) {
                    Manner::Dead => self.later(ms, Event::Fail(sentinel)),
                    Manner::Silent => self.later(TIMEOUT.as_millis() as u64, Event::Fail(sentinel)),
                    _ => self.later(ms, Event::Answer(sentinel)),
                }
            }
            Step::Dismiss { sentinel } => assert!(self.asked.remove(&sentinel), "dismissed without a question"),
            Step::Choose { sentinel, replicas } => {
                assert!(!replicas.is_empty());
                let address = self.dice.chance(50).then(|| ServerAddress {
                    host: replicas[0]["ip"].as_str().unwrap().to_owned(),
                    port: replicas[0]["port"].as_str().unwrap().parse().unwrap(),
                });
                self.input(In::Chosen { sentinel, address });
            }
            Step::Announced { addresses } => self.input(In::Announced { addresses }),
            Step::Learned { .. } => self.manners.push(Manner::Dead),
            Step::Bad { .. } | Step::Failing { .. } => {}
            Step::Exhausted { attempts } => {
                self.rounds_told += 1;
                assert!(self.asked.is_empty(), "somebody may still answer");
                self.input(In::RetryAfter { ms: Some(f64::from(attempts.min(10))) });
            }
            Step::GiveUp { .. } => panic!("nobody said so"),
            Step::Found { address } => {
                assert!(self.asked.is_empty());
                self.client = Client::Connecting(address.port);
                let ms = if address.port > SERVERS { TIMEOUT.as_millis() as u64 } else { self.dice.below(30) };
                self.later(ms, Event::Outcome(address.port));
            }
            Step::Verdict { accepted } => {
                let Client::Connecting(port) = self.client else { panic!("no server to judge") };
                assert_eq!(accepted, self.has_role(port));
                if accepted {
                    self.client = Client::Ready(port);
                    self.attempts = 0;
                    self.input(In::Ready);
                } else {
                    self.lose();
                }
            }
            Step::Watch { sentinel, .. } => assert!(self.watched.insert(sentinel), "watched twice"),
            Step::Unwatch { sentinel } => assert!(self.watched.remove(&sentinel), "was not watched"),
            Step::Switch => match self.client {
                Client::Waiting => self.find(),
                Client::Searching => panic!("a search is restarted by the machine itself"),
                Client::Connecting(_) | Client::Ready(_) => self.lose(),
            },
        }
    }

    fn find(&mut self) {
        self.client = Client::Searching;
        self.input(In::Find);
    }

    /// The connection is gone; the policy waits longer each time.
    fn lose(&mut self) {
        self.client = Client::Waiting;
        self.attempts += 1;
        let ms = (50 << self.attempts.min(7)).min(5000);
        self.later(ms, Event::Reconnect);
        self.input(In::Lost { waits_ms: Some(ms as f64) });
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Answer(sentinel) if self.asked.remove(&sentinel) => {
                let server = self.reply(sentinel);
                let sentinels =
                    if self.dice.chance(20) { json!([["ip", "s", "port", (1 + self.dice.below(9)).to_string()]]) } else { Value::Null };
                self.input(In::Answer { sentinel, server, sentinels });
            }
            Event::Fail(sentinel) if self.asked.remove(&sentinel) => self.input(In::Failed { sentinel, reason: "x".into() }),
            Event::Outcome(port) if self.client == Client::Connecting(port) => {
                if port > SERVERS {
                    return self.lose();
                }
                self.input(In::Connected);
                if self.client == Client::Connecting(port) {
                    let role = if port == self.master { "master" } else { "slave" };
                    self.input(In::Role { role: Some(role.into()) });
                }
            }
            Event::Reconnect if self.client == Client::Waiting => self.find(),
            Event::Announce(sentinel, text) if self.watched.contains(&sentinel) => self.input(In::Switched { sentinel, text }),
            _ => {}
        }
    }

    fn reply(&mut self, sentinel: u32) -> Value {
        let right = self.has_role(self.master) == (self.role == WantedRole::Master);
        assert!(right);
        let replica = 1 + self.master % SERVERS;
        let port = match (self.manner(sentinel), self.role) {
            (Manner::Wrong, WantedRole::Master) | (Manner::Honest | Manner::Alarmist, WantedRole::Slave) => replica,
            (Manner::BlackHole, _) => 99,
            (Manner::Garbage, _) => return json!("OK"),
            _ => self.master,
        };
        match self.role {
            WantedRole::Master => json!(["h", port.to_string()]),
            WantedRole::Slave => json!([["ip", "h", "port", port.to_string(), "flags", "slave"]]),
        }
    }

    /// Something happens in the world.
    fn disturb(&mut self) {
        match self.dice.below(4) {
            0 => {
                let old = self.master;
                self.master = 1 + self.dice.below(u64::from(SERVERS)) as u16;
                let text = format!("group h {old} h {}", self.master);
                for sentinel in 0..self.manners.len() as u32 {
                    let ms = self.dice.below(2000);
                    self.later(ms, Event::Announce(sentinel, text.clone()));
                }
                // Sooner or later the old one says READONLY, or is gone.
                if let Client::Ready(port) = self.client {
                    if !self.has_role(port) {
                        self.lose();
                    }
                }
            }
            1 if matches!(self.client, Client::Ready(_) | Client::Connecting(_)) => self.lose(),
            2 => {
                for sentinel in 0..self.manners.len() as u32 {
                    if self.manner(sentinel) == Manner::Alarmist {
                        let text = ["group h 1 h 77", "", "other h 1 h 2"][self.dice.below(3) as usize];
                        self.later(1, Event::Announce(sentinel, text.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }

    /// Lets time pass up to `until`, or up to the moment at which `done` holds.
    fn run(&mut self, until: Instant, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            let event = self.agenda.keys().next().map(|(at, _)| *at);
            let Some(next) = [event, self.machine.next_wakeup()].into_iter().flatten().min() else { return };
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            if event == Some(next) {
                let (_, event) = self.agenda.pop_first().unwrap();
                self.happen(event);
            } else {
                self.input(In::Timer);
            }
        }
    }
}

#[test]
fn in_every_history_the_server_is_found() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.find();
        for _ in 0..6 {
            let until = world.now + Duration::from_millis(world.dice.below(4000));
            world.run(until, |_| false);
            world.disturb();
        }
        // From here on nothing more goes wrong. Each bad Sentinel costs at most one time-out, and then a pause of the policy.
        let bad = world.manners.len() as u32;
        let bound = world.now + Duration::from_secs(6) + (TIMEOUT + Duration::from_secs(6)) * bad;
        world.run(bound, |world| matches!(world.client, Client::Ready(port) if world.has_role(port)));
        let found = matches!(world.client, Client::Ready(port) if world.has_role(port));
        assert!(found, "seed {seed}: {:?} with {:?}, master {}", world.client, world.manners, world.master);
        world.input(In::Close);
        assert!(world.asked.is_empty() && world.watched.is_empty(), "seed {seed}: connections are left");
        assert_eq!(world.machine.next_wakeup(), None, "seed {seed}: a timer is left");
    }
}

#[test]
fn a_silent_sentinel_delays_for_no_longer_than_its_second() {
    for seed in 0..SEEDS / 10 {
        let mut world = World::new(seed);
        let silent = world.manners.len() - 1;
        world.manners.fill(Manner::Silent);
        world.manners[silent] = Manner::Honest;
        world.find();
        world.run(Instant::from_millis(60_000), |world| matches!(world.client, Client::Ready(_)));
        let bound = Duration::from_millis(1000 * silent as u64 + 100);
        assert!(world.now.since_epoch() <= bound, "seed {seed}: {:?} with {:?}", world.now, world.manners);
    }
}
