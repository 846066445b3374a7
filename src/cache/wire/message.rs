//! The messages of the facade.

use crate::cache::ids::{CallId, LoadId, ParsedId, Reader, RepoId};
use crate::cache::payload::Payload;
use crate::cache::request::{LoadOutcome, Request};
use crate::store::entry::{Algorithm, Tag};

/// One message of the facade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A call.
    Call(CallId, Reader, Request),
    /// A loader's outcome.
    Loaded(LoadId, LoadOutcome),
    /// Tags that a loader adds.
    AddTags(CallId, LoadId, Vec<Tag>),
    /// A call was given up.
    Cancel(CallId),
    /// A parsed value is not kept any longer.
    Dropped(ParsedId),
    /// A near copy is wanted: the fill's number, the repository, the key, tags.
    NearFill(u32, RepoId, Vec<u8>, Vec<Tag>),
    /// The facade has let this near copy go.
    NearForget(Vec<u32>),
    /// A call's caller would rather have a stale value than wait any longer.
    Soften(CallId),
    /// A call that awaits a word may go on, or counts as never sent.
    Word(CallId, bool),
}

impl Message {
    /// The value that it brings to the store.
    pub(in crate::cache) fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Self::Call(_, _, Request::Set { payload, .. })
            | Self::Loaded(_, LoadOutcome::Value(payload) | LoadOutcome::ValueWith(payload, _)) => Some(payload),
            _ => None,
        }
    }
}

/// How a value is to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Its level, if it has levels.
    pub level: i32,
    /// Shorter values stay as they are.
    pub min_bytes: usize,
}

/// What is to be done with a message before the engine gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Handling {
    /// Pack its value.
    pub wish: Option<Wish>,
    /// Wait for [`Message::Word`].
    pub awaits_word: bool,
}

/// A message as it crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossed {
    /// The message.
    pub message: Message,
    /// What is to be done first.
    pub handling: Handling,
    /// How many bytes it took.
    pub length: usize,
}
