//! The reply stream cut after every byte: each command is resolved once, rejected once or sent again once, and no reply
//! reaches another command.

use std::collections::BTreeSet;

use super::super::{LinkOptions, Resend, State};
use super::calls::{call, pipeline, quiet_with, transaction, Call};
use super::rig::Rig;
use crate::command::{classify, refine, Class};
use crate::resp::Commands;

/// Which calls, what they may be answered with, and whether they change subscriptions.
fn mix() -> Vec<Call> {
    let mut calls = vec![call("get a"), call("set b 1"), call("incr c"), call("mget d e")];
    calls.extend(pipeline(&["get p0", "incr p1", "get p2", "lpush p3 x"]));
    calls.extend(transaction(&["set t0 1", "incr t1"]));
    calls.push(call("select 2"));
    calls.push(call("get in2"));
    calls.push(call("rpush in2b y"));
    calls.push(call("select 0"));
    calls.push(call("subscribe x y z"));
    calls.push(call("get f"));
    calls.push(call("unsubscribe y"));
    calls.push(call("psubscribe p*"));
    calls.push(call("blpop q 0"));
    calls.push(call("ssubscribe s"));
    calls.push(call("unsubscribe"));
    calls.push(call("subscribe w"));
    calls.push(call("incr last"));
    calls
}

/// For RESP2, where subscriptions come last.
fn mix_of_two() -> Vec<Call> {
    let mut calls = vec![call("get a"), call("incr c"), call("mget d e")];
    calls.extend(pipeline(&["get p0", "incr p1"]));
    calls.extend(transaction(&["set t0 1"]));
    calls.extend([call("select 2"), call("get in2"), call("subscribe x y"), call("psubscribe p*"), call("unsubscribe x"), call("ping")]);
    calls
}

fn may_be_sent_twice(text: &str) -> bool {
    let parts: Vec<&str> = text.split(' ').collect();
    let mut commands = Commands::new();
    commands.push(&parts);
    let bytes = commands.iter().next().unwrap_or_default().to_vec();
    refine(classify(parts[0]), &bytes).has(Class::IDEMPOTENT)
}

/// The replies that name what they answer.
fn wanted(calls: &[Call]) -> Vec<Vec<String>> {
    let (mut db, mut queued) = (0, Vec::new());
    let mut in_transaction = false;
    let mut all = Vec::new();
    for call in calls {
        let parts: Vec<&str> = call.text.split(' ').collect();
        let name = format!("db{db} {}", call.text);
        let want = match parts[0] {
            "select" => {
                db = parts[1].parse().unwrap_or(0);
                vec!["OK".to_owned()]
            }
            "multi" => {
                in_transaction = true;
                vec!["OK".to_owned()]
            }
            "exec" => {
                in_transaction = false;
                vec![std::mem::take(&mut queued).join("|")]
            }
            _ if in_transaction => {
                queued.push(name);
                vec!["QUEUED".to_owned()]
            }
            "ping" => vec!["pong|".to_owned()],
            "mget" => vec![format!("{name}|{name}")],
            text if text.contains("subscribe") => Vec::new(),
            _ => vec![name],
        };
        all.push(want);
    }
    all
}

struct Case {
    options: LinkOptions,
    calls: Vec<Call>,
    /// Issued before the connection is made, or once it is ready.
    offline: bool,
    /// The server runs what it has received even if the reply is cut off.
    eager: bool,
}

impl Case {
    fn rig(&self, budgets: &[usize]) -> Rig {
        let mut rig = Rig::new(self.options.clone());
        rig.server.eager = self.eager;
        rig.server.resp3 = self.options.protocol == 3;
        rig.budgets = budgets.to_vec();
        if !self.offline {
            rig.reachable = false;
        }
        rig
    }

    fn run(&self, rig: &mut Rig) {
        rig.connect();
        if !self.offline {
            rig.reachable = true;
            rig.drain();
            // Past the handshake, unless it is cut.
            while rig.link.state() == State::Handshake && rig.deliver(1) {}
        }
        let calls = if self.options.protocol == 3 { 3 } else { 0 };
        rig.submit(&self.calls[..calls]);
        rig.submit_core(&["get core", "incr core2"], 7);
        rig.submit(&self.calls[calls..]);
        rig.settle();
    }

    fn check(&self, rig: &mut Rig, cut: &str) {
        assert_eq!(rig.link.state(), State::Ready, "{cut}");
        let wants = wanted(&self.calls);
        for (id, (call, want)) in self.calls.iter().zip(&wants).enumerate() {
            let outcome = rig.outcome(id as u32);
            let says = |what: &str| format!("{} after {cut}: {outcome}, {what}", call.text);
            let ran = rig.ran(&call.text);
            let is_transaction = matches!(call.text.as_str(), "multi" | "exec") || call.text.contains(" t");
            let once = match self.options.resend {
                Resend::All => false,
                Resend::Idempotent => is_transaction || !may_be_sent_twice(&call.text),
                Resend::None => true,
            };
            assert!(!once || ran <= 1, "{}", says("it ran twice"));
            assert!(ran <= rig.connections, "{}", says("it ran more often than there were connections"));
            if outcome.starts_with("E_") {
                assert!(outcome.starts_with("E_ABORTED"), "{}", says("rejected for another reason"));
                let is_open = outcome.ends_with('?');
                assert!(is_open || ran == 0, "{}", says("it ran"));
                let is_tail = call.text.contains(" p") || call.text.contains(" t") || call.text == "exec";
                assert!(self.options.resend != Resend::All || is_tail, "{}", says("rejected although everything is sent again"));
                let again = self.options.resend == Resend::Idempotent && may_be_sent_twice(&call.text);
                assert!(!again || is_tail, "{}", says("rejected although it may be sent again"));
            } else {
                assert!(want.is_empty() || want.contains(&outcome), "{}, wanted {want:?}", says("a reply to another command"));
            }
            assert!(
                !call.text.contains(" t") || !rig.server.ran_alone.contains_key(&call.text),
                "{}",
                says("it ran outside its transaction")
            );
        }
        let ascending = rig.order().windows(2).all(|pair| pair[0] < pair[1]);
        assert!(ascending, "replies out of order after {cut}: {:?}", rig.order());
        check_core(rig, cut);
        self.check_subscriptions(rig, cut);
        rig.finish();
    }

    fn check_subscriptions(&self, rig: &mut Rig, cut: &str) {
        let Some(connection) = &rig.connection else { panic!("no connection after {cut}") };
        let all: BTreeSet<String> = connection.channels.iter().chain(&connection.patterns).chain(&connection.shards).cloned().collect();
        assert_eq!(all.len(), rig.link.subscriptions.total(), "the link and the server disagree after {cut}: {all:?}");
        if self.options.resend != Resend::None {
            let want: &[&str] = if self.options.protocol == 3 { &["w", "p*", "s"] } else { &["y", "p*"] };
            assert_eq!(all, want.iter().map(|s| (*s).to_owned()).collect(), "after {cut}");
        }
    }
}

fn check_core(rig: &Rig, cut: &str) {
    let answered: Vec<String> = rig.core().into_iter().map(|(_, text)| text).collect();
    assert!(answered.iter().all(|text| ["db0 get core", "db0 incr core2"].contains(&text.as_str())), "{answered:?} after {cut}");
    assert_eq!(answered.len() + rig.core_lost().len(), 2, "answered {answered:?}, cut {:?} after {cut}", rig.core_lost());
    assert!(rig.ran("incr core2") <= 1, "{cut}");
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for resend in [Resend::All, Resend::Idempotent, Resend::None] {
        for (offline, eager) in [(true, true), (false, true), (false, false)] {
            all.push(Case { options: quiet_with(resend), calls: mix(), offline, eager });
        }
        let options = LinkOptions { protocol: 2, ready_check: true, db: 0, ..quiet_with(resend) };
        all.push(Case { options, calls: mix_of_two(), offline: false, eager: true });
    }
    all
}

/// Bytes that the server sends when nothing is cut.
fn whole_stream(case: &Case) -> usize {
    let mut rig = case.rig(&[]);
    case.run(&mut rig);
    let length = rig.delivered();
    case.check(&mut rig, "nothing");
    length
}

#[test]
fn a_stream_cut_after_any_byte_settles_every_command_once() {
    for case in cases() {
        let length = whole_stream(&case);
        assert!(length > 300, "the mix says enough: {length}");
        for cut in 0..length {
            let mut rig = case.rig(&[cut]);
            case.run(&mut rig);
            case.check(&mut rig, &format!("{:?} offline={} eager={}, cut at {cut}", case.options.resend, case.offline, case.eager));
        }
    }
}

#[test]
fn a_second_cut_in_handshake_or_resubscription_changes_nothing_about_that() {
    for case in cases().into_iter().filter(|case| case.eager && !case.offline) {
        let length = whole_stream(&case);
        for cut in (0..length).step_by(131).chain([length - 1]) {
            let mut second = 0;
            loop {
                let mut rig = case.rig(&[cut, second]);
                case.run(&mut rig);
                let done = rig.connections < 3;
                case.check(
                    &mut rig,
                    &format!("{:?} offline={} eager={}, cut at {cut} and {second}", case.options.resend, case.offline, case.eager),
                );
                if done {
                    break;
                }
                second += 1;
            }
        }
    }
}

#[test]
fn subscriptions_survive_cuts_of_every_restoration() {
    let case = Case {
        options: quiet_with(Resend::None),
        calls: vec![call("subscribe a b c"), call("psubscribe p* q*"), call("ssubscribe s1 s2")],
        offline: true,
        eager: true,
    };
    let mut rig = case.rig(&[]);
    case.run(&mut rig);
    for cut in 0..400 {
        rig.budgets = vec![usize::MAX; rig.connections as usize];
        rig.budgets.push(cut);
        rig.cut();
        rig.settle();
        let connection = rig.connection.as_ref();
        let counts = connection.map(|c| (c.channels.len(), c.patterns.len(), c.shards.len()));
        assert_eq!(counts, Some((3, 2, 2)), "restoration cut at {cut}");
    }
}

#[test]
fn a_stream_in_pieces_is_the_stream_as_one() {
    for case in cases().into_iter().filter(|case| case.options.resend == Resend::All) {
        let length = whole_stream(&case);
        for split in 0..length {
            let mut rig = case.rig(&[]);
            rig.connect();
            rig.submit(&case.calls);
            rig.submit_core(&["get core", "incr core2"], 7);
            rig.deliver(split);
            rig.submit_core(&["get core", "incr core2"], 8);
            rig.settle();
            for id in 0..case.calls.len() as u32 {
                assert!(!rig.outcome(id).starts_with("E_"), "split at {split}");
            }
        }
        let mut rig = case.rig(&[]);
        rig.piece = 1;
        case.run(&mut rig);
        case.check(&mut rig, "byte by byte");
    }
}
