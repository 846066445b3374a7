//! The session against a simulated server: bytes in pieces, cuts anywhere, a clock of the test's own.

mod budgets;
mod cut;
mod links;
mod rig;
mod server;
mod stream;
