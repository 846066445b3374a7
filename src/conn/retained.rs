//! The bytes of commands that are not answered yet, kept for replay. One chunk per batch that came in, freed as a whole when
//! its last command is done with: a batch's commands are answered together, so nothing is held for long on account of one.

use std::collections::VecDeque;
use std::ops::Range;

/// Where a command's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    chunk: u32,
    start: u32,
    len: u32,
}

impl Place {
    /// How many bytes the command takes.
    pub const fn len(self) -> usize {
        self.len as usize
    }
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Commands of this chunk that are not done with.
    live: usize,
}

/// The kept bytes. `first` is the number of the oldest chunk; a chunk with no live command is empty and waits for its turn.
#[derive(Debug, Default)]
pub struct Retained {
    chunks: VecDeque<Chunk>,
    first: u32,
    spare: Vec<Vec<u8>>,
    bytes: usize,
}

/// A buffer larger than this is given back to the allocator rather than kept for the next batch.
const KEEP_CAPACITY: usize = 1 << 16;
const KEEP_SPARE: usize = 8;

impl Retained {
    /// Keeps a copy of a batch of `commands` commands; returns the number of its chunk.
    pub fn keep(&mut self, batch: &[u8], commands: usize) -> u32 {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(batch);
        self.bytes += batch.len();
        self.chunks.push_back(Chunk { bytes, live: commands });
        self.first.wrapping_add(self.chunks.len() as u32 - 1)
    }

    /// The place of the bytes `range` of a chunk.
    pub fn place(chunk: u32, range: Range<usize>) -> Place {
        Place { chunk, start: range.start as u32, len: (range.end - range.start) as u32 }
    }

    /// The bytes of a command.
    pub fn get(&self, place: Place) -> &[u8] {
        let chunk = &self.chunks[place.chunk.wrapping_sub(self.first) as usize];
        &chunk.bytes[place.start as usize..place.start as usize + place.len()]
    }

    /// The command at `place` is done with.
    pub fn release(&mut self, place: Place) {
        let index = place.chunk.wrapping_sub(self.first) as usize;
        let chunk = &mut self.chunks[index];
        chunk.live -= 1;
        if chunk.live > 0 {
            return;
        }
        let mut bytes = std::mem::take(&mut chunk.bytes);
        self.bytes -= bytes.len();
        if bytes.capacity() <= KEEP_CAPACITY && self.spare.len() < KEEP_SPARE {
            bytes.clear();
            self.spare.push(bytes);
        }
        while self.chunks.front().is_some_and(|c| c.live == 0) {
            self.chunks.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Bytes held.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_freed_in_any_order() {
        let mut kept = Retained { first: u32::MAX, ..Retained::default() };
        let a = kept.keep(b"aabb", 2);
        let b = kept.keep(b"cc", 1);
        let (a1, a2, b1) = (Retained::place(a, 0..2), Retained::place(a, 2..4), Retained::place(b, 0..2));
        assert_eq!(kept.get(a2), b"bb");
        kept.release(a2);
        kept.release(b1);
        assert_eq!((kept.get(a1), kept.bytes()), (&b"aa"[..], 4));
        kept.release(a1);
        assert_eq!((kept.bytes(), kept.chunks.len()), (0, 0));
        let c = kept.keep(b"x", 1);
        assert_eq!(kept.get(Retained::place(c, 0..1)), b"x");
    }
}
