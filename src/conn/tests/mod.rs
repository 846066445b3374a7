//! The link against a scripted server, without a socket and with a clock of the test's own.

mod calls;
mod core;
mod credentials;
mod cut;
mod databases;
mod hand_back;
mod handshake;
mod lifecycle;
mod pubsub;
mod queues;
mod random;
mod replicas;
mod rig;
mod server;
mod transactions;
mod watch;
mod watches;
