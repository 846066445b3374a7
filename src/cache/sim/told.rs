//! Keeps the books: the effects on the server, and the answers to callers.

use super::check::{concludes, Asked, Made, Mutation, Scope};
use super::world::{Running, World};
use crate::cache::{CallId, Decision, Hit, LoadId, Names};
use crate::store::{Found, Op, ReadEntry, Seen, StoreReply};

impl World {
    /// Writes the books when an operation takes effect: the first time counts for its promise.
    pub(super) fn note_effect(&mut self, p: Option<usize>, op: &Op) {
        let step = self.step;
        if let Op::Set { value, .. } = op {
            if let Some(made) = value_of(value).and_then(|value| self.books.made.get_mut(&value)) {
                made.at = step;
                made.tags.values_mut().for_each(|at| *at = step);
            }
        }
        let hits = |names: &Names, scope: &Scope| match (op, scope) {
            (Op::Delete { entries }, Scope::Key(key)) => entries.contains(&names.entry(&[*key])),
            (Op::Set { entry, .. }, Scope::Key(key)) => *entry == names.entry(&[*key]),
            (Op::Invalidate { tags }, Scope::Tag(tag)) => tags.iter().any(|(version, _)| *version == names.version(&[*tag])),
            (Op::Invalidate { tags }, Scope::Cleared(own, _)) => tags.iter().any(|(version, _)| version == own),
            _ => false,
        };
        let Some(p) = p else { return };
        for call in self.processes[p].calls.values_mut() {
            for (scope, effect) in &mut call.writes {
                if effect.is_none() && hits(&self.names, scope) {
                    *effect = Some(step);
                }
            }
        }
    }

    pub(super) fn decided(&mut self, p: usize, decision: &Decision) {
        self.log(|| format!("{p} decides {decision:?}"));
        let step = self.step;
        match decision {
            Decision::Hit { call, payload, hit } => self.served(p, *call, value_of(payload.as_bytes()).unwrap(), *hit),
            Decision::HitParsed { call, parsed, hit } => self.served(p, *call, self.processes[p].parsed[&parsed.0], *hit),
            Decision::Keep { parsed, payload } => {
                let former = self.processes[p].parsed.insert(parsed.0, value_of(payload.as_bytes()).unwrap());
                assert_eq!(former, None, "a number that has a value");
            }
            Decision::Load { call, load, storing } => {
                let Some(asked) = self.processes[p].calls.get(&call.0).cloned() else { panic!("a load for nobody: {decision:?}") };
                self.begin(p, *call, *load, &asked, *storing);
            }
            Decision::Refresh { call, load } => {
                let asked = self.processes[p].answered_stale.remove(&call.0).expect("a refresh for a stale hit");
                self.begin(p, *call, *load, &asked, true);
            }
            Decision::LoadOver { call: Some(call), .. } => {
                self.processes[p].answered_stale.remove(&call.0);
            }
            Decision::LoadOver { load: Some(load), .. } => {
                assert!(!self.processes[p].loads.contains_key(&load.0), "over before its loader's end");
                self.books.over(p, Some(load.0));
            }
            _ => {}
        }
        let about = match decision {
            Decision::Load { call, .. } => Some(*call),
            other => concludes(other),
        };
        let Some(asked) = about.and_then(|call| self.processes[p].calls.get_mut(&call.0)) else { return };
        if asked.is_read {
            asked.count(decision);
        }
        let Some(call) = concludes(decision) else { return };
        let asked = self.processes[p].calls.remove(&call.0).unwrap();
        assert!(!asked.is_read || asked.counts == 1, "C10: not counted: {decision:?}");
        if let Some((tag, value)) = asked.names {
            // A loader reads what the tag is about when this is done, and not before.
            self.books.made.get_mut(&value).unwrap().tags.entry(tag).or_insert(step);
        }
        for (scope, effect) in asked.writes {
            match decision {
                Decision::Done { .. } => {
                    let effect = effect.expect("told before it took effect");
                    self.books.mutations.push(Mutation { scope, effect, told: step, process: None });
                }
                Decision::Error { kept: true, .. } => {
                    let process = Some(self.processes[p].id);
                    self.books.mutations.push(Mutation { scope, effect: asked.began, told: step, process });
                }
                _ => {}
            }
        }
    }

    /// Writes the books when a server has answered: where a load was stored, what its loader vouched for holds for the entry.
    pub(super) fn note_answer(&mut self, p: Option<usize>, n: usize, op: &Op, reply: &StoreReply) {
        let (Op::Commit { entry, .. } | Op::Keep { entry, .. }, StoreReply::Held(true)) = (op, reply) else { return };
        let read = Op::Read { entries: vec![ReadEntry { key: entry.clone(), with_age: false, head_bytes: None }], versions: vec![] };
        let StoreReply::Read { entries, .. } = self.servers.stores[n].apply(self.now, &read.into()).unwrap() else { return };
        if let Some(Found { value: Seen::Own(value), .. }) = entries.first() {
            if let Some(value) = value_of(value) {
                self.books.stored(p, value);
            }
        }
    }

    /// A caller gets this value.
    fn served(&mut self, p: usize, call: CallId, value: u64, hit: Hit) {
        let Some(asked) = self.processes[p].calls.get(&call.0) else { return };
        self.books.check(p, self.processes[p].id, asked, value);
        if matches!(hit, Hit::Stale | Hit::Early) {
            let asked = asked.clone();
            self.processes[p].answered_stale.insert(call.0, asked);
        }
    }

    pub(super) fn begin(&mut self, p: usize, call: CallId, load: LoadId, asked: &Asked, storing: bool) {
        let key = asked.key;
        if self.chaos.one_load && storing {
            let others = self.processes.iter().flat_map(|process| process.loads.values());
            let running = others.filter(|other| other.key == key && other.storing).count();
            assert_eq!(running, 0, "C2: a second load of key {key} at a time");
        }
        self.next += 1;
        let value = self.next;
        self.books.made.insert(value, Made::new(key, &asked.tags, self.step));
        self.log(|| format!("{p} runs {load:?} for {call:?}: value {value}"));
        self.processes[p].loads.insert(load.0, Running { key, value, storing });
    }
}

/// The number of the value that a payload or an entry ends with.
pub(super) fn value_of(bytes: &[u8]) -> Option<u64> {
    let at = bytes.iter().rposition(|byte| *byte == b'v')?;
    std::str::from_utf8(&bytes[at + 1..]).ok()?.parse().ok()
}
