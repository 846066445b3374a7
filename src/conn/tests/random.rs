//! A walk over all inputs in any order, many times, from seeds that are printed: whatever happens, every command has one
//! outcome by the time the link has ended, it is its own, and nothing is kept.

use std::collections::HashSet;
use std::time::Duration;

use super::super::{LinkOptions, Resend, State, Transport};
use super::calls::{call, pipeline, transaction, Call};
use super::rig::Rig;

const STALLED: Transport = Transport::Waiting { last_acknowledgement: Duration::from_secs(60) };

/// xorshift64*
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u64) as usize]
    }
}

fn options(dice: &mut Dice) -> LinkOptions {
    LinkOptions {
        protocol: dice.pick(&[3, 3, 2]),
        password: dice.one_in(3).then(|| "secret".to_owned()),
        db: dice.pick(&[0, 0, 4]),
        strict_database: dice.one_in(2),
        ready_check: dice.one_in(2),
        offline_queue: !dice.one_in(4),
        resend: dice.pick(&[Resend::All, Resend::Idempotent, Resend::None]),
        auto_resend: !dice.one_in(8),
        max_retries_per_request: dice.pick(&[None, Some(0), Some(3)]),
        command_timeout: dice.one_in(3).then(|| Duration::from_millis(300)),
        auto_resubscribe: !dice.one_in(5),
        max_queue_commands: dice.pick(&[0, 0, 20]),
        watchdog: Duration::from_secs(dice.pick(&[0, 4])),
        retry_refused: dice.one_in(2),
        hands_back: dice.one_in(3),
        ..LinkOptions::default()
    }
}

fn calls(dice: &mut Dice, number: u32) -> Vec<Call> {
    let plain = |name: &str, letter: &str| call(&format!("{name} {letter}{number}"));
    match dice.roll(15) {
        0..=3 => vec![plain("get", "k"), plain("incr", "k")],
        4 => pipeline(&[&format!("get p{number}"), &format!("incr p{number}"), &format!("mget p{number}")]),
        5 | 6 => transaction(&[&format!("set t{number} 1"), &format!("incr t{number}")]),
        7 => vec![call(&format!("select {}", dice.pick(&[0, 1, 2, 99])))],
        8 => vec![call(&format!("subscribe {} {}", dice.pick(&["a", "b"]), dice.pick(&["c", "d"])))],
        9 => vec![call(&format!("{} {}", dice.pick(&["unsubscribe", "unsubscribe"]), dice.pick(&["a", "b", "c"])))],
        10 => vec![call(dice.pick(&["unsubscribe", "punsubscribe", "sunsubscribe", "ping", "watch w", "unwatch"]))],
        11 => vec![call(dice.pick(&["psubscribe p*", "ssubscribe s", "sunsubscribe s"]))],
        12 => vec![plain("blpop", "q")],
        13 => vec![call("multi"), plain("set", "i"), call(dice.pick(&["exec", "discard"]))],
        _ => vec![
            call("multi"),
            call(&format!("select {}", dice.pick(&[0, 1, 2, 99]))),
            plain("set", "i"),
            call(dice.pick(&["exec", "discard"])),
        ],
    }
}

struct Walk {
    rig: Rig,
    dice: Dice,
    in_order: bool,
    ids: HashSet<u32>,
    cores: usize,
}

impl Walk {
    fn step(&mut self) {
        let Self { rig, dice, .. } = self;
        match dice.roll(40) {
            0..=9 => {
                let number = rig.calls.len() as u32;
                let all = calls(dice, number);
                if rig.link.options.retry_refused && all[0].text != "multi" && dice.one_in(3) {
                    let error = dice.pick(&["LOADING soon", "READONLY replica", "WRONGTYPE no"]);
                    rig.server.refusals.entry(all[0].text.clone()).or_default().push_back(error.to_owned());
                    self.in_order = false;
                }
                let first = rig.submit(&all);
                self.ids.extend(first..first + all.len() as u32);
            }
            10 | 11 => {
                rig.submit_core(&["get core"], 1);
                self.cores += 1;
            }
            12..=23 => {
                let n = dice.pick(&[1, 3, 17, 100, 10_000]);
                rig.deliver(n);
            }
            24..=27 => {
                let by = dice.pick(&[1, 10, 49, 51, 200, 1000, 9000]);
                rig.pass(Duration::from_millis(by));
            }
            28 => {
                if rig.link.state() != State::Idle {
                    rig.cut();
                }
            }
            29 => rig.reachable = !dice.one_in(3),
            30 => rig.connect(),
            31 => {
                if dice.one_in(6) {
                    rig.link.disconnect(dice.one_in(2), rig.now);
                    rig.drain();
                }
            }
            32 => rig.retry = dice.pick(&[Some(1), Some(50), Some(50), Some(5000), None]).map(Duration::from_millis),
            33 => {
                match dice.roll(4) {
                    0 => rig.link.on_probe_failed(rig.now),
                    1 => rig.link.on_transport(dice.pick(&[Transport::Unknown, Transport::Delivered, STALLED]), rig.now),
                    n => {
                        let answer: &[u8] = if n == 2 { b"+PONG\r\n" } else { b"+OK\r\n+PONG\r\n" };
                        rig.link.on_probe_bytes(answer, rig.now);
                    }
                }
                rig.drain();
            }
            34 => match dice.roll(4) {
                0 => rig.server.frozen = dice.one_in(2),
                1 => {
                    rig.link.hand_back_waiting(rig.now);
                    rig.drain();
                }
                _ => rig.server.frozen = false,
            },
            35 => {
                let channel = dice.pick(&["a", "b", "pq"]);
                if let Some(connection) = rig.connection.as_mut() {
                    connection.publish(channel, "m");
                }
            }
            36 => {
                if dice.one_in(5) {
                    if let Some(connection) = rig.connection.as_mut() {
                        connection.say(dice.pick(&["$x\r\n", "hello\r\n", "*-3\r\n"]));
                        self.in_order = false;
                    }
                }
            }
            37 => {
                let error =
                    dice.pick(&["-NOPROTO no", "-ERR unknown command 'HELLO'", "-WRONGPASS no", "-ERR max number of clients reached"]);
                if dice.one_in(3) {
                    rig.server.handshake_errors.push_back(error.to_owned());
                }
            }
            38 => {
                let info = dice.pick(&["loading:0", "loading:1\r\nloading_eta_seconds:1", "-BUSY script", "-NOPERM no", "-ERR no"]);
                rig.server.info.push_front(info.to_owned());
            }
            _ => {
                if dice.one_in(10) {
                    let id = rig.issue("quit");
                    self.ids.insert(id);
                }
            }
        }
        self.check_always();
    }

    fn check_always(&mut self) {
        let rig = &self.rig;
        if rig.link.queued() == 0 {
            assert_eq!(rig.link.queues.bytes(), 0, "nothing waits, and something is kept");
        }
        if self.in_order {
            assert!(rig.order().windows(2).all(|pair| pair[0] < pair[1]), "{:?}", rig.order());
        }
        if rig.link.state() == State::Ended {
            assert_eq!(rig.link.next_wakeup(), None);
        }
    }

    fn check_outcomes(&self) {
        let rig = &self.rig;
        for id in &self.ids {
            let text = &rig.calls[*id as usize].text;
            let outcome = rig.outcome(*id);
            let names_another = outcome.starts_with("db") && !outcome.contains(text.as_str()) && text != "exec";
            assert!(!names_another, "{text} was answered {outcome}");
            assert!(!text.contains(" t") || !rig.server.ran_alone.contains_key(text), "{text} ran outside its transaction");
            assert!(outcome != "back" || !text.starts_with("incr") || rig.ran(text) == 0, "{text} ran");
            assert!(outcome != "back?" || rig.link.options.resend != Resend::None, "{text} may not be sent twice");
            if text.starts_with("incr k") && rig.link.options.resend != Resend::All {
                assert!(rig.ran(text) <= 1, "{text} ran twice");
                assert!(!outcome.starts_with("db") || rig.ran(text) == 1, "{text} was answered without running");
                assert!(!outcome.starts_with('E') || outcome.ends_with('?') || rig.ran(text) == 0, "{text}: {outcome}, but it ran");
            }
        }
        assert_eq!(rig.core().len() + rig.core_lost().len(), self.cores, "every command of the core has one outcome");
    }
}

#[test]
fn whatever_happens_every_command_has_one_outcome() {
    for seed in 1..=1500u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut rig = Rig::new(options(&mut dice));
        rig.server.resp3 = !dice.one_in(4);
        rig.server.eager = dice.one_in(2);
        let mut walk = Walk { rig, dice, in_order: true, ids: HashSet::new(), cores: 0 };
        let run = std::panic::AssertUnwindSafe(|| {
            let steps = 20 + walk.dice.roll(200);
            for _ in 0..steps {
                walk.step();
            }
            walk.rig.finish();
            walk.check_outcomes();
        });
        if let Err(panic) = std::panic::catch_unwind(run) {
            panic!("seed {seed}: {}", panic.downcast_ref::<String>().map_or("", String::as_str));
        }
    }
}
