//! What the machine does in the situations that applications meet.

use std::time::Duration;

use serde_json::{json, Value};

use crate::clock::Instant;
use crate::contract::{SentinelInput as In, SentinelSettings, SentinelStep as Step, ServerAddress, StartSentinel, WantedRole};
use crate::entropy::Entropy;
use crate::sentinel::Sentinel;

struct Zero;
impl Entropy for Zero {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// A machine and a clock. Sentinels are at the ports 1, 2 ... of `s`, so their numbers are 0, 1 ...
struct Rig {
    machine: Sentinel,
    now: Instant,
}

fn settings(ports: u16) -> SentinelSettings {
    SentinelSettings {
        name: "group".into(),
        role: WantedRole::Master,
        sentinels: (1..=ports).map(|port| StartSentinel { host: "s".into(), port, family: None }).collect(),
        learns: true,
        watches: false,
        max_watched: 10,
        preferred: Vec::new(),
        chooses: false,
    }
}

fn rig(ports: u16) -> Rig {
    Rig::new(settings(ports))
}

fn at(port: u16) -> ServerAddress {
    ServerAddress { host: "h".into(), port }
}

impl Rig {
    fn new(settings: SentinelSettings) -> Self {
        Self { machine: Sentinel::new(settings), now: Instant::default() }
    }

    /// What follows, in short.
    fn input(&mut self, input: In) -> Vec<String> {
        self.machine.on_input(input, &mut Zero, self.now);
        self.machine.take_steps().iter().map(brief).collect()
    }

    fn answer(&mut self, sentinel: u32, server: Value) -> Vec<String> {
        self.input(In::Answer { sentinel, server, sentinels: Value::Null })
    }

    fn fail(&mut self, sentinel: u32) -> Vec<String> {
        self.input(In::Failed { sentinel, reason: "it is down".into() })
    }

    fn wait(&mut self) -> Vec<String> {
        self.now = self.machine.next_wakeup().unwrap();
        self.input(In::Timer)
    }

    fn switched(&mut self, sentinel: u32, text: &str) -> Vec<String> {
        self.input(In::Switched { sentinel, text: text.into() })
    }

    /// Finds the server at this port by the Sentinel that is asked first, and uses it.
    fn use_server(&mut self, sentinel: u32, port: u16) {
        self.input(In::Find);
        assert_eq!(self.answer(sentinel, json!(["h", port.to_string()])), [format!("found {port}")]);
        self.input(In::Connected);
        assert_eq!(self.input(In::Role { role: Some("master".into()) }), ["verdict true"]);
        self.input(In::Ready);
    }
}

fn brief(step: &Step) -> String {
    match step {
        Step::Ask { sentinel, .. } => format!("ask {sentinel}"),
        Step::Dismiss { sentinel } => format!("dismiss {sentinel}"),
        Step::Choose { replicas, .. } => format!("choose of {}", replicas.len()),
        Step::Announced { addresses } => {
            format!("announced {}", addresses.iter().map(|one| one.port.to_string()).collect::<Vec<_>>().join(" "))
        }
        Step::Learned { address } => format!("learned {}", address.port),
        Step::Bad { message } | Step::Failing { message } | Step::GiveUp { message } => message.clone(),
        Step::Exhausted { attempts } => format!("exhausted {attempts}"),
        Step::Found { address } => format!("found {}", address.port),
        Step::Verdict { accepted } => format!("verdict {accepted}"),
        Step::Watch { sentinel, .. } => format!("watch {sentinel}"),
        Step::Unwatch { sentinel } => format!("unwatch {sentinel}"),
        Step::Switch => "switch".to_owned(),
    }
}

const DOWN_1: &str = "failed to connect to sentinel s:1 because it is down";
const DOWN_2: &str = "failed to connect to sentinel s:2 because it is down";

#[test]
fn sentinels_are_asked_one_after_another_until_one_knows() {
    let mut rig = rig(3);
    assert_eq!(rig.input(In::Find), ["ask 0"]);
    assert_eq!(rig.fail(0), [DOWN_1, "ask 1"]);
    let null = "connected to sentinel s:2 successfully, but got an invalid reply: null";
    assert_eq!(rig.answer(1, Value::Null), [null, "ask 2"]);
    assert_eq!(rig.answer(2, json!(["h", "7"])), ["found 7"]);
    assert_eq!(rig.machine.next_wakeup(), None);
}

#[test]
fn when_none_knows_the_application_decides() {
    let mut rig = rig(2);
    rig.input(In::Find);
    rig.fail(0);
    assert_eq!(rig.fail(1), [DOWN_2, "exhausted 1"]);
    let again = "All sentinels are unreachable. Retrying from scratch after 20ms. Last error: it is down";
    assert_eq!(rig.input(In::RetryAfter { ms: Some(20.0) }), [again]);
    assert_eq!(rig.wait(), ["ask 0"]);
    assert_eq!(rig.now, Instant::from_millis(20));
    rig.fail(0);
    assert_eq!(rig.answer(1, json!("OK"))[1], "exhausted 2");
    let over = "All sentinels are unreachable and retry is disabled. Last error: it is down";
    assert_eq!(rig.input(In::RetryAfter { ms: None }), [over]);
    assert_eq!(rig.input(In::Find), ["ask 0"], "it may be tried again");
}

#[test]
fn without_an_error_none_is_told() {
    let mut rig = rig(1);
    rig.input(In::Find);
    rig.answer(0, Value::Null);
    assert_eq!(rig.input(In::RetryAfter { ms: Some(1.5) }), ["All sentinels are unreachable. Retrying from scratch after 1.5ms."]);
    assert_eq!(rig.input(In::Cancel), [""; 0]);
    assert_eq!(rig.machine.next_wakeup(), None);
}

#[test]
fn a_silent_sentinel_delays_for_a_second_and_may_still_answer() {
    let mut rig = rig(3);
    rig.input(In::Find);
    assert_eq!(rig.wait(), ["ask 1"]);
    assert_eq!(rig.now, Instant::from_millis(1000));
    assert_eq!(rig.fail(1), [DOWN_2, "ask 2"]);
    assert_eq!(rig.machine.next_wakeup(), None, "there is nobody else to ask");
    assert_eq!(rig.answer(0, json!(["h", "7"])), ["dismiss 2", "found 7"]);
    assert_eq!(rig.answer(2, json!(["h", "8"])), [""; 0], "it comes too late");
}

#[test]
fn a_server_that_has_another_role_is_refused_and_the_next_sentinel_is_asked_first() {
    let mut rig = rig(3);
    rig.input(In::Find);
    rig.answer(0, json!(["h", "7"]));
    assert_eq!(rig.input(In::Role { role: Some("slave".into()) }), ["verdict false"]);
    rig.input(In::Lost { waits_ms: Some(1.0) });
    assert_eq!(rig.input(In::Find), ["ask 1"]);
    rig.fail(1);
    rig.fail(2);
    assert_eq!(rig.answer(0, json!(["h", "8"])), ["found 8"]);
    assert_eq!(rig.input(In::Role { role: None }), ["verdict true"], "a server that says nothing");
}

#[test]
fn a_sentinel_whose_server_was_good_is_asked_first_again() {
    let mut rig = rig(3);
    rig.input(In::Find);
    rig.fail(0);
    rig.answer(1, json!(["h", "7"]));
    rig.input(In::Ready);
    rig.input(In::Lost { waits_ms: Some(1.0) });
    assert_eq!(rig.input(In::Find), ["ask 1"]);
}

#[test]
fn others_are_learned_unless_they_are_disconnected() {
    let mut rig = rig(1);
    rig.input(In::Find);
    let others = json!([
        ["ip", "s", "port", "1"],
        ["ip", "s", "port", "2", "flags", "sentinel,s_down"],
        ["ip", "s", "port", "3", "flags", "disconnected"]
    ]);
    let steps = rig.input(In::Answer { sentinel: 0, server: json!(["h", "7"]), sentinels: others });
    assert_eq!(steps, ["announced 1 2", "found 7"]);
    let addresses = vec![ServerAddress { host: "s".into(), port: 1 }, at(2)];
    assert_eq!(rig.input(In::Announced { addresses }), ["learned 2"]);
    rig.input(In::Lost { waits_ms: None });
    rig.input(In::Find);
    assert_eq!(rig.fail(1)[1], "ask 0", "the one whose server was not reached comes last");
}

#[test]
fn replicas_are_chosen_by_the_application_or_here() {
    let replicas = || {
        json!([
            ["ip", "h", "port", "7", "flags", "slave"],
            ["ip", "h", "port", "8", "flags", "slave,s_down"],
            ["ip", "h", "port", "9", "flags", "slave"]
        ])
    };
    let mut rig = Rig::new(SentinelSettings { role: WantedRole::Slave, chooses: true, ..settings(2) });
    rig.input(In::Find);
    assert_eq!(rig.answer(0, replicas()), ["choose of 2"]);
    assert_eq!(rig.input(In::Chosen { sentinel: 1, address: Some(at(1)) }), [""; 0]);
    assert_eq!(rig.input(In::Chosen { sentinel: 0, address: Some(at(9)) }), ["found 9"]);
    assert_eq!(rig.input(In::Role { role: Some("master".into()) }), ["verdict false"]);
    rig.input(In::Lost { waits_ms: Some(0.0) });
    rig.input(In::Find);
    rig.answer(1, replicas());
    assert_eq!(rig.input(In::Chosen { sentinel: 1, address: None }), ["found 7"]);
    rig.input(In::Lost { waits_ms: Some(0.0) });
    rig.input(In::Find);
    let none = "connected to sentinel s:1 successfully, but got an invalid reply: null";
    assert_eq!(rig.answer(0, json!([])), [none, "ask 1"]);
    rig.answer(1, replicas());
    assert_eq!(rig.input(In::Chosen { sentinel: 1, address: None }), ["found 9"], "7 was not reached");
}

#[test]
fn detectors_listen_to_a_few_and_stop_at_the_end() {
    let mut rig = Rig::new(SentinelSettings { watches: true, max_watched: 2, ..settings(3) });
    rig.input(In::Find);
    rig.answer(0, json!(["h", "7"]));
    assert_eq!(rig.input(In::Connected), ["watch 0", "watch 1"]);
    assert_eq!(rig.input(In::Ready), [""; 0]);
    rig.input(In::Lost { waits_ms: Some(5.0) });
    rig.input(In::Find);
    rig.answer(0, json!(["h", "7"]));
    assert_eq!(rig.input(In::Connected), [""; 0], "they listen already");
    assert_eq!(rig.input(In::Close), ["unwatch 0", "unwatch 1"]);
}

#[test]
fn an_announcement_ends_the_connection_to_the_old_master_once() {
    let mut rig = Rig::new(SentinelSettings { watches: true, ..settings(3) });
    rig.use_server(0, 7);
    assert_eq!(rig.switched(1, "other h 7 h 8"), [""; 0]);
    assert_eq!(rig.switched(1, "group h 6 h 7"), [""; 0], "that is the server in use");
    assert_eq!(rig.switched(1, "group h 7 h 8"), ["switch"]);
    assert_eq!(rig.switched(2, "group h 7 h 8"), [""; 0]);
    rig.input(In::Lost { waits_ms: Some(5.0) });
    assert_eq!(rig.input(In::Find), ["ask 1"], "the one that announces knows");
    assert_eq!(rig.switched(2, "group h 7 h 8"), [""; 0], "so does this one, but the search is under way");
    assert_eq!(rig.switched(2, "group h 7 h 9"), ["dismiss 1", "ask 2"], "that is news");
}

#[test]
fn a_sentinel_that_announces_nonsense_is_not_listened_to_for_a_while() {
    let mut rig = Rig::new(SentinelSettings { watches: true, ..settings(2) });
    rig.use_server(0, 7);
    assert_eq!(rig.switched(1, "group h 7 h 8"), ["switch"]);
    rig.input(In::Lost { waits_ms: Some(5.0) });
    rig.use_server(1, 7);
    assert_eq!(rig.switched(1, "group h 7 h 8"), [""; 0]);
    assert_eq!(rig.switched(0, "group h 7 h 8"), ["switch"]);
    rig.input(In::Lost { waits_ms: Some(5.0) });
    rig.use_server(0, 8);
    rig.now = rig.now + Duration::from_secs(11);
    assert_eq!(rig.switched(1, "group h 8 h 9"), ["switch"]);
}

/// A machine that has left the server 7 because Sentinel 1 announced 8, and asks. Sentinel 1 is silent, and Sentinel 2 is behind.
fn announced_and_silent() -> Rig {
    let mut rig = Rig::new(SentinelSettings { watches: true, ..settings(3) });
    rig.use_server(0, 7);
    assert_eq!(rig.switched(1, "group h 7 h 8"), ["switch"]);
    rig.input(In::Lost { waits_ms: Some(5.0) });
    assert_eq!(rig.input(In::Find), ["ask 1"]);
    assert_eq!(rig.wait(), ["ask 2"]);
    assert_eq!(rig.answer(2, json!(["h", "7"])), ["ask 0"], "it may not know yet");
    rig
}

#[test]
fn sentinels_that_are_behind_do_not_outvote_one_that_announced() {
    let mut rig = announced_and_silent();
    assert_eq!(rig.answer(0, json!(["h", "7"])), [""; 0]);
    assert_eq!(rig.answer(1, json!(["h", "8"])), ["found 8"]);
    assert_eq!(rig.machine.next_wakeup(), None);
    let mut rig = announced_and_silent();
    assert_eq!(rig.answer(0, json!(["h", "8"])), ["dismiss 1", "found 8"], "this one has learned of it");
}

#[test]
fn a_sentinel_that_announces_and_falls_silent_holds_nobody_up_for_long() {
    let mut rig = announced_and_silent();
    rig.answer(0, json!(["h", "7"]));
    let asked = rig.now;
    assert_eq!(rig.wait(), ["dismiss 1", "found 7"]);
    assert!(rig.now <= asked + Duration::from_secs(3));
    assert_eq!(rig.switched(1, "group h 7 h 9"), [""; 0], "it is not listened to");
    let mut rig = announced_and_silent();
    assert_eq!(rig.fail(1), [DOWN_2, "dismiss 0", "found 7"]);
    let mut rig = announced_and_silent();
    rig.input(In::Cancel);
    assert_eq!(rig.machine.next_wakeup(), None);
    assert_eq!(rig.input(In::Find), ["ask 1"]);
    assert_eq!(rig.machine.next_wakeup(), Some(rig.now + Duration::from_secs(1)));
}

#[test]
fn a_replica_is_left_when_it_is_promoted() {
    let mut rig = Rig::new(SentinelSettings { role: WantedRole::Slave, watches: true, ..settings(1) });
    rig.input(In::Find);
    rig.answer(0, json!([["ip", "h", "port", "7", "flags", "slave"]]));
    rig.input(In::Connected);
    rig.input(In::Ready);
    assert_eq!(rig.switched(0, "group h 1 h 8"), [""; 0]);
    assert_eq!(rig.switched(0, "group h 1 h 7"), ["switch"]);
}

#[test]
fn a_long_outage_is_listened_through() {
    let mut rig = rig(2);
    rig.use_server(0, 7);
    assert_eq!(rig.input(In::Lost { waits_ms: Some(999.0) }), [""; 0]);
    rig.input(In::Find);
    rig.answer(0, json!(["h", "7"]));
    assert_eq!(rig.input(In::Lost { waits_ms: Some(4000.0) }), ["watch 1", "watch 0"]);
    assert_eq!(rig.switched(0, "group h 7 h 8"), ["switch"], "the wait is over");
    rig.input(In::Find);
    rig.answer(0, json!(["h", "8"]));
    assert_eq!(rig.input(In::Connected), [""; 0]);
    assert_eq!(rig.input(In::Ready), ["unwatch 1", "unwatch 0"]);
}
