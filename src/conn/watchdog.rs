//! Tells a dead connection from a busy server, by evidence about this connection alone. Silence proves nothing: a script of
//! fifteen seconds is silent too. Two things do:
//!
//! - *Others are answered.* Only what a server answers at once is due, two periods have passed in silence, and a second
//!   connection to the same node, made and authenticated like this one, is answered. A server that has just come back to itself
//!   answers both in any order, so this one may still speak for a while.
//! - *Nobody acknowledges what was sent.* The transport says so, whatever is due.

use std::time::Duration;

use super::output::Transport;
use crate::clock::Instant;

/// What the server owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing, and it may be sent a PING.
    Nothing,
    /// Replies that it gives at once.
    Quick,
    /// A reply that may take any time; or nothing, and it may not be asked.
    Open,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// Nothing: it is too early to look.
    Wait,
    /// Ask the transport.
    AskTransport,
    /// Send a PING, and ask the transport.
    AskServer,
    /// Try a second connection, and ask the transport.
    Probe,
    /// The link is dead.
    GiveUp,
}

/// How long a link may stay silent after the second connection was answered.
const GRACE: Duration = Duration::from_secs(1);

/// How long bytes may stay unacknowledged, from the first look that found some, before the connection is dead. With the
/// periods before that look, about 15 seconds.
const UNACKNOWLEDGED: Duration = Duration::from_secs(12);

/// The resolution of a transport's times.
const GRAIN: Duration = Duration::from_millis(100);

/// First pause before a server that refused to be asked is asked again; it doubles with each refusal.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is known to be overdue.
    Quiet,
    /// A quick reply has been due for a while.
    Asked,
    /// A second connection is tried.
    Probing,
    /// The second connection was answered.
    Condemned,
}

/// The watch over one connection.
#[derive(Debug)]
pub struct Watchdog {
    period: Duration,
    stage: Stage,
    next: Instant,
    /// The first look that found unacknowledged bytes, if no acknowledgement has come since.
    stalled: Option<Instant>,
    knows_transport: bool,
    /// How often in a row the server refused to be asked, and until when it is left alone.
    refusals: u32,
    left_alone: Instant,
}

impl Watchdog {
    /// A watch that looks after `period` of silence; zero: never.
    pub fn new(period: Duration) -> Self {
        let zero = Instant::default();
        Self { period, stage: Stage::Quiet, next: zero, stalled: None, knows_transport: false, refusals: 0, left_alone: zero }
    }

    /// Bytes arrived, or the connection is new.
    pub fn heard(&mut self, now: Instant) {
        self.stage = Stage::Quiet;
        self.stalled = None;
        self.next = now + self.period;
    }

    /// When to look again.
    pub fn next(&self) -> Option<Instant> {
        (!self.period.is_zero()).then_some(self.next)
    }

    /// The server's answer to a PING, which proves that it is alive in any case. If it refuses, it is asked less often.
    pub fn answered(&mut self, is_refusal: bool, now: Instant) {
        if is_refusal {
            self.left_alone = now + LONGEST_PAUSE.min(REFUSED_PAUSE * (1 << self.refusals.min(6)));
            self.refusals += 1;
        } else {
            self.refusals = 0;
            self.left_alone = now;
        }
    }

    /// Whether the server may be asked.
    pub fn may_ask(&self, now: Instant) -> bool {
        now >= self.left_alone
    }

    /// Looks. Call it at `next`.
    pub fn look(&mut self, now: Instant, due: Due) -> Advice {
        if self.next().is_none_or(|at| now < at) {
            return Advice::Wait;
        }
        self.next = now + self.period;
        let (stage, advice) = match (due, self.stage) {
            // Earlier findings were about another reply than the one that is due now.
            (Due::Open, _) => (Stage::Quiet, Advice::AskTransport),
            (Due::Nothing, Stage::Quiet) => (Stage::Asked, Advice::AskServer),
            (Due::Quick, Stage::Quiet) => (Stage::Asked, Advice::AskTransport),
            (_, Stage::Asked) => (Stage::Probing, Advice::Probe),
            (_, Stage::Probing) => (Stage::Probing, Advice::AskTransport),
            (_, Stage::Condemned) => (Stage::Condemned, Advice::GiveUp),
        };
        self.stage = stage;
        advice
    }

    /// The outcome of the second connection: whether it was answered. No other outcome proves anything.
    pub fn probed(&mut self, is_answered: bool, now: Instant) {
        if self.stage != Stage::Probing {
            return;
        }
        let (stage, wait) = if is_answered { (Stage::Condemned, GRACE) } else { (Stage::Asked, self.period) };
        self.stage = stage;
        self.next = now + wait;
    }

    /// What the transport says. Whether nobody is there.
    pub fn transport(&mut self, transport: Transport, now: Instant) -> bool {
        self.knows_transport = transport != Transport::Unknown;
        let Transport::Waiting { last_acknowledgement } = transport else {
            self.stalled = None;
            return false;
        };
        if self.stage == Stage::Probing && last_acknowledgement < self.period {
            // What is due is still on its way to the server.
            self.stage = Stage::Quiet;
        }
        let since = *self.stalled.get_or_insert(now);
        if last_acknowledgement + GRAIN < now.since(since) {
            self.stalled = Some(now);
            return false;
        }
        now.since(since) >= UNACKNOWLEDGED
    }

    /// Whether the transport tells what has arrived.
    pub const fn knows_transport(&self) -> bool {
        self.knows_transport
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(s: u64) -> Instant {
        Instant::from_millis(s * 1000)
    }

    const fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    const fn waiting(s: u64) -> Transport {
        Transport::Waiting { last_acknowledgement: seconds(s) }
    }

    fn dog() -> Watchdog {
        let mut dog = Watchdog::new(seconds(4));
        dog.heard(at(0));
        dog
    }

    #[test]
    fn a_silent_link_is_asked_then_probed_then_given_up() {
        let mut dog = dog();
        assert_eq!(dog.look(at(3), Due::Nothing), Advice::Wait);
        assert_eq!(dog.look(at(4), Due::Nothing), Advice::AskServer);
        assert_eq!(dog.look(at(7), Due::Quick), Advice::Wait);
        assert_eq!(dog.look(at(8), Due::Quick), Advice::Probe);
        dog.probed(true, at(9));
        assert_eq!(dog.next(), Some(at(10)), "it may be answered at the same moment");
        assert_eq!(dog.look(at(10), Due::Quick), Advice::GiveUp);
    }

    #[test]
    fn a_second_connection_that_is_not_answered_proves_nothing() {
        let mut dog = dog();
        dog.look(at(4), Due::Quick);
        for s in [8, 12, 16, 20, 24] {
            assert_eq!(dog.look(at(s), Due::Quick), Advice::Probe);
            dog.probed(false, at(s));
        }
    }

    #[test]
    fn what_is_heard_during_a_probe_makes_it_void() {
        let mut dog = dog();
        dog.look(at(4), Due::Quick);
        dog.look(at(8), Due::Quick);
        dog.heard(at(9));
        dog.probed(true, at(9));
        assert_eq!(dog.look(at(13), Due::Quick), Advice::AskTransport);
    }

    #[test]
    fn a_reply_that_may_take_long_is_not_judged_at_any_stage() {
        for stage in 0..4 {
            let mut dog = dog();
            if stage > 0 {
                dog.look(at(4), Due::Quick);
            }
            if stage > 1 {
                dog.look(at(8), Due::Quick);
            }
            if stage > 2 {
                dog.probed(true, at(8));
            }
            for s in [20, 30, 60] {
                assert_eq!(dog.look(at(s), Due::Open), Advice::AskTransport, "stage {stage}");
                dog.probed(true, at(s));
            }
            assert_eq!(dog.look(at(90), Due::Nothing), Advice::AskServer, "asked before it is judged");
            assert_eq!(dog.look(at(94), Due::Quick), Advice::Probe);
        }
    }

    #[test]
    fn a_thread_that_slept_asks_first() {
        assert_eq!(dog().look(at(100), Due::Nothing), Advice::AskServer);
    }

    #[test]
    fn bytes_that_nobody_acknowledges_prove_it_whatever_is_due() {
        let mut dog = dog();
        assert!(!dog.transport(waiting(50), at(4)), "they may have been written just now");
        assert!(!dog.transport(waiting(54), at(8)));
        assert!(!dog.transport(waiting(58), at(12)));
        assert!(dog.transport(waiting(62), at(16)));
    }

    #[test]
    fn an_acknowledgement_in_between_starts_the_count_again() {
        let mut dog = dog();
        dog.transport(waiting(1), at(4));
        dog.transport(waiting(5), at(8));
        assert!(!dog.transport(waiting(3), at(12)), "one came at 9");
        assert!(!dog.transport(waiting(11), at(20)));
        assert!(dog.transport(waiting(15), at(24)));
        assert!(!dog.transport(Transport::Delivered, at(25)));
        assert!(!dog.transport(waiting(40), at(26)), "all were acknowledged, and then others were written");
    }

    #[test]
    fn what_is_still_on_its_way_is_not_overdue() {
        let mut dog = dog();
        for s in [4, 8, 12, 16, 20, 24] {
            dog.look(at(s), Due::Quick);
            dog.transport(waiting(3), at(s));
            dog.probed(true, at(s));
        }
        assert_eq!(dog.look(at(28), Due::Quick), Advice::AskTransport);
        assert_eq!(dog.look(at(32), Due::Quick), Advice::Probe);
        dog.transport(Transport::Delivered, at(32));
        dog.probed(true, at(32));
        assert_eq!(dog.look(at(33), Due::Quick), Advice::GiveUp);
    }

    #[test]
    fn a_server_that_refuses_to_be_asked_is_asked_more_and_more_rarely() {
        let mut dog = dog();
        let mut asked = Vec::new();
        for s in 0..20_000 {
            if dog.may_ask(at(s)) {
                asked.push(s);
                dog.answered(true, at(s));
            }
        }
        assert_eq!(asked, [0, 60, 180, 420, 900, 1860, 3780, 7380, 10980, 14580, 18180]);
        dog.answered(false, at(20_000));
        assert!(dog.may_ask(at(20_000)));
    }
}
