//! Whether the store is there and may be believed: its reign is read first, then what is owed is delivered, then reads are
//! trusted. Keeps the breaker informed.

use std::collections::VecDeque;
use std::time::Duration;

use super::breaker::Change;
use super::engine::{Awaited, Context, Engine};
use super::read::{Phase, Seek};
use super::timers::Timer;
use crate::clock::Instant;
use crate::store::{Op, Reign, StoreError, StoreReply, Ticket};

/// How often the origin is read again at most, and what is owed is sent again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it may change within a minute on links that live.
const FLIPS_MAX: usize = 5;
const FLIPS_WITHIN: Duration = Duration::from_secs(60);
/// How often the same trouble is told.
const TELL_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Down,
    /// The link is up; its reign is being read.
    Identifying,
    /// Writes may go. Reads wait for what is owed.
    Identified,
    /// All may go.
    Trusted,
}

/// The store's link.
#[derive(Debug)]
pub(super) struct Link {
    state: State,
    was_trusted: bool,
    reign: Reign,
    /// Counts reigns and links: a scan that has seen two of them starts again.
    pub epoch: u64,
    checked_at: Option<Instant>,
    is_checking: bool,
    /// Whether the origin that is on its way is the first of its link.
    is_first: bool,
    flips: VecDeque<Instant>,
    is_check_off: bool,
    told_at: Option<Instant>,
    has_warned: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            state: State::Down,
            was_trusted: false,
            reign: Reign::TRUSTING,
            epoch: 0,
            checked_at: None,
            is_checking: false,
            is_first: false,
            flips: VecDeque::new(),
            is_check_off: false,
            told_at: None,
            has_warned: false,
        }
    }
}

impl Link {
    /// Whether writes may go.
    pub(super) fn is_identified(&self) -> bool {
        matches!(self.state, State::Identified | State::Trusted)
    }

    /// Whether reads may go.
    pub(super) fn is_trusted(&self) -> bool {
        self.state == State::Trusted
    }

    /// Whether they ever could.
    pub(super) fn was_trusted(&self) -> bool {
        self.was_trusted
    }

    /// The reign on this link.
    pub(super) fn reign(&self) -> Reign {
        self.reign
    }
}

impl Engine {
    pub(super) fn link_up(&mut self, cx: &mut Context<'_>) {
        self.link.epoch += 1;
        self.link.state = State::Identifying;
        self.link.is_first = true;
        if self.config.trust_after_failover || self.link.is_check_off {
            self.link.reign = Reign::TRUSTING;
            self.identified(cx);
        } else {
            self.identify(cx);
        }
    }

    pub(super) fn link_down(&mut self, _cx: &mut Context<'_>) {
        self.link.state = State::Down;
        self.link.is_checking = false;
    }

    fn identify(&mut self, cx: &mut Context<'_>) {
        self.link.checked_at = Some(cx.now);
        self.link.is_checking = true;
        self.send(Op::Origin, Awaited::Origin);
    }

    pub(super) fn on_origin(&mut self, cx: &mut Context<'_>, answer: Result<StoreReply, StoreError>) {
        self.link.is_checking = false;
        if self.link.state == State::Down {
            return;
        }
        let origin = match answer {
            Ok(StoreReply::Origin { origin, master: true }) => origin,
            Ok(StoreReply::Origin { .. }) => {
                // A replica's data is not the last word, and it refuses writes.
                self.link.state = State::Identifying;
                self.tell(cx, "the cache's server is a replica; the cache is not used until it is a master".to_owned());
                return self.look_at_link_later(cx);
            }
            Err(StoreError::Cut { .. } | StoreError::NotSent) => return,
            Err(error) if error.is_passing() => return self.look_at_link_later(cx),
            _ => {
                if !self.link.has_warned {
                    self.link.has_warned = true;
                    let text = "INFO is refused, so a failover cannot be noticed and values from before it may come back; \
                                allow INFO, or accept this with afterFailover: 'trust'";
                    self.event(None, "warning", text);
                }
                crate::store::Origin::EMPTY
            }
        };
        let changed = self.link.reign != Reign { origin, checked: true };
        if changed {
            self.link.reign = Reign { origin, checked: true };
            self.link.epoch += 1;
            if !self.link.is_first {
                self.note_flip(cx);
            }
        }
        self.link.is_first = false;
        if self.link.state == State::Identifying {
            self.identified(cx);
        }
    }

    /// The origin has changed on a link that lives.
    fn note_flip(&mut self, cx: &mut Context<'_>) {
        let since = cx.now - FLIPS_WITHIN;
        self.link.flips.push_back(cx.now);
        self.link.flips.retain(|flip| *flip >= since);
        if self.link.flips.len() > FLIPS_MAX {
            self.link.is_check_off = true;
            self.link.reign = Reign::TRUSTING;
            let text = "the server's replication id changes all the time (a proxy?); values from before a failover may come back";
            self.event(None, "originCheckOff", text);
        }
    }

    fn identified(&mut self, cx: &mut Context<'_>) {
        self.link.state = State::Identified;
        // An answer to the first question is the trial's success.
        self.answered();
        self.pay(cx);
        for (entry, token) in std::mem::take(&mut self.orphans) {
            self.give_back(entry, token);
        }
        self.resume_writes(cx);
        self.trust(cx);
    }

    /// Lets reads go if nothing is owed any more.
    pub(super) fn trust(&mut self, cx: &mut Context<'_>) {
        if self.debts.block() {
            if self.link.state == State::Trusted {
                self.link.state = State::Identified;
            }
            return;
        }
        if self.link.state != State::Identified {
            return;
        }
        self.link.state = State::Trusted;
        self.link.was_trusted = true;
        let deadline = cx.now + self.config.command_timeout;
        for (id, seek) in &mut self.seeks {
            if seek.phase == Phase::Queued {
                seek.deadline = deadline;
                self.timers.set(deadline, Timer::Seek(*id));
            }
        }
    }

    /// Reads the origin again, if that was not done within the last second, because `seek` has met another one. Says whether
    /// `seek` should read again after that.
    pub(super) fn recheck(&mut self, cx: &mut Context<'_>, seek: &mut Seek) -> bool {
        if seek.rechecked || !self.link.reign.checked {
            return false;
        }
        seek.rechecked = true;
        if self.link.is_checking {
            return true;
        }
        let due = self.link.checked_at.is_none_or(|at| cx.now.since(at) >= LOOK_EVERY);
        if due {
            self.identify(cx);
        }
        due
    }

    pub(super) fn look_at_link_later(&mut self, cx: &mut Context<'_>) {
        self.trust(cx);
        self.timers.set(cx.now + LOOK_EVERY, Timer::Link);
    }

    pub(super) fn link_due(&mut self, cx: &mut Context<'_>) {
        match self.link.state {
            State::Down => {}
            State::Identifying if self.link.is_checking => {}
            State::Identifying => self.identify(cx),
            State::Identified | State::Trusted => self.pay(cx),
        }
    }

    /// The store has answered in time.
    pub(super) fn answered(&mut self) {
        if self.breaker.answered() == Some(Change::Closed) {
            self.event(None, "breaker", "closed");
        }
    }

    /// The store has not answered in time. One silence counts once.
    pub(super) fn timed_out(&mut self, cx: &mut Context<'_>, ticket: Option<Ticket>) {
        if ticket.is_some() && self.counted == ticket {
            return;
        }
        self.counted = ticket.or(self.counted);
        if let Some(Change::Opened(pause)) = self.breaker.timed_out(cx.now) {
            self.event(None, "breaker", format!("open for {} ms", pause.as_millis()));
        }
    }

    /// The store has refused something that nobody fails for.
    pub(super) fn refused(&mut self, cx: &mut Context<'_>, error: &StoreError) {
        if matches!(error, StoreError::Refused(_) | StoreError::Unexpected) {
            self.tell(cx, format!("the cache goes without its store: {error}"));
        }
    }

    fn tell(&mut self, cx: &mut Context<'_>, text: String) {
        if self.link.told_at.is_none_or(|at| cx.now.since(at) >= TELL_EVERY) {
            self.link.told_at = Some(cx.now);
            self.event(None, "warning", text);
        }
    }
}
