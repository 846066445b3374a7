//! The links of a session by their numbers, each with its events for the driver.

use std::collections::VecDeque;

use crate::conn::{Link, LinkId, Output};

/// One link. It may move to another session with everything it has under way.
#[derive(Debug)]
pub struct Peer {
    pub(super) link: Link,
    /// Events that the driver has not taken yet.
    pub(super) outputs: VecDeque<Output>,
    /// The tag of the core's current use of the link. It moves with the link, so a tag never names two uses of one link.
    tag: u32,
}

impl Peer {
    /// Wraps a new link.
    pub fn new(link: Link) -> Self {
        Self { link, outputs: VecDeque::new(), tag: 0 }
    }

    /// A tag that is new on this link.
    pub(super) fn new_tag(&mut self) -> u32 {
        self.tag = self.tag.wrapping_add(1);
        self.tag
    }
}

/// The links. A number is given again once its link is taken out.
#[derive(Debug, Default)]
pub(super) struct Links {
    peers: Vec<Option<Box<Peer>>>,
}

impl Links {
    pub fn add(&mut self, peer: Box<Peer>) -> LinkId {
        let place = self.peers.iter().position(Option::is_none).unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        self.peers[place] = Some(peer);
        LinkId(place as u32)
    }

    pub fn take(&mut self, id: LinkId) -> Option<Box<Peer>> {
        self.peers.get_mut(id.0 as usize)?.take()
    }

    pub fn get(&self, id: LinkId) -> Option<&Peer> {
        self.peers.get(id.0 as usize)?.as_deref()
    }

    pub fn get_mut(&mut self, id: LinkId) -> Option<&mut Peer> {
        self.peers.get_mut(id.0 as usize)?.as_deref_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = (LinkId, &Peer)> {
        self.peers.iter().zip(0..).filter_map(|(peer, id)| Some((LinkId(id), peer.as_deref()?)))
    }
}
