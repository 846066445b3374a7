//! One process with its near cache, its servers, and what was promised to the callers of writes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::acts::{Act, Change, Flaw, Scenario};
use crate::cache::io::LaneEvent;
use crate::cache::names::Repo;
use crate::cache::near::{Ground, Near, NearOutput};
use crate::clock::Instant;
use crate::store::{Key, NodeId, NodeOp, Op, Replication, ReplicationId, StoreReply, Ticket};

/// How long the facade serves copies without a look at the socket.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(10);
pub(super) const NODES: [NodeId; 2] = [NodeId(0), NodeId(1)];

#[derive(Debug, Clone)]
pub(super) enum FromServer {
    Reply(Ticket, StoreReply),
    Push(Option<Vec<Key>>),
}

/// A write that was promised to its caller: values that were made before `at` may not be served any more.
#[derive(Debug, Clone, Hash)]
pub(super) struct Promise {
    pub at: u64,
    pub told: Instant,
    pub is_own: bool,
}

/// One process, one entry with one tag, one server or one for each of the two.
#[derive(Debug, Clone)]
pub(super) struct Sea {
    pub flaw: Flaw,
    pub is_split: bool,
    pub near: Near,
    pub now: Instant,
    pub looked_at: Instant,
    /// Counts values and writes.
    pub last: u64,
    pub version: Option<u64>,
    /// The version of the repository.
    pub repository: Option<u64>,
    /// The entry: its number and the versions it was stored with, of its tag and of the repository. The one with the number of
    /// `lease` is a lease.
    pub entry: Option<(u64, u64, u64)>,
    pub lease: Option<u64>,
    /// Whether a lookup waits without looking for itself.
    pub is_watched: bool,
    pub tracked: BTreeSet<Key>,
    /// The server's own name, and that of the server behind the lane.
    pub master: u8,
    pub lane_master: u8,
    pub is_dead: Option<Instant>,
    pub is_up: bool,
    pub requests: [VecDeque<(Ticket, NodeOp)>; 2],
    pub stream: [VecDeque<FromServer>; 2],
    /// Replies of another link, for a flaw.
    pub aside: VecDeque<(Ticket, NodeOp)>,
    pub untold: Option<u64>,
    pub own_change: Option<Change>,
    /// The facade's copies: each with its value's number.
    pub copies: BTreeMap<u32, u64>,
    pub promises: Vec<Promise>,
    pub budget: BTreeMap<Act, u8>,
}

pub(super) fn names() -> (Arc<Repo>, Key, Key) {
    let repo = Repo::testing();
    let (entry, version) = (repo.names.entry(b"k"), repo.names.version(b"t"));
    (repo, entry, version)
}

/// The key of the repository's version.
pub(super) fn own_key(is_split: bool) -> Key {
    let (repo, entry, _) = names();
    repo.own_version(&entry, is_split).key.clone()
}

impl Sea {
    pub(super) fn new(flaw: Flaw, Scenario { is_split, is_loading, budget }: &Scenario) -> Self {
        let mut sea = Self {
            flaw,
            is_split: *is_split,
            near: Near::default(),
            now: Instant::from_millis(1_000_000),
            looked_at: Instant::from_millis(1_000_000),
            last: 2,
            version: Some(1),
            repository: Some(1),
            entry: Some((2, 1, 1)),
            lease: is_loading.then_some(2),
            is_watched: false,
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

    pub(super) fn ground(&self) -> Ground<'static> {
        Ground::Test(Self::replication(self.master), self.is_split)
    }

    pub(super) fn tells(&self, node: usize) -> bool {
        node == 1 || (self.is_dead.is_none() && self.lane_master == self.master && self.is_up)
    }

    pub(super) fn is_silent(&self) -> bool {
        self.stream.iter().all(VecDeque::is_empty)
    }

    /// The first lane comes up, and is asked and told what it needs. The second one, if there is one, never fails.
    pub(super) fn connect(&mut self) {
        self.is_up = true;
        self.lane_master = self.master;
        let kept = names().2;
        let own = own_key(self.is_split);
        self.tracked.retain(|key| self.is_split && (*key == kept || *key == own));
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

    pub(super) fn drain(&mut self) {
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
                NearOutput::Watched { .. } => self.is_watched = true,
                NearOutput::Wake(_) => self.is_watched = false,
                _ => {}
            }
        }
    }

    /// Whether the lease is there with versions that are current.
    pub(super) fn is_loading(&self) -> bool {
        let is_current = |(number, version, repository)| {
            self.lease == Some(number) && self.version == Some(version) && self.repository == Some(repository)
        };
        self.entry.is_some_and(is_current)
    }

    /// A lookup that does not look for itself misses nothing: what has changed is on its way, or its lane has died just now.
    fn is_woken(&self) -> bool {
        let is_excused = self.is_dead.is_some_and(|since| self.now.since(since) <= Duration::from_secs(6));
        !self.is_watched || self.is_loading() || !self.is_silent() || is_excused
    }

    /// What the facade would serve now breaks no promise, and nobody sleeps for no reason.
    pub(super) fn check(&self) -> bool {
        self.is_woken() && self.serves_well()
    }

    fn serves_well(&self) -> bool {
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
}
