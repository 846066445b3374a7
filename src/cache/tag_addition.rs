//! Tags that a loader adds while it runs: their versions are captured and written into the lease before the loader reads its
//! source. If that fails, the load goes on and its result is not stored.
//!
//! Driver contract: the engine asks the load first ([`Admission`]); the captured versions leave as `Handoff::TagsCaptured`, the end
//! as `TagsAdded`. The tags themselves belong to the load.

use super::decision::Decision;
use super::effects::Fx;
use super::handoff::Handoff;
use super::ids::CallId;
use super::purpose::{ForTagAddition, Purpose};
use super::timers::Numbered;
use crate::error::{Error, ErrorKind};
use crate::store::entry::Tag;
use crate::store::{Answer, Op, StoreError};

/// The load's answer to a request for more tags.
#[derive(Debug)]
pub(super) enum Admission {
    /// Its loader has settled already.
    Settled,
    /// Its result will not be stored anyway.
    NotStored,
    /// Its lease carries them already.
    InPlace,
    /// These are new; the operation ensures their versions.
    Add { tags: Vec<Tag>, ensure: Op },
}

/// Tags on their way into a lease.
#[derive(Debug)]
struct Addition {
    /// `None`: the caller has given up.
    call: Option<CallId>,
    load: u32,
}

/// The additions of one process.
#[derive(Debug, Default)]
pub(super) struct TagAdditions {
    additions: Numbered<u64, Addition>,
}

impl TagAdditions {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A loader adds tags; `admission` is the answer of its load.
    pub(super) fn begin(&mut self, fx: &mut Fx<'_>, call: CallId, load: u32, admission: Admission) {
        let number = match admission {
            Admission::Settled => {
                let error = Error::new(ErrorKind::BadState, "addTags was called after the loader had settled");
                return fx.decide(Decision::Error { call, error, kept: false });
            }
            Admission::NotStored => 0,
            Admission::InPlace => 1,
            Admission::Add { tags, ensure } => {
                let id = fx.number();
                self.additions.insert(id, Addition { call: Some(call), load });
                fx.send(ensure, Purpose::TagAddition(ForTagAddition::Ensure(id, tags)));
                return;
            }
        };
        fx.decide(Decision::Done { call, number });
    }

    /// The store's answer.
    pub(super) fn on_answer(&mut self, fx: &mut Fx<'_>, asked: ForTagAddition, answer: Result<Answer, StoreError>) {
        match asked {
            ForTagAddition::Ensure(id, tags) => self.on_ensured(fx, id, tags, answer),
            ForTagAddition::Amend(id) => self.end(fx, id, matches!(answer, Ok(Answer::Lease(true)))),
        }
    }

    fn on_ensured(&mut self, fx: &mut Fx<'_>, id: u64, tags: Vec<Tag>, answer: Result<Answer, StoreError>) {
        let Some(load) = self.additions.get(&id).map(|addition| addition.load) else { return };
        match answer {
            Ok(Answer::Ensured(ids)) if ids.len() == tags.len() => {
                fx.hand(Handoff::TagsCaptured { addition: id, load, captured: tags.into_iter().zip(ids).collect() });
            }
            other => {
                fx.hand(Handoff::Refused(other.err().unwrap_or(StoreError::Unexpected)));
                self.end(fx, id, false);
            }
        }
    }

    /// The load has taken the captured versions; `amend` writes them into its lease. `None`: the lease is lost.
    pub(super) fn on_captured(&mut self, fx: &mut Fx<'_>, id: u64, amend: Option<Op>) {
        match amend {
            Some(op) => {
                fx.send(op, Purpose::TagAddition(ForTagAddition::Amend(id)));
            }
            None => self.end(fx, id, false),
        }
    }

    fn end(&mut self, fx: &mut Fx<'_>, id: u64, in_place: bool) {
        let Some(addition) = self.additions.remove(&id) else { return };
        fx.hand(Handoff::TagsAdded { load: addition.load, in_place });
        if let Some(call) = addition.call {
            fx.decide(Decision::Done { call, number: u64::from(in_place) });
        }
    }

    /// The server has been silent about this operation for too long.
    pub(super) fn on_silence(&mut self, fx: &mut Fx<'_>, asked: &ForTagAddition) {
        let (ForTagAddition::Ensure(id, _) | ForTagAddition::Amend(id)) = asked;
        self.end(fx, *id, false);
    }

    /// The caller has given up.
    pub(super) fn cancel(&mut self, call: CallId) {
        for addition in self.additions.values_mut() {
            addition.call.take_if(|own| *own == call);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.additions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::effects::testing::Rig;
    use super::*;
    use crate::store::Id;

    fn add() -> Admission {
        Admission::Add { tags: vec![Tag::from(&b"t"[..])], ensure: Op::Ensure { items: vec![], need: Duration::ZERO } }
    }

    fn asked(rig: &mut Rig) -> ForTagAddition {
        let (ticket, _) = rig.sent().pop().expect("an operation");
        match rig.purpose(ticket) {
            Purpose::TagAddition(asked) => asked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tags_are_in_place_when_the_lease_carries_them() {
        let (mut rig, mut additions) = (Rig::default(), TagAdditions::new());
        rig.input(|fx| additions.begin(fx, CallId(1), 7, add()));
        let ensure = asked(&mut rig);
        let version = Id::parse(&[b'v'; Id::LEN]).unwrap();
        rig.input(|fx| additions.on_answer(fx, ensure, Ok(Answer::Ensured(vec![version]))));
        let Some(Handoff::TagsCaptured { addition, load: 7, captured }) = rig.handed() else { panic!("captured versions") };
        assert_eq!(captured, [(Tag::from(&b"t"[..]), version)]);
        let op = Op::Amend { entry: crate::store::Key::from(&b"sc:k"[..]), token: version, tags: vec![] };
        rig.input(|fx| additions.on_captured(fx, addition, Some(op)));
        let amend = asked(&mut rig);
        assert_eq!(rig.decided(), [], "the loader must not read its source yet");
        rig.input(|fx| additions.on_answer(fx, amend, Ok(Answer::Lease(true))));
        assert_eq!(rig.decided(), [Decision::Done { call: CallId(1), number: 1 }]);
        assert!(matches!(rig.handed(), Some(Handoff::TagsAdded { load: 7, in_place: true })));
        assert!(additions.is_empty());
    }

    #[test]
    fn a_silent_server_ends_the_addition_and_the_result_is_not_stored() {
        let (mut rig, mut additions) = (Rig::default(), TagAdditions::new());
        rig.input(|fx| additions.begin(fx, CallId(1), 7, add()));
        let ensure = asked(&mut rig);
        rig.input(|fx| additions.on_silence(fx, &ensure));
        assert_eq!(rig.decided(), [Decision::Done { call: CallId(1), number: 0 }]);
        assert!(matches!(rig.handed(), Some(Handoff::TagsAdded { load: 7, in_place: false })));
    }

    #[test]
    fn a_settled_loader_cannot_add_tags() {
        let (mut rig, mut additions) = (Rig::default(), TagAdditions::new());
        rig.input(|fx| additions.begin(fx, CallId(1), 7, Admission::Settled));
        assert!(matches!(&rig.decided()[..], [Decision::Error { error, .. }] if error.kind() == ErrorKind::BadState));
    }
}
