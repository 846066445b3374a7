//! What is fuzzed: one function per target. `cargo fuzz` calls it from `fuzz/`, and `cargo test` from `fuzz.rs`, which also replays the
//! corpus. A function panics where a property does not hold.

mod entries;
mod input;
mod link;
mod resp;
mod router;

pub use entries::entries;
pub use link::link;
pub use resp::resp;
pub use router::router;
