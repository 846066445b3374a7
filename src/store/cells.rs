//! Keys with a time to live, bounded in bytes: the memory of the in-memory store. The least recently used key goes first. An expired
//! key is gone for readers at once, and leaves memory a little later.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use lru::LruCache;

use super::{Key, Value};
use crate::clock::Instant;

/// The value of a key.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A string.
    Text(Value),
    /// Hashes of the counted members.
    Members(HashSet<u64>),
}

#[derive(Debug, Clone)]
struct Cell {
    content: Content,
    expires: Instant,
}

impl Cell {
    fn size(&self, key: &Key) -> usize {
        // The constant covers the nodes in the map and in the expiry queue, which share the key.
        let content = match &self.content {
            Content::Text(text) => text.len(),
            Content::Members(members) => members.len() * 16,
        };
        key.len() + content + 160
    }
}

/// The keys.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    live: LruCache<Key, Cell>,
    expiry: BinaryHeap<Reverse<(Instant, Key)>>,
    bytes: usize,
    max_bytes: usize,
}

impl Cells {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { live: LruCache::unbounded(), expiry: BinaryHeap::new(), bytes: 0, max_bytes }
    }

    /// The value of `key`.
    pub(super) fn get(&mut self, key: &[u8], now: Instant) -> Option<&mut Content> {
        self.drop_if_expired(key, now);
        self.live.get_mut(key).map(|cell| &mut cell.content)
    }

    /// The value of `key`, which stays as little used as it was.
    pub(super) fn peek(&self, key: &[u8], now: Instant) -> Option<&Content> {
        self.live.peek(key).filter(|cell| cell.expires > now).map(|cell| &cell.content)
    }

    /// The string at `key`.
    pub(super) fn text(&mut self, key: &[u8], now: Instant) -> Option<Value> {
        match self.get(key, now)? {
            Content::Text(text) => Some(text.clone()),
            Content::Members(_) => None,
        }
    }

    /// The remaining milliseconds, as PTTL reports them.
    pub(super) fn pttl(&mut self, key: &[u8], now: Instant) -> i64 {
        self.drop_if_expired(key, now);
        self.live.peek(key).map_or(-2, |cell| i64::try_from(cell.expires.since(now).as_millis()).unwrap_or(i64::MAX))
    }

    /// Puts `content` there until `expires`.
    ///
    /// What is larger than all that may be held is not: the rest would have to go for it. Its key is empty then, as if it had been
    /// evicted at once. Says whether it was stored.
    pub(super) fn put(&mut self, key: &Key, content: Content, expires: Instant) -> bool {
        let cell = Cell { content, expires };
        if cell.size(key) > self.max_bytes {
            self.pop(key);
            return false;
        }
        self.bytes += cell.size(key);
        if let Some(old) = self.live.put(key.clone(), cell) {
            self.bytes -= old.size(key);
            if old.expires != expires {
                self.queue(key, expires);
            }
        } else {
            self.queue(key, expires);
        }
        while self.bytes > self.max_bytes {
            let Some((key, cell)) = self.live.pop_lru() else { break };
            self.bytes -= cell.size(&key);
        }
        true
    }

    /// Replaces the string and keeps its expiry.
    pub(super) fn replace(&mut self, key: &Key, text: Vec<u8>) {
        if let Some(expires) = self.live.peek(key).map(|cell| cell.expires) {
            self.put(key, Content::Text(Value::new(text)), expires);
        }
    }

    /// Sets the expiry of `key`.
    pub(super) fn expire(&mut self, key: &Key, expires: Instant) {
        if let Some(cell) = self.live.peek_mut(key) {
            cell.expires = expires;
            self.queue(key, expires);
        }
    }

    /// Removes `key`.
    pub(super) fn remove(&mut self, key: &[u8], now: Instant) -> Option<Content> {
        self.drop_if_expired(key, now);
        self.pop(key).map(|cell| cell.content)
    }

    /// Every live key.
    pub(super) fn keys(&self, now: Instant) -> impl Iterator<Item = &Key> {
        self.live.iter().filter(move |(_, cell)| cell.expires > now).map(|(key, _)| key)
    }

    /// Frees expired keys, a few at a time.
    pub(super) fn purge(&mut self, now: Instant) {
        for _ in 0..8 {
            match self.expiry.peek() {
                Some(Reverse((due, _))) if *due <= now => {}
                _ => return,
            }
            let Some(Reverse((_, key))) = self.expiry.pop() else { return };
            self.drop_if_expired(&key, now);
        }
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn queue(&mut self, key: &Key, expires: Instant) {
        self.expiry.push(Reverse((expires, key.clone())));
        // Overwritten keys have left older times behind.
        if self.expiry.len() > 2 * self.live.len() + 64 {
            self.expiry = self.live.iter().map(|(key, cell)| Reverse((cell.expires, key.clone()))).collect();
        }
    }

    fn drop_if_expired(&mut self, key: &[u8], now: Instant) {
        if self.live.peek(key).is_some_and(|cell| cell.expires <= now) {
            self.pop(key);
        }
    }

    fn pop(&mut self, key: &[u8]) -> Option<Cell> {
        let (key, cell) = self.live.pop_entry(key)?;
        self.bytes -= cell.size(&key);
        Some(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Content {
        Content::Text(Value::new(bytes.to_vec()))
    }

    #[test]
    fn the_least_used_goes_first_and_bytes_stay_bounded() {
        let mut cells = Cells::new(1000);
        let now = Instant::from_millis(0);
        let later = Instant::from_millis(1000);
        for n in 0..100u8 {
            cells.put(&Key::from(vec![n]), text(&[0; 40]), later);
            assert!(cells.get(&[0], now).is_some(), "used at every step");
            assert!(cells.bytes() <= 1000);
        }
        assert!(cells.get(&[1], now).is_none());
    }

    #[test]
    fn what_is_larger_than_the_store_is_not_stored_and_leaves_the_others_alone() {
        let mut cells = Cells::new(1000);
        let (now, later) = (Instant::from_millis(0), Instant::from_millis(1000));
        let (small, large) = (Key::from(&b"small"[..]), Key::from(&b"large"[..]));
        assert!(cells.put(&small, text(b"x"), later) && cells.put(&large, text(b"old"), later));
        assert!(!cells.put(&large, text(&[0; 2000]), later));
        assert!(cells.get(b"small", now).is_some() && cells.get(b"large", now).is_none());
        cells.replace(&small, vec![0; 2000]);
        assert_eq!((cells.bytes(), cells.keys(now).count()), (0, 0));
    }

    #[test]
    fn what_has_expired_is_gone_and_freed() {
        let mut cells = Cells::new(1 << 20);
        for n in 0..100u8 {
            cells.put(&Key::from(vec![n]), text(b"x"), Instant::from_millis(10));
        }
        let now = Instant::from_millis(10);
        assert_eq!(cells.keys(now).count(), 0);
        assert!(cells.get(&[5], now).is_none());
        for _ in 0..20 {
            cells.purge(now);
        }
        assert_eq!(cells.bytes(), 0);
    }

    #[test]
    fn rewriting_a_key_does_not_let_the_queue_grow() {
        let mut cells = Cells::new(1 << 20);
        for n in 0..10_000 {
            cells.put(&Key::from(&b"k"[..]), text(b"x"), Instant::from_millis(1000 + n));
        }
        assert!(cells.expiry.len() < 100);
    }
}
