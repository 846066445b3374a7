//! Finds a server through Sentinel: whom to ask and in which order, what an answer is worth, when to ask again, whom to listen to.
//! The room knows no socket, no clock and no bytes: a driver reports answers and events ([`SentinelInput`]) and does what the steps
//! say ([`SentinelStep`]).
//!
//! | file | owns |
//! |---|---|
//! | `machine` | the inputs, and the server that was found |
//! | `search` | one search: who is asked now, who comes next, when to start over |
//! | `roster` | the Sentinels that are known, in the order they are asked in |
//! | `watching` | the Sentinels that are listened to, and what their announcements mean |
//! | `answers` | reads replies |
//! | `replicas` | chooses a replica |
//!
//! [`SentinelInput`]: crate::contract::SentinelInput
//! [`SentinelStep`]: crate::contract::SentinelStep

mod answers;
mod machine;
mod replicas;
mod roster;
mod search;
mod watching;

#[cfg(test)]
mod tests;

pub use machine::Sentinel;
