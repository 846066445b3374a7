//! Operations on many keys as parts. A cluster holds every key in a slot, and each part may be sent to another node, refused, or
//! sent again without the others. Reads become one part for each node; everything else one part for each key, since a part that was
//! carried out must not be sent again with the others.

use super::id::NodeId;
use crate::store::{Answer, Found, Id, Key, Op, ReadEntry, Seen, StoreError};

/// The shape of an operation's answer, from the answers of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The operation is its only part.
    Whole,
    /// So many entries and versions.
    Read(usize, usize),
    /// So many versions.
    Versions(usize),
    Ensured,
    /// One after another, in the order of the keys.
    Inspected,
    /// The sum.
    Number,
    /// The answer of the first part counts.
    First,
}

/// The operation of a part, and for a read the places of its keys in the whole answer: entries first, then versions.
pub(super) type PartOp = (Vec<usize>, Op);

/// The outcome of a part, and for a read the places of its keys.
pub(super) type Settled = (Vec<usize>, Result<Answer, StoreError>);

/// The parts of an operation, and how their answers are joined. Parts that are no reads are in the order of their keys.
pub(super) fn split(op: Op, node_of: impl Fn(&Key) -> NodeId) -> (Vec<PartOp>, Shape) {
    let alone = |op| (Vec::new(), op);
    match op {
        Op::Read { entries, versions } => {
            let shape = Shape::Read(entries.len(), versions.len());
            (by_node(entries, versions, node_of).into_iter().map(|reads| reads.into_part(true)).collect(), shape)
        }
        Op::ReadVersions { versions } => {
            let shape = Shape::Versions(versions.len());
            (by_node(vec![], versions, node_of).into_iter().map(|reads| reads.into_part(false)).collect(), shape)
        }
        Op::Ensure { items, need } => {
            (items.into_iter().map(|item| alone(Op::Ensure { items: vec![item], need })).collect(), Shape::Ensured)
        }
        Op::Count { items, member } => {
            (items.into_iter().map(|item| alone(Op::Count { items: vec![item], member: member.clone() })).collect(), Shape::Number)
        }
        Op::Renew { entry, token, life, versions, need } => {
            let lease = Op::Renew { entry, token, life, versions: vec![], need };
            let prolong = |(key, captured)| Op::Prolong { version: key, captured, need };
            (std::iter::once(lease).chain(versions.into_iter().map(prolong)).map(alone).collect(), Shape::First)
        }
        Op::Delete { entries } => (entries.into_iter().map(|key| alone(Op::Delete { entries: vec![key] })).collect(), Shape::Number),
        Op::Unlink { keys } => (keys.into_iter().map(|key| alone(Op::Unlink { keys: vec![key] })).collect(), Shape::Number),
        Op::Inspect { keys, head_bytes } => {
            (keys.into_iter().map(|key| alone(Op::Inspect { keys: vec![key], head_bytes })).collect(), Shape::Inspected)
        }
        Op::Invalidate { tags } => (tags.into_iter().map(|tag| alone(Op::Invalidate { tags: vec![tag] })).collect(), Shape::Number),
        other => (vec![alone(other)], Shape::Whole),
    }
}

/// A read of several keys as reads of one key each, with their places.
pub(super) fn scatter(places: Vec<usize>, op: Op) -> Vec<PartOp> {
    let ops: Vec<Op> = match op {
        Op::Read { entries, versions } => {
            let entry = |entry: ReadEntry| Op::Read { entries: vec![entry], versions: vec![] };
            let version = |key: Key| Op::Read { entries: vec![], versions: vec![key] };
            entries.into_iter().map(entry).chain(versions.into_iter().map(version)).collect()
        }
        Op::ReadVersions { versions } => versions.into_iter().map(|key| Op::ReadVersions { versions: vec![key] }).collect(),
        other => vec![other],
    };
    places.into_iter().map(|place| vec![place]).zip(ops).collect()
}

/// The keys of a read that one node has.
#[derive(Debug, Default)]
struct Reads {
    places: Vec<usize>,
    entries: Vec<ReadEntry>,
    versions: Vec<Key>,
}

impl Reads {
    fn into_part(self, with_entries: bool) -> PartOp {
        let Self { places, entries, versions } = self;
        (places, if with_entries { Op::Read { entries, versions } } else { Op::ReadVersions { versions } })
    }
}

fn by_node(entries: Vec<ReadEntry>, versions: Vec<Key>, node_of: impl Fn(&Key) -> NodeId) -> Vec<Reads> {
    fn of(nodes: &mut Vec<(NodeId, Reads)>, node: NodeId) -> &mut Reads {
        let at = nodes.iter().position(|(id, _)| *id == node).unwrap_or_else(|| {
            nodes.push((node, Reads::default()));
            nodes.len() - 1
        });
        &mut nodes[at].1
    }
    let mut nodes: Vec<(NodeId, Reads)> = Vec::new();
    let first_version = entries.len();
    for (place, entry) in entries.into_iter().enumerate() {
        let reads = of(&mut nodes, node_of(&entry.key));
        reads.places.push(place);
        reads.entries.push(entry);
    }
    for (place, key) in versions.into_iter().enumerate() {
        let reads = of(&mut nodes, node_of(&key));
        reads.places.push(first_version + place);
        reads.versions.push(key);
    }
    nodes.into_iter().map(|(_, reads)| reads).collect()
}

/// Whether an operation tells the reader something about the present: it waits for a node with pending invalidations.
pub(super) fn tells_the_present(op: &Op) -> bool {
    matches!(op, Op::Read { .. } | Op::ReadVersions { .. } | Op::Ensure { .. })
}

/// The answer of an operation. A part that was lost, or that never left while others were carried out, makes the operation lost.
pub(super) fn join(shape: Shape, parts: Vec<Settled>) -> Result<Answer, StoreError> {
    if let Some(error) = failure(&parts) {
        return Err(error);
    }
    let mut answers = parts.into_iter().filter_map(|(places, answer)| Some((places, answer.ok()?)));
    match shape {
        Shape::Whole | Shape::First => answers.next().map(|(_, answer)| answer).ok_or(StoreError::Unexpected),
        Shape::Number => answers
            .try_fold(0, |sum, (_, answer)| if let Answer::Number(n) = answer { Some(sum + n) } else { None })
            .map(Answer::Number)
            .ok_or(StoreError::Unexpected),
        Shape::Ensured => {
            let mut all: Vec<Id> = Vec::new();
            for (_, answer) in answers {
                let Answer::Ensured(ids) = answer else { return Err(StoreError::Unexpected) };
                all.extend(ids);
            }
            Ok(Answer::Ensured(all))
        }
        Shape::Inspected => {
            let mut all = Vec::new();
            for (_, answer) in answers {
                let Answer::Inspected(inspected) = answer else { return Err(StoreError::Unexpected) };
                all.extend(inspected);
            }
            Ok(Answer::Inspected(all))
        }
        Shape::Read(entries, versions) => {
            let (entries, versions, parts) = join_reads(entries, versions, answers)?;
            // Several nodes were not asked at one moment.
            Ok(Answer::Read { entries, versions, atomic: parts == 1 })
        }
        Shape::Versions(versions) => join_reads(0, versions, answers).map(|(_, versions, _)| Answer::Versions(versions)),
    }
}

type Joined = (Vec<Found>, Vec<Seen<Id>>, usize);

/// Puts entries and versions at their places. Returns also how many parts there were.
fn join_reads(entries: usize, versions: usize, parts: impl Iterator<Item = (Vec<usize>, Answer)>) -> Result<Joined, StoreError> {
    let mut found = vec![Found::default(); entries];
    let mut read = vec![Seen::Nothing; versions];
    let mut count = 0;
    for (places, answer) in parts {
        count += 1;
        let (own, ids) = match answer {
            Answer::Read { entries, versions, .. } => (entries, versions),
            Answer::Versions(versions) => (Vec::new(), versions),
            _ => return Err(StoreError::Unexpected),
        };
        let (of_entries, of_versions) = places.split_at(own.len().min(places.len()));
        for (place, value) in of_entries.iter().zip(own) {
            *found.get_mut(*place).ok_or(StoreError::Unexpected)? = value;
        }
        for (place, id) in of_versions.iter().zip(ids) {
            *place.checked_sub(entries).and_then(|place| read.get_mut(place)).ok_or(StoreError::Unexpected)? = id;
        }
    }
    Ok((found, read, count))
}

fn failure(parts: &[Settled]) -> Option<StoreError> {
    let errors = || parts.iter().filter_map(|(_, part)| part.as_ref().err());
    let first = errors().next()?;
    if parts.len() == 1 {
        return Some(first.clone());
    }
    if errors().any(StoreError::is_maybe_executed) {
        return Some(StoreError::Cut { maybe_executed: true });
    }
    if let Some(refused) = errors().find(|error| matches!(error, StoreError::Refused(_) | StoreError::Redirected(_))) {
        return Some(refused.clone());
    }
    let has_run = parts.iter().any(|(_, part)| part.is_ok());
    Some(if has_run { StoreError::Cut { maybe_executed: true } } else { StoreError::NotSent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::from(text.as_bytes())
    }

    fn entry(text: &str) -> ReadEntry {
        ReadEntry { key: key(text), with_age: true, head_bytes: None }
    }

    /// Keys of one letter are on one node.
    fn node_of(key: &Key) -> NodeId {
        NodeId(u16::from(key[0]))
    }

    fn id(n: u8) -> Seen<Id> {
        Seen::Own(Id::parse(&[n; Id::LEN]).unwrap())
    }

    #[test]
    fn a_read_has_one_part_for_each_node_and_the_answers_find_their_places() {
        let read = Op::Read { entries: vec![entry("a1"), entry("b1")], versions: vec![key("b2"), key("a2"), key("c")] };
        let (parts, shape) = split(read, node_of);
        let a = Op::Read { entries: vec![entry("a1")], versions: vec![key("a2")] };
        let b = Op::Read { entries: vec![entry("b1")], versions: vec![key("b2")] };
        let c = Op::Read { entries: vec![], versions: vec![key("c")] };
        assert_eq!(parts, [(vec![0, 3], a.clone()), (vec![1, 2], b), (vec![4], c)]);
        let found = |pttl| Found { value: Seen::Nothing, pttl: Some(pttl), is_head: false };
        let answer = |entries: Vec<Found>, version| Ok(Answer::Read { entries, versions: vec![version], atomic: true });
        let answers = [answer(vec![found(1)], id(b'a')), answer(vec![found(2)], id(b'b')), answer(vec![], id(b'c'))];
        let joined = join(shape, parts.into_iter().map(|(places, _)| places).zip(answers).collect());
        let versions = vec![id(b'b'), id(b'a'), id(b'c')];
        assert_eq!(joined, Ok(Answer::Read { entries: vec![found(1), found(2)], versions, atomic: false }));
        let single = |entries, versions| Op::Read { entries, versions };
        assert_eq!(scatter(vec![0, 3], a), [(vec![0], single(vec![entry("a1")], vec![])), (vec![3], single(vec![], vec![key("a2")]))]);
    }

    #[test]
    fn everything_else_has_one_part_for_each_key() {
        let (parts, shape) = split(Op::Delete { entries: vec![key("a"), key("b")] }, node_of);
        assert_eq!(parts.iter().map(|(_, op)| op.routing_key().unwrap().clone()).collect::<Vec<_>>(), [key("a"), key("b")]);
        assert_eq!(join(shape, vec![(vec![], Ok(Answer::Number(1))), (vec![], Ok(Answer::Number(2)))]), Ok(Answer::Number(3)));
        assert_eq!(split(Op::Scan { cursor: b"0".to_vec(), pattern: vec![] }, node_of).1, Shape::Whole);
    }

    #[test]
    fn a_lost_part_makes_the_operation_lost() {
        let lost = Err(StoreError::Cut { maybe_executed: true });
        let refused = Err(StoreError::Refused("NOPERM (DEL)".to_owned()));
        let done = Ok(Answer::Number(1));
        for (parts, error) in [
            (vec![done.clone(), lost.clone()], StoreError::Cut { maybe_executed: true }),
            (vec![refused.clone(), lost], StoreError::Cut { maybe_executed: true }),
            (vec![done.clone(), Err(StoreError::NotSent)], StoreError::Cut { maybe_executed: true }),
            (vec![Err(StoreError::NotSent), Err(StoreError::NotSent)], StoreError::NotSent),
            (vec![done, refused], StoreError::Refused("NOPERM (DEL)".to_owned())),
            (vec![Err(StoreError::NotSent)], StoreError::NotSent),
        ] {
            assert_eq!(join(Shape::Number, parts.into_iter().map(|part| (vec![], part)).collect()), Err(error));
        }
    }
}
