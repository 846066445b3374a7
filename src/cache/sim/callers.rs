//! The application: its calls, its loaders, and what it gives up.

use std::collections::BTreeSet;
use std::time::Duration;

use super::check::{Asked, Made, Scope, Vouched};
use super::told::value_of;
use super::world::{payload_of, World};
use crate::cache::marks::Mark;
use crate::cache::{CallId, Codec, Context, LoadId, LoadOutcome, ParsedId, Reader, Request, ResultOptions, Stale};
use crate::store::entry::Tag;

impl World {
    pub(super) fn ask(&mut self, p: usize) {
        let is_read = !self.chaos.writes || !self.dice.chance(self.habits.writes);
        for _ in 0..=self.dice.below(3) {
            let call = CallId({
                self.next += 1;
                self.next as u32
            });
            let key = self.dice.below(self.habits.keys) as u8;
            let tags: BTreeSet<u8> = if self.chaos.one_load {
                [key].into()
            } else if self.chaos.tags_results && self.dice.chance(50) {
                // Tags that the result brings are news then.
                BTreeSet::new()
            } else {
                (0..self.dice.below(3)).map(|_| self.dice.below(self.habits.tags) as u8).collect()
            };
            let mut asked =
                Asked { key, tags: tags.clone(), began: self.step, is_read, counts: 0, has_loader: false, writes: Vec::new(), names: None };
            let names: Vec<Tag> = tags.iter().map(|tag| Tag::from(&[*tag][..])).collect();
            let (ttl, fresh, keep) = self.periods;
            let ms = Duration::from_millis;
            let request = if is_read {
                if self.dice.chance(self.habits.peeks) {
                    asked.tags.clear();
                    Request::Get { key: vec![key], fresh: None, max_age: None }
                } else {
                    Request::GetOrSet {
                        key: vec![key],
                        ttl: ms(ttl),
                        keep: self.has_ages.then(|| ms(keep)),
                        fresh: (fresh < ttl).then(|| ms(fresh)),
                        max_age: (!self.chaos.one_load && self.dice.chance(10)).then(|| ms(self.dice.below(ttl) + 1)),
                        lock_timeout: None,
                        tags: names.into(),
                        replaces: !self.chaos.one_load && self.dice.chance(4),
                        early: (self.chaos.tags_results && self.dice.chance(10)).then(|| self.dice.below(1000) as u32),
                        tags_result: self.chaos.tags_results && self.dice.chance(85),
                    }
                }
            } else {
                match self.dice.below(10) {
                    0..=2 => {
                        asked.writes = vec![(Scope::Key(key), None)];
                        Request::Delete { keys: vec![vec![key]] }
                    }
                    3 if self.dice.chance(60) => {
                        asked.writes = self.cleared().map(|scope| (scope, None)).collect();
                        Request::Clear
                    }
                    3 => {
                        asked.writes = vec![(Scope::All, Some(self.step))];
                        Request::DeletePattern { glob: b"*".to_vec() }
                    }
                    4 | 5 => {
                        self.next += 1;
                        asked.writes = vec![(Scope::Key(key), None)];
                        self.books.made.insert(self.next, Made::new(key, &tags, u64::MAX));
                        let payload = payload_of(self.next).into();
                        Request::Set { key: vec![key], ttl: ms(ttl), keep: None, fresh: None, payload, tags: names }
                    }
                    _ => {
                        let tag = self.dice.below(self.habits.tags) as u8;
                        asked.writes = vec![(Scope::Tag(tag), None)];
                        Request::InvalidateTags { tags: vec![Tag::from(&[tag][..])] }
                    }
                }
            };
            self.log(|| format!("{p} asks {call:?} {request:?}"));
            self.processes[p].calls.insert(call.0, asked);
            let repo = self.processes[p].repo;
            // Most callers have a serializer whose values may be shared.
            let codec = Codec::from_number([0, 1, 1, 1, 2][self.dice.below(5) as usize]);
            let mut cx = Context { now: self.now, entropy: &mut self.dice };
            self.processes[p].engine.call_by(&mut cx, call, Reader { repo, codec }, request);
        }
        self.input(p, |_, _| {});
    }

    /// What a clear makes unusable: the entries of each range of slots.
    fn cleared(&self) -> impl Iterator<Item = Scope> + '_ {
        let is_cluster = self.servers.is_cluster();
        let own_of = move |key: &u8| Mark::Repository.of(&self.names.entry(&[*key]), is_cluster);
        Mark::Repository.all(is_cluster).into_iter().map(move |own| {
            let keys = (0..self.habits.keys as u8).filter(|key| own_of(key) == own).collect();
            Scope::Cleared(self.names.version(&own), keys)
        })
    }

    pub(super) fn end_loader(&mut self, p: usize) {
        let Some(load) = self.pick_load(p) else { return };
        let value = self.processes[p].loads[&load].value;
        let waits = self.processes[p].calls.values().any(|call| call.names.is_some_and(|(_, adding)| adding == value));
        if self.chaos.adds_tags && (waits || self.dice.chance(80)) {
            return;
        }
        let running = self.processes[p].loads.remove(&load).unwrap();
        let outcome = match self.dice.below(10) {
            0 | 1 => LoadOutcome::Failed,
            2 => LoadOutcome::Nothing,
            _ => self.result(p, load, running.value),
        };
        self.log(|| format!("{p} ends {load} {running:?}: {outcome:?}"));
        self.input(p, |engine, cx| engine.loaded(cx, LoadId(load), outcome));
    }

    /// A value, perhaps with options and with tags that nobody has named before; or the value that was to be replaced.
    fn result(&mut self, p: usize, load: u32, value: u64) -> LoadOutcome {
        if !self.chaos.tags_results {
            return LoadOutcome::Value(payload_of(value).into());
        }
        let (ttl, _, keep) = self.periods;
        let ms = Duration::from_millis;
        let mut options = ResultOptions::default();
        if self.dice.chance(20) {
            options.ttl = Some(ms(self.dice.below(ttl) + 1));
            options.keep = Some(ms(self.dice.below(keep + 1)));
        }
        let tags: BTreeSet<u8> = (0..self.dice.below(3)).map(|_| self.dice.below(self.habits.tags) as u8).collect();
        options.tags = tags.iter().map(|tag| Tag::from(&[*tag][..])).collect();
        let at = self.books.made[&value].at;
        let stale = match self.processes[p].engine.stale_of(LoadId(load)) {
            Some(Stale::Value(payload)) => value_of(payload.as_bytes()),
            Some(Stale::Parsed(id)) => self.processes[p].parsed.get(&id.0).copied(),
            None => None,
        };
        if let Some(stale) = stale.filter(|_| self.dice.chance(50)) {
            // The source has said so since the load began.
            let mut made = self.books.made[&stale].clone();
            made.at = at;
            made.tags.extend(tags.iter().map(|tag| (*tag, at)));
            made.tags.values_mut().for_each(|known| *known = at);
            self.books.vouched.push(Vouched { process: p, load, value: stale, made, is_over: false });
            return LoadOutcome::Unmodified(options);
        }
        let made = self.books.made.get_mut(&value).unwrap();
        for tag in &tags {
            made.tags.entry(*tag).or_insert(at);
        }
        LoadOutcome::ValueWith(payload_of(value).into(), options)
    }

    /// A caller would rather have a stale value than wait any longer.
    pub(super) fn soften(&mut self, p: usize) {
        let reads: Vec<u32> = self.processes[p].calls.iter().filter(|(_, call)| call.is_read).map(|(id, _)| *id).collect();
        if !reads.is_empty() {
            let call = reads[self.dice.below(reads.len() as u64) as usize];
            self.log(|| format!("{p} softens {call}"));
            self.input(p, |engine, cx| engine.soften(cx, CallId(call)));
        }
    }

    pub(super) fn pick_load(&mut self, p: usize) -> Option<u32> {
        let loads: Vec<u32> = self.processes[p].loads.keys().copied().collect();
        (!loads.is_empty()).then(|| loads[self.dice.below(loads.len() as u64) as usize])
    }

    pub(super) fn name_tags(&mut self, p: usize) {
        let Some(load) = self.pick_load(p) else { return };
        self.next += 1;
        let call = CallId(self.next as u32);
        let tag = self.dice.below(self.habits.tags) as u8;
        let names = Some((tag, self.processes[p].loads[&load].value));
        let asked = Asked {
            key: 0,
            tags: BTreeSet::new(),
            began: self.step,
            is_read: false,
            counts: 0,
            has_loader: false,
            writes: Vec::new(),
            names,
        };
        self.processes[p].calls.insert(call.0, asked);
        self.input(p, |engine, cx| engine.add_tags(cx, call, LoadId(load), vec![Tag::from(&[tag][..])]));
    }

    /// The process evicts a parsed value.
    pub(super) fn drop_parsed(&mut self, p: usize) {
        let ids: Vec<u32> = self.processes[p].parsed.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.dice.below(ids.len() as u64) as usize];
        self.log(|| format!("{p} drops the parsed value {id}"));
        self.processes[p].parsed.remove(&id);
        self.input(p, |engine, _| engine.dropped(ParsedId(id)));
    }

    pub(super) fn cancel(&mut self, p: usize) {
        let reads: Vec<u32> = self.processes[p].calls.iter().filter(|(_, call)| call.is_read).map(|(id, _)| *id).collect();
        if reads.is_empty() {
            return;
        }
        let call = reads[self.dice.below(reads.len() as u64) as usize];
        self.log(|| format!("{p} cancels {call}"));
        self.processes[p].calls.remove(&call);
        self.input(p, |engine, _| engine.cancel(CallId(call)));
    }
}
