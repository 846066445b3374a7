//! The work of packing and unpacking, as a value that may go to another thread.

use super::codec;
use crate::cache::payload::Payload;
use crate::cache::wire::Wish;
use crate::store::entry::{Form, Packed};
use crate::store::Value;

/// What is to be done with a payload.
#[derive(Debug, Clone)]
pub enum Work {
    /// It is to be stored.
    Pack(Payload, Wish),
    /// It was stored.
    Unpack(Payload),
}

impl Work {
    /// Does it. `None`: there is no shorter form, or no value.
    pub fn run(&self) -> Option<Payload> {
        match self {
            Self::Pack(payload, Wish { algorithm, level, .. }) => {
                let bytes = codec::pack(*algorithm, *level, payload.as_bytes())?;
                let packed = Packed { algorithm: *algorithm, length: payload.as_bytes().len() };
                Some(Payload::new(Value::new(bytes), 0, Form { packed: Some(packed), ..payload.form() }))
            }
            Self::Unpack(payload) => {
                let bytes = codec::unpack(payload.form().packed?, payload.as_bytes())?;
                Some(Payload::new(Value::new(bytes), 0, Form::plain(payload.form().content)))
            }
        }
    }
}

/// Work for another thread.
#[derive(Debug)]
pub struct Job {
    pub(super) id: u32,
    pub(super) work: Work,
}

impl Job {
    /// Does it.
    pub fn run(&self) -> Finished {
        Finished { id: self.id, payload: self.work.run() }
    }

    /// It could not be done.
    pub fn failed(&self) -> Finished {
        Finished { id: self.id, payload: None }
    }
}

/// The result of a job.
#[derive(Debug)]
pub struct Finished {
    pub(super) id: u32,
    pub(super) payload: Option<Payload>,
}
