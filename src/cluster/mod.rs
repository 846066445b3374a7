//! Where a command of a cluster goes. Refusals, lost nodes, slot maps and timers go in; out come requests to open and close nodes, to ask for a map,
//! and to send, delay or reject commands. A command is named by a ticket; its bytes never come here.
//!
//! A driver looks a slot's node up in the table (`Cluster::entry`) and sends the command there by itself. Only what the table cannot place comes here.
//!
//! | file | owns |
//! |---|---|
//! | `slots` | the slot of a key; masters and shards of all slots |
//! | `map` | reads CLUSTER SLOTS, checks it as a whole |
//! | `address`, `nodes` | the nodes by number and address: role, link, who is up |
//! | `refusal` | reads MOVED, ASK and the other refusals |
//! | `router` | what a refusal or a lost node means for a command |
//! | `lanes` | the order of each slot's commands: when they wait, when they go on |
//! | `holds`, `fences`, `timers` | commands that wait; what a link has not answered; when to look again |
//! | `refresh` | when the map is read, and from whom |
//! | `board` | what the parts share: nodes, slots, the table, the outputs |
//! | `machine` | the cluster: routes between the parts |

mod address;
mod board;
mod choice;
mod fences;
mod holds;
mod lanes;
mod machine;
mod map;
mod nodes;
mod options;
mod output;
mod refresh;
mod refusal;
mod router;
mod slots;
mod timers;

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use machine::Cluster;
pub use map::{Map, Row, Source};
pub use nodes::NodeId;
pub use options::ClusterOptions;
pub use output::{FenceId, Output, RequestId, Ticket, Trail};
pub use router::Returned;
pub use slots::{slot_of, SLOTS};
