//! Values on their way to the store or to a caller.

use std::sync::Arc;

use super::ids::Codec;
use crate::store::entry::{self, Entry, Form};
use crate::store::{Id, Value};

/// A value on its way to the store, or to a caller: a part of the stored bytes, not a copy.
#[derive(Debug, Clone)]
pub struct Payload {
    raw: Value,
    from: usize,
    form: Form,
    /// The serializer of the caller, if a parsed value will do for it.
    pub(super) codec: Option<Codec>,
    /// Whether only the start of `raw` was read, so that nothing but the parsed value will do.
    pub(super) is_head: bool,
    is_unreadable: bool,
}

impl Payload {
    /// The bytes of `raw` from `from` on.
    pub fn new(raw: Value, from: usize, form: Form) -> Self {
        Self { raw, from, form, codec: None, is_head: false, is_unreadable: false }
    }

    /// The payload of this entry, whose bytes are `raw`.
    pub(super) fn of(raw: &Value, entry: &Entry<'_>) -> Self {
        Self::new(Value::clone(raw), entry.payload, entry.form)
    }

    /// The same; `is_head`: only the start of the entry was read.
    #[must_use]
    pub(super) fn with_head(self, is_head: bool) -> Self {
        Self { is_head, ..self }
    }

    /// The same, for a caller with this serializer.
    #[must_use]
    pub(super) fn decoded_by(self, codec: Option<Codec>) -> Self {
        Self { codec, ..self }
    }

    /// The stamp of the entry that it is a part of.
    pub(super) fn stamp(&self) -> Option<Id> {
        (self.from > 0).then(|| entry::name(&self.raw)).flatten()
    }

    /// In the place of one that cannot be unpacked.
    pub(super) fn unreadable() -> Self {
        Self { is_unreadable: true, ..Self::new(Value::default(), 0, Form::TEXT) }
    }

    /// Whether it has no value.
    pub const fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// The bytes that it is a part of.
    pub(super) const fn raw(&self) -> &Value {
        &self.raw
    }

    /// How many bytes the value has.
    pub(super) fn length(&self) -> usize {
        self.form.packed.map_or_else(|| self.as_bytes().len(), |packed| packed.length)
    }

    /// What the bytes are.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The value's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.raw.get(self.from..).unwrap_or_default()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        (self.form, self.is_unreadable) == (other.form, other.is_unreadable) && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Payload {}

impl From<Vec<u8>> for Payload {
    fn from(text: Vec<u8>) -> Self {
        Self::new(Arc::new(text), 0, Form::TEXT)
    }
}
