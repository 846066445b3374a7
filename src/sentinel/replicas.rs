//! Chooses a replica among those that a Sentinel lists.

use super::answers::{address_in, field, has_flag, Fields};
use crate::contract::{PreferredReplica, ServerAddress};
use crate::entropy::Entropy;

/// States in which a Sentinel itself does not reach a replica.
const UNUSABLE: &[&str] = &["disconnected", "s_down", "o_down"];

/// The replicas that can be used. One without flags cannot: a Sentinel knows those of each.
pub fn usable(rows: Vec<Fields>) -> Vec<Fields> {
    let is_usable = |row: &Fields| field(row, "flags").is_some_and(|flags| !flags.is_empty()) && !has_flag(row, UNUSABLE);
    rows.into_iter().filter(|row| is_usable(row) && address_in(row).is_some()).collect()
}

/// The preferred one, else any. `avoided` could not be reached a moment ago and comes last.
pub fn choose(
    usable: &[Fields],
    preferred: &[PreferredReplica],
    avoided: Option<&ServerAddress>,
    entropy: &mut dyn Entropy,
) -> Option<ServerAddress> {
    let all: Vec<(&Fields, ServerAddress)> = usable.iter().filter_map(|row| Some((row, address_in(row)?))).collect();
    let fresh: Vec<_> = all.iter().filter(|(_, address)| Some(address) != avoided).cloned().collect();
    let candidates = if fresh.is_empty() { all } else { fresh };
    let mut order: Vec<&PreferredReplica> = preferred.iter().collect();
    order.sort_by(|a, b| a.prio.total_cmp(&b.prio));
    let named = |replica: &&PreferredReplica| {
        let is_it = |row: &Fields| field(row, "ip").as_ref() == Some(&replica.ip) && field(row, "port").as_ref() == Some(&replica.port);
        candidates.iter().find(|(row, _)| is_it(row)).map(|(_, address)| address.clone())
    };
    order.iter().find_map(named).or_else(|| Some(candidates.get(below(candidates.len(), entropy)?)?.1.clone()))
}

/// A random number below `n`.
fn below(n: usize, entropy: &mut dyn Entropy) -> Option<usize> {
    let mut bytes = [0; 4];
    entropy.fill(&mut bytes);
    (u32::from_le_bytes(bytes) as usize).checked_rem(n)
}

#[cfg(test)]
mod tests {
    use super::super::answers::{address, rows};
    use super::*;
    use serde_json::json;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
            bytes[0] = self.0;
        }
    }

    fn three() -> Vec<Fields> {
        let row = |port: &str, flags: &str| json!(["ip", "h", "port", port, "flags", flags]);
        usable(rows(&json!([row("1", "slave"), row("2", "slave"), row("9", "slave,s_down"), row("3", "slave")])).unwrap())
    }

    fn prefers(ports: &[(&str, f64)]) -> Vec<PreferredReplica> {
        ports.iter().map(|(port, prio)| PreferredReplica { ip: "h".into(), port: (*port).into(), prio: *prio }).collect()
    }

    #[test]
    fn replicas_that_are_down_do_not_count() {
        let row = |flags: &str| json!(["ip", "h", "port", "1", "flags", flags]);
        for flags in ["", "slave,s_down", "o_down,slave", "slave,disconnected", "s_down,slave,disconnected"] {
            assert!(usable(rows(&json!([row(flags)])).unwrap()).is_empty(), "{flags}");
        }
        assert!(usable(rows(&json!([["ip", "h", "port", "1"], ["ip", "h", "port", "x", "flags", "slave"]])).unwrap()).is_empty());
        assert_eq!(usable(rows(&json!([row("slave,s_downer")])).unwrap()).len(), 1);
    }

    #[test]
    fn the_lowest_priority_that_is_usable_wins_else_any() {
        let port = |preferred: &[(&str, f64)], die| choose(&three(), &prefers(preferred), None, &mut Fixed(die)).unwrap().port;
        assert_eq!(port(&[("1", 5.0), ("3", 0.0), ("2", 1.0)], 0), 3);
        assert_eq!(port(&[("9", 0.0), ("2", 7.0)], 0), 2, "the preferred one is down");
        assert_eq!(port(&[("2", 1.0), ("1", 1.0)], 0), 2, "of equals the one named first");
        assert_eq!([0, 1, 2, 3].map(|die| port(&[("4", 0.0)], die)), [1, 2, 3, 1]);
        assert_eq!(choose(&[], &[], None, &mut Fixed(0)), None);
    }

    #[test]
    fn one_that_was_not_reached_comes_last() {
        let avoided = address("h", "2");
        let port = |rows: &[Fields], preferred: &[(&str, f64)], die| {
            choose(rows, &prefers(preferred), avoided.as_ref(), &mut Fixed(die)).unwrap().port
        };
        assert_eq!(port(&three(), &[("2", 0.0), ("3", 1.0)], 0), 3);
        assert_eq!(port(&three(), &[], 1), 3);
        assert_eq!(port(&three()[1..2], &[], 0), 2, "there is no other");
    }
}
