//! What a server's error says about where a command belongs.

use super::address::Address;
use super::slots::SLOTS;

/// Where a redirect points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To this address.
    At(Address),
    /// To this port of the node that said so (Redis 7: its endpoint is unknown).
    SameHost(u16),
    /// To a node that has no address (Redis 7: `?`).
    Nowhere,
}

/// What the error means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Another node serves the slot.
    Moved {
        /// The slot.
        slot: u16,
        /// Who serves it.
        to: Target,
    },
    /// The slot is on its way to another node, and the key is not here any more.
    Ask {
        /// The slot.
        slot: u16,
        /// Where it goes.
        to: Target,
    },
    /// Some keys of the command are here, others are on their way.
    TryAgain,
    /// The cluster, or the slot, has no master at present.
    ClusterDown,
    /// The node is a replica.
    ReadOnly,
    /// The node reads its data from disk.
    Loading,
    /// The node is a replica that has lost its master.
    MasterDown,
    /// A redirect that no server sends: the reason.
    Hostile(&'static str),
    /// An error of the command itself.
    Other,
}

impl Refusal {
    /// Reads the text of an error.
    pub fn read(text: &str) -> Self {
        let mut words = text.split(' ');
        match words.next().unwrap_or_default() {
            "MOVED" => redirect(words).map_or_else(Self::Hostile, |(slot, to)| Self::Moved { slot, to }),
            "ASK" => redirect(words).map_or_else(Self::Hostile, |(slot, to)| Self::Ask { slot, to }),
            "TRYAGAIN" => Self::TryAgain,
            "CLUSTERDOWN" => Self::ClusterDown,
            "READONLY" => Self::ReadOnly,
            "LOADING" => Self::Loading,
            "MASTERDOWN" => Self::MasterDown,
            _ => Self::Other,
        }
    }
}

fn redirect<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<(u16, Target), &'static str> {
    let slot = words.next().and_then(digits).filter(|slot| usize::from(*slot) < SLOTS).ok_or("a slot that no cluster has")?;
    let (host, port) = words.next().and_then(|address| address.rsplit_once(':')).ok_or("no address")?;
    let port = digits(port).filter(|port| *port != 0).ok_or("a port that does not exist")?;
    let target = match host {
        "" => Target::SameHost(port),
        "?" => Target::Nowhere,
        host => Target::At(Address::announced(host, port).ok_or("a host that does not exist")?),
    };
    Ok((slot, target))
}

/// A number without a sign.
fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_name_a_slot_and_an_address() {
        let at = |text| Target::At(Address::given(text).unwrap());
        for (text, expected) in [
            ("MOVED 3999 127.0.0.1:6381", Refusal::Moved { slot: 3999, to: at("127.0.0.1:6381") }),
            ("MOVED 0 ::1:6381", Refusal::Moved { slot: 0, to: at("::1:6381") }),
            ("MOVED 16383 node.example:1", Refusal::Moved { slot: 16383, to: at("node.example:1") }),
            ("MOVED 5 :6381", Refusal::Moved { slot: 5, to: Target::SameHost(6381) }),
            ("MOVED 5 ?:6381", Refusal::Moved { slot: 5, to: Target::Nowhere }),
            ("ASK 5 10.0.0.1:7000", Refusal::Ask { slot: 5, to: at("10.0.0.1:7000") }),
        ] {
            assert_eq!(Refusal::read(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_redirects_are_known_as_such() {
        for text in [
            "MOVED",
            "MOVED 5",
            "MOVED __proto__ x",
            "MOVED __proto__ 127.0.0.1:7000",
            "MOVED 16384 127.0.0.1:7000",
            "MOVED -1 127.0.0.1:7000",
            "MOVED +5 127.0.0.1:7000",
            "MOVED 5.5 127.0.0.1:7000",
            "MOVED  5 127.0.0.1:7000",
            "MOVED 5 127.0.0.1",
            "MOVED 5 127.0.0.1:",
            "MOVED 5 127.0.0.1:0",
            "MOVED 5 127.0.0.1:99999",
            "MOVED 5 127.0.0.1:-1",
            "MOVED 5 a/b:7000",
            "MOVED 5 constructor\r\n:7000",
            "ASK 70000 127.0.0.1:7000",
            "ASK 5 x",
        ] {
            assert!(matches!(Refusal::read(text), Refusal::Hostile(_)), "{text}: {:?}", Refusal::read(text));
        }
    }

    #[test]
    fn other_refusals_are_known_by_their_first_word() {
        for (text, expected) in [
            ("TRYAGAIN Multiple keys request during rehashing of slot", Refusal::TryAgain),
            ("CLUSTERDOWN", Refusal::ClusterDown),
            ("CLUSTERDOWN Hash slot not served", Refusal::ClusterDown),
            ("READONLY You can't write against a read only replica.", Refusal::ReadOnly),
            ("LOADING Redis is loading the dataset in memory", Refusal::Loading),
            ("MASTERDOWN Link with MASTER is down", Refusal::MasterDown),
            ("ERR MOVED 5 127.0.0.1:7000", Refusal::Other),
            ("MOVEDX 5 127.0.0.1:7000", Refusal::Other),
            ("WRONGTYPE", Refusal::Other),
            ("", Refusal::Other),
        ] {
            assert_eq!(Refusal::read(text), expected, "{text}");
        }
    }
}
