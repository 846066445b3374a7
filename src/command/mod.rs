//! What a command means for its connection: whether it may be sent twice, whether it may block, and whether it changes the
//! connection's state. `classify` decides once per name; `refine` reads the arguments for the few names that need it.

mod class;
mod flags;
mod flags_generated;
mod tables;
mod walk;

pub use class::{classify, refine, Class, Kind};
pub use walk::arguments;
