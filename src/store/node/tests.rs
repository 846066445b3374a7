use super::*;
use crate::store::entry::{self, Version};
use crate::store::{Found, Id, Key, Placed, Replication, Seen, Value};

fn limits() -> Limits {
    let ms = Duration::from_millis;
    Limits { after: 5, first: ms(1000), longest: ms(30_000), trial: ms(500) }
}

fn config(trusts_all: bool) -> NodeConfig {
    let (read_budget, write_budget) = (Duration::from_millis(250), Duration::from_secs(5));
    NodeConfig { breaker: limits(), pending_max: 10, trusts_all, window: 4096, read_budget, write_budget }
}

fn node() -> Node {
    Node::new(config(false))
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(1_000_000 + ms)
}

fn outputs(node: &mut Node) -> Vec<NodeOutput> {
    std::iter::from_fn(|| node.poll_output()).collect()
}

fn identity(name: &str) -> StoreReply {
    StoreReply::Identity { id: ReplicationId::of(name.as_bytes()), is_master: true }
}

fn identify() -> NodeOutput {
    NodeOutput::Identify
}

/// A node that may be read, under the replication id of `name`.
fn trusted(name: &str) -> Node {
    let mut node = node();
    node.on_up(at(0));
    node.on_identity(at(0), Ok(identity(name)));
    outputs(&mut node);
    assert!(node.may_read());
    node
}

fn key(text: &str) -> Key {
    Key::from(text.as_bytes())
}

fn entry_of(name: &str) -> Found {
    let header = entry::Header {
        stamp: Id::parse(&[b's'; Id::LEN]).unwrap(),
        ttl: Duration::from_secs(60),
        fresh: Duration::from_secs(60),
        keep: Duration::ZERO,
        tags: &[],
        added: 0,
        form: entry::Form::TEXT,
    };
    let id = ReplicationId::of(name.as_bytes());
    let value = entry::with_replication_id(&entry::encode(&header, b"v").0, &id).concat();
    Found { value: Seen::Own(Value::new(value)), pttl: None, is_head: false }
}

fn told(node: &Node, found: Found) -> Seen<Value> {
    match node.interpret(StoreReply::Placed(Placed::No(found))) {
        Answer::Changed(found) => found.value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_link_reads_the_id_then_lets_writes_go_and_then_reads() {
    let mut node = node();
    assert!(!node.may_write() && !node.may_read() && !node.was_readable());
    node.on_up(at(0));
    assert_eq!(outputs(&mut node), [identify()]);
    assert!(!node.may_write());
    node.on_identity(at(1), Ok(identity("a")));
    assert_eq!(outputs(&mut node), [NodeOutput::Writable, NodeOutput::Readable]);
    assert!(node.may_write() && node.may_read());
    node.on_down();
    assert!(!node.may_write() && !node.may_read() && node.was_readable());
}

#[test]
fn a_node_that_was_detached_starts_anew() {
    let mut node = node();
    node.on_up(at(0));
    node.on_identity(at(1), Ok(identity("a")));
    node.on_down();
    for n in 2..20 {
        node.on_silence(at(n), at(n));
    }
    assert!(!node.allows(at(20)));
    outputs(&mut node);
    node.on_detached();
    assert!(matches!(&outputs(&mut node)[..], [NodeOutput::Event { name: "breaker", text }] if text == "closed"));
    assert!(node.allows(at(20)) && !node.was_readable());
}

#[test]
fn the_store_in_this_process_is_trusted_at_once() {
    let mut node = node();
    node.on_memory_up();
    assert_eq!(outputs(&mut node), [NodeOutput::Writable, NodeOutput::Readable]);
    assert_eq!(node.dress(Op::Identify).replication, Replication::TRUSTING);
    assert!(!node.on_foreign(at(0)), "nothing is foreign to it");
}

#[test]
fn a_node_that_trusts_all_does_not_ask_for_the_id() {
    let mut node = Node::new(config(true));
    node.on_up(at(0));
    assert_eq!(outputs(&mut node), [NodeOutput::Writable, NodeOutput::Readable]);
    assert!(matches!(told(&node, entry_of("former")), Seen::Own(_)));
}

#[test]
fn a_replica_is_not_used_until_it_is_a_master() {
    let mut node = node();
    node.on_up(at(0));
    outputs(&mut node);
    let replica = || Ok(StoreReply::Identity { id: ReplicationId::of(b"a"), is_master: false });
    node.on_identity(at(1), replica());
    let told = outputs(&mut node);
    assert!(matches!(&told[..], [NodeOutput::Event { name: "warning", .. }, NodeOutput::WakeAt(when)] if *when == at(1001)), "{told:?}");
    node.on_timer(at(1001));
    assert_eq!(outputs(&mut node), [identify()]);
    node.on_identity(at(1002), replica());
    assert_eq!(outputs(&mut node), [NodeOutput::WakeAt(at(2002))], "the same trouble is told once a minute");
    node.on_timer(at(2002));
    node.on_identity(at(2003), Ok(identity("a")));
    assert!(node.may_read());
}

#[test]
fn a_master_that_turns_into_a_replica_is_not_used_any_more() {
    let mut node = trusted("a");
    assert!(node.on_foreign(at(2000)));
    node.on_identity(at(2001), Ok(StoreReply::Identity { id: ReplicationId::of(b"a"), is_master: false }));
    assert!(!node.may_read() && !node.may_write());
}

#[test]
fn a_server_that_loads_its_data_is_asked_again() {
    let mut node = node();
    node.on_up(at(0));
    outputs(&mut node);
    node.on_identity(at(1), Err(StoreError::Refused("LOADING Redis is loading the dataset in memory".into())));
    assert_eq!(outputs(&mut node), [NodeOutput::WakeAt(at(1001))]);
}

#[test]
fn refused_info_is_told_once_and_the_node_is_used() {
    let mut node = node();
    for _ in 0..2 {
        node.on_up(at(0));
        node.on_identity(at(0), Err(StoreError::Refused("NOPERM no permissions".into())));
        assert!(node.may_read());
        node.on_down();
    }
    let warnings = outputs(&mut node).into_iter().filter(|output| matches!(output, NodeOutput::Event { name: "warning", .. })).count();
    assert_eq!(warnings, 1);
}

#[test]
fn another_id_is_told_as_foreign_and_never_shown() {
    let node = trusted("a");
    assert!(matches!(told(&node, entry_of("a")), Seen::Own(_)));
    assert_eq!(told(&node, entry_of("b")), Seen::Foreign);
    assert_eq!(told(&node, Found::default()), Seen::Nothing);
    let json = Found { value: Seen::Own(Value::new(b"{}".to_vec())), pttl: None, is_head: false };
    assert!(matches!(told(&node, json), Seen::Own(_)), "what carries no id is the engine's to judge");
    let version = |name: &str| Version { id: Id::parse(&[b'v'; Id::LEN]).unwrap(), replication_id: ReplicationId::of(name.as_bytes()) };
    let told = node.interpret(StoreReply::Versions(vec![Some(version("a")), Some(version("b")), None]));
    assert_eq!(told, Answer::Versions(vec![Seen::Own(version("a").id), Seen::Foreign, Seen::Nothing]));
}

#[test]
fn operations_carry_the_id_of_their_time() {
    let mut node = trusted("a");
    assert_eq!(node.dress(Op::Identify).replication, Replication { id: ReplicationId::of(b"a"), is_checked: true });
    assert!(node.on_foreign(at(2000)));
    let epoch = node.epoch();
    node.on_identity(at(2001), Ok(identity("b")));
    assert_eq!(node.dress(Op::Identify).replication.id, ReplicationId::of(b"b"));
    assert!(node.epoch() > epoch);
}

#[test]
fn a_foreign_value_makes_the_id_be_read_at_most_once_a_second() {
    let mut node = trusted("a");
    assert!(!node.on_foreign(at(999)), "it was read when the link came up");
    assert!(node.on_foreign(at(1000)));
    assert!(node.on_foreign(at(1001)), "the answer is on its way");
    assert_eq!(outputs(&mut node), [identify()]);
    node.on_identity(at(1002), Ok(identity("a")));
    assert!(!node.on_foreign(at(1003)));
}

#[test]
fn an_id_that_changes_all_the_time_turns_the_check_off() {
    let mut node = trusted("0");
    let mut events = 0;
    for n in 1..10u64 {
        node.on_foreign(at(n * 1100));
        node.on_identity(at(n * 1100), Ok(identity(&n.to_string())));
        events += outputs(&mut node).iter().filter(|output| matches!(output, NodeOutput::Event { name: "originCheckOff", .. })).count();
    }
    assert_eq!(events, 1);
    assert!(matches!(told(&node, entry_of("any")), Seen::Own(_)));
}

#[test]
fn reads_wait_for_pending_invalidations_and_writes_do_not() {
    let mut node = node();
    node.set_pending(true);
    node.on_up(at(0));
    outputs(&mut node);
    node.on_identity(at(1), Ok(identity("a")));
    assert_eq!(outputs(&mut node), [NodeOutput::Writable]);
    assert!(node.may_write() && !node.may_read());
    node.set_pending(false);
    assert_eq!(outputs(&mut node), [NodeOutput::Readable]);
    node.set_pending(true);
    assert!(node.may_write() && !node.may_read() && node.was_readable());
}

#[test]
fn one_silence_counts_once_however_many_calls_it_strands() {
    let mut node = trusted("a");
    for n in 0..20 {
        node.on_silence(at(250 + n), at(n));
    }
    assert_eq!(outputs(&mut node), []);
    for n in 1..=4 {
        node.on_silence(at(250 + 250 * n), at(250 * n));
    }
    assert!(matches!(&outputs(&mut node)[..], [NodeOutput::Event { name: "breaker", .. }]));
    assert!(!node.allows(at(2249)) && node.allows(at(2250)));
    ask(&mut node, 1, 2251);
    node.on_outcome(Ticket(1), &Ok(StoreReply::Done), moment(2252));
    assert!(matches!(&outputs(&mut node)[..], [NodeOutput::Event { name: "breaker", .. }]), "closed");
    assert!(node.allows(at(2253)));
}

fn moment(ms: u64) -> Moment {
    Moment { now: at(ms), attended: Duration::from_millis(ms) }
}

fn ask(node: &mut Node, ticket: u64, ms: u64) {
    let op = Op::ReadVersions { versions: vec![key("v")] };
    assert!(node.submit(Ticket(ticket), op, Patience::Read, moment(ms)).is_some());
}

#[test]
fn an_operation_that_meets_silence_is_given_up_and_a_late_answer_does_not_close_the_breaker() {
    let mut node = trusted("a");
    let mut at = 0;
    for ticket in 1..=5 {
        ask(&mut node, ticket, at);
        at += 250;
        node.on_look(moment(at), 0);
        assert!(outputs(&mut node).contains(&NodeOutput::GivenUp { ticket: Ticket(ticket), was_sent: true }));
    }
    assert!(!node.allows(moment(at).now), "the breaker is open");
    node.on_outcome(Ticket(1), &Ok(StoreReply::Done), moment(at));
    assert!(!node.allows(moment(at).now));
    node.on_outcome(Ticket(2), &Err(StoreError::Cut { maybe_executed: true }), moment(at));
    assert_eq!(outputs(&mut node), []);
}

#[test]
fn a_round_trip_that_eats_the_budget_is_told_once() {
    let mut node = trusted("a");
    for ticket in 1..=3u64 {
        ask(&mut node, ticket, 1000 * ticket);
        node.on_look(moment(1000 * ticket + 250), 0);
        node.on_outcome(Ticket(ticket), &Ok(StoreReply::Done), moment(1000 * ticket + 300));
    }
    let told = outputs(&mut node);
    let warnings: Vec<_> = told.iter().filter(|output| matches!(output, NodeOutput::Event { name: "warning", .. })).collect();
    assert!(matches!(&warnings[..], [NodeOutput::Event { text, .. }] if text.contains("commandTimeoutMs")), "{told:?}");
}
