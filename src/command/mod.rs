//! What a command is to the connection: whether it may be sent twice, whether it may block, whether it changes the state of
//! the connection. Decided once per name (`classify`), and again from the arguments for the few names that need it (`refine`).

mod class;
mod tables;
mod walk;

pub use class::{classify, refine, Class, Kind};
pub use walk::arguments;
