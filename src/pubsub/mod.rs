//! The messages of the invalidation bus. The client owns the subscription; the facade owns the listeners.

mod message;

pub use message::{Message, MessageKind};
