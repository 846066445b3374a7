//! The class of a command: one word that JavaScript stores per name and passes back with every command of that name.

use super::flags::{self, flags_of};
use super::tables::{HANDSHAKE, HARMLESS, IDEMPOTENT_WRITES};
use super::walk::arguments;
use crate::contract::ClassBit;

const KIND_SHIFT: u32 = ClassBit::Kind.number().trailing_zeros();

/// A command's class as a packed word: bits 0 to 7 are properties, bits 8 to 15 its `Kind`, and bits 16 and up belong to a
/// single call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Class(u32);

/// What a command does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// Selects a database.
    Select,
    /// Opens a transaction.
    Multi,
    /// Runs a transaction.
    Exec,
    /// Drops a transaction.
    Discard,
    /// Asks the server to close the connection.
    Quit,
    /// Turns the connection into a stream of what the server runs.
    Monitor,
    /// SUBSCRIBE
    Subscribe,
    /// PSUBSCRIBE
    PatternSubscribe,
    /// SSUBSCRIBE
    ShardSubscribe,
    /// UNSUBSCRIBE
    Unsubscribe,
    /// PUNSUBSCRIBE
    PatternUnsubscribe,
    /// SUNSUBSCRIBE
    ShardUnsubscribe,
    /// RESET: returns the connection to its initial state.
    Reset,
    /// PING, which a subscriber in RESP2 may also send.
    Ping,
    /// Guards the next transaction.
    Watch,
    /// Drops that guard.
    Unwatch,
}

impl Kind {
    /// Whether the server answers it with one confirmation for each channel.
    pub const fn is_subscription(self) -> bool {
        matches!(
            self,
            Self::Subscribe
                | Self::PatternSubscribe
                | Self::ShardSubscribe
                | Self::Unsubscribe
                | Self::PatternUnsubscribe
                | Self::ShardUnsubscribe
        )
    }

    /// Whether a RESP2 subscriber may send it. None of these commands depends on the database.
    pub const fn is_for_subscribers(self) -> bool {
        self.is_subscription() || matches!(self, Self::Ping | Self::Quit | Self::Reset)
    }
}

const KINDS: [Kind; 17] = [
    Kind::Plain,
    Kind::Select,
    Kind::Multi,
    Kind::Exec,
    Kind::Discard,
    Kind::Quit,
    Kind::Monitor,
    Kind::Subscribe,
    Kind::PatternSubscribe,
    Kind::ShardSubscribe,
    Kind::Unsubscribe,
    Kind::PatternUnsubscribe,
    Kind::ShardUnsubscribe,
    Kind::Reset,
    Kind::Ping,
    Kind::Watch,
    Kind::Unwatch,
];

impl Class {
    /// Sending it twice has the same effect as sending it once: reads and last-write-wins writes.
    pub const IDEMPOTENT: u32 = ClassBit::Idempotent.number();
    /// May block at the server for as long as its caller asked.
    pub const BLOCKING: u32 = ClassBit::Blocking.number();
    /// The class depends on the arguments: see `refine`.
    pub const INSPECT: u32 = ClassBit::Inspect.number();
    /// The server accepts it while it loads its data.
    pub const LOADING: u32 = ClassBit::Loading.number();
    /// A read that servers call fast and that no module implements.
    pub const QUICK: u32 = ClassBit::Quick.number();
    /// Per call: the caller wants the reply as Buffers.
    pub const BUFFERS: u32 = ClassBit::Buffers.number();
    /// Per call: not the first command of its pipeline.
    pub const PIPELINE_TAIL: u32 = ClassBit::PipelineTail.number();
    /// Per call: between MULTI and EXEC, including EXEC.
    pub const IN_TRANSACTION: u32 = ClassBit::InTransaction.number();

    /// The class from the word that JavaScript passed back.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The packed word.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether `bit` is set.
    pub const fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }

    /// What it does to the connection.
    pub fn kind(self) -> Kind {
        KINDS.get(((self.0 & ClassBit::Kind.number()) >> KIND_SHIFT) as usize).copied().unwrap_or(Kind::Plain)
    }

    /// The same class with another kind.
    #[must_use]
    pub const fn with_kind(self, kind: Kind) -> Self {
        Self(self.0 & !ClassBit::Kind.number() | (kind as u32) << KIND_SHIFT)
    }

    /// The same class with `bit` set or cleared.
    #[must_use]
    pub const fn with(self, bit: u32, set: bool) -> Self {
        Self(if set { self.0 | bit } else { self.0 & !bit })
    }
}

/// The class of the command `name`, in upper or lower case. An unknown command is plain and not idempotent.
pub fn classify(name: &str) -> Class {
    let name = name.to_ascii_lowercase();
    let name = name.as_str();
    let flags = flags_of(name);
    let is_read = flags & flags::READONLY != 0;
    let class = Class::default()
        .with_kind(kind_of(name))
        .with(Class::IDEMPOTENT, is_read || HARMLESS.contains(&name) || IDEMPOTENT_WRITES.contains(&name))
        .with(Class::BLOCKING, flags & flags::BLOCKING != 0)
        .with(Class::LOADING, flags & flags::LOADING != 0 || HANDSHAKE.contains(&name))
        .with(Class::QUICK, is_read && flags & flags::FAST != 0 && flags & flags::MODULE == 0);
    let inspect = matches!(
        name,
        "xread" | "xreadgroup" | "set" | "zadd" | "script" | "client" | "bitop" | "zunionstore" | "zinterstore" | "zrangestore"
    );
    class.with(Class::INSPECT, inspect)
}

fn kind_of(name: &str) -> Kind {
    match name {
        "select" => Kind::Select,
        "multi" => Kind::Multi,
        "exec" => Kind::Exec,
        "discard" => Kind::Discard,
        "quit" => Kind::Quit,
        "monitor" => Kind::Monitor,
        "subscribe" => Kind::Subscribe,
        "psubscribe" => Kind::PatternSubscribe,
        "ssubscribe" => Kind::ShardSubscribe,
        "unsubscribe" => Kind::Unsubscribe,
        "punsubscribe" => Kind::PatternUnsubscribe,
        "sunsubscribe" => Kind::ShardUnsubscribe,
        "reset" => Kind::Reset,
        "ping" => Kind::Ping,
        "watch" => Kind::Watch,
        "unwatch" => Kind::Unwatch,
        _ => Kind::Plain,
    }
}

/// The class of one command. Reads its arguments where the name alone does not decide. `command` is its RESP.
pub fn refine(class: Class, command: &[u8]) -> Class {
    if !class.has(Class::INSPECT) {
        return class;
    }
    let parts: Vec<&[u8]> = arguments(command).take(16).collect();
    let first_is = |words: &[&str]| parts.get(1).is_some_and(|p| words.iter().any(|w| p.eq_ignore_ascii_case(w.as_bytes())));
    let comes_again = |index: usize| {
        let mut rest = arguments(command).skip(index);
        rest.next().is_some_and(|part| rest.any(|other| other == part))
    };
    match parts.first().map(|name| name.to_ascii_lowercase()).as_deref() {
        // These block only with BLOCK, and their options end where the keys begin.
        Some(b"xread" | b"xreadgroup") => {
            let options = parts.iter().take_while(|p| !p.eq_ignore_ascii_case(b"streams"));
            let blocks = options.into_iter().any(|p| p.eq_ignore_ascii_case(b"block"));
            class.with(Class::BLOCKING, blocks)
        }
        // If a conditional write runs twice, its reply describes the second run.
        Some(b"set") => {
            let conditional = parts
                .iter()
                .skip(3)
                .any(|p| ["nx", "xx", "get", "ifeq", "ifne", "ifdeq", "ifdne"].iter().any(|w| p.eq_ignore_ascii_case(w.as_bytes())));
            class.with(Class::IDEMPOTENT, !conditional)
        }
        Some(b"zadd") => class.with(Class::IDEMPOTENT, !parts.iter().skip(2).any(|p| p.eq_ignore_ascii_case(b"incr"))),
        // If the destination is also a source, the second run builds on the first.
        Some(b"bitop") => class.with(Class::IDEMPOTENT, !comes_again(2)),
        Some(b"zunionstore" | b"zinterstore" | b"zrangestore") => class.with(Class::IDEMPOTENT, !comes_again(1)),
        Some(b"script") => class.with(Class::IDEMPOTENT, first_is(&["load", "exists"])),
        Some(b"client") => class.with(Class::IDEMPOTENT, !first_is(&["kill", "pause"])),
        _ => class,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Commands;

    fn class_of(parts: &[&str]) -> Class {
        let mut commands = Commands::new();
        commands.push(parts);
        let class = classify(parts[0]);
        let bytes = commands.iter().next().map(<[u8]>::to_vec);
        refine(class, &bytes.unwrap_or_default())
    }

    #[test]
    fn only_idempotent_commands_may_be_sent_twice() {
        for (parts, twice) in [
            (&["GET", "k"][..], true),
            (&["SET", "k", "v"], true),
            (&["SET", "k", "nx"], true),
            (&["SET", "k", "v", "NX"], false),
            (&["set", "k", "v", "EX", "10", "GET"], false),
            (&["INCR", "k"], false),
            (&["LPUSH", "k", "v"], false),
            (&["XADD", "k", "*", "a", "b"], false),
            (&["EVAL", "return 1", "0"], false),
            (&["DEL", "k"], true),
            (&["ZADD", "k", "1", "m"], true),
            (&["ZADD", "k", "INCR", "1", "m"], false),
            (&["PUBLISH", "c", "m"], false),
            (&["SCRIPT", "LOAD", "return 1"], true),
            (&["SCRIPT", "FLUSH"], false),
            (&["BITOP", "NOT", "a", "b"], true),
            (&["BITOP", "NOT", "a", "a"], false),
            (&["BITOP", "NOT"], true),
            (&["ZUNIONSTORE", "a", "2", "b", "c"], true),
            (&["ZUNIONSTORE", "a", "2", "b", "a"], false),
            (&["ZRANGESTORE", "a", "a", "1", "-1"], false),
            (&["json.get", "k"], false),
            (&["GETDEL", "k"], false),
            (&["SORT", "k"], false),
        ] {
            assert_eq!(class_of(parts).has(Class::IDEMPOTENT), twice, "{parts:?}");
        }
    }

    #[test]
    fn blocking_commands_are_recognized_by_name_and_arguments() {
        for (parts, blocks) in [
            (&["BLPOP", "k", "0"][..], true),
            (&["bzpopmin", "k", "0.5"], true),
            (&["XREAD", "BLOCK", "0", "STREAMS", "s", "$"], true),
            (&["XREAD", "COUNT", "1", "STREAMS", "block", "0"], false),
            (&["XREADGROUP", "GROUP", "g", "c", "BLOCK", "5", "STREAMS", "s", ">"], true),
            (&["WAIT", "1", "0"], true),
            (&["BLMOVEM", "a", "b", "LEFT", "RIGHT", "0", "COUNT", "2"], true),
            (&["GET", "block"], false),
        ] {
            assert_eq!(class_of(parts).has(Class::BLOCKING), blocks, "{parts:?}");
        }
    }

    #[test]
    fn what_is_answered_at_once() {
        for (parts, quick) in [
            (&["GET", "k"][..], true),
            (&["hmget", "k", "f"], true),
            (&["KEYS", "*"], false),
            (&["INCR", "k"], false),
            (&["PING"], false),
            (&["VCARD", "k"], false),
            (&["EVAL_RO", "return 1", "0"], false),
            (&["graph.ro_query", "g", "q"], false),
        ] {
            assert_eq!(class_of(parts).has(Class::QUICK), quick, "{parts:?}");
        }
    }

    #[test]
    fn a_kind_survives_its_packing() {
        for kind in KINDS {
            assert_eq!(Class::default().with(Class::BUFFERS, true).with_kind(kind).kind(), kind);
        }
        assert_eq!(classify("SSUBSCRIBE").kind(), Kind::ShardSubscribe);
        assert_eq!(Class::from_bits(0xff00).kind(), Kind::Plain);
    }
}
