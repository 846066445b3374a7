//! The near cache under every interleaving of fills, pushes, flushes, own writes, writes of others, lost lanes and failovers, within
//! a small budget of each. After every step, what the facade would serve is checked against what was promised: a write of this process
//! binds as soon as its caller was told, one of another process once the socket was looked at after it, and at the latest when the
//! proof that the lane lives has run out. With one fence removed, or with a facade that looks away, some order breaks a promise.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::cache::io::LaneEvent;
use crate::cache::names::Repo;
use crate::cache::near::{Fence, Ground, Near, NearOutput};
use crate::clock::Instant;
use crate::store::entry::{self, Header, Tag};
use crate::store::{Found, Id, Key, NodeId, NodeOp, Op, Replication, ReplicationId, Seen, StoreReply, Ticket, Value, Version};

/// How long the facade serves copies without a look at the socket.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const NODES: [NodeId; 2] = [NodeId(0), NodeId(1)];

/// What may happen, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Act {
    /// The facade asks for a copy.
    Fill,
    /// A server carries the next request of its lane out.
    Serve(u8),
    /// The next reply or push of a lane arrives.
    Arrive(u8),
    /// A write of this process takes effect; its caller is told.
    Own(Change),
    Told,
    /// A write of another process, whose caller is told at once.
    Other(Change),
    /// Another process loads the entry again.
    Load,
    /// The server of the entry forgets everything.
    Flush,
    /// The lane dies without a sign.
    Die,
    /// The process notices; the lane comes back.
    Notice,
    Back,
    /// Another master takes over. The lane stays with the former one.
    FailOver,
    /// A moment passes; a long time passes.
    Moment,
    Long,
}

/// A write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Change {
    Delete,
    Set,
    Invalidate,
}

/// A fault that is no fence of the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    Without(Fence),
    /// The facade serves copies although nothing proves that their lane lives.
    ServesUnproven,
    /// The facade serves copies without a look at the socket.
    ServesUnseen,
    /// Fills are read on another link than the pushes come on.
    FillsElsewhere,
}

#[derive(Debug, Clone)]
enum FromServer {
    Reply(Ticket, StoreReply),
    Push(Option<Vec<Key>>),
}

/// A write that was promised to its caller: values that were made before `at` may not be served any more.
#[derive(Debug, Clone, Hash)]
struct Promise {
    at: u64,
    told: Instant,
    is_own: bool,
}

/// One process, one entry with one tag, one server or one for each of the two.
#[derive(Debug, Clone)]
struct Sea {
    flaw: Flaw,
    is_split: bool,
    near: Near,
    now: Instant,
    looked_at: Instant,
    /// Counts values and writes.
    last: u64,
    version: Option<u64>,
    /// The entry: its number and the version it was stored with.
    entry: Option<(u64, u64)>,
    tracked: BTreeSet<Key>,
    /// The server's own name, and that of the server behind the lane.
    master: u8,
    lane_master: u8,
    is_dead: Option<Instant>,
    is_up: bool,
    requests: [VecDeque<(Ticket, NodeOp)>; 2],
    stream: [VecDeque<FromServer>; 2],
    /// Replies of another link, for a flaw.
    aside: VecDeque<(Ticket, NodeOp)>,
    untold: Option<u64>,
    own_change: Option<Change>,
    /// The facade's copies: each with its value's number.
    copies: BTreeMap<u32, u64>,
    promises: Vec<Promise>,
    budget: BTreeMap<Act, u8>,
}

fn id(number: u64) -> Id {
    Id::parse(format!("{number:016}").as_bytes()).expect("an id")
}

fn names() -> (Arc<Repo>, Key, Key) {
    let repo = Repo::testing();
    let (entry, version) = (repo.names.entry(b"k"), repo.names.version(b"t"));
    (repo, entry, version)
}

impl Sea {
    fn new(flaw: Flaw, Scenario { is_split, budget }: &Scenario) -> Self {
        let mut sea = Self {
            flaw,
            is_split: *is_split,
            near: Near::default(),
            now: Instant::from_millis(1_000_000),
            looked_at: Instant::from_millis(1_000_000),
            last: 2,
            version: Some(1),
            entry: Some((2, 1)),
            tracked: BTreeSet::new(),
            master: 0,
            lane_master: 0,
            is_dead: None,
            is_up: false,
            requests: Default::default(),
            stream: Default::default(),
            aside: VecDeque::new(),
            untold: None,
            own_change: None,
            copies: BTreeMap::new(),
            promises: Vec::new(),
            budget: budget.iter().copied().collect(),
        };
        if let Flaw::Without(fence) = flaw {
            sea.near.removed = Some(fence);
        }
        sea.connect();
        if sea.is_split {
            sea.connect_to(1);
        }
        sea
    }

    fn replication(master: u8) -> Replication {
        Replication { id: ReplicationId::of(&[master]), is_checked: true }
    }

    fn ground(&self) -> Ground<'static> {
        Ground::Test(Self::replication(self.master), self.is_split)
    }

    fn tells(&self, node: usize) -> bool {
        node == 1 || (self.is_dead.is_none() && self.lane_master == self.master && self.is_up)
    }

    fn is_silent(&self) -> bool {
        self.stream.iter().all(VecDeque::is_empty)
    }

    /// The first lane comes up, and is asked and told what it needs. The second one, if there is one, never fails.
    fn connect(&mut self) {
        self.is_up = true;
        self.lane_master = self.master;
        let kept = names().2;
        self.tracked.retain(|key| self.is_split && *key == kept);
        self.connect_to(0);
    }

    fn connect_to(&mut self, node: usize) {
        self.near.on_lane(self.now, NODES[node], LaneEvent::Up, self.ground());
        self.drain();
        while let Some((ticket, op)) = self.requests[node].pop_front() {
            let reply = self.carry_out(&op.op, true);
            self.near.on_answer(self.now, ticket, Ok(reply), self.ground());
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.near.poll_output() {
            match output {
                NearOutput::Send { ticket, op, .. } if self.flaw == Flaw::FillsElsewhere && matches!(op.op, Op::Read { .. }) => {
                    self.aside.push_back((ticket, op));
                }
                NearOutput::Send { ticket, node, op } => self.requests[usize::from(node.0)].push_back((ticket, op)),
                NearOutput::Filled(filled) => {
                    let text = String::from_utf8(filled.payload.as_bytes().to_vec()).expect("digits");
                    self.copies.insert(filled.copy, text.parse().expect("a number"));
                }
                NearOutput::Dropped { copy } => {
                    self.copies.remove(&copy);
                }
                _ => {}
            }
        }
    }

    // ---- the server

    fn carry_out(&mut self, op: &Op, tracks: bool) -> StoreReply {
        match op {
            Op::Identify => StoreReply::Identity { id: ReplicationId::of(&[self.lane_master]), is_master: true },
            Op::Read { entries, versions } => {
                let keys = entries.iter().map(|read| &read.key).chain(versions);
                if tracks {
                    self.tracked.extend(keys.cloned());
                }
                let versions = versions.iter().map(|_| self.stored_version()).collect();
                StoreReply::Read { entries: vec![self.stored_entry()], versions, atomic: true }
            }
            Op::ReadVersions { versions } => {
                if tracks {
                    self.tracked.extend(versions.iter().cloned());
                }
                StoreReply::Versions(versions.iter().map(|_| self.stored_version()).collect())
            }
            _ => StoreReply::Done,
        }
    }

    fn stored_version(&self) -> Option<Version> {
        self.version.map(|version| Version { id: id(version), replication_id: ReplicationId::of(&[self.master]) })
    }

    fn stored_entry(&self) -> Found {
        let value = self.entry.map(|(number, version)| {
            let minute = Duration::from_secs(60);
            let tags = [(Tag::from(&b"t"[..]), id(version))];
            let header = Header { stamp: id(number), ttl: minute, fresh: minute, keep: Duration::ZERO, tags: &tags, added: 0 };
            let (mut bytes, _) = entry::encode(&header, number.to_string().as_bytes());
            // The store writes its id in the placeholder's place.
            let blank = ReplicationId::EMPTY.as_bytes();
            let at = bytes.windows(blank.len()).position(|window| window == blank).expect("a placeholder");
            bytes[at..at + blank.len()].copy_from_slice(ReplicationId::of(&[self.master]).as_bytes());
            Value::new(bytes)
        });
        Found { value: value.map_or(Seen::Nothing, Seen::Own), pttl: Some(60_000), ..Found::default() }
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn changed(&mut self, key: &Key) {
        let node = usize::from(self.ground().node_of(key).0);
        if self.tracked.remove(key) && self.tells(node) {
            self.stream[node].push_back(FromServer::Push(Some(vec![key.clone()])));
        }
    }

    fn change(&mut self, change: Change) -> u64 {
        let (_, entry, version) = names();
        let at = self.next();
        match change {
            Change::Delete => {
                self.entry = None;
                self.changed(&entry);
            }
            Change::Set => {
                let made = self.next();
                let current = *self.version.get_or_insert(made);
                self.entry = Some((made, current));
                self.changed(&entry);
            }
            Change::Invalidate => {
                self.version = None;
                self.changed(&version);
            }
        }
        at
    }

    fn load(&mut self) {
        let (_, entry, version) = names();
        let made = self.next();
        if self.version.is_none() {
            self.version = Some(made);
            self.changed(&version);
        }
        self.entry = Some((made, self.version.unwrap_or(made)));
        self.changed(&entry);
    }

    // ---- the walk

    fn may(&self, act: Act) -> bool {
        let is_possible = match act {
            Act::Serve(node) => !self.requests[usize::from(node)].is_empty() || !self.aside.is_empty(),
            Act::Arrive(node) => !self.stream[usize::from(node)].is_empty(),
            Act::Own(_) => self.untold.is_none(),
            Act::Told => self.untold.is_some(),
            Act::Die | Act::FailOver => self.is_up && self.is_dead.is_none(),
            Act::Notice => self.is_dead.is_some(),
            Act::Back => !self.is_up,
            Act::Load => self.entry.is_none_or(|(_, version)| self.version != Some(version)),
            _ => true,
        };
        is_possible
            && (matches!(act, Act::Serve(_) | Act::Arrive(_) | Act::Told | Act::Notice)
                || self.budget.get(&act).is_some_and(|left| *left > 0))
    }

    fn step(&mut self, act: Act) {
        if let Some(left) = self.budget.get_mut(&act) {
            *left = left.saturating_sub(1);
        }
        match act {
            Act::Fill => {
                let (repo, ..) = names();
                self.near.fill(self.now, 1, &repo, b"k", Vec::new(), self.ground());
            }
            Act::Serve(node) => self.serve(usize::from(node)),
            Act::Arrive(node) => {
                let node = usize::from(node);
                match self.stream[node].pop_front() {
                    Some(FromServer::Reply(ticket, reply)) => self.near.on_answer(self.now, ticket, Ok(reply), self.ground()),
                    Some(FromServer::Push(keys)) => self.near.on_lane(self.now, NODES[node], LaneEvent::Push(keys), self.ground()),
                    None => {}
                }
            }
            Act::Own(change) => {
                self.untold = Some(self.change(change));
                self.own_change = Some(change);
            }
            Act::Told => self.tell(),
            Act::Other(change) => {
                let at = self.change(change);
                self.promises.push(Promise { at, told: self.now, is_own: false });
            }
            Act::Load => self.load(),
            Act::Flush => {
                self.entry = None;
                if self.is_split {
                    self.tracked.remove(&names().1);
                } else {
                    self.version = None;
                    self.tracked.clear();
                }
                let at = self.next();
                self.promises.push(Promise { at, told: self.now, is_own: false });
                if self.tells(0) {
                    self.stream[0].push_back(FromServer::Push(None));
                }
            }
            Act::Die => {
                self.is_dead = Some(self.now);
                self.requests[0].clear();
                self.stream[0].clear();
            }
            Act::Notice => {
                (self.is_dead, self.is_up) = (None, false);
                self.near.on_lane(self.now, NODES[0], LaneEvent::Down, self.ground());
            }
            Act::Back => self.connect(),
            Act::FailOver => {
                self.master += 1;
                // What the former master had is not there any more, or carries its id.
                (self.entry, self.version) = (None, None);
                let at = self.next();
                self.promises.push(Promise { at, told: self.now, is_own: false });
                self.near.check(self.now, self.ground());
            }
            Act::Moment => self.now = self.now + LOOK_EVERY * 2,
            Act::Long => {
                self.now = self.now + Duration::from_secs(6);
                self.near.on_timer(self.now, self.ground());
            }
        }
        self.drain();
        if self.is_silent() {
            self.looked_at = self.now;
        }
    }

    fn serve(&mut self, node: usize) {
        if let Some((ticket, op)) = self.aside.pop_front() {
            let reply = self.carry_out(&op.op, false);
            return self.near.on_answer(self.now, ticket, Ok(reply), self.ground());
        }
        let Some((ticket, op)) = self.requests[node].pop_front() else { return };
        if node == 1 || (self.is_dead.is_none() && self.is_up) {
            let reply = self.carry_out(&op.op, true);
            self.stream[node].push_back(FromServer::Reply(ticket, reply));
        }
    }

    fn tell(&mut self) {
        let (_, entry, version) = names();
        let Some((at, change)) = self.untold.take().zip(self.own_change.take()) else { return };
        let key = if change == Change::Invalidate { version } else { entry };
        self.near.on_own_write(Some(&[key]));
        self.promises.push(Promise { at, told: self.now, is_own: true });
    }

    /// What the facade would serve now breaks no promise.
    fn check(&self) -> bool {
        let is_proven = self.flaw == Flaw::ServesUnproven || self.near.proven_until().is_none_or(|until| until > self.now);
        // A facade that has not looked for a while looks first: what has arrived then counts.
        let is_seen = self.flaw == Flaw::ServesUnseen || self.now.since(self.looked_at) <= LOOK_EVERY;
        if !is_proven || !is_seen {
            return true;
        }
        let binds = |promise: &Promise| {
            let age = self.now.since(promise.told);
            match self.is_dead {
                _ if promise.is_own => true,
                // On a dead lane, until its proof has run out.
                Some(_) => age > Duration::from_secs(5),
                None => age > LOOK_EVERY || self.is_silent(),
            }
        };
        let newest = self.promises.iter().filter(|promise| binds(promise)).map(|promise| promise.at).max().unwrap_or(0);
        self.copies.values().all(|value| *value > newest)
    }

    /// Names the state for the walk: two orders of steps that lead to it need no two walks.
    fn name(&self) -> u64 {
        let tail = (&self.copies, &self.promises, &self.budget, self.now, self.looked_at, self.untold, self.own_change, &self.aside);
        let server = (self.version, self.entry, &self.tracked, self.master, self.lane_master, self.is_dead, self.is_up);
        let mut name = Name(DefaultHasher::new());
        write!(name, "{:?} {server:?} {:?} {:?} {tail:?}", self.near, self.requests, self.stream).expect("a hash takes everything");
        name.0.finish()
    }
}

const ACTS: [Act; 20] = [
    Act::Fill,
    Act::Serve(0),
    Act::Serve(1),
    Act::Arrive(0),
    Act::Arrive(1),
    Act::Own(Change::Delete),
    Act::Own(Change::Set),
    Act::Own(Change::Invalidate),
    Act::Told,
    Act::Other(Change::Delete),
    Act::Other(Change::Set),
    Act::Other(Change::Invalidate),
    Act::Load,
    Act::Flush,
    Act::Die,
    Act::Notice,
    Act::Back,
    Act::FailOver,
    Act::Moment,
    Act::Long,
];

/// Hashes what is printed into it.
struct Name(DefaultHasher);

impl Write for Name {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Walks through every order of steps. Returns the first one that breaks a promise, and how many states were seen.
fn walk(start: Sea) -> (Option<Vec<Act>>, usize) {
    let mut seen: HashSet<u64> = HashSet::new();
    let mut open = vec![(start, Vec::new())];
    while let Some((sea, path)) = open.pop() {
        for act in ACTS {
            if !sea.may(act) {
                continue;
            }
            let mut next = sea.clone();
            next.step(act);
            let mut path = path.clone();
            path.push(act);
            if !next.check() {
                return (Some(path), seen.len());
            }
            if seen.insert(next.name()) {
                open.push((next, path));
            }
        }
    }
    (None, seen.len())
}

/// What may happen in one walk.
#[derive(Debug)]
struct Scenario {
    is_split: bool,
    budget: Vec<(Act, u8)>,
}

/// The small walks come first.
fn scenarios() -> Vec<Scenario> {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    let fills = (Act::Fill, 2);
    for change in [Change::Delete, Change::Set, Change::Invalidate] {
        small.push(vec![fills, (Act::Own(change), 1), (Act::Load, 1)]);
        small.push(vec![fills, (Act::Other(change), 1), (Act::Load, 1), (Act::Moment, 1)]);
        small.push(vec![(Act::Fill, 1), (Act::Own(change), 1), (Act::Other(Change::Invalidate), 1), (Act::Moment, 1)]);
        let fills = if change == Change::Delete { fills } else { (Act::Fill, 1) };
        large.push(vec![fills, (Act::Other(change), 1), (Act::Die, 1), (Act::Back, 1), (Act::Moment, 1), (Act::Long, 1)]);
    }
    small.push(vec![fills, (Act::Flush, 1), (Act::Load, 1), (Act::Moment, 1)]);
    large.push(vec![fills, (Act::FailOver, 1), (Act::Load, 1), (Act::Other(Change::Delete), 1), (Act::Moment, 1)]);
    let split = [
        vec![(Act::Fill, 1), (Act::Flush, 1), (Act::Moment, 1)],
        vec![(Act::Fill, 1), (Act::Other(Change::Invalidate), 1), (Act::Moment, 1)],
        vec![(Act::Fill, 1), (Act::Other(Change::Delete), 1), (Act::Die, 1), (Act::Back, 1), (Act::Moment, 1)],
    ];
    let split = split.into_iter().map(|budget| Scenario { is_split: true, budget });
    let whole = |budget| Scenario { is_split: false, budget };
    small.into_iter().map(whole).chain(split).chain(large.into_iter().map(whole)).collect()
}

fn find(flaw: Flaw) -> Option<Vec<Act>> {
    scenarios().iter().find_map(|scenario| walk(Sea::new(flaw, scenario)).0)
}

#[test]
fn no_order_of_events_serves_a_copy_that_a_write_has_made_unusable() {
    let mut states = 0;
    for scenario in scenarios() {
        let (broken, seen) = walk(Sea::new(Flaw::None, &scenario));
        assert_eq!(broken, None, "with {scenario:?}");
        states += seen;
    }
    assert!(states > 10_000, "only {states} states: the walk does not walk");
}

#[test]
fn copies_are_made_and_served() {
    let mut sea = Sea::new(Flaw::None, &Scenario { is_split: false, budget: vec![(Act::Fill, 1)] });
    for act in [Act::Fill, Act::Serve(0), Act::Arrive(0), Act::Serve(0), Act::Arrive(0)] {
        sea.step(act);
    }
    assert_eq!(sea.copies.len(), 1, "{sea:?}");
    assert!(sea.near.proven_until().is_some_and(|until| until > sea.now));
}

#[test]
fn without_any_one_fence_some_order_breaks_a_promise() {
    let fences = [
        Fence::PushDrops,
        Fence::PushRefusesFills,
        Fence::WriteDrops,
        Fence::WriteRefusesFills,
        Fence::FlushDrops,
        Fence::FlushRefusesFills,
        Fence::GapDrops,
        Fence::GapRefusesFills,
        Fence::VersionsCount,
        Fence::ServerCounts,
    ];
    let flaws = fences.map(Flaw::Without).into_iter().chain([Flaw::ServesUnproven, Flaw::ServesUnseen, Flaw::FillsElsewhere]);
    for flaw in flaws {
        assert!(find(flaw).is_some(), "{flaw:?} breaks nothing");
    }
}
