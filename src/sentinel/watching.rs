//! The Sentinels that are listened to, and what their announcements mean. Some applications ask for it (`failoverDetector`); during an
//! outage that lasts it is done for all, because the announcement of the new master ends the outage.

use super::answers;
use super::roster::Roster;
use crate::contract::{SentinelStep, ServerAddress};

/// What is listened to.
#[derive(Debug)]
pub struct Watching {
    most: usize,
    watched: Vec<u32>,
}

impl Watching {
    pub fn new(most: u32) -> Self {
        Self { most: most as usize, watched: Vec::new() }
    }

    pub fn has(&self, sentinel: u32) -> bool {
        self.watched.contains(&sentinel)
    }

    /// Listens to the first Sentinels of the roster. Those that are listened to already come first.
    pub fn begin(&mut self, roster: &Roster, steps: &mut Vec<SentinelStep>) {
        let (kept, gone) = std::mem::take(&mut self.watched).into_iter().partition(|id| roster.get(*id).is_some());
        self.watched = kept;
        let gone: Vec<u32> = gone;
        steps.extend(gone.into_iter().map(|sentinel| SentinelStep::Unwatch { sentinel }));
        for one in roster.ids().filter_map(|id| roster.get(id)) {
            if self.watched.len() >= self.most {
                break;
            }
            if !self.has(one.id) {
                self.watched.push(one.id);
                let address = one.address.clone();
                steps.push(SentinelStep::Watch { sentinel: one.id, host: address.host, port: address.port, family: one.family });
            }
        }
    }

    /// Listens to nobody.
    pub fn end(&mut self, steps: &mut Vec<SentinelStep>) {
        steps.extend(self.watched.drain(..).map(|sentinel| SentinelStep::Unwatch { sentinel }));
    }
}

/// What an announcement says.
#[derive(Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Another group has a new master.
    Foreign,
    /// The group `name` has this master; `None` if the text does not say which.
    Master(Option<ServerAddress>),
}

/// Reads `name old-ip old-port new-ip new-port`. A text of another shape is taken for one about this group: to look once more does no
/// harm.
pub fn read(text: &str, name: &str) -> Announcement {
    let words: Vec<&str> = text.split(' ').collect();
    match words.as_slice() {
        [group, _, _, host, port] if *group == name => Announcement::Master(answers::address(host, port)),
        [_, _, _, _, _] => Announcement::Foreign,
        _ => Announcement::Master(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read() {
        let master = |port| Announcement::Master(Some(ServerAddress { host: "b".into(), port }));
        assert_eq!(read("group a 1 b 2", "group"), master(2));
        assert_eq!(read("other a 1 b 2", "group"), Announcement::Foreign);
        for text in ["", "group a 1 b 99999", "group a 1  2", "nonsense"] {
            assert_eq!(read(text, "group"), Announcement::Master(None), "{text:?}");
        }
    }
}
