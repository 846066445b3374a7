//! One walk through the keys of all masters, one after another. Its cursor names the node and the node's own cursor.

use super::id::NodeId;
use super::slots::Slots;
use crate::store::Answer;

/// The node that a step of the scan goes to, and the cursor there. The first step starts at the first master.
pub(super) fn target(slots: Option<&Slots>, cursor: &[u8]) -> (NodeId, Vec<u8>) {
    let Some(slots) = slots else { return (NodeId::ONLY, cursor.to_vec()) };
    let parsed = std::str::from_utf8(cursor).ok().and_then(|text| text.split_once(':'));
    match parsed.and_then(|(node, own)| Some((NodeId(node.parse().ok()?), own.as_bytes().to_vec()))) {
        Some(target) => target,
        None => (slots.masters().next().unwrap_or(NodeId::NONE), b"0".to_vec()),
    }
}

/// The answer of a step on `node`, with the cursor of the whole walk.
pub(super) fn answer(slots: Option<&Slots>, node: NodeId, answer: Answer) -> Answer {
    match (slots, answer) {
        (Some(slots), Answer::Scanned { cursor, keys }) => {
            let next = if cursor == b"0" { slots.masters().find(|master| *master > node) } else { Some(node) };
            let cursor = next.map_or_else(|| b"0".to_vec(), |next| [format!("{}:", next.0).as_bytes(), &cursor].concat());
            Answer::Scanned { cursor, keys }
        }
        (_, answer) => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_walks_through_one_master_after_another() {
        let mut slots = Slots::empty();
        slots.set(1, NodeId(2));
        slots.set(2, NodeId(5));
        let scanned = |cursor: &str| Answer::Scanned { cursor: cursor.into(), keys: vec![] };
        assert_eq!(target(Some(&slots), b"0"), (NodeId(2), b"0".to_vec()));
        assert_eq!(answer(Some(&slots), NodeId(2), scanned("7")), scanned("2:7"));
        assert_eq!(target(Some(&slots), b"2:7"), (NodeId(2), b"7".to_vec()));
        assert_eq!(answer(Some(&slots), NodeId(2), scanned("0")), scanned("5:0"));
        assert_eq!(target(Some(&slots), b"5:0"), (NodeId(5), b"0".to_vec()));
        assert_eq!(answer(Some(&slots), NodeId(5), scanned("0")), scanned("0"), "the last one");
        assert_eq!(target(None, b"17"), (NodeId::ONLY, b"17".to_vec()));
        assert_eq!(answer(None, NodeId::ONLY, scanned("17")), scanned("17"));
    }
}
