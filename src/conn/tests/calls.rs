//! What the tests send and what comes of it: commands with the flags of their calls, outcomes, and options for links.

use std::time::Duration;

use super::super::{LinkOptions, Reason, Resend, Sink};
use crate::command::Class;
use crate::resp::Reply;

/// What a caller was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Reply(Reply),
    Count(i64),
    Rejected(Reason, bool),
    /// The second word: whether the server may have run it.
    HandedBack(bool),
}

impl Outcome {
    pub fn text(&self) -> String {
        match self {
            Self::Reply(reply) => text(reply),
            Self::Count(n) => format!("count {n}"),
            Self::Rejected(Reason::Kind(kind), maybe) => format!("{}{}", kind.code(), if *maybe { "?" } else { "" }),
            Self::HandedBack(sent) => format!("back{}", if *sent { "?" } else { "" }),
            Self::Rejected(Reason::Server(text), _) => format!("-{text}"),
            Self::Rejected(Reason::NoDatabase(_), maybe) => format!("E_NO_DATABASE{}", if *maybe { "?" } else { "" }),
        }
    }
}

pub fn text(reply: &Reply) -> String {
    match reply {
        Reply::Error(e) => format!("-{}", String::from_utf8_lossy(e)),
        Reply::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("|"),
        Reply::Integer(n) => n.to_string(),
        Reply::Null => "null".to_owned(),
        other => String::from_utf8_lossy(other.as_bytes().unwrap_or_default()).into_owned(),
    }
}

/// A command with the flags of its call.
#[derive(Debug, Clone)]
pub struct Call {
    pub text: String,
    pub flags: u32,
}

pub fn call(text: &str) -> Call {
    Call { text: text.to_owned(), flags: 0 }
}

impl Call {
    pub fn tail(mut self) -> Self {
        self.flags |= Class::PIPELINE_TAIL;
        self
    }

    pub fn inside(mut self) -> Self {
        self.flags |= Class::IN_TRANSACTION;
        self
    }
}

/// The calls of a pipeline.
pub fn pipeline(texts: &[&str]) -> Vec<Call> {
    texts.iter().enumerate().map(|(i, text)| if i == 0 { call(text) } else { call(text).tail() }).collect()
}

/// The calls of `multi(...).exec()`.
pub fn transaction(texts: &[&str]) -> Vec<Call> {
    let mut calls = vec![call("multi")];
    calls.extend(texts.iter().map(|text| call(text).tail().inside()));
    calls.push(call("exec").tail().inside());
    calls
}

/// Options without a watchdog and a ready check, so that a test sees only what it is about.
pub fn quiet() -> LinkOptions {
    LinkOptions { watchdog: Duration::ZERO, ready_check: false, max_retries_per_request: None, ..LinkOptions::default() }
}

pub fn quiet_with(resend: Resend) -> LinkOptions {
    LinkOptions { resend, ..quiet() }
}

/// Wants no replies.
pub struct Nobody;

impl Sink for Nobody {
    fn reply(&mut self, id: u32, _: Class, _: u32, frame: &[u8]) {
        panic!("a reply to {id}: {}", frame.escape_ascii());
    }

    fn count(&mut self, id: u32, count: i64) {
        panic!("a count for {id}: {count}");
    }
}
