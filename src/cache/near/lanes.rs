//! The lanes: whether keys are tracked on them, whether the server behind them is the one that its node reads and writes, and the
//! proof that they live. A lane is proven alive until some time after the last request that was answered.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Instant;
use crate::store::{NodeId, Replication, StoreError, StoreReply};

/// For how long after a request that was answered a lane counts as alive.
pub(super) const ALIVE: Duration = Duration::from_secs(5);
/// When a lane that has something to lose is asked again.
pub(super) const BEAT: Duration = Duration::from_secs(2);
/// The same if somebody waits for its pushes instead of looking for himself.
pub(super) const BEAT_FOR_WAITS: Duration = Duration::from_secs(1);
/// A lane that is silent for so long while an answer is due cannot be relied on: who waits for its pushes looks for himself.
const SILENCE: Duration = Duration::from_millis(250);
/// When a lane in doubt is looked at again.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Tracking is being turned on.
    Opening,
    /// Tracking was refused for the moment. It is tried again at this time.
    Untracked(Instant),
    /// Tracking is on; which server this is has to be asked, not before this moment.
    Doubted(Instant),
    /// It is being asked.
    Identifying,
    /// What is read here is tracked, under this replication id.
    Up(Replication),
    /// Nothing can be tracked here.
    Useless,
}

#[derive(Debug, Clone)]
struct Lane {
    state: State,
    /// When the last request that was answered was sent.
    proven_at: Instant,
    /// When it was last asked for a sign of life.
    beat_at: Instant,
    /// How many requests are not answered, and since when nothing was heard although one is.
    unanswered: usize,
    silent_since: Option<Instant>,
    /// Whether there is no link that could fail.
    in_process: bool,
}

/// What a server's identity means for what was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identified {
    /// It is the node's server.
    Same,
    /// It is not, or nobody knows.
    Other,
}

/// The lanes of one process.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<NodeId, Lane>,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(super) fn nodes(&self) -> Vec<NodeId> {
        self.lanes.keys().copied().collect()
    }

    pub(super) fn open(&mut self, node: NodeId) {
        self.put(node, State::Opening, false);
    }

    pub(super) fn open_in_process(&mut self, node: NodeId) {
        self.put(node, State::Up(Replication::TRUSTING), true);
    }

    fn put(&mut self, node: NodeId, state: State, in_process: bool) {
        let never = Instant::default();
        let lane = Lane { state, proven_at: never, beat_at: never, unanswered: 0, silent_since: None, in_process };
        self.lanes.insert(node, lane);
    }

    pub(super) fn close(&mut self, node: NodeId) {
        self.lanes.remove(&node);
    }

    pub(super) fn useless(&mut self, node: NodeId) {
        self.set(node, State::Useless);
    }

    /// Tracking was refused for the moment.
    pub(super) fn untracked(&mut self, node: NodeId, now: Instant) {
        self.set(node, State::Untracked(now + RETRY));
    }

    pub(super) fn opening(&mut self, node: NodeId) {
        self.set(node, State::Opening);
    }

    /// Tracking is on.
    pub(super) fn tracking(&mut self, node: NodeId, now: Instant) {
        self.doubt(node, now);
    }

    /// Which server is behind the lane has to be asked.
    pub(super) fn doubt(&mut self, node: NodeId, from: Instant) {
        self.set(node, State::Doubted(from));
    }

    pub(super) fn identifying(&mut self, node: NodeId) {
        self.set(node, State::Identifying);
    }

    fn set(&mut self, node: NodeId, state: State) {
        if let Some(lane) = self.lanes.get_mut(&node) {
            lane.state = state;
        }
    }

    /// A request has been sent.
    pub(super) fn asked(&mut self, node: NodeId, now: Instant) {
        if let Some(lane) = self.lanes.get_mut(&node) {
            lane.unanswered += 1;
            lane.silent_since.get_or_insert(now);
        }
    }

    /// A request that was sent at this moment has been answered.
    pub(super) fn answered(&mut self, node: NodeId, sent_at: Instant, now: Instant) {
        if let Some(lane) = self.lanes.get_mut(&node) {
            lane.proven_at = lane.proven_at.max(sent_at);
            lane.unanswered = lane.unanswered.saturating_sub(1);
        }
        self.heard(node, now);
    }

    /// Something has arrived.
    pub(super) fn heard(&mut self, node: NodeId, now: Instant) {
        if let Some(lane) = self.lanes.get_mut(&node) {
            lane.silent_since = (lane.unanswered > 0).then_some(now);
        }
    }

    /// A sign of life has been asked for.
    pub(super) fn beating(&mut self, node: NodeId, now: Instant) {
        if let Some(lane) = self.lanes.get_mut(&node) {
            lane.beat_at = now;
        }
    }

    /// A server says who it is. `wanted`: the replication id of the node, if it can be read.
    pub(super) fn on_identity(
        &mut self,
        node: NodeId,
        answer: Result<StoreReply, StoreError>,
        wanted: Option<Replication>,
        now: Instant,
    ) -> Identified {
        let Some(lane) = self.lanes.get_mut(&node) else { return Identified::Other };
        let is_same = match (answer, wanted) {
            (Ok(StoreReply::Identity { id, is_master: true }), Some(wanted)) => wanted.accepts(id.as_bytes()),
            // INFO is refused: the node does without ids too.
            (Err(StoreError::Refused(_)), Some(wanted)) => wanted.accepts(crate::store::ReplicationId::EMPTY.as_bytes()),
            _ => false,
        };
        lane.state = match (is_same, wanted) {
            (true, Some(wanted)) => State::Up(wanted),
            _ => State::Doubted(now + RETRY),
        };
        if is_same {
            Identified::Same
        } else {
            Identified::Other
        }
    }

    pub(super) fn is_up(&self, node: NodeId) -> bool {
        self.lanes.get(&node).is_some_and(|lane| matches!(lane.state, State::Up(_)))
    }

    /// Whether what is read on the lane is tracked, under this replication id.
    pub(super) fn is_up_for(&self, node: NodeId, replication: Replication) -> bool {
        self.lanes.get(&node).is_some_and(|lane| lane.in_process || lane.state == State::Up(replication))
    }

    /// Whether a push on the lane can be relied on.
    pub(super) fn is_reliable(&self, node: NodeId, now: Instant) -> bool {
        let is_up = self.lanes.get(&node).is_some_and(|lane| matches!(lane.state, State::Up(_)) && !lane.in_process);
        is_up && self.silent_from(node).is_none_or(|from| from > now)
    }

    /// When the lane counts as silent if nothing is heard before.
    pub(super) fn silent_from(&self, node: NodeId) -> Option<Instant> {
        Some(self.lanes.get(&node)?.silent_since? + SILENCE)
    }

    pub(super) fn may_track(&self, node: NodeId, now: Instant) -> bool {
        self.lanes.get(&node).is_some_and(|lane| matches!(lane.state, State::Untracked(from) if from <= now))
    }

    pub(super) fn may_identify(&self, node: NodeId, now: Instant) -> bool {
        self.lanes.get(&node).is_some_and(|lane| matches!(lane.state, State::Doubted(from) if from <= now))
    }

    /// Lanes that are up for another server than their node's, and those in doubt.
    pub(super) fn unsettled(&self, now: Instant, wanted: impl Fn(NodeId) -> Option<Replication>) -> Vec<NodeId> {
        let is_unsettled = |(node, lane): &(&NodeId, &Lane)| match lane.state {
            State::Up(replication) => !lane.in_process && wanted(**node) != Some(replication),
            State::Doubted(from) | State::Untracked(from) => from <= now,
            _ => false,
        };
        self.lanes.iter().filter(is_unsettled).map(|(node, _)| *node).collect()
    }

    /// Until when the lanes that matter are proven alive.
    pub(super) fn proven_until(&self, matters: impl Fn(NodeId) -> bool) -> Option<Instant> {
        self.lanes.iter().filter(|(node, lane)| !lane.in_process && matters(**node)).map(|(_, lane)| lane.proven_at + ALIVE).min()
    }

    fn next_beat<'a>(&'a self, beat_of: impl Fn(NodeId) -> Option<Duration> + 'a) -> impl Iterator<Item = (NodeId, Instant)> + 'a {
        let live = self.lanes.iter().filter(|(_, lane)| matches!(lane.state, State::Up(_)) && !lane.in_process);
        live.filter_map(move |(node, lane)| Some((*node, lane.proven_at.max(lane.beat_at) + beat_of(*node)?)))
    }

    /// The lanes that have to show a sign of life now. `beat_of`: how often, if there is a reason.
    pub(super) fn due(&self, now: Instant, beat_of: impl Fn(NodeId) -> Option<Duration>) -> Vec<NodeId> {
        self.next_beat(beat_of).filter(|(_, at)| *at <= now).map(|(node, _)| node).collect()
    }

    /// `can_be_read`: a lane whose node cannot be read is looked at again when that changes.
    pub(super) fn next_wakeup(
        &self,
        beat_of: impl Fn(NodeId) -> Option<Duration>,
        can_be_read: impl Fn(NodeId) -> bool,
    ) -> Option<Instant> {
        let doubted = self.lanes.iter().filter_map(|(node, lane)| match lane.state {
            State::Untracked(from) => Some(from),
            State::Doubted(from) if can_be_read(*node) => Some(from),
            _ => None,
        });
        self.next_beat(beat_of).map(|(_, at)| at).chain(doubted).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_whose_node_cannot_be_read_asks_for_no_timer() {
        let now = Instant::from_millis(1_000_000);
        let mut lanes = Lanes::default();
        lanes.open(NodeId::ONLY);
        assert_eq!(lanes.next_wakeup(|_| Some(BEAT), |_| true), None, "its answer is due");
        lanes.tracking(NodeId::ONLY, now);
        assert_eq!(lanes.next_wakeup(|_| Some(BEAT), |_| false), None);
        assert_eq!(lanes.next_wakeup(|_| Some(BEAT), |_| true), Some(now));
        lanes.untracked(NodeId::ONLY, now);
        assert_eq!(lanes.next_wakeup(|_| Some(BEAT), |_| false), Some(now + RETRY));
    }
}
