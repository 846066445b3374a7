//! One step: which may come next, and what it does.

use std::time::Duration;

use super::acts::{Act, Change};
use super::sea::{names, own_key, FromServer, Promise, Sea, LOOK_EVERY, NODES};
use crate::cache::io::LaneEvent;

impl Sea {
    pub(super) fn may(&self, act: Act) -> bool {
        let is_possible = match act {
            Act::Serve(node) => !self.requests[usize::from(node)].is_empty() || !self.aside.is_empty(),
            Act::Arrive(node) => !self.stream[usize::from(node)].is_empty(),
            Act::Own(_) => self.untold.is_none(),
            Act::Wait => self.is_loading(),
            Act::Told => self.untold.is_some(),
            Act::Die | Act::FailOver => self.is_up && self.is_dead.is_none(),
            Act::Notice => self.is_dead.is_some(),
            Act::Back => !self.is_up,
            // A load that is under way is over, or another one begins and ends.
            Act::Load => {
                let is_current = |(_, version, repository)| self.version == Some(version) && self.repository == Some(repository);
                self.is_loading() || !self.entry.is_some_and(is_current)
            }
            _ => true,
        };
        is_possible
            && (matches!(act, Act::Serve(_) | Act::Arrive(_) | Act::Told | Act::Notice)
                || self.budget.get(&act).is_some_and(|left| *left > 0))
    }

    pub(super) fn step(&mut self, act: Act) {
        if let Some(left) = self.budget.get_mut(&act) {
            *left = left.saturating_sub(1);
        }
        match act {
            Act::Fill => {
                let (repo, ..) = names();
                self.near.fill(self.now, 1, &repo, b"k", Vec::new(), self.ground());
            }
            Act::Wait => {
                let (_, entry, _) = names();
                if let Some(lease) = self.awaited() {
                    self.near.watch(self.now, 1, &entry, lease, self.ground());
                }
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
                    (self.version, self.repository) = (None, None);
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
                (self.entry, self.version, self.repository) = (None, None, None);
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
        let key = match change {
            Change::Invalidate => version,
            Change::Clear => own_key(self.is_split),
            _ => entry,
        };
        self.near.on_own_write(Some(&[key]));
        self.promises.push(Promise { at, told: self.now, is_own: true });
    }
}
