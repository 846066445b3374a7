//! The handle to a link's task: cheap to clone, usable from any task. The last clone that goes takes the task with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::batch::Batch;
use super::pending::{Outcome, Request};
use super::socket::Endpoint;
use super::task::{Task, Wires};
use crate::conn::{LinkOptions, Message, State};
use crate::error::{Error, ErrorKind};
use crate::resp::Reply;

/// Asked after the `n`th connection in a row was lost or not made: how long to wait before the next, `None` to give up.
pub type Policy = Box<dyn FnMut(u32) -> Option<Duration> + Send>;

/// Batches that wait for the task. A caller who finds so many there waits, too.
const QUEUE: usize = 1024;

/// Messages kept for a receiver that is slow; it misses the oldest and is told how many.
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
    /// Until when the task may drain, once it is to end.
    stop: watch::Sender<Option<Instant>>,
    task: JoinHandle<()>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Starts a link to `endpoint` as a task of the present runtime and lets it connect. Commands issued before it is ready
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

    /// Runs one command. An error of the server is a reply; an `Err` says that there will be none, and whether the server may
    /// have run the command. To stop waiting does not take the command back.
    pub async fn call<A: AsRef<[u8]>>(&self, parts: &[A]) -> Result<Reply, Error> {
        let outcomes = self.send(Batch::new().with(parts)).await?;
        outcomes.into_iter().next().unwrap_or_else(|| Err(gone()))
    }

    /// Runs a batch: one outcome per command, in their order, when the last one has come. `Err` where the client is closed.
    pub async fn send(&self, batch: Batch) -> Result<Vec<Outcome>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (done, outcomes) = oneshot::channel();
        self.requests.send(Request { batch, done }).await.map_err(|_| gone())?;
        outcomes.await.map_err(|_| gone())
    }

    /// Messages to this client's subscriptions, from now on.
    pub fn messages(&self) -> broadcast::Receiver<Message> {
        self.shared.messages.subscribe()
    }

    /// Where the link is.
    pub fn state(&self) -> State {
        *self.shared.state.borrow()
    }

    /// Closes the client: takes no more commands, waits up to `drain` for those it has, closes the connection, rejects the
    /// rest. Returns when the task has ended. May be called again, by every clone.
    pub async fn close(&self, drain: Duration) {
        let until = Instant::now() + drain;
        self.shared.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            *stop = stop.map_or(Some(until), |earlier| Some(earlier.min(until)));
            first || *stop == Some(until)
        });
        let mut state = self.shared.state.clone();
        // The task's end drops the sender.
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
