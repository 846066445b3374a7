//! The cluster under Node.js: JavaScript owns the clients of the nodes, reads the slot table by itself, and calls in with what the table cannot place.

use std::collections::{BTreeMap, BTreeSet};

use napi::bindgen_prelude::{Env, Uint16Array, Unknown};
use napi_derive::napi;

use super::actions::push_action;
use super::clock::now;
use super::entropy::seed;
use super::errors::{defect, thrown, Result};
use super::pinned::Pinned;
use super::values::{Maker, Values};
use crate::cluster::{Address, Cluster, ClusterOptions, FenceId, NodeId, RequestId, Returned, Ticket, Trail, SLOTS};
use crate::contract::{ClusterNodeNumber, ClusterState, TicketFlag};

/// The arrays that JavaScript reads.
struct Memory {
    table: Pinned<u16>,
    shards: Pinned<u16>,
    state: Pinned<f64>,
    /// `(...items) => items`
    array: Maker,
}

/// The router of one cluster. `lib/cluster` is its only user.
#[napi]
pub struct NativeCluster {
    cluster: Cluster,
    memory: Option<Memory>,
}

#[napi]
impl NativeCluster {
    /// A cluster with these options (JSON, see `ClusterSettings`).
    #[napi(constructor, catch_unwind)]
    pub fn new(options: String) -> Result<Self> {
        let options = ClusterOptions::from_json(&options).map_err(|error| thrown(&error))?;
        Ok(Self { cluster: Cluster::new(options, seed()), memory: None })
    }

    /// Pins the arrays: the node of each slot, the shard of each slot, the state. `array` is `(...items) => items`.
    #[napi(catch_unwind)]
    pub fn share(&mut self, env: Env, table: Unknown<'_>, shards: Unknown<'_>, state: Unknown<'_>, array: Unknown<'_>) -> Result<()> {
        let (table, shards) = (Pinned::new(env, &table)?, Pinned::new(env, &shards)?);
        let (state, array) = (Pinned::new(env, &state)?, Maker::new(env, &array)?);
        self.memory = Some(Memory { table, shards, state, array });
        self.write(0..SLOTS as u16);
        self.report();
        Ok(())
    }

    /// Connects by these nodes, addresses as a JSON array.
    #[napi(catch_unwind)]
    pub fn start(&mut self, addresses: String) -> Result<()> {
        let texts: Vec<String> = serde_json::from_str(&addresses).map_err(|_| defect("the start nodes are no JSON array of text"))?;
        let addresses: Option<Vec<Address>> = texts.iter().map(|text| Address::given(text)).collect();
        let addresses = addresses.ok_or_else(|| defect("the address of a start node has no host or no port"))?;
        self.cluster.start(addresses, now());
        self.report();
        Ok(())
    }

    /// Closes everything.
    #[napi(catch_unwind)]
    pub fn stop(&mut self) {
        self.cluster.stop();
        self.report();
    }

    /// Reads the slot map again.
    #[napi(catch_unwind)]
    pub fn refresh(&mut self) {
        self.cluster.refresh(now());
        self.report();
    }

    /// A reply to CLUSTER SLOTS as JSON, the epoch or a negative number, and what announced addresses are mapped to, as JSON or empty.
    #[napi(catch_unwind)]
    pub fn map_received(&mut self, request: u32, rows: String, epoch: f64, nat: String) -> Result<()> {
        let nat: BTreeMap<String, String> = match nat.as_str() {
            "" => BTreeMap::new(),
            json => serde_json::from_str(json).map_err(|_| defect("mapped addresses are no JSON object of text"))?,
        };
        let epoch = (epoch >= 0.0).then_some(epoch as u64);
        self.cluster.on_map(RequestId(request), &rows, epoch, &nat, now());
        self.report();
        Ok(())
    }

    /// A node did not give its map.
    #[napi(catch_unwind)]
    pub fn map_failed(&mut self, request: u32, text: String) {
        self.cluster.on_map_failed(RequestId(request), &text, now());
        self.report();
    }

    /// A node told the epoch of the cluster.
    #[napi(catch_unwind)]
    pub fn note_epoch(&mut self, epoch: f64) {
        self.cluster.note_epoch(epoch as u64);
    }

    /// A node's link is ready.
    #[napi(catch_unwind)]
    pub fn node_up(&mut self, node: u32) {
        self.cluster.node_up(NodeId(node as u16));
        self.report();
    }

    /// A node's link is lost and has handed back what it had; `ended`: it does not try again.
    #[napi(catch_unwind)]
    pub fn node_down(&mut self, node: u32, ended: bool) {
        self.cluster.node_down(NodeId(node as u16), ended, now());
        self.report();
    }

    /// A node does not answer.
    #[napi(catch_unwind)]
    pub fn node_silent(&mut self, node: u32) {
        self.cluster.node_silent(NodeId(node as u16), now());
        self.report();
    }

    /// A command whose slot's entry is no node.
    #[napi(catch_unwind)]
    pub fn route(&mut self, ticket: u32, slot: u32) {
        self.cluster.route(Ticket(ticket), slot as u16, now());
        self.report();
    }

    /// A server refused a command. False: the caller gets the error.
    #[allow(clippy::too_many_arguments, reason = "one crossing with what is known about the command")]
    #[napi(catch_unwind)]
    pub fn refused(&mut self, ticket: u32, node: u32, slot: i32, text: String, trail: f64, flags: u32, mapped: String) -> bool {
        let returned = returned(ticket, node, slot, trail, flags);
        let is_taken = self.cluster.refused(returned, &text, Address::given(&mapped), now());
        self.report();
        is_taken
    }

    /// A link handed a command back. False: the caller gets the error of a closed connection.
    #[napi(catch_unwind)]
    pub fn handed_back(&mut self, ticket: u32, node: u32, slot: i32, trail: f64, flags: u32) -> bool {
        let is_taken = self.cluster.handed_back(returned(ticket, node, slot, trail, flags), now());
        self.report();
        is_taken
    }

    /// Nobody waits for this command any more.
    #[napi(catch_unwind)]
    pub fn forget(&mut self, ticket: u32) {
        self.cluster.forget(Ticket(ticket));
    }

    /// Commands of these slots are not answered.
    #[napi(catch_unwind)]
    pub fn pending(&mut self, fence: u32, slots: Uint16Array) {
        let slots: BTreeSet<u16> = slots.iter().copied().collect();
        self.cluster.pending(FenceId(fence), &slots, now());
        self.report();
    }

    /// Everything behind the fence is answered.
    #[napi(catch_unwind)]
    pub fn answered(&mut self, fence: u32) {
        self.cluster.answered(FenceId(fence), now());
        self.report();
    }

    /// The timer fired.
    #[napi(catch_unwind)]
    pub fn tick(&mut self) {
        self.cluster.on_timer(now());
        self.report();
    }

    /// Takes the actions that wait: a flat array of `ACTION_SLOTS` slots each, see `ClusterAction`.
    #[napi(catch_unwind)]
    pub fn actions(&mut self, env: Env) -> Result<Unknown<'static>> {
        let memory = self.memory.as_ref().ok_or_else(|| defect("the cluster has no shared memory yet"))?;
        let values = Values::plain(env);
        let mut flat = Vec::new();
        while let Some(output) = self.cluster.poll_output() {
            push_action(&values, &output, &mut flat);
        }
        let array = values.returned(values.array_by(&memory.array, &flat));
        self.report();
        Ok(array)
    }

    /// The nodes of each shard, master first.
    #[napi(catch_unwind)]
    pub fn groups(&self) -> Vec<Vec<u32>> {
        self.cluster.shards().iter().map(|shard| shard.iter().map(|node| u32::from(node.0)).collect()).collect()
    }

    /// Brings the arrays up to date.
    fn report(&mut self) {
        let changed = self.cluster.take_changed();
        self.write(changed);
        let Some(memory) = &mut self.memory else { return };
        let wake = self.cluster.next_wakeup();
        let now = now();
        let state = [
            (ClusterState::Actions, f64::from(u8::from(self.cluster.has_outputs()))),
            (ClusterState::WakeIn, wake.map_or(-1.0, |at| at.since(now).as_secs_f64() * 1e3)),
            (ClusterState::WakeAt, wake.map_or(-1.0, |at| at.since_epoch().as_secs_f64() * 1e3)),
        ];
        for (slot, value) in state {
            memory.state.set(slot as usize, value);
        }
    }

    fn write(&mut self, slots: impl IntoIterator<Item = u16>) {
        let Some(memory) = &mut self.memory else { return };
        for slot in slots {
            let none = ClusterNodeNumber::Uncovered.number() as u16;
            memory.table.set(usize::from(slot), self.cluster.entry(slot));
            memory.shards.set(usize::from(slot), self.cluster.shard_of(slot).unwrap_or(none));
        }
    }
}

fn returned(ticket: u32, node: u32, slot: i32, trail: f64, flags: u32) -> Returned {
    let slot = u16::try_from(slot).ok().filter(|slot| usize::from(*slot) < SLOTS);
    let maybe_executed = flags & TicketFlag::MaybeExecuted.number() != 0;
    Returned { ticket: Ticket(ticket), node: NodeId(node as u16), slot, trail: Trail::unpack(trail), maybe_executed }
}
