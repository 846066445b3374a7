//! The invalidation bus as far as it is not a subscription: what its messages are. Subscribing, and who listens, is the
//! client's and the facade's.

mod message;

pub use message::{Message, MessageKind};
