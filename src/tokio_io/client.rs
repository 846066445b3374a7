//! The handle to a link's task. It is cheap to clone and usable from any task. Dropping the last clone aborts the task.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::batch::Batch;
use super::pending::{Outcome, Request};
use super::socket::Endpoint;
use super::task::{Policy, Task, Wires};
use crate::conn::{LinkOptions, Message, State};
use crate::error::{Error, ErrorKind};
use crate::resp::Reply;

/// The number of batches that may wait for the task. When the queue is full, callers wait.
const QUEUE: usize = 1024;

/// The number of messages kept for a slow receiver. Beyond it, the receiver loses the oldest and learns how many it lost.
const MESSAGES: usize = 1 << 14;

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
}

struct Shared {
    messages: broadcast::Sender<Message>,
    state: watch::Receiver<State>,
    /// The deadline for draining, set when the task is told to stop.
    stop: watch::Sender<Option<Instant>>,
    task: JoinHandle<()>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Starts a link to `endpoint` as a task on the current runtime and connects. Commands sent before the link is ready
    /// wait in its queue.
    pub fn start(endpoint: Endpoint, options: LinkOptions, policy: Policy) -> Self {
        let (requests, taken) = mpsc::channel(QUEUE);
        let (messages, _) = broadcast::channel(MESSAGES);
        let (told, state) = watch::channel(State::Idle);
        let (stop, stopped) = watch::channel(None);
        let wires = Wires { requests: taken, messages: messages.clone(), state: told, stop: stopped };
        let task = tokio::spawn(Task::new(endpoint, options, policy, wires).run());
        Self { requests, shared: Arc::new(Shared { messages, state, stop, task }) }
    }

    /// Runs one command. A server error is a reply. An `Err` means that there will be no reply, and says whether the server
    /// may have run the command. Dropping the future does not cancel the command.
    pub async fn call<A: AsRef<[u8]>>(&self, parts: &[A]) -> Result<Reply, Error> {
        let outcomes = self.send(Batch::new().with(parts)).await?;
        outcomes.into_iter().next().unwrap_or_else(|| Err(gone()))
    }

    /// Runs a batch. Returns one outcome per command, in order, when the last one has arrived; `Err` if the client is closed.
    pub async fn send(&self, batch: Batch) -> Result<Vec<Outcome>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (done, outcomes) = oneshot::channel();
        self.requests.send(Request { batch, done }).await.map_err(|_| gone())?;
        outcomes.await.map_err(|_| gone())
    }

    /// The messages that this client's subscriptions receive from now on.
    pub fn messages(&self) -> broadcast::Receiver<Message> {
        self.shared.messages.subscribe()
    }

    /// The link's state.
    pub fn state(&self) -> State {
        *self.shared.state.borrow()
    }

    /// Closes the client. It accepts no more commands, waits up to `drain` for the commands under way, closes the connection
    /// and rejects the rest. Returns when the task has ended. Every clone may call this, more than once.
    pub async fn close(&self, drain: Duration) {
        let until = Instant::now() + drain;
        self.shared.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            *stop = stop.map_or(Some(until), |earlier| Some(earlier.min(until)));
            first || *stop == Some(until)
        });
        let mut state = self.shared.state.clone();
        // The task drops the sender when it ends.
        while state.changed().await.is_ok() {}
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::ConnectionClosed, "the client is closed")
}
