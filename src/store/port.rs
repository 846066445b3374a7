//! The place of the cache's data: none, this process, or servers behind links, one for each node. The store takes operations; it emits the
//! commands to send on each link and the answers to operations. The session delivers both. A store never touches a link.

use std::collections::VecDeque;

use super::{MemoryStore, NodeId, NodeOp, RedisStore, Replied, StoreError, StoreReply, Ticket};
use crate::clock::Instant;
use crate::conn::LinkId;
use crate::resp::{Commands, Reply};

/// An effect of an input to the store.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send these commands on this link, after those that were sent before. Their outcomes come back with `tag`, in order.
    Send {
        /// The link.
        link: LinkId,
        /// Names this use of the link.
        tag: u32,
        /// The commands.
        commands: Commands,
    },
    /// This operation is answered.
    Answer {
        /// The operation.
        ticket: Ticket,
        /// Its answer.
        answer: Result<StoreReply, StoreError>,
    },
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Nowhere,
    Memory(Box<MemoryStore>),
    Servers(Vec<Server>),
}

/// One server, on one connection of one link. Outcomes that come for another link or tag belong to a former store.
#[derive(Debug)]
struct Server {
    node: NodeId,
    link: LinkId,
    tag: u32,
    operations: RedisStore,
}

/// The store of one cache. It starts without a place for data and refuses every operation until it has one.
#[derive(Debug, Default)]
pub struct Store {
    place: Place,
    effects: VecDeque<Effect>,
}

impl Store {
    /// A store without a place for data.
    pub fn new() -> Self {
        Self::default()
    }

    /// The data is in this process from now on, in at most `max_bytes`.
    pub fn use_memory(&mut self, max_bytes: usize) {
        self.leave();
        self.place = Place::Memory(Box::new(MemoryStore::new(max_bytes)));
    }

    /// The data of `node` is on the server behind `link`, which is ready. `tag` names this connection: no earlier one had it.
    pub fn use_server(&mut self, node: NodeId, link: LinkId, tag: u32) {
        self.leave_server(link);
        let server = Server { node, link, tag, operations: RedisStore::new() };
        match &mut self.place {
            Place::Servers(servers) => servers.push(server),
            place => *place = Place::Servers(vec![server]),
        }
    }

    /// The connection of this link is lost: operations under way on it are answered as cut. Returns whether the store was on it.
    pub fn leave_server(&mut self, link: LinkId) -> bool {
        let Place::Servers(servers) = &mut self.place else { return false };
        let Some(at) = servers.iter().position(|server| server.link == link) else { return false };
        let server = servers.swap_remove(at);
        self.cut(server);
        true
    }

    /// Gives the place up and answers operations under way as cut. Returns whether there was a place.
    pub fn leave(&mut self) -> bool {
        let former = std::mem::take(&mut self.place);
        let is_left = !matches!(former, Place::Nowhere);
        if let Place::Servers(servers) = former {
            for server in servers {
                self.cut(server);
            }
        }
        is_left
    }

    fn cut(&mut self, mut server: Server) {
        for (ticket, error) in server.operations.on_cut(true) {
            self.effects.push_back(Effect::Answer { ticket, answer: Err(error) });
        }
    }

    /// Takes an operation for a node over. `is_open` says whether a link takes commands of the core now.
    pub fn submit(&mut self, node: NodeId, ticket: Ticket, op: NodeOp, now: Instant, is_open: impl Fn(LinkId) -> bool) {
        let effect = match &mut self.place {
            Place::Memory(store) => Effect::Answer { ticket, answer: store.apply(now, &op.in_full()) },
            Place::Servers(servers) => match servers.iter_mut().find(|server| server.node == node && is_open(server.link)) {
                Some(Server { link, tag, operations, .. }) => {
                    Effect::Send { link: *link, tag: *tag, commands: operations.submit(ticket, op) }
                }
                None => Effect::Answer { ticket, answer: Err(StoreError::NotSent) },
            },
            Place::Nowhere => Effect::Answer { ticket, answer: Err(StoreError::NotSent) },
        };
        self.effects.push_back(effect);
    }

    /// The reply to the oldest command without an outcome.
    pub fn on_reply(&mut self, link: LinkId, tag: u32, reply: Reply) {
        self.on_outcome(link, tag, |operations| operations.on_reply(reply));
    }

    /// The oldest command without an outcome will get no reply. If it was `sent`, the server may have run it.
    pub fn on_lost(&mut self, link: LinkId, tag: u32, sent: bool) {
        self.on_outcome(link, tag, |operations| operations.on_lost(sent));
    }

    /// The next effect.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn on_outcome(&mut self, link: LinkId, tag: u32, take: impl FnOnce(&mut RedisStore) -> Replied) {
        let Place::Servers(servers) = &mut self.place else { return };
        let Some(server) = servers.iter_mut().find(|server| (server.link, server.tag) == (link, tag)) else { return };
        let Replied { done, more } = take(&mut server.operations);
        if let Some(commands) = more {
            self.effects.push_back(Effect::Send { link, tag, commands });
        }
        if let Some((ticket, answer)) = done {
            self.effects.push_back(Effect::Answer { ticket, answer });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Key, Op};

    const A: LinkId = LinkId(0);
    const B: LinkId = LinkId(1);

    fn op() -> NodeOp {
        Op::ReadVersions { versions: vec![Key::from(&b"v"[..])] }.into()
    }

    fn effects(store: &mut Store) -> Vec<String> {
        std::iter::from_fn(|| store.poll_effect())
            .map(|effect| match effect {
                Effect::Send { link, tag, commands } => format!("{} commands on {} as {tag}", commands.len(), link.0),
                Effect::Answer { ticket, answer } => {
                    format!("{}: {}", ticket.0, answer.map_or_else(|e| e.to_string(), |_| "ok".to_owned()))
                }
            })
            .collect()
    }

    fn submit(store: &mut Store, ticket: u64, is_open: bool) -> Vec<String> {
        store.submit(NodeId::ONLY, Ticket(ticket), op(), Instant::default(), |_| is_open);
        effects(store)
    }

    #[test]
    fn an_operation_goes_to_where_the_data_is() {
        let mut store = Store::new();
        let refused = format!("1: {}", StoreError::NotSent);
        assert_eq!(submit(&mut store, 1, true), [refused.as_str()]);
        store.use_server(NodeId::ONLY, A, 7);
        assert_eq!(submit(&mut store, 1, false), [refused.as_str()]);
        assert_eq!(submit(&mut store, 2, true), ["1 commands on 0 as 7"]);
        store.on_reply(A, 7, Reply::Array(vec![Reply::Null]));
        assert_eq!(effects(&mut store), ["2: ok"]);
        store.use_memory(1000);
        assert_eq!(submit(&mut store, 3, false), ["3: ok"]);
    }

    #[test]
    fn outcomes_of_another_link_or_connection_are_not_taken() {
        let mut store = Store::new();
        store.use_server(NodeId::ONLY, A, 7);
        submit(&mut store, 1, true);
        for (link, tag) in [(A, 6), (B, 7)] {
            store.on_reply(link, tag, Reply::Array(vec![Reply::Null]));
            store.on_lost(link, tag, true);
            assert_eq!(effects(&mut store), [""; 0], "{link:?} {tag}");
        }
        store.on_lost(A, 7, false);
        assert_eq!(effects(&mut store), [format!("1: {}", StoreError::NotSent)]);
    }

    #[test]
    fn what_is_under_way_when_the_place_goes_is_cut() {
        let mut store = Store::new();
        store.use_server(NodeId::ONLY, A, 7);
        submit(&mut store, 1, true);
        store.use_server(NodeId::ONLY, A, 8);
        assert_eq!(effects(&mut store), [format!("1: {}", StoreError::Cut { maybe_executed: true })]);
        assert!(store.leave_server(A) && !store.leave_server(A));
        assert!(store.leave() && !store.leave());
    }

    #[test]
    fn each_node_has_its_link_and_the_loss_of_one_leaves_the_others() {
        let mut store = Store::new();
        let (one, two) = (NodeId(1), NodeId(2));
        store.use_server(one, A, 7);
        store.use_server(two, B, 3);
        for (ticket, node) in [(1, one), (2, two), (3, NodeId(9))] {
            store.submit(node, Ticket(ticket), op(), Instant::default(), |_| true);
        }
        assert_eq!(effects(&mut store), ["1 commands on 0 as 7", "1 commands on 1 as 3", &format!("3: {}", StoreError::NotSent)]);
        assert!(store.leave_server(A));
        assert_eq!(effects(&mut store), [format!("1: {}", StoreError::Cut { maybe_executed: true })]);
        store.on_reply(B, 3, Reply::Array(vec![Reply::Null]));
        assert_eq!(effects(&mut store), ["2: ok"]);
    }
}
