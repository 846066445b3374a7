//! From a decision to its slots.

use std::time::Duration;

use crate::cache::decision::{Decision, Filled, Hit};
use crate::cache::marks::is_mark;
use crate::cache::payload::Payload;
use crate::cache::report::{LeaseFacts, Origin, Report};
use crate::contract::{self, Decision as Kind, DECISION_SLOTS};
use crate::error::Error;

/// One value of a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Slot {
    /// `undefined`.
    None,
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A value.
    Payload(Payload),
    /// An error, see [`contract::ErrorSlot`].
    Error(Error),
    /// An array.
    List(Vec<Slot>),
}

/// The four slots of a decision: kind, id, a, b.
pub fn slots(decision: Decision) -> [Slot; DECISION_SLOTS] {
    let number = |n: u32| Slot::Number(f64::from(n));
    let flag = |is_set: bool| number(u32::from(is_set));
    let (kind, id, a, b) = match decision {
        Decision::Hit { call, payload, hit } => (Kind::Hit, call.0, Slot::Payload(payload), number(counted_as(hit).number())),
        Decision::HitParsed { call, parsed, hit } => (Kind::HitParsed, call.0, number(parsed.0), number(counted_as(hit).number())),
        Decision::Keep { parsed, payload } => (Kind::Keep, parsed.0, Slot::Payload(payload), Slot::None),
        Decision::Miss { call } => (Kind::Miss, call.0, Slot::None, Slot::None),
        Decision::Load { call, load, storing } => (Kind::Load, call.0, number(load.0), flag(!storing)),
        Decision::Refresh { call, load } => (Kind::Refresh, call.0, number(load.0), Slot::None),
        Decision::Stored { call, load, stored } => (Kind::Stored, call.0, number(load.0), flag(stored)),
        Decision::FailedWith { call, load } => (Kind::FailedWith, call.0, number(load.0), Slot::None),
        Decision::Nothing { call, load } => (Kind::Nothing, call.0, number(load.0), Slot::None),
        Decision::Done { call, number } => (Kind::Done, call.0, Slot::Number(number as f64), Slot::None),
        Decision::Error { call, error, kept } => (Kind::Error, call.0, Slot::Error(error), flag(kept)),
        Decision::NearFilled(filled) => {
            let fill = filled.fill;
            let (payload, about) = copy(*filled);
            (Kind::NearFilled, fill, payload, about)
        }
        Decision::NearRefused { fill } => (Kind::NearRefused, fill, Slot::None, Slot::None),
        Decision::LaneUseless { node } => (Kind::LaneUseless, u32::from(node), Slot::None, Slot::None),
        Decision::NearDropped { copy } => (Kind::NearDropped, copy, Slot::None, Slot::None),
        Decision::Scanned { call, cursor, keys } => {
            let keys = keys.iter().filter_map(|key| std::str::from_utf8(key).ok()).map(|key| Slot::Text(key.to_owned()));
            let list = std::iter::once(cursor.map_or(Slot::None, |cursor| text(&cursor))).chain(keys).collect();
            (Kind::Scanned, call.0, Slot::List(list), Slot::None)
        }
        Decision::Inspected { call, payload, reports } => {
            let reports = Slot::List(reports.iter().map(report).collect());
            (Kind::Inspected, call.0, Slot::List(vec![payload.map_or(Slot::None, Slot::Payload), reports]), Slot::None)
        }
        Decision::Waiting { call } => (Kind::Waiting, call.0, Slot::None, Slot::None),
        Decision::Event { repo, name, text } => (Kind::Event, repo.map_or(0, |repo| repo.0), Slot::Text(name.to_owned()), Slot::Text(text)),
        Decision::Counted { repo, what, number: count } => {
            (Kind::Counted, repo.map_or(0, |repo| repo.0), number(what.number()), Slot::Number(count as f64))
        }
        Decision::Packed { repo, before, after } => (Kind::Packed, repo.0, Slot::Number(before as f64), Slot::Number(after as f64)),
        Decision::LoadOver { call, load } => {
            (Kind::LoadOver, call.map_or(0, |call| call.0), number(load.map_or(0, |load| load.0)), Slot::None)
        }
    };
    [number(kind.number()), number(id), a, b]
}

/// The payload of a near copy, and what the facade has to know about it.
fn copy(Filled { copy, stamp, payload, age, ttl, fresh, tags, .. }: Filled) -> (Slot, Slot) {
    let mut about = vec![Slot::Number(f64::from(copy)), text(stamp.as_bytes()), ms(age), ms(ttl), ms(fresh)];
    about.extend(tags.iter().map(|tag| text(tag)));
    (Slot::Payload(payload), Slot::List(about))
}

/// What is at a key, see `Report` of the facade.
fn report(report: &Report) -> Slot {
    let flag = |is_set: bool| Slot::Number(f64::from(u8::from(is_set)));
    let left = |duration: Option<Duration>| duration.map_or(Slot::None, ms);
    let list = |items: Option<Vec<Slot>>| items.map_or(Slot::None, Slot::List);
    let entry = report.entry.map(|facts| vec![left(facts.age), ms(facts.ttl), ms(facts.fresh), ms(facts.keep)]);
    let origin = |origin: &Origin| vec![text(origin.own.as_bytes()), text(origin.server.id.as_bytes()), flag(origin.differs())];
    let lease =
        |lease: LeaseFacts| vec![flag(lease.is_held), flag(lease.is_own), left(lease.left), Slot::Number(f64::from(lease.failures))];
    let tags = report
        .tags
        .iter()
        .filter(|tag| !is_mark(&tag.name))
        .flat_map(|tag| [text(&tag.name), Slot::Number(f64::from(tag.state.number())), flag(tag.is_added)]);
    Slot::List(vec![
        text(&report.key),
        Slot::Number(f64::from(report.state.number())),
        report.size.map_or(Slot::None, |size| Slot::Number(size as f64)),
        left(report.left),
        list(entry),
        list(report.origin.as_ref().map(origin)),
        list(report.lease.map(lease)),
        Slot::List(tags.collect()),
        report.repository.map_or(Slot::None, |state| Slot::Number(f64::from(state.number()))),
    ])
}

fn text(bytes: &[u8]) -> Slot {
    Slot::Text(String::from_utf8_lossy(bytes).into_owned())
}

fn ms(duration: Duration) -> Slot {
    Slot::Number(duration.as_secs_f64() * 1e3)
}

/// How a hit is counted, as a number of the contract.
pub const fn counted_as(hit: Hit) -> contract::Hit {
    match hit {
        Hit::Fresh => contract::Hit::Fresh,
        Hit::Stale => contract::Hit::Stale,
        Hit::Joined => contract::Hit::Joined,
        Hit::Kept => contract::Hit::Kept,
        Hit::Early => contract::Hit::Early,
    }
}
