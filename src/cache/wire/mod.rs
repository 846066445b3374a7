//! Requests and decisions as they cross into Node.js (`docs/design/contract.md`): calls come as RESP arrays of strings, `getOrSet` in a
//! shorter form; decisions leave as flat slots. No input makes it panic.
//!
//! | file | owns |
//! |---|---|
//! | `message` | what comes across: messages, and what is to be done with them first |
//! | `parse`, `parts` | from bytes to a message; the parts of one array |
//! | `readings` | all messages, and the form that `getOrSet` has |
//! | `slots` | from a decision to its slots |

mod message;
mod parse;
mod parts;
mod readings;
mod slots;
#[cfg(test)]
mod tests;

pub use message::{Crossed, Handling, Message, Wish};
pub use readings::Messages;
pub use slots::{counted_as, slots, Slot};
