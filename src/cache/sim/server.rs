//! The store of the simulation. It can carry an operation on several slots out piece by piece, in any order, with operations of
//! other processes between the pieces, as a cluster does.

use super::dice::Dice;
use super::faults::Fault;
use crate::clock::Instant;
use crate::store::{Found, Id, MemoryStore, NodeOp, Op, ReadEntry, StoreReply, Version};

/// An operation on its way through the server.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub op: NodeOp,
    pieces: Vec<(usize, Op)>,
    answers: Vec<Option<StoreReply>>,
}

impl Work {
    pub(super) fn new(op: NodeOp, scattered: bool, dice: &mut Dice) -> Self {
        let mut pieces: Vec<(usize, Op)> = if scattered { split(&op.op) } else { vec![op.op.clone()] }.into_iter().enumerate().collect();
        let answers = vec![None; pieces.len()];
        if matches!(op.op, Op::Invalidate { .. }) {
            // One server carries the parts of an invalidation out in their order. A cluster gets each as an operation of its own.
            pieces.reverse();
        } else {
            for at in (1..pieces.len()).rev() {
                pieces.swap(at, dice.below(at as u64 + 1) as usize);
            }
        }
        Self { op, pieces, answers }
    }

    /// Carries one piece out; the answer, if it was the last.
    pub(super) fn step(&mut self, store: &mut MemoryStore, now: Instant, fault: Option<Fault>) -> Option<StoreReply> {
        let (place, op) = self.pieces.pop().unwrap();
        let mut op = NodeOp { op, replication: self.op.replication, asks: false, reads_apart: false };
        if let Some(fault) = fault {
            fault.bend(&mut op, store, now);
        }
        self.answers[place] = Some(store.apply(now, &op).unwrap());
        if !self.pieces.is_empty() {
            return None;
        }
        let answers: Vec<StoreReply> = self.answers.drain(..).map(Option::unwrap).collect();
        Some(if answers.len() == 1 && !matches!(self.op.op, Op::Read { .. }) {
            answers.into_iter().next().unwrap()
        } else {
            join(&self.op.op, answers)
        })
    }
}

fn split(op: &Op) -> Vec<Op> {
    match op.clone() {
        Op::Read { entries, versions } => {
            let entry = |entry: ReadEntry| Op::Read { entries: vec![entry], versions: vec![] };
            let version = |key| Op::ReadVersions { versions: vec![key] };
            entries.into_iter().map(entry).chain(versions.into_iter().map(version)).collect()
        }
        Op::ReadVersions { versions } => versions.into_iter().map(|key| Op::ReadVersions { versions: vec![key] }).collect(),
        Op::Ensure { items, need } => items.into_iter().map(|item| Op::Ensure { items: vec![item], need }).collect(),
        Op::Count { items, member } => items.into_iter().map(|item| Op::Count { items: vec![item], member: member.clone() }).collect(),
        Op::Delete { entries } => entries.into_iter().map(|key| Op::Delete { entries: vec![key] }).collect(),
        Op::Unlink { keys } => keys.into_iter().map(|key| Op::Unlink { keys: vec![key] }).collect(),
        Op::Invalidate { tags } => tags.into_iter().map(|tag| Op::Invalidate { tags: vec![tag] }).collect(),
        other => vec![other],
    }
}

fn join(op: &Op, answers: Vec<StoreReply>) -> StoreReply {
    let mut found: Vec<Found> = Vec::new();
    let mut versions: Vec<Option<Version>> = Vec::new();
    let mut ids: Vec<Id> = Vec::new();
    let mut number = 0;
    let pieces = answers.len();
    let mut atomic = false;
    for answer in answers {
        match answer {
            StoreReply::Read { entries, versions: more, atomic: at_once } => {
                found.extend(entries);
                versions.extend(more);
                atomic = at_once && pieces == 1;
            }
            StoreReply::Versions(more) => versions.extend(more),
            StoreReply::Ensured(more) => ids.extend(more),
            StoreReply::Number(n) => number += n,
            other => panic!("a piece of {op:?}: {other:?}"),
        }
    }
    match op {
        Op::Read { .. } => StoreReply::Read { entries: found, versions, atomic },
        Op::ReadVersions { .. } => StoreReply::Versions(versions),
        Op::Ensure { .. } => StoreReply::Ensured(ids),
        _ => StoreReply::Number(number),
    }
}
