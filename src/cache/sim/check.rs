//! Records what really happened, and checks what callers were told against it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cache::{CallId, Decision, Hit};
use crate::store::Key;

/// The entries that a write makes unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    Key(u8),
    Tag(u8),
    /// The entries that carry the version at this key: these.
    Cleared(Key, Vec<u8>),
    All,
}

/// A write that was promised to its caller.
#[derive(Debug, Clone)]
pub(super) struct Mutation {
    pub scope: Scope,
    /// When it took effect, or could have at the earliest.
    pub effect: u64,
    /// When its caller was told.
    pub told: u64,
    /// Whom it binds; `None`: everybody.
    pub process: Option<u64>,
}

/// A value that was loaded or set.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub key: u8,
    /// Its tags. One that the loader named is about what it read from then on.
    pub tags: BTreeMap<u8, u64>,
    /// When its load started, or it was set.
    pub at: u64,
}

impl Made {
    pub(super) fn new(key: u8, tags: &BTreeSet<u8>, at: u64) -> Self {
        Self { key, tags: tags.iter().map(|tag| (*tag, at)).collect(), at }
    }
}

/// A call under way.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub key: u8,
    pub tags: BTreeSet<u8>,
    pub began: u64,
    pub is_read: bool,
    pub counts: u32,
    pub has_loader: bool,
    /// What a write does, and when it took effect.
    pub writes: Vec<(Scope, Option<u64>)>,
    /// The tag that a loader names, and the value that it is about to make.
    pub names: Option<(u8, u64)>,
}

/// The books.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub mutations: Vec<Mutation>,
    pub made: BTreeMap<u64, Made>,
    pub vouched: Vec<Vouched>,
}

/// A loader has said of a value that it is still right. Until that is stored, entries hold the value as it was made, and only callers
/// of the load get it with these options.
#[derive(Debug)]
pub(super) struct Vouched {
    pub process: usize,
    pub load: u32,
    pub value: u64,
    pub made: Made,
    pub is_over: bool,
}

impl Books {
    /// C1: the value is no older than what was promised before the reader began.
    pub(super) fn check(&self, p: usize, process: u64, call: &Asked, value: u64) {
        let made = &self.made[&value];
        assert_eq!(made.key, call.key, "another key's value");
        let vouched = self.vouched.iter().filter(|vouched| vouched.process == p && vouched.value == value && !vouched.is_over);
        let broken = self.broken(process, call, made);
        let is_right = broken.is_none() || vouched.into_iter().any(|vouched| self.broken(process, call, &vouched.made).is_none());
        assert!(is_right, "C1: value {value} {made:?} was read by a call that began at {} although {broken:?}", call.began);
    }

    /// The promise that a value which was made like this would break.
    fn broken(&self, process: u64, call: &Asked, made: &Made) -> Option<&Mutation> {
        self.mutations.iter().find(|mutation| {
            let binds = mutation.process.is_none_or(|only| only == process);
            let (concerns, at) = match &mutation.scope {
                Scope::Key(key) => (*key == call.key, made.at),
                Scope::Cleared(_, keys) => (keys.contains(&call.key), made.at),
                Scope::Tag(tag) => {
                    let at = made.tags.get(tag);
                    (at.is_some() || call.tags.contains(tag), *at.unwrap_or(&made.at))
                }
                Scope::All => (true, made.at),
            };
            binds && concerns && mutation.told < call.began && at < mutation.effect
        })
    }

    /// A load is over, or (`None`) its process has crashed.
    pub(super) fn over(&mut self, p: usize, load: Option<u32>) {
        let all = self.vouched.iter_mut().filter(|vouched| vouched.process == p && load.is_none_or(|load| load == vouched.load));
        all.for_each(|vouched| vouched.is_over = true);
    }

    /// A value that a load of this process vouched for is stored; `None`: of some process, which is gone.
    pub(super) fn stored(&mut self, p: Option<usize>, value: u64) {
        if let Some(vouched) = self.vouched.iter().rev().find(|vouched| vouched.value == value && p.is_none_or(|p| p == vouched.process)) {
            self.made.insert(value, vouched.made.clone());
        }
    }
}

impl Asked {
    /// C10: what a decision counts as.
    pub(super) fn count(&mut self, decision: &Decision) {
        self.counts += match decision {
            Decision::Hit { hit: Hit::Kept, .. } | Decision::HitParsed { hit: Hit::Kept, .. } => 0,
            Decision::Hit { .. } | Decision::HitParsed { .. } | Decision::Miss { .. } | Decision::Load { .. } => 1,
            // The owner of a load was counted when it started.
            Decision::FailedWith { .. } | Decision::Nothing { .. } if !self.has_loader => 1,
            _ => 0,
        };
        self.has_loader |= matches!(decision, Decision::Load { .. });
        assert!(self.counts <= 1, "C10: counted twice: {decision:?}");
    }
}

/// The call that a decision concludes, if it concludes one.
pub(super) fn concludes(decision: &Decision) -> Option<CallId> {
    match decision {
        Decision::Hit { call, .. }
        | Decision::HitParsed { call, .. }
        | Decision::Miss { call }
        | Decision::Stored { call, .. }
        | Decision::FailedWith { call, .. }
        | Decision::Nothing { call, .. }
        | Decision::Done { call, .. }
        | Decision::Error { call, .. } => Some(*call),
        _ => None,
    }
}
