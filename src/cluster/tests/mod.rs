//! What a cluster does, step by step.

mod connecting;
mod outages;
mod redirects;
mod rig;
