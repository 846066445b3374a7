//! When the slot map is read, and from whom. A round asks one node after the other until one gives a usable map; a node that does not answer within
//! the time-out costs its time-out and nothing else. Two rounds may begin in any second.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::address::Address;
use super::map::Map;
use super::nodes::NodeId;
use super::output::RequestId;
use crate::clock::Instant;

/// The length of time in which at most two rounds begin.
const WINDOW: Duration = Duration::from_secs(1);

/// While a master is lost: how long after a round the next one begins by itself. It doubles with each round that brings nothing new.
const WHILE_LOST: Duration = Duration::from_millis(500);

/// How often it doubles.
const DOUBLINGS: u32 = 3;

/// Somebody to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its number; `None` for a start node that is not one of the nodes.
    pub node: Option<NodeId>,
    /// Its address.
    pub address: Address,
}

/// A map that is older than the present one.
#[derive(Debug)]
pub struct Stale {
    /// The epoch of the node that gave it.
    pub epoch: u64,
    /// What it says.
    pub map: Map,
}

/// A round under way.
#[derive(Debug)]
pub struct Round {
    /// The request that is not answered.
    pub request: RequestId,
    /// Who was asked.
    pub asked: Candidate,
    /// The newest of the maps that were too old.
    pub stale: Option<Stale>,
    /// Slots that redirects gave to nodes since the round began: a map may have been made before.
    pub moved: BTreeMap<u16, NodeId>,
    left: VecDeque<Candidate>,
    deadline: Instant,
    failure: Option<(String, Address)>,
}

/// The rounds.
#[derive(Debug, Default)]
pub struct Refresh {
    round: Option<Round>,
    is_wanted: bool,
    is_doubted: bool,
    /// When the last two rounds began.
    begun: VecDeque<Instant>,
    /// Rounds in a row that brought nothing new.
    fruitless: u32,
    /// When a round begins without a new reason.
    again_at: Option<Instant>,
    /// The node that a redirect named last: it knows best what is its own.
    hint: Option<NodeId>,
    next: u32,
}

impl Refresh {
    /// The map may be out of date. A round that is under way will tell.
    pub fn want(&mut self) {
        self.is_wanted |= self.round.is_none();
    }

    /// The same, for reasons that come again and again while a master is lost: rounds are spread evenly, so that whatever changes is seen soon.
    pub fn doubt(&mut self) {
        self.is_doubted |= self.round.is_none();
    }

    /// A redirect gave a slot to a node.
    pub fn on_moved(&mut self, slot: u16, node: NodeId) {
        if let Some(round) = &mut self.round {
            round.moved.insert(slot, node);
        } else {
            (self.is_wanted, self.hint) = (true, Some(node));
        }
    }

    /// The node to ask first.
    pub fn take_hint(&mut self) -> Option<NodeId> {
        self.hint.take()
    }

    /// The map has to be read again at this moment, even without a reason.
    pub fn again_at(&mut self, at: Option<Instant>) {
        self.again_at = at;
    }

    /// When there should be a round while a node is lost.
    pub fn pause(&self) -> Duration {
        WHILE_LOST * 2u32.pow(self.fruitless.saturating_sub(1).min(DOUBLINGS))
    }

    /// Whether a round begins now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due_at().is_some_and(|at| at <= now)
    }

    /// When something has to be done.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.round.as_ref().map(|round| round.deadline).or_else(|| self.due_at())
    }

    /// Begins a round. The first candidate is to be asked.
    pub fn begin(&mut self, candidates: Vec<Candidate>, timeout: Duration, now: Instant) -> Option<&Round> {
        (self.is_wanted, self.is_doubted) = (false, false);
        self.again_at = None;
        self.begun.push_back(now);
        if self.begun.len() > 2 {
            self.begun.pop_front();
        }
        let mut left = VecDeque::from(candidates);
        let asked = left.pop_front()?;
        let request = self.request();
        let moved = BTreeMap::new();
        self.round = Some(Round { request, asked, stale: None, moved, left, deadline: now + timeout, failure: None });
        self.round.as_ref()
    }

    /// The round under way, if `request` is the one that is not answered.
    pub fn round(&mut self, request: RequestId) -> Option<&mut Round> {
        self.round.as_mut().filter(|round| round.request == request)
    }

    /// Who has been asked last in the round under way.
    pub fn asked(&self) -> Option<&Candidate> {
        self.round.as_ref().map(|round| &round.asked)
    }

    /// The request whose time is over.
    pub fn overdue(&self, now: Instant) -> Option<RequestId> {
        self.round.as_ref().filter(|round| round.deadline <= now).map(|round| round.request)
    }

    /// The node that was asked gave no usable map: asks the next one. `None` if there is none left.
    pub fn next(&mut self, failure: Option<String>, timeout: Duration, now: Instant) -> Option<&Round> {
        let request = self.request();
        let round = self.round.as_mut()?;
        if let Some(text) = failure {
            round.failure = Some((text, round.asked.address.clone()));
        }
        round.asked = round.left.pop_front()?;
        round.request = request;
        round.deadline = now + timeout;
        Some(round)
    }

    /// A node is lost that was not.
    pub fn on_loss(&mut self) {
        self.fruitless = 0;
        self.want();
    }

    /// What redirects have said since the round began.
    pub fn take_moved(&mut self) -> BTreeMap<u16, NodeId> {
        self.round.as_mut().map(|round| std::mem::take(&mut round.moved)).unwrap_or_default()
    }

    /// Ends the round with a map. `is_news`: it is another one than before.
    pub fn succeed(&mut self, is_news: bool) {
        self.round = None;
        self.fruitless = if is_news { 0 } else { self.fruitless + 1 };
    }

    /// Ends the round without a map. Returns the last failure.
    pub fn fail(&mut self) -> Option<(String, Address)> {
        self.fruitless += 1;
        self.round.take()?.failure
    }

    /// Takes the map that was too old, when no node has a newer one.
    pub fn take_stale(&mut self) -> Option<Stale> {
        self.round.as_mut()?.stale.take()
    }

    /// Begins anew. Returns the request that is not answered.
    pub fn reset(&mut self) -> Option<RequestId> {
        let request = self.round.take().map(|round| round.request);
        *self = Self { next: self.next, begun: std::mem::take(&mut self.begun), ..Self::default() };
        request
    }

    /// Forgets when rounds began.
    #[cfg(test)]
    pub fn forget_rounds(&mut self) {
        self.begun.clear();
    }

    fn due_at(&self) -> Option<Instant> {
        if self.round.is_some() {
            return None;
        }
        let wanted = self.is_wanted.then(Instant::default);
        let doubted = self.is_doubted.then(|| self.begun.back().map_or_else(Instant::default, |begun| *begun + WINDOW / 2));
        let at = [wanted, doubted, self.again_at].into_iter().flatten().min()?;
        let free = if self.begun.len() < 2 { Instant::default() } else { self.begun[0] + WINDOW };
        Some(at.max(free))
    }

    fn request(&mut self) -> RequestId {
        self.next = self.next.wrapping_add(1);
        RequestId(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(ports: &[u16]) -> Vec<Candidate> {
        ports.iter().map(|port| Candidate { node: None, address: Address::announced("h", *port).unwrap() }).collect()
    }

    const TIMEOUT: Duration = Duration::from_secs(1);

    #[test]
    fn two_rounds_begin_in_a_second() {
        let mut refresh = Refresh::default();
        let ms = Instant::from_millis;
        let mut begun = Vec::new();
        for now in 0..3000 {
            refresh.want();
            if refresh.is_due(ms(now)) {
                refresh.begin(candidates(&[1]), TIMEOUT, ms(now));
                refresh.succeed(true);
                begun.push(now);
            }
        }
        assert_eq!(begun, [0, 1, 1000, 1001, 2000, 2001]);
    }

    #[test]
    fn rounds_for_reasons_that_come_again_and_again_are_spread_evenly() {
        let mut refresh = Refresh::default();
        let ms = Instant::from_millis;
        let mut begun = Vec::new();
        for now in 5000..7100 {
            refresh.doubt();
            // A redirect is news.
            if now == 5200 {
                refresh.want();
            }
            if refresh.is_due(ms(now)) {
                refresh.begin(candidates(&[1]), TIMEOUT, ms(now));
                refresh.succeed(true);
                begun.push(now);
            }
        }
        assert_eq!(begun, [5000, 5200, 6000, 6500, 7000]);
    }

    #[test]
    fn a_reason_during_a_round_joins_it() {
        let mut refresh = Refresh::default();
        let now = Instant::from_millis(5);
        refresh.want();
        refresh.begin(candidates(&[1]), TIMEOUT, now);
        refresh.want();
        refresh.on_moved(3, NodeId(7));
        assert_eq!(refresh.take_moved(), BTreeMap::from([(3, NodeId(7))]));
        refresh.succeed(true);
        assert!(!refresh.is_due(now + WINDOW * 5));
    }

    #[test]
    fn the_next_node_is_asked_when_one_fails_or_is_silent() {
        let mut refresh = Refresh::default();
        let now = Instant::from_millis(5);
        let first = refresh.begin(candidates(&[1, 2]), TIMEOUT, now).unwrap().request;
        assert_eq!(refresh.overdue(now), None);
        assert_eq!(refresh.overdue(now + TIMEOUT), Some(first));
        let second = refresh.next(Some("timeout".to_owned()), TIMEOUT, now + TIMEOUT).unwrap();
        assert_eq!(second.asked, candidates(&[2])[0]);
        assert!(refresh.round(first).is_none(), "a late answer");
        assert!(refresh.next(Some("refused".to_owned()), TIMEOUT, now).is_none());
        assert_eq!(refresh.fail().unwrap().0, "refused");
    }

    #[test]
    fn rounds_that_bring_nothing_make_the_next_one_rarer() {
        let mut refresh = Refresh::default();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            refresh.begin(candidates(&[1]), TIMEOUT, Instant::default());
            refresh.fail();
            pauses.push(refresh.pause().as_millis());
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 4000, 4000]);
        refresh.begin(candidates(&[1]), TIMEOUT, Instant::default());
        refresh.succeed(true);
        assert_eq!(refresh.pause().as_millis(), 500);
    }
}
