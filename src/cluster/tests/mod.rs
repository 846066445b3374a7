//! What a cluster does, step by step.

mod connecting;
mod losses;
mod redirects;
mod rig;
