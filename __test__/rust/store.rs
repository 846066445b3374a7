//! One specification of the store port, run against the in-memory store and against a real server: what a script does and what
//! its counterpart in memory does is the same thing.

#![allow(missing_docs, clippy::format_push_string, clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use hawser::clock::Instant;
use hawser::resp::{Commands, Limits, Reply, Scanner};
use hawser::store::entry::{self, Header, Stored, Tag};
use hawser::store::{
    Found, Id, Inside, Key, MemoryStore, NodeOp, Op, Placed, ReadEntry, RedisStore, Replication, ReplicationId, Seen, StoreError,
    StoreReply, Ticket, Value,
};
use support::RedisServer;

/// A store under test.
trait Subject {
    fn carry_out(&mut self, op: NodeOp) -> Result<StoreReply, StoreError>;
    /// For a node that accepts every replication id.
    fn apply(&mut self, op: Op) -> Result<StoreReply, StoreError> {
        self.carry_out(op.into())
    }
    /// Puts anything at a key.
    fn plant(&mut self, key: &Key, value: &[u8], life: Duration);
    /// Lets at least this much time pass.
    fn pass(&mut self, time: Duration);
}

struct Memory {
    store: MemoryStore,
    now: Instant,
}

impl Subject for Memory {
    fn carry_out(&mut self, op: NodeOp) -> Result<StoreReply, StoreError> {
        self.store.apply(self.now, &op)
    }

    fn plant(&mut self, key: &Key, value: &[u8], life: Duration) {
        self.store.plant(self.now, key, value.to_vec(), life);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }
}

/// A store on a server, over a socket that waits.
struct Server {
    redis: RedisStore,
    stream: TcpStream,
    scanner: Scanner,
    read: Vec<u8>,
    process: RedisServer,
}

impl Server {
    fn start() -> Self {
        let process = RedisServer::start();
        let stream = TcpStream::connect(process.address()).unwrap();
        stream.set_read_timeout(Some(support::DEADLINE)).unwrap();
        Self { redis: RedisStore::new(), stream, scanner: Scanner::new(Limits::default()), read: Vec::new(), process }
    }

    fn reply(&mut self) -> Reply {
        loop {
            if let Some(end) = self.scanner.scan(&self.read).unwrap() {
                let reply = Reply::parse(&self.read);
                self.read.drain(..end);
                return reply;
            }
            let mut buffer = [0; 4096];
            let n = self.stream.read(&mut buffer).unwrap();
            assert!(n > 0, "the server has closed the connection");
            self.read.extend_from_slice(&buffer[..n]);
        }
    }

    fn write(&mut self, commands: &Commands) {
        for command in commands.iter() {
            self.stream.write_all(command).unwrap();
        }
    }

    fn raw<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Reply {
        let mut commands = Commands::new();
        commands.push(parts);
        self.write(&commands);
        self.reply()
    }
}

impl Subject for Server {
    fn carry_out(&mut self, op: NodeOp) -> Result<StoreReply, StoreError> {
        let commands = self.redis.submit(Ticket(1), op);
        self.write(&commands);
        loop {
            let reply = self.reply();
            let replied = self.redis.on_reply(reply);
            if let Some(more) = replied.more {
                self.write(&more);
            }
            if let Some((_, answer)) = replied.done {
                return answer;
            }
        }
    }

    fn plant(&mut self, key: &Key, value: &[u8], life: Duration) {
        let life = life.as_millis().to_string();
        assert_eq!(self.raw(&[b"SET", &**key, value, b"PX", life.as_bytes()]), Reply::Simple(b"OK".to_vec()));
    }

    fn pass(&mut self, time: Duration) {
        // The server's clock is what passes; nothing can be asked of it but to go on.
        std::thread::sleep(time + Duration::from_millis(1));
    }
}

fn on_both(spec: impl Fn(&mut dyn Subject)) {
    spec(&mut Memory { store: MemoryStore::default(), now: Instant::from_millis(1_700_000_000_000) });
    spec(&mut Server::start());
}

const SECOND: Duration = Duration::from_secs(1);
/// How long the tests' leases stay after they have run out.
const TAIL: Duration = Duration::from_secs(60);
const TRUSTING: Replication = Replication::TRUSTING;

fn key(text: &str) -> Key {
    Key::from(text.as_bytes())
}

fn id(letter: u8) -> Id {
    Id::parse(&[letter; 16]).unwrap()
}

fn master(name: &str) -> Replication {
    Replication { id: ReplicationId::of(name.as_bytes()), is_checked: true }
}

fn tags(names: &[&str]) -> Vec<(Tag, Id)> {
    names.iter().map(|name| (Tag::from(name.as_bytes()), id(b'v'))).collect()
}

fn stored(stamp: u8, names: &[&str]) -> Value {
    let (ttl, tags) = (SECOND * 60, tags(names));
    let header = Header { stamp: id(stamp), ttl, fresh: ttl, keep: Duration::ZERO, tags: &tags, added: 0 };
    Arc::new(entry::encode(&header, b"{\"n\":1}").0)
}

fn lease(token: u8) -> Vec<u8> {
    entry::encode_lease(id(token), TAIL, &tags(&["x"]))
}

fn read(store: &mut dyn Subject, key: &Key) -> Found {
    let entries = vec![ReadEntry { key: key.clone(), with_age: true }];
    match store.apply(Op::Read { entries, versions: vec![] }) {
        Ok(StoreReply::Read { mut entries, .. }) => entries.remove(0),
        other => panic!("{other:?}"),
    }
}

fn text(found: &Found) -> Option<&[u8]> {
    match &found.value {
        Seen::Own(value) => Some(value),
        _ => None,
    }
}

fn value(store: &mut dyn Subject, key: &Key) -> Option<Vec<u8>> {
    text(&read(store, key)).map(<[u8]>::to_vec)
}

fn life(store: &mut dyn Subject, key: &Key) -> Duration {
    Duration::from_millis(read(store, key).pttl.unwrap().try_into().unwrap_or(0))
}

fn set(store: &mut dyn Subject, key: &Key, value: &Value, life: Duration) {
    assert_eq!(store.apply(Op::Set { entry: key.clone(), value: value.clone(), life }), Ok(StoreReply::Done));
}

fn place(store: &mut dyn Subject, entry: &Key, expected: Option<Id>, token: u8, replication: Replication) -> Placed {
    let op = Op::Place { entry: entry.clone(), expected, lease: lease(token), life: SECOND * 10, tail: TAIL };
    match store.carry_out(NodeOp { op, replication, asks: false, reads_apart: false }) {
        Ok(StoreReply::Placed(placed)) => placed,
        other => panic!("{other:?}"),
    }
}

fn place_inside(store: &mut dyn Subject, entry: &Key, stamp: u8, token: u8, life: Duration, replication: Replication) -> Inside {
    let tags = entry::encode_tags(&tags(&["x", "y"]), 0);
    let op = Op::PlaceInside { entry: entry.clone(), stamp: id(stamp), token: id(token), tags, life };
    match store.carry_out(NodeOp { op, replication, asks: false, reads_apart: false }) {
        Ok(StoreReply::PlacedInside(inside)) => inside,
        other => panic!("{other:?}"),
    }
}

fn commit(store: &mut dyn Subject, entry: &Key, token: u8, value: &Value, replication: Replication) -> bool {
    let op = Op::Commit { entry: entry.clone(), token: id(token), value: value.clone(), life: SECOND * 60 };
    store.carry_out(NodeOp { op, replication, asks: false, reads_apart: false }) == Ok(StoreReply::Held(true))
}

fn held(store: &mut dyn Subject, op: Op) -> bool {
    match store.apply(op) {
        Ok(StoreReply::Held(held)) => held,
        other => panic!("{other:?}"),
    }
}

fn number(store: &mut dyn Subject, op: Op) -> u64 {
    match store.apply(op) {
        Ok(StoreReply::Number(number)) => number,
        other => panic!("{other:?}"),
    }
}

fn ensure(store: &mut dyn Subject, key: &Key, offered: u8, need: Duration, replication: Replication) -> Id {
    let op = Op::Ensure { items: vec![(key.clone(), id(offered))], need };
    match store.carry_out(NodeOp { op, replication, asks: false, reads_apart: false }) {
        Ok(StoreReply::Ensured(ids)) => ids[0],
        other => panic!("{other:?}"),
    }
}

fn inner(store: &mut dyn Subject, key: &Key) -> Option<(Id, bool, u8, usize)> {
    let value = value(store, key)?;
    match entry::parse(&value)? {
        Stored::Entry(entry) => entry.lease.map(|lease| (lease.token, lease.is_held, lease.level, lease.tags.len())),
        Stored::Lease(_) => None,
    }
}

#[test]
fn a_version_is_made_once_and_lives_as_long_as_it_is_needed() {
    on_both(|store| {
        let v = key("p#v{:x}");
        assert_eq!(ensure(store, &v, b'a', SECOND * 100, TRUSTING), id(b'a'));
        assert!(life(store, &v) > SECOND * 199, "twice the need");
        assert_eq!(ensure(store, &v, b'b', SECOND * 150, TRUSTING), id(b'a'));
        assert!(life(store, &v) <= SECOND * 200, "left alone while enough is left");
        assert_eq!(ensure(store, &v, b'c', SECOND * 60, TRUSTING), id(b'a'));
        assert!(life(store, &v) > SECOND * 199, "never shortened");
        assert_eq!(ensure(store, &v, b'd', SECOND * 300, TRUSTING), id(b'a'));
        assert!(life(store, &v) > SECOND * 599);
        let Ok(StoreReply::Versions(versions)) = store.apply(Op::ReadVersions { versions: vec![v, key("none")] }) else {
            panic!("versions")
        };
        assert_eq!((versions[0].unwrap().id, versions[1]), (id(b'a'), None));
    });
}

#[test]
fn a_version_of_another_master_or_not_of_ours_is_replaced() {
    on_both(|store| {
        let v = key("p#v{:x}");
        assert_eq!(ensure(store, &v, b'a', SECOND * 60, master("one")), id(b'a'));
        assert_eq!(ensure(store, &v, b'b', SECOND * 60, TRUSTING), id(b'a'));
        assert_eq!(ensure(store, &v, b'b', SECOND * 60, master("two")), id(b'b'));
        assert_eq!(ensure(store, &v, b'c', SECOND * 60, master("two")), id(b'b'));
        store.plant(&v, b"something else", SECOND * 60);
        assert_eq!(ensure(store, &v, b'd', SECOND * 60, master("two")), id(b'd'));
    });
}

#[test]
fn a_lease_is_placed_only_where_nothing_has_changed() {
    on_both(|store| {
        let e = key("p:e");
        assert_eq!(place(store, &e, Some(id(b's')), b't', TRUSTING), Placed::No(Found { value: Seen::Nothing, pttl: Some(-2) }));
        assert!(matches!(place(store, &e, None, b't', TRUSTING), Placed::Yes { .. }));
        assert!(life(store, &e) > TAIL + SECOND * 9 && life(store, &e) <= TAIL + SECOND * 10);
        let Placed::No(found) = place(store, &e, None, b'u', TRUSTING) else { panic!("placed over a lease") };
        assert_eq!(text(&found), Some(&*lease(b't')), "what is there now");
        assert!(found.pttl.unwrap() > 9_000);
        assert!(matches!(place(store, &e, Some(id(b't')), b'u', TRUSTING), Placed::Yes { .. }), "over the lease that was read");
        set(store, &e, &stored(b's', &["x"]), SECOND * 60);
        assert!(matches!(place(store, &e, Some(id(b'u')), b'w', TRUSTING), Placed::No(_)), "a set won");
        assert!(matches!(place(store, &e, Some(id(b's')), b'w', TRUSTING), Placed::Yes { .. }), "over the entry that was read");
    });
}

#[test]
fn an_entry_comes_back_where_a_lease_took_its_place_for_the_rest_of_its_life() {
    on_both(|store| {
        let e = key("p:e");
        let Placed::Yes { left, end } = place(store, &e, None, b't', TRUSTING) else { panic!("placed") };
        assert_eq!((left, end), (Duration::ZERO, 0), "there was nothing");
        let entry = stored(b's', &["x"]);
        set(store, &e, &entry, SECOND * 40);
        let Placed::Yes { left, end } = place(store, &e, Some(id(b's')), b't', TRUSTING) else { panic!("placed") };
        assert!(left > SECOND * 35 && left <= SECOND * 40);
        let restore = |store: &mut dyn Subject, token: u8, end: u64| {
            held(store, Op::Restore { entry: e.clone(), token: id(token), value: entry.clone(), end, backoff: None })
        };
        assert!(!restore(store, b'u', end), "not by another token");
        assert!(restore(store, b't', end));
        assert!(life(store, &e) > SECOND * 30 && life(store, &e) <= left, "no longer than before");
        assert!(!restore(store, b't', end), "the lease is gone");
        assert!(matches!(place(store, &e, Some(id(b's')), b't', TRUSTING), Placed::Yes { .. }), "by its old stamp");
        assert!(restore(store, b't', 1), "its time is over: the lease is taken away");
        assert!(matches!(place(store, &e, None, b't', TRUSTING), Placed::Yes { .. }));
    });
}

#[test]
fn an_entry_that_comes_back_may_bring_a_backoff_along() {
    on_both(|store| {
        let e = key("p:e");
        let entry = stored(b's', &["x"]);
        set(store, &e, &entry, SECOND * 40);
        let Placed::Yes { end, .. } = place(store, &e, Some(id(b's')), b't', TRUSTING) else { panic!("placed") };
        let value = Value::new(entry::with_lease(&entry, Some((id(b't'), &[]))).unwrap());
        let rest = Some((SECOND * 20, SECOND * 60));
        assert!(held(store, Op::Restore { entry: e.clone(), token: id(b't'), value, end, backoff: rest }));
        let life = SECOND * 10;
        let again = Op::PlaceInside { entry: e.clone(), stamp: id(b's'), token: id(b'u'), tags: b"0 ".to_vec(), life };
        let Ok(StoreReply::PlacedInside(Inside::Held { lease, remaining })) = store.apply(again) else { panic!("not resting") };
        let lease = entry::parse_inner(&lease).unwrap();
        assert_eq!((lease.is_held, lease.level), (false, 1));
        assert!(remaining > SECOND * 15 && remaining <= SECOND * 20);
    });
}

#[test]
fn what_is_not_ours_counts_as_nothing() {
    on_both(|store| {
        let e = key("p:e");
        let foreign: [&[u8]; 4] = [b"{}", b"", b"hw1e short", b"hw2e ssssssssssssssss ------------ 000000 1 1 0 - 0\n"];
        for (n, value) in foreign.iter().enumerate() {
            store.plant(&e, value, SECOND * 60);
            let expected = Some(id(b's'));
            assert_eq!(place(store, &e, expected, b't', TRUSTING), Placed::No(Found { value: Seen::Nothing, pttl: Some(-2) }), "{n}");
            assert!(!commit(store, &e, b't', &stored(b's', &[]), TRUSTING));
            assert!(matches!(place(store, &e, None, b't', TRUSTING), Placed::Yes { .. }), "{n}");
        }
        let op = Op::Set { entry: e.clone(), value: stored(b's', &[]), life: SECOND * 60 };
        assert_eq!(store.carry_out(NodeOp { op, replication: master("one"), asks: false, reads_apart: false }), Ok(StoreReply::Done));
        let written = value(store, &e).unwrap();
        assert_eq!(entry::replication_id(&written), Some(master("one").id), "at its fixed place");
        assert!(matches!(place(store, &e, None, b't', master("two")), Placed::Yes { .. }), "another master's entry");
        assert!(!commit(store, &e, b't', &stored(b's', &[]), master("one")), "another master's lease");
        assert!(commit(store, &e, b't', &stored(b's', &[]), master("two")));
        store.plant(&e, &stored(b's', &[])[..42], SECOND * 60);
        assert!(matches!(place(store, &e, None, b't', TRUSTING), Placed::No(_)), "damaged, but it has a name");
        assert!(matches!(place(store, &e, Some(id(b's')), b't', TRUSTING), Placed::Yes { .. }));
    });
}

#[test]
fn a_result_is_stored_only_where_its_lease_still_is() {
    on_both(|store| {
        let e = key("p:e");
        let entry = stored(b's', &["x"]);
        assert!(!commit(store, &e, b't', &entry, TRUSTING), "nothing there");
        place(store, &e, None, b't', TRUSTING);
        assert!(!commit(store, &e, b'u', &entry, TRUSTING), "another's lease");
        assert!(commit(store, &e, b't', &entry, TRUSTING));
        assert_eq!(value(store, &e).as_ref(), Some(&*entry));
        assert!(life(store, &e) > SECOND * 59);
        assert!(!commit(store, &e, b't', &entry, TRUSTING), "once");
    });
}

#[test]
fn a_lease_that_has_run_out_stays_for_its_tail_and_counts_as_nothing() {
    on_both(|store| {
        let e = key("p:e");
        let tail = SECOND * 60;
        let short = |token| Op::Place { entry: key("p:e"), expected: None, lease: lease(token), life: SECOND / 10, tail };
        assert!(matches!(store.apply(short(b't')), Ok(StoreReply::Placed(Placed::Yes { .. }))));
        assert!(life(store, &e) > tail, "what ends first is evicted first: not the lease");
        assert!(matches!(place(store, &e, None, b'u', TRUSTING), Placed::No(_)), "it is good for a while");
        let renew = Op::Renew { entry: e.clone(), token: id(b't'), life: SECOND / 5, versions: vec![], need: SECOND };
        assert!(held(store, renew.clone()));
        assert!(life(store, &e) > tail + SECOND / 10);
        store.pass(SECOND / 4);
        assert!(life(store, &e) < tail);
        assert!(!held(store, renew));
        assert!(!held(store, Op::Amend { entry: e.clone(), token: id(b't'), tags: entry::encode_tags(&[], 0) }));
        assert!(!commit(store, &e, b't', &stored(b's', &[]), TRUSTING));
        let end = u64::MAX / 1024;
        let restore = Op::Restore { entry: e.clone(), token: id(b't'), value: stored(b's', &[]), end, backoff: None };
        assert!(!held(store, restore));
        assert!(matches!(place(store, &e, None, b'u', TRUSTING), Placed::Yes { .. }), "as where nothing is");
        store.pass(SECOND / 100);
        assert!(held(store, Op::GiveBack { entry: e.clone(), token: id(b'u') }));
        assert_eq!(value(store, &e), None);
    });
}

#[test]
fn a_lease_inside_an_entry_leaves_it_readable_and_its_life_alone() {
    on_both(|store| {
        let e = key("p:e");
        assert_eq!(place_inside(store, &e, b's', b't', SECOND, TRUSTING), Inside::No(Found { value: Seen::Nothing, pttl: Some(-2) }));
        set(store, &e, &stored(b's', &["x"]), SECOND * 30);
        assert!(matches!(place_inside(store, &e, b'r', b't', SECOND, TRUSTING), Inside::No(Found { value: Seen::Own(_), .. })));
        assert_eq!(place_inside(store, &e, b's', b't', SECOND * 10, TRUSTING), Inside::Yes);
        assert_eq!(inner(store, &e), Some((id(b't'), true, 0, 2)));
        assert!(life(store, &e) > SECOND * 29 && life(store, &e) <= SECOND * 30);
        assert!(value(store, &e).unwrap().ends_with(b"\n{\"n\":1}"));
        let Inside::Held { lease, remaining } = place_inside(store, &e, b's', b'u', SECOND, TRUSTING) else { panic!("stolen") };
        assert_eq!(entry::parse_inner(&lease).unwrap().token, id(b't'));
        assert!(remaining > SECOND * 9 && remaining <= SECOND * 10);
        assert!(!commit(store, &e, b'u', &stored(b'z', &[]), TRUSTING));
        assert!(commit(store, &e, b't', &stored(b'z', &[]), TRUSTING));
        assert_eq!(inner(store, &e), None);
    });
}

#[test]
fn a_lease_inside_an_entry_that_is_over_may_be_replaced() {
    on_both(|store| {
        let e = key("p:e");
        set(store, &e, &stored(b's', &["x"]), SECOND * 30);
        assert_eq!(place_inside(store, &e, b's', b't', Duration::from_millis(20), TRUSTING), Inside::Yes);
        store.pass(Duration::from_millis(20));
        assert_eq!(place_inside(store, &e, b's', b'u', SECOND, TRUSTING), Inside::Yes);
        assert_eq!(inner(store, &e).unwrap().0, id(b'u'));
        assert!(!commit(store, &e, b't', &stored(b'z', &[]), TRUSTING), "the dead holder comes back");
    });
}

#[test]
fn a_failed_refresh_lets_the_source_rest_longer_each_time() {
    on_both(|store| {
        let e = key("p:e");
        let (base, max) = (Duration::from_millis(100), Duration::from_millis(300));
        let back_off = |token| Op::Backoff { entry: key("p:e"), token: id(token), base, max };
        set(store, &e, &stored(b's', &["x"]), SECOND * 30);
        assert!(!held(store, back_off(b'a')));
        for (token, level, wait) in [(b'a', 1, 100), (b'b', 2, 200), (b'c', 3, 300), (b'd', 4, 300)] {
            assert_eq!(place_inside(store, &e, b's', token, SECOND, TRUSTING), Inside::Yes);
            assert!(!held(store, back_off(b'z')));
            assert!(held(store, back_off(token)));
            assert_eq!(inner(store, &e), Some((id(token), false, level, 2)));
            let Inside::Held { remaining, .. } = place_inside(store, &e, b's', b'x', SECOND, TRUSTING) else { panic!("no rest") };
            assert!(remaining <= Duration::from_millis(wait));
            assert!(!held(store, Op::Renew { entry: e.clone(), token: id(token), life: SECOND, versions: vec![], need: SECOND }));
            store.pass(Duration::from_millis(wait));
        }
        assert!(life(store, &e) > SECOND * 28, "its life is left alone");
    });
}

#[test]
fn a_holder_renews_its_lease_and_the_versions_that_are_still_its_own() {
    on_both(|store| {
        let (e, v, w) = (key("p:e"), key("p#v{:x}"), key("p#v{:y}"));
        let renew = |token| Op::Renew {
            entry: key("p:e"),
            token: id(token),
            life: SECOND * 40,
            versions: vec![(key("p#v{:x}"), id(b'a')), (key("p#v{:y}"), id(b'a'))],
            need: SECOND * 500,
        };
        ensure(store, &v, b'a', SECOND * 60, TRUSTING);
        ensure(store, &w, b'b', SECOND * 60, TRUSTING);
        assert!(!held(store, renew(b't')));
        place(store, &e, None, b't', TRUSTING);
        assert!(held(store, renew(b't')));
        assert!(life(store, &e) > SECOND * 39);
        assert!(life(store, &v) > SECOND * 999 && life(store, &w) <= SECOND * 120);
        assert!(!held(store, renew(b'u')), "another's lease");
        set(store, &e, &stored(b's', &["x"]), SECOND * 60);
        assert_eq!(place_inside(store, &e, b's', b't', SECOND, TRUSTING), Inside::Yes);
        assert!(held(store, renew(b't')));
        let Inside::Held { remaining, .. } = place_inside(store, &e, b's', b'u', SECOND, TRUSTING) else { panic!("stolen") };
        assert!(remaining > SECOND * 39);
    });
}

#[test]
fn a_lease_is_given_back_by_its_token() {
    on_both(|store| {
        let e = key("p:e");
        let give_back = |token| Op::GiveBack { entry: key("p:e"), token: id(token) };
        assert!(!held(store, give_back(b't')));
        place(store, &e, None, b't', TRUSTING);
        assert!(!held(store, give_back(b'u')));
        assert!(held(store, give_back(b't')));
        assert_eq!(value(store, &e), None);
        let entry = stored(b's', &["x"]);
        set(store, &e, &entry, SECOND * 60);
        place_inside(store, &e, b's', b't', SECOND, TRUSTING);
        assert!(!held(store, give_back(b's')), "a stamp is no token");
        assert!(held(store, give_back(b't')));
        assert_eq!(value(store, &e).as_ref(), Some(&*entry), "as it was");
    });
}

#[test]
fn tags_are_written_into_a_lease() {
    on_both(|store| {
        let e = key("p:e");
        let amend = |token| Op::Amend { entry: key("p:e"), token: id(token), tags: entry::encode_tags(&tags(&["a", "b", "c"]), 0) };
        assert!(!held(store, amend(b't')));
        place(store, &e, None, b't', TRUSTING);
        assert!(!held(store, amend(b'u')));
        assert!(held(store, amend(b't')));
        assert_eq!(value(store, &e), Some(entry::encode_lease(id(b't'), TAIL, &tags(&["a", "b", "c"]))));
        assert!(life(store, &e) <= TAIL + SECOND * 10);
        set(store, &e, &stored(b's', &["x"]), SECOND * 60);
        place_inside(store, &e, b's', b't', SECOND, TRUSTING);
        assert!(held(store, amend(b't')));
        assert_eq!(inner(store, &e), Some((id(b't'), true, 0, 3)));
        assert!(value(store, &e).unwrap().ends_with(b"\n{\"n\":1}"));
    });
}

#[test]
fn entries_are_counted_under_a_version_that_is_still_current() {
    on_both(|store| {
        let (v, h) = (key("p#v{:x}"), key("p#h{:x}"));
        let count = |member: &str, captured| Op::Count { items: vec![(key("p#v{:x}"), key("p#h{:x}"), id(captured))], member: key(member) };
        assert_eq!(number(store, count("e1", b'a')), 0);
        ensure(store, &v, b'a', SECOND * 60, TRUSTING);
        assert_eq!(number(store, count("e1", b'b')), 0, "another version");
        for member in ["e1", "e2", "e1", "e3"] {
            assert_eq!(number(store, count(member, b'a')), 1);
        }
        assert!(life(store, &h) > SECOND * 119 && life(store, &h) <= SECOND * 120, "as long as the version");
        store.plant(&h, b"something else", SECOND * 60);
        assert_eq!(number(store, count("e1", b'a')), 1, "replaced");
        assert_eq!(number(store, count("e2", b'a')), 1);
        let tags = vec![(v.clone(), h.clone()), (key("p#v{:none}"), key("p#h{:none}"))];
        assert_eq!(number(store, Op::Invalidate { tags: tags.clone() }), 2);
        assert_eq!((value(store, &v), value(store, &h)), (None, None));
        assert_eq!(number(store, Op::Invalidate { tags }), 0);
        assert_eq!(number(store, count("e1", b'a')), 0, "the version is gone");
    });
}

#[test]
fn deleting_counts_entries_and_no_leases() {
    on_both(|store| {
        let (a, b, c, d) = (key("p:a"), key("p:b"), key("p:c"), key("p:d"));
        set(store, &a, &stored(b's', &[]), SECOND);
        place(store, &b, None, b't', TRUSTING);
        store.plant(&c, b"foreign", SECOND);
        let entries = vec![a.clone(), b.clone(), c.clone(), d.clone()];
        assert_eq!(number(store, Op::Delete { entries }), 2);
        set(store, &a, &stored(b's', &[]), SECOND);
        place(store, &b, None, b't', TRUSTING);
        assert_eq!(number(store, Op::Unlink { keys: vec![a.clone(), b.clone(), d] }), 1);
        assert_eq!((value(store, &a), value(store, &b)), (None, None));
    });
}

#[test]
fn a_scan_finds_every_key_that_matches() {
    on_both(|store| {
        let want: std::collections::BTreeSet<Key> = (0..2500).map(|n| key(&format!("p*:{n}"))).collect();
        for key in &want {
            store.plant(key, b"x", SECOND * 60);
        }
        for other in ["p:1", "px:1", "p*", "p*#v{:1}"] {
            store.plant(&key(other), b"x", SECOND * 60);
        }
        let mut found = std::collections::BTreeSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let Ok(StoreReply::Scanned { cursor: next, keys }) = store.apply(Op::Scan { cursor, pattern: br"p\*:*".to_vec() }) else {
                panic!("a scan")
            };
            found.extend(keys);
            if next == b"0" {
                break;
            }
            cursor = next;
        }
        assert_eq!(found, want);
    });
}

#[test]
fn the_replication_id_is_the_server_s_own() {
    on_both(|store| {
        let Ok(StoreReply::Identity { id, is_master: true }) = store.apply(Op::Identify) else { panic!("an id") };
        assert_ne!(id, ReplicationId::EMPTY);
        assert_eq!(store.apply(Op::Identify), Ok(StoreReply::Identity { id, is_master: true }));
    });
}

#[test]
fn keys_and_values_hold_any_bytes() {
    on_both(|store| {
        for name in ["\r\n", "\0", "a b", "{", "}", "*", "\u{1f600}", "#"] {
            let e = key(&format!("p:{name}"));
            let names = [name, "\n", "1:a"];
            let token = entry::encode_lease(id(b't'), TAIL, &tags(&names));
            let op = Op::Place { entry: e.clone(), expected: None, lease: token, life: SECOND, tail: TAIL };
            assert!(matches!(store.apply(op), Ok(StoreReply::Placed(Placed::Yes { .. }))));
            let entry = stored(b's', &names);
            assert!(commit(store, &e, b't', &entry, TRUSTING));
            assert_eq!(place_inside(store, &e, b's', b'u', SECOND, TRUSTING), Inside::Yes);
            let Some(value) = value(store, &e) else { panic!("gone") };
            let Some(Stored::Entry(header)) = entry::parse(&value) else { panic!("damaged") };
            assert!(names.iter().all(|name| header.tags.has(name.as_bytes())));
        }
    });
}

#[test]
fn values_of_other_types_are_nothing_of_ours() {
    let mut store = Server::start();
    let keys = ["e", "p#v{:x}", "p#h{:x}"];
    let fill = |store: &mut Server| {
        for key in keys {
            store.raw(&["DEL", key]);
            assert_eq!(store.raw(&["RPUSH", key, "item"]), Reply::Integer(1));
        }
    };
    let (e, v, h) = (key("e"), key("p#v{:x}"), key("p#h{:x}"));
    fill(&mut store);
    assert_eq!(read(&mut store, &e).value, Seen::Nothing);
    let Inside::No(found) = place_inside(&mut store, &e, b's', b't', SECOND, TRUSTING) else { panic!("placed in a list") };
    assert_eq!(found.value, Seen::Nothing);
    assert!(!commit(&mut store, &e, b't', &stored(b's', &[]), TRUSTING));
    assert!(!held(&mut store, Op::GiveBack { entry: e.clone(), token: id(b't') }));
    assert!(!held(&mut store, Op::Amend { entry: e.clone(), token: id(b't'), tags: vec![] }));
    let renew = Op::Renew { entry: e.clone(), token: id(b't'), life: SECOND, versions: vec![(v.clone(), id(b'a'))], need: SECOND };
    assert!(!held(&mut store, renew));
    assert!(!held(&mut store, Op::Backoff { entry: e.clone(), token: id(b't'), base: SECOND, max: SECOND }));
    assert!(matches!(place(&mut store, &e, None, b't', TRUSTING), Placed::Yes { .. }), "replaced");
    assert_eq!(ensure(&mut store, &v, b'a', SECOND * 60, TRUSTING), id(b'a'), "replaced");
    let count = Op::Count { items: vec![(v.clone(), h.clone(), id(b'a'))], member: e.clone() };
    assert_eq!(number(&mut store, count), 1, "replaced");
    fill(&mut store);
    assert_eq!(number(&mut store, Op::Invalidate { tags: vec![(v.clone(), h.clone())] }), 0);
    assert_eq!(number(&mut store, Op::Delete { entries: vec![e.clone()] }), 1);
    for key in keys {
        assert_eq!(store.raw(&["EXISTS", key]), Reply::Integer(0), "{key}");
    }
}

#[test]
fn scripts_survive_a_server_that_forgets_them() {
    let mut store = Server::start();
    let v = key("p#v{:x}");
    assert_eq!(ensure(&mut store, &v, b'a', SECOND * 60, TRUSTING), id(b'a'));
    store.process.command(&["SCRIPT", "FLUSH"]);
    assert_eq!(ensure(&mut store, &v, b'b', SECOND * 60, TRUSTING), id(b'a'));
    assert_eq!(store.redis.outstanding(), 0);
}

#[test]
fn a_restart_changes_the_replication_id() {
    let mut store = Server::start();
    let Ok(StoreReply::Identity { id, .. }) = store.apply(Op::Identify) else { panic!("an id") };
    store.process.restart();
    store.stream = TcpStream::connect(store.process.address()).unwrap();
    let Ok(StoreReply::Identity { id: after, .. }) = store.apply(Op::Identify) else { panic!("an id") };
    assert_ne!(id, after);
}

#[test]
fn a_server_out_of_memory_refuses_and_says_so() {
    let mut store = Server::start();
    store.raw(&["CONFIG", "SET", "maxmemory", "1"]);
    let answer = store.apply(Op::Ensure { items: vec![(key("v"), id(b'a'))], need: SECOND });
    let Err(StoreError::Refused(text)) = answer else { panic!("{answer:?}") };
    assert!(text.contains("OOM"), "{text}");
}
