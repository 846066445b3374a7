//! The links of the simulation's driver, and its requests for maps.

use std::collections::{BTreeSet, VecDeque};

use crate::clock::Instant;
use crate::cluster::{FenceId, NodeId, RequestId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    Connecting,
    Up,
    Ended,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub id: u32,
    pub is_asking: bool,
}

/// One link. What it was given is answered in order.
#[derive(Debug)]
pub(super) struct Link {
    pub server: usize,
    pub node: NodeId,
    pub state: State,
    pub waiting: VecDeque<Sent>,
    pub wire: VecDeque<Sent>,
    pub answered: VecDeque<(Sent, Option<String>)>,
    pub fences: Vec<(FenceId, BTreeSet<u32>)>,
    /// What is behind it is not the node any more.
    pub is_stale: bool,
    pub busy_since: Option<Instant>,
}

impl Link {
    pub(super) fn new(server: usize, node: NodeId) -> Self {
        Self {
            server,
            node,
            state: State::Idle,
            waiting: VecDeque::new(),
            wire: VecDeque::new(),
            answered: VecDeque::new(),
            fences: Vec::new(),
            is_stale: false,
            busy_since: None,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// What has not reached the server; `asking`: also what is behind an ASKING.
    pub(super) fn on_the_way(&self, asking: bool) -> Vec<u32> {
        self.wire.iter().chain(&self.waiting).filter(|sent| asking || !sent.is_asking).map(|sent| sent.id).collect()
    }

    /// What has no outcome.
    pub(super) fn pending(&self) -> Vec<u32> {
        let mut ids = self.in_flight();
        ids.extend(self.waiting.iter().map(|sent| sent.id));
        ids
    }

    pub(super) fn in_flight(&self) -> Vec<u32> {
        self.answered.iter().map(|(sent, _)| sent.id).chain(self.wire.iter().map(|sent| sent.id)).collect()
    }
}

/// A node that was asked for its map.
#[derive(Debug)]
pub(super) struct MapRequest {
    pub request: RequestId,
    pub server: usize,
    /// The map and its epoch, once it was made.
    pub made: Option<(String, u64)>,
}
