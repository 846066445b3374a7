//! The machine, step by step and at random.

mod sim;
mod steps;
