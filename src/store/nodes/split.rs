//! Operations on many keys as parts of one key each. A cluster holds every key in a slot of its own, and each part may be sent to
//! another node, refused, or sent again without the others.

use crate::store::{Answer, Found, Id, Key, Op, ReadEntry, Seen, StoreError};

/// The shape of an operation's answer, from the answers of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The operation is its only part.
    Whole,
    Read,
    Versions,
    Ensured,
    /// The sum.
    Number,
    /// The answer of the first part counts.
    First,
}

/// The parts of an operation, in the order of its keys, and how their answers are joined.
pub(super) fn split(op: Op) -> (Vec<Op>, Shape) {
    match op {
        Op::Read { entries, versions } => {
            let entry = |entry: ReadEntry| Op::Read { entries: vec![entry], versions: vec![] };
            let parts = entries.into_iter().map(entry).chain(versions.into_iter().map(version));
            (parts.collect(), Shape::Read)
        }
        Op::ReadVersions { versions } => (versions.into_iter().map(version).collect(), Shape::Versions),
        Op::Ensure { items, need } => (items.into_iter().map(|item| Op::Ensure { items: vec![item], need }).collect(), Shape::Ensured),
        Op::Count { items, member } => {
            (items.into_iter().map(|item| Op::Count { items: vec![item], member: member.clone() }).collect(), Shape::Number)
        }
        Op::Renew { entry, token, life, versions, need } => {
            let lease = Op::Renew { entry, token, life, versions: vec![], need };
            let prolong = |(key, captured)| Op::Prolong { version: key, captured, need };
            (std::iter::once(lease).chain(versions.into_iter().map(prolong)).collect(), Shape::First)
        }
        Op::Delete { entries } => (entries.into_iter().map(|key| Op::Delete { entries: vec![key] }).collect(), Shape::Number),
        Op::Unlink { keys } => (keys.into_iter().map(|key| Op::Unlink { keys: vec![key] }).collect(), Shape::Number),
        Op::Invalidate { tags } => (tags.into_iter().map(|tag| Op::Invalidate { tags: vec![tag] }).collect(), Shape::Number),
        other => (vec![other], Shape::Whole),
    }
}

fn version(key: Key) -> Op {
    Op::ReadVersions { versions: vec![key] }
}

/// Whether an operation tells the reader something about the present: it waits for a node with pending invalidations.
pub(super) fn tells_the_present(op: &Op) -> bool {
    matches!(op, Op::Read { .. } | Op::ReadVersions { .. } | Op::Ensure { .. })
}

/// The answer of an operation. A part that was lost, or that never left while others were carried out, makes the operation lost.
pub(super) fn join(shape: Shape, parts: Vec<Result<Answer, StoreError>>) -> Result<Answer, StoreError> {
    if let Some(error) = failure(&parts) {
        return Err(error);
    }
    let mut answers = parts.into_iter().flatten();
    match shape {
        Shape::Whole | Shape::First => answers.next().ok_or(StoreError::Unexpected),
        Shape::Number => answers
            .try_fold(0, |sum, answer| if let Answer::Number(n) = answer { Some(sum + n) } else { None })
            .map(Answer::Number)
            .ok_or(StoreError::Unexpected),
        Shape::Ensured => {
            let mut all: Vec<Id> = Vec::new();
            for answer in answers {
                let Answer::Ensured(ids) = answer else { return Err(StoreError::Unexpected) };
                all.extend(ids);
            }
            Ok(Answer::Ensured(all))
        }
        Shape::Read | Shape::Versions => {
            let (mut found, mut read): (Vec<Found>, Vec<Seen<Id>>) = (Vec::new(), Vec::new());
            for answer in answers {
                match answer {
                    Answer::Read { entries, versions, .. } => {
                        found.extend(entries);
                        read.extend(versions);
                    }
                    Answer::Versions(versions) => read.extend(versions),
                    _ => return Err(StoreError::Unexpected),
                }
            }
            // The nodes were not asked at one moment.
            Ok(if shape == Shape::Read { Answer::Read { entries: found, versions: read, atomic: false } } else { Answer::Versions(read) })
        }
    }
}

fn failure(parts: &[Result<Answer, StoreError>]) -> Option<StoreError> {
    let errors = || parts.iter().filter_map(|part| part.as_ref().err());
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
    let has_run = parts.iter().any(Result::is_ok);
    Some(if has_run { StoreError::Cut { maybe_executed: true } } else { StoreError::NotSent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::from(text.as_bytes())
    }

    #[test]
    fn every_key_of_an_operation_becomes_a_part_and_the_answers_keep_their_order() {
        let read = Op::Read { entries: vec![ReadEntry { key: key("e"), with_age: true }], versions: vec![key("a"), key("b")] };
        let (parts, shape) = split(read);
        assert_eq!(parts.iter().map(|op| op.routing_key().unwrap().clone()).collect::<Vec<_>>(), [key("e"), key("a"), key("b")]);
        let id = |n: u8| Seen::Own(Id::parse(&[n; 16]).unwrap());
        let entry = Answer::Read { entries: vec![Found::default()], versions: vec![], atomic: true };
        let joined = join(shape, vec![Ok(entry), Ok(Answer::Versions(vec![id(b'1')])), Ok(Answer::Versions(vec![id(b'2')]))]);
        assert_eq!(joined, Ok(Answer::Read { entries: vec![Found::default()], versions: vec![id(b'1'), id(b'2')], atomic: false }));
        let (parts, shape) = split(Op::Delete { entries: vec![key("a"), key("b")] });
        assert_eq!((parts.len(), join(shape, vec![Ok(Answer::Number(1)), Ok(Answer::Number(2))])), (2, Ok(Answer::Number(3))));
        assert_eq!(split(Op::Scan { cursor: b"0".to_vec(), pattern: vec![] }).1, Shape::Whole);
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
            assert_eq!(join(Shape::Number, parts), Err(error));
        }
    }
}
