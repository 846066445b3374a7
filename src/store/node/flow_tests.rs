use super::*;
use crate::store::{Found, Key, Value};

const WINDOW: usize = 4096;
const MS: fn(u64) -> Duration = Duration::from_millis;

fn flow() -> Flow {
    Flow::new(WINDOW, MS(250), MS(5000))
}

/// A moment at which the process has listened all the time.
fn at(ms: u64) -> Moment {
    Moment { now: Instant::from_millis(1_000_000 + ms), attended: MS(ms) }
}

fn reads(keys: usize) -> Op {
    Op::ReadVersions { versions: vec![Key::from(&b"v"[..]); keys] }
}

fn submit(flow: &mut Flow, ticket: u64, patience: Patience, ms: u64) -> bool {
    flow.submit(Ticket(ticket), reads(1), patience, at(ms)).is_some()
}

fn look(flow: &mut Flow, ms: u64, unanswered: usize) -> Vec<(u64, bool)> {
    let mut given_up = Vec::new();
    flow.look(at(ms), unanswered, &mut given_up);
    given_up.iter().map(|op| (op.ticket.0, op.was_sent)).collect()
}

/// Two operations that are out and fill the window, two that wait behind them.
fn burst(flow: &mut Flow) {
    for ticket in 1..=4 {
        let sent = flow.submit(Ticket(ticket), reads(WINDOW / 2), Patience::Read, at(0));
        assert_eq!(sent.is_some(), ticket <= 2);
    }
}

#[test]
fn a_burst_leaves_in_portions_and_keeps_its_order() {
    let mut flow = flow();
    burst(&mut flow);
    assert!(!submit(&mut flow, 5, Patience::Read, 1), "a small one does not overtake");
    assert_eq!(flow.next(at(1)), None);
    flow.answered(Ticket(1), true, at(2));
    assert_eq!(flow.next(at(2)).map(|(ticket, _)| ticket), Some(Ticket(3)));
    assert_eq!(flow.next(at(2)), None);
    flow.answered(Ticket(2), true, at(3));
    flow.answered(Ticket(3), true, at(3));
    let rest: Vec<Ticket> = std::iter::from_fn(|| flow.next(at(3))).map(|(ticket, _)| ticket).collect();
    assert_eq!(rest, [Ticket(4), Ticket(5)]);
}

#[test]
fn an_operation_larger_than_the_window_leaves_alone() {
    let mut flow = flow();
    assert!(flow.submit(Ticket(1), reads(2 * WINDOW), Patience::Read, at(0)).is_some());
    assert!(!submit(&mut flow, 2, Patience::Read, 0));
    flow.answered(Ticket(1), true, at(1));
    assert!(flow.next(at(1)).is_some());
}

#[test]
fn what_waits_is_given_up_with_the_portion_that_meets_silence() {
    let mut flow = flow();
    burst(&mut flow);
    assert_eq!(look(&mut flow, 249, 0), []);
    assert_eq!(look(&mut flow, 250, 0), [(1, true), (2, true), (3, false), (4, false)]);
    assert_eq!((flow.due(), flow.next(at(250))), (None, None));
}

#[test]
fn a_turn_that_takes_long_is_no_silence() {
    let mut flow = flow();
    burst(&mut flow);
    flow.answered(Ticket(1), true, at(200));
    assert!(flow.next(at(200)).is_some());
    assert_eq!(look(&mut flow, 449, 0), []);
    assert_eq!(look(&mut flow, 450, 0), [(2, true), (3, true), (4, false)]);
}

#[test]
fn each_operation_has_its_own_budget() {
    let mut flow = flow();
    submit(&mut flow, 1, Patience::Write, 0);
    submit(&mut flow, 2, Patience::Endless, 0);
    submit(&mut flow, 3, Patience::Read, 100);
    assert_eq!(flow.due(), Some(MS(350)));
    assert_eq!(look(&mut flow, 350, 0), [(3, true)]);
    assert_eq!(look(&mut flow, 4999, 0), []);
    assert_eq!(look(&mut flow, 5000, 0), [(1, true)]);
    assert_eq!(look(&mut flow, 60_000, 0), []);
}

#[test]
fn an_answer_that_grows_is_waited_for_and_so_is_what_waits_behind_it_for_five_seconds_at_most() {
    let mut flow = flow();
    submit(&mut flow, 1, Patience::Read, 0);
    submit(&mut flow, 2, Patience::Read, 10);
    for ms in (0..20_000).step_by(100) {
        flow.heard(at(ms));
        if !look(&mut flow, ms, 0).is_empty() {
            assert!((4900..=5000).contains(&ms), "{ms}");
            return;
        }
    }
    panic!("it is waited for without end");
}

#[test]
fn only_attentive_waiting_counts() {
    let mut flow = flow();
    submit(&mut flow, 1, Patience::Read, 0);
    let busy = Moment { now: at(10_000).now, attended: MS(75) };
    flow.look(busy, 0, &mut Vec::new());
    assert_eq!(flow.answered(Ticket(1), true, busy), Some(Answered { in_time: true, round_trip: Some(MS(75)) }));
}

#[test]
fn a_round_trip_is_measured_where_it_is_plain() {
    let mut flow = flow();
    let answered = |flow: &mut Flow, ticket, ms| flow.answered(Ticket(ticket), true, at(ms)).and_then(|answered| answered.round_trip);
    submit(&mut flow, 1, Patience::Read, 0);
    submit(&mut flow, 2, Patience::Read, 0);
    flow.heard(at(90));
    assert_eq!(answered(&mut flow, 1, 400), Some(MS(90)), "the rest of the time it was arriving");
    assert_eq!(answered(&mut flow, 2, 401), None, "it waited for another one");
    submit(&mut flow, 3, Patience::Read, 500);
    look(&mut flow, 550, 4 << 20);
    assert_eq!(answered(&mut flow, 3, 900), None, "requests were leaving");
    assert!(flow.submit(Ticket(4), reads(WINDOW), Patience::Read, at(1000)).is_some());
    assert_eq!(answered(&mut flow, 4, 1400), None, "it was a large one");
}

#[test]
fn a_large_request_has_time_to_leave() {
    let mut flow = flow();
    submit(&mut flow, 1, Patience::Read, 0);
    let megabytes = 4 << 20;
    assert_eq!(look(&mut flow, 1100, megabytes), []);
    assert_eq!(look(&mut flow, 1300, megabytes), [(1, true)]);
}

#[test]
fn a_lost_link_says_nothing_about_the_server_and_holds_nothing_back() {
    let mut flow = flow();
    burst(&mut flow);
    flow.close();
    assert_eq!(std::iter::from_fn(|| flow.next(at(1))).count(), 2, "they fail with what was sent");
    for ticket in 1..=4 {
        assert_eq!(flow.answered(Ticket(ticket), false, at(1)), None);
    }
    flow.open();
    assert!(submit(&mut flow, 5, Patience::Read, 2));
}

#[test]
fn large_entries_are_read_few_at_a_time() {
    let mut flow = flow();
    let entry = |bytes| Found { value: Seen::Own(Value::new(vec![0; bytes])), pttl: None, is_head: false };
    let read = |bytes| StoreReply::Read { entries: vec![Found::default(), entry(bytes)], versions: vec![], atomic: true };
    for _ in 0..20 {
        flow.learn(&read(100));
    }
    assert_eq!(flow.batch_max(), BATCH_MAX);
    for _ in 0..20 {
        flow.learn(&read(1 << 20));
    }
    assert_eq!(flow.batch_max(), 1);
    flow.learn(&StoreReply::Read { entries: vec![Found::default()], versions: vec![], atomic: true });
    assert_eq!(flow.batch_max(), 1, "a miss has no size");
}
