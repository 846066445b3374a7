//! The replies of one read: their values in order, the commands they answer, and which of them are errors.

use std::time::Duration;

use napi::bindgen_prelude::Unknown;
use napi::sys::napi_value;

use super::values::Values;
use crate::command::{Class, Kind};
use crate::conn::Sink;
use crate::resp;

/// A command has no deadline.
const NO_DEADLINE: u32 = u32::MAX;

/// A duration in milliseconds, as far as 32 bits hold it.
pub fn millis32(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(NO_DEADLINE).min(NO_DEADLINE - 1)
}

/// What JavaScript can ask about the replies of the last read.
#[derive(Debug, Default)]
pub struct Answered {
    /// The number of each reply's command.
    pub ids: Vec<u32>,
    /// Three words for each failed command: the index of its reply, which is an error text or an Error, the database for which
    /// the command was sent, and the milliseconds until its deadline (`NO_DEADLINE`: it has none).
    pub errors: Vec<u32>,
}

impl Answered {
    pub fn clear(&mut self) {
        self.ids.clear();
        self.errors.clear();
    }

    /// The number of the first command that was answered.
    pub fn first_id(&self) -> u32 {
        self.ids.first().copied().unwrap_or(0)
    }

    /// Whether the commands are not numbered consecutively.
    pub fn is_sparse(&self) -> bool {
        let first = self.first_id();
        self.ids.iter().zip(0u32..).any(|(id, n)| *id != first.wrapping_add(n))
    }
}

/// Converts replies to values as they complete.
pub struct Collect<'a, 'v> {
    values: Values<'v>,
    replies: Vec<napi_value>,
    answered: &'a mut Answered,
    /// The milliseconds until the deadline of the next error's command.
    left: u32,
}

impl<'a, 'v> Collect<'a, 'v> {
    /// A sink that builds `values` and records in `answered` which commands they belong to.
    pub fn new(values: Values<'v>, answered: &'a mut Answered) -> Self {
        answered.clear();
        Self { values, replies: Vec::with_capacity(answered.ids.capacity()), answered, left: NO_DEADLINE }
    }

    /// The values as one array.
    pub fn into_array(self) -> Unknown<'static> {
        let array = self.values.array(&self.replies);
        self.values.returned(array)
    }

    /// The reply is an error, or JavaScript cannot hold it.
    #[cold]
    fn failed(&mut self, class: Class, db: u32, frame: &[u8], outcome: Result<napi_value, napi_value>) -> napi_value {
        // The transaction has run, and each item belongs to another command.
        if outcome.is_err() && class.kind() == Kind::Exec && !resp::is_error(frame) {
            return self.values.items(frame, class.has(Class::BUFFERS));
        }
        let left = std::mem::replace(&mut self.left, NO_DEADLINE);
        self.answered.errors.extend([self.replies.len() as u32, db, left]);
        outcome.unwrap_or_else(|error| error)
    }
}

impl Sink for Collect<'_, '_> {
    fn left(&mut self, left: Duration) {
        self.left = millis32(left);
    }

    fn reply(&mut self, id: u32, class: Class, db: u32, frame: &[u8]) {
        let buffers = class.has(Class::BUFFERS);
        let value = match self.values.reply(frame, buffers) {
            Ok(value) if !resp::is_error(frame) => value,
            outcome => self.failed(class, db, frame, outcome),
        };
        self.answered.ids.push(id);
        self.replies.push(value);
    }

    fn count(&mut self, id: u32, count: i64) {
        self.answered.ids.push(id);
        let value = self.values.count(count);
        self.replies.push(value);
    }
}
