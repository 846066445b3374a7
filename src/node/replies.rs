//! The replies of one read: their values in order, the commands they answer, and which of them are errors.

use napi::bindgen_prelude::Unknown;
use napi::sys::napi_value;

use super::values::Values;
use crate::command::Class;
use crate::conn::Sink;

/// What JavaScript can ask about the replies of the last read.
#[derive(Debug, Default)]
pub struct Answered {
    /// The number of each reply's command.
    pub ids: Vec<u32>,
    /// Two words for each error: its index among the replies, and the database for which its command was sent.
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
}

impl<'a, 'v> Collect<'a, 'v> {
    /// A sink that builds `values` and records in `answered` which commands they belong to.
    pub fn new(values: Values<'v>, answered: &'a mut Answered) -> Self {
        answered.clear();
        Self { values, replies: Vec::with_capacity(answered.ids.capacity()), answered }
    }

    /// The values as one array.
    pub fn into_array(self) -> Unknown<'static> {
        let array = self.values.array(&self.replies);
        self.values.returned(array)
    }
}

impl Sink for Collect<'_, '_> {
    fn reply(&mut self, id: u32, class: Class, db: u32, frame: &[u8]) {
        if matches!(frame[0], b'-' | b'!') {
            self.answered.errors.extend([self.replies.len() as u32, db]);
        }
        self.answered.ids.push(id);
        let value = self.values.reply(frame, class.has(Class::BUFFERS));
        self.replies.push(value);
    }

    fn count(&mut self, id: u32, count: i64) {
        self.answered.ids.push(id);
        let value = self.values.integer(count);
        self.replies.push(value);
    }
}
