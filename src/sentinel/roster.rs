//! The Sentinels that are known, in the order in which they are asked. Those that the application named stay forever. Those that
//! others have named stay while they answer or are named again.

use std::time::Duration;

use crate::clock::Instant;
use crate::contract::{ServerAddress, StartSentinel};

/// More are not learned: a Sentinel that names thousands is not to be trusted with the memory of its clients.
const MOST: usize = 64;

/// How long announcements of a Sentinel that was wrong are ignored.
const DISTRUST: Duration = Duration::from_secs(10);

/// One Sentinel.
#[derive(Debug, Clone)]
pub struct Known {
    pub id: u32,
    pub address: ServerAddress,
    pub family: Option<u8>,
    /// Whether the application named it.
    is_start: bool,
    /// Whether it was of no use when it was last asked.
    has_failed: bool,
    distrusted_until: Option<Instant>,
}

/// All of them.
#[derive(Debug)]
pub struct Roster {
    known: Vec<Known>,
    next_id: u32,
}

impl Roster {
    pub fn new(start: &[StartSentinel]) -> Self {
        let mut roster = Self { known: Vec::new(), next_id: 0 };
        for sentinel in start {
            let address = ServerAddress { host: sentinel.host.clone(), port: sentinel.port };
            if !roster.has(&address) {
                roster.add(address, sentinel.family, true);
            }
        }
        roster
    }

    /// In the order in which they are asked.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.known.iter().map(|one| one.id)
    }

    pub fn get(&self, id: u32) -> Option<&Known> {
        self.known.iter().find(|one| one.id == id)
    }

    /// This one is asked first from now on; the order stays otherwise.
    pub fn begin_with(&mut self, id: u32) {
        if let Some(at) = self.place(id) {
            self.known.rotate_left(at);
        }
    }

    /// The one after this is asked first from now on.
    pub fn begin_after(&mut self, id: u32) {
        if let Some(at) = self.place(id) {
            let len = self.known.len();
            self.known.rotate_left((at + 1) % len);
        }
    }

    /// What asking it has come to.
    pub fn record(&mut self, id: u32, has_failed: bool) {
        if let Some(at) = self.place(id) {
            self.known[at].has_failed = has_failed;
        }
    }

    /// What it announced was wrong.
    pub fn distrust(&mut self, id: u32, now: Instant) {
        if let Some(at) = self.place(id) {
            self.known[at].distrusted_until = Some(now + DISTRUST);
        }
    }

    /// Whether its announcements are ignored.
    pub fn is_distrusted(&self, id: u32, now: Instant) -> bool {
        self.get(id).and_then(|one| one.distrusted_until).is_some_and(|until| until > now)
    }

    /// A Sentinel has named these. Returns those that are new.
    pub fn learn(&mut self, named: Vec<ServerAddress>) -> Vec<ServerAddress> {
        self.known.retain(|one| one.is_start || !one.has_failed || named.contains(&one.address));
        let mut new = Vec::new();
        for address in named {
            if self.known.len() < MOST && !self.has(&address) {
                self.add(address.clone(), None, false);
                new.push(address);
            }
        }
        new
    }

    fn add(&mut self, address: ServerAddress, family: Option<u8>, is_start: bool) {
        let id = self.next_id;
        self.next_id += 1;
        self.known.push(Known { id, address, family, is_start, has_failed: false, distrusted_until: None });
    }

    fn has(&self, address: &ServerAddress) -> bool {
        self.known.iter().any(|one| one.address == *address)
    }

    fn place(&self, id: u32) -> Option<usize> {
        self.known.iter().position(|one| one.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> ServerAddress {
        ServerAddress { host: "s".into(), port }
    }

    fn roster(ports: &[u16]) -> Roster {
        Roster::new(&ports.iter().map(|port| StartSentinel { host: "s".into(), port: *port, family: None }).collect::<Vec<_>>())
    }

    fn ports(roster: &Roster) -> Vec<u16> {
        roster.known.iter().map(|one| one.address.port).collect()
    }

    #[test]
    fn the_order_turns() {
        let mut roster = roster(&[1, 2, 3, 2]);
        assert_eq!(ports(&roster), [1, 2, 3], "named twice is known once");
        roster.begin_with(1);
        assert_eq!(ports(&roster), [2, 3, 1]);
        roster.begin_after(0);
        assert_eq!(ports(&roster), [2, 3, 1]);
        roster.begin_after(1);
        assert_eq!(ports(&roster), [3, 1, 2]);
        roster.begin_with(99);
        assert_eq!(ports(&roster), [3, 1, 2]);
    }

    #[test]
    fn learned_ones_leave_when_they_fail_and_nobody_names_them() {
        let mut roster = roster(&[1, 2]);
        assert_eq!(roster.learn(vec![at(2), at(3), at(4)]), [at(3), at(4)]);
        roster.record(2, true);
        roster.record(0, true);
        assert_eq!(roster.learn(vec![at(3)]), []);
        assert_eq!(ports(&roster), [1, 2, 3, 4], "it is named again, and the other one is silent but not known to be dead");
        assert_eq!(roster.learn(vec![]), []);
        assert_eq!(ports(&roster), [1, 2, 4]);
        assert_eq!(roster.learn(vec![at(3)]), [at(3)], "it may come back");
    }

    #[test]
    fn a_sentinel_that_names_thousands_fills_no_memory() {
        let mut roster = roster(&[1]);
        roster.learn((2..5000).map(at).collect());
        assert_eq!(ports(&roster).len(), MOST);
    }

    #[test]
    fn distrust_passes() {
        let mut roster = roster(&[1]);
        let now = Instant::from_millis(5);
        roster.distrust(0, now);
        assert!(roster.is_distrusted(0, now) && !roster.is_distrusted(0, now + DISTRUST) && !roster.is_distrusted(7, now));
    }
}
