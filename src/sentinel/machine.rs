//! The state machine: inputs of the driver, the server that was found, and the routing between the parts. After each input the driver
//! takes the steps and the next wake-up.

use std::time::Duration;

use serde_json::Value;

use super::answers::{self, Fields};
use super::replicas;
use super::roster::Roster;
use super::search::Search;
use super::watching::{self, Announcement, Watching};
use crate::clock::Instant;
use crate::contract::{SentinelInput, SentinelSettings, SentinelStep, ServerAddress, WantedRole};
use crate::entropy::Entropy;

/// An outage that pauses for so long is worth listening to Sentinels meanwhile, in milliseconds.
const LONG_PAUSE_MS: f64 = 1000.0;

/// The server that was found last and is not lost.
#[derive(Debug)]
struct Server {
    address: ServerAddress,
    /// The Sentinel that named it.
    by: u32,
    is_ready: bool,
    /// Whether the driver was told to leave it.
    is_left: bool,
}

/// How long the answer of a Sentinel that announced is awaited, if another one still names the server that was left.
const HOLD: Duration = Duration::from_secs(3);

/// A server that was left because of an announcement.
#[derive(Debug)]
struct Departure {
    from: ServerAddress,
    /// The Sentinel that announced.
    by: u32,
    /// Another Sentinel that still names `from`, and until when its answer is held back.
    held: Option<(u32, Instant)>,
}

/// Finds a server through Sentinel.
#[derive(Debug)]
pub struct Sentinel {
    settings: SentinelSettings,
    roster: Roster,
    search: Option<Search>,
    /// The replicas among which the application chooses, and who listed them.
    choosing: Option<(u32, Vec<Fields>)>,
    server: Option<Server>,
    /// A server that was named and could not be used, until one can.
    avoided: Option<ServerAddress>,
    departure: Option<Departure>,
    /// The master that was announced last, until a server is in use.
    announced: Option<ServerAddress>,
    watching: Watching,
    steps: Vec<SentinelStep>,
}

impl Sentinel {
    /// A machine that does nothing yet.
    pub fn new(settings: SentinelSettings) -> Self {
        Self {
            roster: Roster::new(&settings.sentinels),
            watching: Watching::new(settings.max_watched),
            settings,
            search: None,
            choosing: None,
            server: None,
            avoided: None,
            departure: None,
            announced: None,
            steps: Vec::new(),
        }
    }

    /// Takes an input. Randomness chooses among replicas that are equally good.
    pub fn on_input(&mut self, input: SentinelInput, entropy: &mut dyn Entropy, now: Instant) {
        match input {
            SentinelInput::Find => self.find(now),
            SentinelInput::Cancel => self.cancel(),
            SentinelInput::Answer { sentinel, server, sentinels } => self.on_answer(sentinel, &server, &sentinels, entropy, now),
            SentinelInput::Failed { sentinel, reason } => self.on_failed(sentinel, reason, now),
            SentinelInput::Chosen { sentinel, address } => self.on_chosen(sentinel, address, entropy, now),
            SentinelInput::Announced { addresses } => self.on_announced(addresses),
            SentinelInput::RetryAfter { ms } => self.retry_after(ms, now),
            SentinelInput::Connected => self.on_connected(),
            SentinelInput::Role { role } => self.on_role(role.as_deref()),
            SentinelInput::Ready => self.on_ready(),
            SentinelInput::Lost { waits_ms } => self.on_lost(waits_ms),
            SentinelInput::Switched { sentinel, text } => self.on_switched(sentinel, &text, now),
            SentinelInput::Timer => self.on_timer(now),
            SentinelInput::Close => {
                self.cancel();
                self.watching.end(&mut self.steps);
                (self.server, self.departure, self.announced) = (None, None, None);
            }
        }
    }

    /// Takes the steps, in order.
    pub fn take_steps(&mut self) -> Vec<SentinelStep> {
        std::mem::take(&mut self.steps)
    }

    /// When `Timer` is due.
    pub fn next_wakeup(&self) -> Option<Instant> {
        let search = self.search.as_ref()?;
        [search.next_wakeup(), self.held_until()].into_iter().flatten().min()
    }

    // ---- the search

    fn find(&mut self, now: Instant) {
        self.server = None;
        if self.search.is_none() {
            self.search = Some(Search::start(&self.roster, now, &mut self.steps));
        }
    }

    fn cancel(&mut self) {
        self.choosing = None;
        if let Some(departure) = &mut self.departure {
            departure.held = None;
        }
        if let Some(search) = self.search.take() {
            search.dismiss_all(&mut self.steps);
        }
    }

    fn on_answer(&mut self, sentinel: u32, reply: &Value, sentinels: &Value, entropy: &mut dyn Entropy, now: Instant) {
        if !self.search.as_mut().is_some_and(|search| search.take(sentinel)) {
            return;
        }
        self.roster.record(sentinel, false);
        self.announce(sentinels);
        match self.settings.role {
            WantedRole::Master => self.on_named(sentinel, answers::master(reply), now),
            WantedRole::Slave => {
                let usable = replicas::usable(answers::rows(reply).unwrap_or_default());
                if usable.is_empty() || !self.settings.chooses {
                    let found = replicas::choose(&usable, &self.settings.preferred, self.avoided.as_ref(), entropy);
                    return self.on_named(sentinel, found, now);
                }
                self.steps.push(SentinelStep::Choose { sentinel, replicas: usable.clone() });
                self.choosing = Some((sentinel, usable));
            }
        }
    }

    fn on_chosen(&mut self, sentinel: u32, address: Option<ServerAddress>, entropy: &mut dyn Entropy, now: Instant) {
        let Some((_, usable)) = self.choosing.take_if(|(by, _)| *by == sentinel) else { return };
        let found = address.or_else(|| replicas::choose(&usable, &[], self.avoided.as_ref(), entropy));
        self.on_named(sentinel, found, now);
    }

    /// A Sentinel has named a server, or none.
    fn on_named(&mut self, sentinel: u32, address: Option<ServerAddress>, now: Instant) {
        let Some(address) = address else {
            let message = format!("connected to sentinel {} successfully, but got an invalid reply: null", self.name_of(sentinel));
            return self.on_useless(sentinel, None, message, now);
        };
        if self.is_held(sentinel, &address, now) {
            if let Some(search) = &mut self.search {
                search.go_on(None, &self.roster, now, &mut self.steps);
            }
        } else {
            self.found(sentinel, address, now);
        }
    }

    /// Sentinels learn of a failover one after another. While the one that announced it may still say so, others that name the former server
    /// prove nothing.
    fn is_held(&mut self, sentinel: u32, address: &ServerAddress, now: Instant) -> bool {
        let (Some(search), Some(departure)) = (&self.search, &mut self.departure) else { return false };
        let holds = departure.from == *address && search.is_asking(departure.by);
        if holds {
            departure.held.get_or_insert((sentinel, now + HOLD));
        }
        holds
    }

    fn held_until(&self) -> Option<Instant> {
        Some(self.departure.as_ref()?.held?.1)
    }

    /// The Sentinel that announced has nothing to say: what another one said counts.
    fn release_held(&mut self, now: Instant) -> bool {
        let held = self.departure.as_ref().and_then(|departure| Some((departure.held?.0, departure.from.clone())));
        let Some((sentinel, address)) = held else { return false };
        self.found(sentinel, address, now);
        true
    }

    fn found(&mut self, sentinel: u32, address: ServerAddress, now: Instant) {
        self.cancel();
        if let Some(departure) = self.departure.take().filter(|departure| departure.from == address) {
            // There was no other master.
            self.roster.distrust(departure.by, now);
        }
        self.steps.push(SentinelStep::Found { address: address.clone() });
        self.server = Some(Server { address, by: sentinel, is_ready: false, is_left: false });
    }

    fn on_failed(&mut self, sentinel: u32, reason: String, now: Instant) {
        if self.search.as_mut().is_some_and(|search| search.take(sentinel)) {
            let message = format!("failed to connect to sentinel {} because {reason}", self.name_of(sentinel));
            self.on_useless(sentinel, Some(reason), message, now);
        }
    }

    fn on_useless(&mut self, sentinel: u32, error: Option<String>, message: String, now: Instant) {
        self.roster.record(sentinel, true);
        self.steps.push(SentinelStep::Bad { message });
        if self.departure.as_ref().is_some_and(|departure| departure.by == sentinel) && self.release_held(now) {
            return;
        }
        if let Some(search) = &mut self.search {
            search.go_on(error, &self.roster, now, &mut self.steps);
        }
    }

    fn on_timer(&mut self, now: Instant) {
        if self.held_until().is_some_and(|until| until <= now) {
            self.release_held(now);
        } else if let Some(search) = &mut self.search {
            search.on_timer(&self.roster, now, &mut self.steps);
        }
    }

    fn retry_after(&mut self, ms: Option<f64>, now: Instant) {
        let goes_on = self.search.as_mut().is_none_or(|search| search.retry_after(ms, now, &mut self.steps));
        if !goes_on {
            self.search = None;
        }
    }

    // ---- other Sentinels

    fn announce(&mut self, reply: &Value) {
        if !self.settings.learns {
            return;
        }
        let rows = answers::rows(reply).unwrap_or_default();
        let addresses: Vec<_> =
            rows.iter().filter(|row| !answers::has_flag(row, &["disconnected"])).filter_map(answers::address_in).collect();
        if !addresses.is_empty() {
            self.steps.push(SentinelStep::Announced { addresses });
        }
    }

    fn on_announced(&mut self, addresses: Vec<ServerAddress>) {
        let new = self.roster.learn(addresses);
        self.steps.extend(new.into_iter().map(|address| SentinelStep::Learned { address }));
    }

    fn name_of(&self, sentinel: u32) -> String {
        self.roster.get(sentinel).map_or_else(String::new, |one| format!("{}:{}", one.address.host, one.address.port))
    }

    // ---- the server

    fn on_connected(&mut self) {
        if self.settings.watches && self.server.is_some() {
            self.watching.begin(&self.roster, &mut self.steps);
        }
    }

    /// A server counts if it says itself that it has the role. One that says nothing is taken at the Sentinel's word.
    fn on_role(&mut self, role: Option<&str>) {
        let wanted = match self.settings.role {
            WantedRole::Master => "master",
            WantedRole::Slave => "slave",
        };
        let accepted = role.is_none_or(|role| role.is_empty() || role == wanted);
        self.steps.push(SentinelStep::Verdict { accepted });
    }

    fn on_ready(&mut self) {
        if let Some(server) = &mut self.server {
            server.is_ready = true;
            (self.avoided, self.announced) = (None, None);
            self.roster.begin_with(server.by);
        }
        if !self.settings.watches {
            self.watching.end(&mut self.steps);
        }
    }

    fn on_lost(&mut self, waits_ms: Option<f64>) {
        if let Some(server) = self.server.take().filter(|server| !server.is_ready && !server.is_left) {
            // The Sentinel that named it may be wrong: another one is asked first.
            self.roster.begin_after(server.by);
            self.avoided = Some(server.address);
        }
        if waits_ms.is_some_and(|ms| ms >= LONG_PAUSE_MS) {
            self.watching.begin(&self.roster, &mut self.steps);
        }
    }

    // ---- announcements

    /// A Sentinel that announces a new master knows it, and is asked first.
    fn on_switched(&mut self, sentinel: u32, text: &str, now: Instant) {
        let Announcement::Master(new) = watching::read(text, &self.settings.name) else { return };
        if !self.watching.has(sentinel) || self.roster.is_distrusted(sentinel, now) || self.is_expected(new.as_ref()) {
            return;
        }
        let is_known = new.is_some() && new == self.announced;
        self.announced = new;
        if self.search.is_some() {
            // Every Sentinel announces the same failover.
            if is_known {
                return;
            }
            self.roster.begin_with(sentinel);
            self.cancel();
            self.search = Some(Search::start(&self.roster, now, &mut self.steps));
            return;
        }
        if let Some(server) = &mut self.server {
            if server.is_left {
                return;
            }
            server.is_left = true;
            self.departure = Some(Departure { from: server.address.clone(), by: sentinel, held: None });
        }
        self.roster.begin_with(sentinel);
        self.steps.push(SentinelStep::Switch);
    }

    /// Whether the server in use is the right one after this announcement: a master that is announced, a replica that was not promoted.
    fn is_expected(&self, new: Option<&ServerAddress>) -> bool {
        let Some((server, new)) = self.server.as_ref().zip(new) else { return false };
        (server.address == *new) == (self.settings.role == WantedRole::Master)
    }
}
