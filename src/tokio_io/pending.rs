//! Callers that wait for commands. Outcomes are collected per batch, and the caller gets them when all have arrived.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::command::{arguments, Class};
use crate::conn::{Reason, Sink};
use crate::error::{Error, ErrorKind};
use crate::resp::Reply;

use super::batch::Batch;

/// The outcome of one command. A server error is a reply.
pub type Outcome = Result<Reply, Error>;

/// A batch and the channel for its outcomes.
#[derive(Debug)]
pub struct Request {
    pub batch: Batch,
    pub done: oneshot::Sender<Vec<Outcome>>,
}

#[derive(Debug)]
struct Waiting {
    outcomes: Vec<Option<Outcome>>,
    missing: usize,
    names: Vec<String>,
    done: oneshot::Sender<Vec<Outcome>>,
}

/// Batches that still miss outcomes.
#[derive(Debug)]
pub struct Pending {
    node: String,
    next_id: u32,
    /// The batch of each command, and the command's index in it.
    commands: HashMap<u32, (u32, usize)>,
    batches: HashMap<u32, Waiting>,
}

impl Pending {
    /// No batches yet. `node` appears in error messages.
    pub fn new(node: String) -> Self {
        Self { node, next_id: 0, commands: HashMap::new(), batches: HashMap::new() }
    }

    /// Adds a batch. Its commands are numbered consecutively from the returned id.
    pub fn add(&mut self, batch: &Batch, done: oneshot::Sender<Vec<Outcome>>) -> u32 {
        let first = self.next_id;
        let mut names = Vec::with_capacity(batch.len());
        let mut start = 0;
        for words in batch.meta.chunks_exact(2) {
            let end = start + words[0] as usize;
            let name = arguments(&batch.bytes[start..end]).next().unwrap_or_default();
            self.commands.insert(self.next_id, (first, names.len()));
            names.push(String::from_utf8_lossy(name).to_uppercase());
            self.next_id = self.next_id.wrapping_add(1);
            start = end;
        }
        let waiting = Waiting { outcomes: vec![None; batch.len()], missing: batch.len(), names, done };
        self.batches.insert(first, waiting);
        first
    }

    /// Rejects the command `id`: it will get no reply.
    pub fn reject(&mut self, id: u32, reason: &Reason, maybe_executed: bool) {
        let Some((batch, index)) = self.commands.get(&id) else { return };
        let name = self.batches.get(batch).map_or("", |waiting| waiting.names[*index].as_str());
        let (kind, why) = match reason {
            Reason::Kind(kind) => (*kind, explain(*kind)),
            Reason::Server(text) => (ErrorKind::Reply, &**text),
            Reason::NoDatabase(text) => (ErrorKind::NoDatabase, &**text),
        };
        let error = Error::new(kind, format!("{name} to {}: {why}", self.node)).maybe_executed(maybe_executed);
        self.settle(id, Err(error));
    }

    fn settle(&mut self, id: u32, outcome: Outcome) {
        let Some((batch, index)) = self.commands.remove(&id) else { return };
        let Some(waiting) = self.batches.get_mut(&batch) else { return };
        waiting.outcomes[index] = Some(outcome);
        waiting.missing -= 1;
        if waiting.missing > 0 {
            return;
        }
        if let Some(waiting) = self.batches.remove(&batch) {
            // The caller may have stopped waiting.
            let _ = waiting.done.send(waiting.outcomes.into_iter().flatten().collect());
        }
    }
}

impl Sink for Pending {
    fn reply(&mut self, id: u32, _: Class, _: u32, frame: &[u8]) {
        self.settle(id, Ok(Reply::parse(frame)));
    }

    fn count(&mut self, id: u32, count: i64) {
        self.settle(id, Ok(Reply::Integer(count)));
    }
}

const fn explain(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Timeout => "no reply within its time",
        ErrorKind::ConnectionClosed => "the connection is closed",
        ErrorKind::Aborted => "the connection was cut, and it may not be sent again",
        ErrorKind::MaxRetries => "the retries of one request are spent",
        ErrorKind::OfflineQueueOff => "not connected, and the offline queue is off",
        ErrorKind::QueueFull => "the queue is full",
        ErrorKind::Protocol => "the reply is not RESP, or exceeds a limit",
        ErrorKind::BadState => "not allowed while subscribed or monitoring",
        _ => "it failed",
    }
}
