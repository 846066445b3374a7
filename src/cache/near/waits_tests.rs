use std::time::Duration;

use super::super::{Ground, Near, NearOutput};
use crate::cache::awaited::Awaited;
use crate::cache::io::LaneEvent;
use crate::clock::Instant;
use crate::store::entry::{self, encode_lease, Header, Tag, REPOSITORY};
use crate::store::{Found, Id, Key, NodeId, Op, Replication, ReplicationId, Seen, StoreError, StoreReply, Ticket, Value, Version};

const LOOKUP: u64 = 7;

fn id(letter: u8) -> Id {
    Id::parse(&[letter; Id::LEN]).unwrap()
}

fn key(text: &str) -> Key {
    text.as_bytes().into()
}

/// A process with a lane to each node, and one lease with the versions of its repository and of a tag.
struct Rig {
    near: Near,
    now: Instant,
    is_split: bool,
}

impl Rig {
    fn new(is_split: bool) -> Self {
        let mut rig = Self { near: Near::default(), now: Instant::from_millis(1_000_000), is_split };
        for node in 0..=u16::from(is_split) {
            rig.near.on_lane(rig.now, NodeId(node), LaneEvent::Up, rig.ground());
            while let [(ticket, _, op), ..] = &rig.sent()[..] {
                let reply = match op {
                    Op::Identify => StoreReply::Identity { id: ReplicationId::EMPTY, is_master: true },
                    _ => StoreReply::Done,
                };
                rig.near.on_answer(rig.now, *ticket, Ok(reply), rig.ground());
            }
        }
        rig
    }

    fn ground(&self) -> Ground<'static> {
        Ground::Test(Replication::TRUSTING, self.is_split)
    }

    fn outputs(&mut self) -> Vec<NearOutput> {
        std::iter::from_fn(|| self.near.poll_output()).collect()
    }

    fn sent(&mut self) -> Vec<(Ticket, NodeId, Op)> {
        let sent = |output| if let NearOutput::Send { ticket, node, op } = output { Some((ticket, node, op.op)) } else { None };
        self.outputs().into_iter().filter_map(sent).collect()
    }

    fn watch(&mut self, ends: Option<Instant>) -> Vec<(Ticket, NodeId, Op)> {
        // A key with `#` is on the second of two nodes.
        let versions = vec![(key("sc#c"), id(b'r')), (key("sc#v"), id(b'v'))];
        self.near.watch(self.now, LOOKUP, &key("sc:k"), Awaited { token: id(b't'), ends, versions }, self.ground());
        self.sent()
    }

    fn answer(&mut self, ticket: Ticket, op: &Op, value: Vec<u8>, tag: u8) -> Vec<NearOutput> {
        let version = |key: &Key| {
            let letter = if key.ends_with(b"c") { b'r' } else { tag };
            (letter != 0).then(|| Version { id: id(letter), replication_id: ReplicationId::EMPTY })
        };
        let reply = match op {
            Op::Read { versions, .. } => {
                let found = Found { value: Seen::Own(Value::new(value)), pttl: Some(70_000), ..Found::default() };
                StoreReply::Read { entries: vec![found], versions: versions.iter().map(version).collect(), atomic: true }
            }
            Op::ReadVersions { versions } => StoreReply::Versions(versions.iter().map(version).collect()),
            other => panic!("{other:?}"),
        };
        self.near.on_answer(self.now, ticket, Ok(reply), self.ground());
        self.outputs()
    }

    fn wait(&mut self, ms: u64) -> Vec<NearOutput> {
        self.now = self.now + Duration::from_millis(ms);
        self.near.on_timer(self.now, self.ground());
        self.outputs()
    }
}

fn tags() -> [(Tag, Id); 2] {
    [(Tag::from(REPOSITORY), id(b'r')), (Tag::from(&b"t"[..]), id(b'v'))]
}

fn lease() -> Vec<u8> {
    encode_lease(id(b't'), Duration::from_secs(60), &tags())
}

/// An entry with the lease in its header.
fn around() -> Vec<u8> {
    let minute = Duration::from_secs(60);
    let header = Header { stamp: id(b's'), ttl: minute, fresh: minute, keep: minute, tags: &tags(), added: 0, form: entry::Form::TEXT };
    entry::with_lease(&entry::encode(&header, b"1").0, Some((id(b't'), &tags()))).unwrap()
}

const WAKE: NearOutput = NearOutput::Wake(LOOKUP);

fn watched(until: Instant) -> Vec<NearOutput> {
    vec![NearOutput::Watched { lookup: LOOKUP, until }]
}

#[test]
fn a_lease_and_its_versions_are_read_together_and_watched_once_all_are_current() {
    let mut rig = Rig::new(false);
    let [(ticket, _, op)] = &rig.watch(None)[..] else { panic!("one look") };
    let until = rig.now + Duration::from_secs(10);
    assert_eq!(rig.answer(*ticket, op, lease(), b'v'), watched(until), "its tail is no part of its life");
    for changed in ["sc:k", "sc#c", "sc#v"] {
        let mut rig = Rig::new(false);
        let [(ticket, _, op)] = &rig.watch(None)[..] else { panic!("one look") };
        rig.answer(*ticket, op, lease(), b'v');
        rig.near.on_lane(rig.now, NodeId::ONLY, LaneEvent::Push(Some(vec![key(changed)])), rig.ground());
        assert_eq!(rig.outputs(), [WAKE], "{changed}");
        assert!(rig.near.is_idle());
    }
}

#[test]
fn on_two_nodes_both_have_to_answer_and_a_loss_of_either_wakes() {
    for order in [[0, 1], [1, 0]] {
        let mut rig = Rig::new(true);
        let looks = rig.watch(None);
        assert_eq!(looks.iter().map(|(_, node, _)| node.0).collect::<Vec<_>>(), [0, 1]);
        let until = rig.now + Duration::from_secs(10);
        let told: Vec<_> = order.iter().map(|at| rig.answer(looks[*at].0, &looks[*at].2, lease(), b'v')).collect();
        assert_eq!(told, [vec![], watched(until)]);
        rig.near.on_lane(rig.now, NodeId(order[0] as u16), LaneEvent::Down, rig.ground());
        assert_eq!(rig.outputs(), [WAKE]);
        assert_eq!(rig.watch(None), [], "who waits looks for himself until the lane is back");
    }
}

#[test]
fn what_has_changed_before_it_was_read_wakes_at_once() {
    let other = encode_lease(id(b'o'), Duration::from_secs(60), &tags());
    let more = encode_lease(id(b't'), Duration::from_secs(60), &[&tags()[..], &[(Tag::from(&b"x"[..]), id(b'x'))]].concat());
    for (value, tag) in [(lease(), b'w'), (lease(), 0), (other, b'v'), (more, b'v'), (b"foreign".to_vec(), b'v')] {
        let mut rig = Rig::new(false);
        let [(ticket, _, op)] = &rig.watch(None)[..] else { panic!("one look") };
        assert_eq!(rig.answer(*ticket, op, value, tag), [WAKE]);
    }
}

#[test]
fn a_look_without_an_answer_leaves_those_who_wait_to_themselves() {
    let mut rig = Rig::new(true);
    let looks = rig.watch(None);
    rig.near.on_answer(rig.now, looks[1].0, Err(StoreError::Refused("TRYAGAIN (MGET)".to_owned())), rig.ground());
    assert_eq!(rig.outputs(), []);
    assert!(rig.near.is_idle());
    assert_eq!(rig.answer(looks[0].0, &looks[0].2, lease(), b'v'), [], "it belongs to a watch that is over");
}

#[test]
fn a_late_answer_confirms_no_later_watch() {
    let mut rig = Rig::new(true);
    let former = rig.watch(None);
    rig.near.on_lane(rig.now, NodeId(1), LaneEvent::Push(Some(vec![key("sc#v")])), rig.ground());
    assert_eq!(rig.outputs(), [WAKE]);
    let looks = rig.watch(None);
    assert_eq!(looks.len(), 2);
    for (ticket, _, op) in &former {
        assert_eq!(rig.answer(*ticket, op, lease(), b'v'), []);
    }
    assert_eq!(rig.answer(looks[0].0, &looks[0].2, lease(), b'v'), []);
    assert_eq!(rig.answer(looks[1].0, &looks[1].2, lease(), b'w'), [WAKE]);
}

#[test]
fn a_lease_in_a_header_is_waited_for_until_it_ends() {
    let mut rig = Rig::new(false);
    let ends = rig.now + Duration::from_secs(3);
    let [(ticket, _, op)] = &rig.watch(Some(ends))[..] else { panic!("one look") };
    assert_eq!(rig.answer(*ticket, op, around(), b'v'), watched(ends));
    let mut rig = Rig::new(false);
    let [(ticket, _, op)] = &rig.watch(Some(rig.now + Duration::from_secs(100)))[..] else { panic!("one look") };
    let until = rig.now + Duration::from_secs(70);
    assert_eq!(rig.answer(*ticket, op, around(), b'v'), watched(until), "it ends with its entry");
}

#[test]
fn a_lane_that_does_not_answer_is_not_relied_on() {
    let mut rig = Rig::new(false);
    let [(ticket, _, op)] = &rig.watch(None)[..] else { panic!("one look") };
    rig.answer(*ticket, op, lease(), b'v');
    assert_eq!(rig.near.next_wakeup(rig.ground()), Some(rig.now + Duration::from_secs(1)));
    let asked = rig.wait(1_000);
    let [NearOutput::Send { ticket, op, .. }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(op.op, Op::Identify);
    assert_eq!(rig.near.next_wakeup(rig.ground()), Some(rig.now + Duration::from_millis(250)));
    assert_eq!(rig.wait(249), []);
    assert_eq!(rig.wait(1), [WAKE], "it looks for itself from now on");
    assert_eq!(rig.watch(None), []);
    rig.near.on_answer(rig.now, *ticket, Ok(StoreReply::Identity { id: ReplicationId::EMPTY, is_master: true }), rig.ground());
    assert_eq!(rig.watch(None).len(), 1, "it has answered");
}

#[test]
fn a_lane_that_answers_slowly_is_heard_all_the_while() {
    let mut rig = Rig::new(false);
    let [(ticket, _, op)] = &rig.watch(None)[..] else { panic!("one look") };
    rig.answer(*ticket, op, lease(), b'v');
    rig.wait(1_000);
    for _ in 0..3 {
        assert_eq!(rig.wait(200), []);
        rig.near.on_lane(rig.now, NodeId::ONLY, LaneEvent::Push(Some(vec![key("another")])), rig.ground());
    }
    assert_eq!(rig.wait(250), [WAKE]);
}
