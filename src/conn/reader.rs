//! Splits incoming bytes into complete replies. It keeps the bytes of an unfinished reply between reads; a read that ends
//! with a reply is never copied.

use crate::resp::{Limits, ProtocolError, Scanner};

/// After a large reply, memory beyond this is returned to the allocator.
const KEEP_CAPACITY: usize = 1 << 16;

/// The incoming side of one connection.
#[derive(Debug)]
pub struct Reader {
    /// Bytes of an unfinished reply.
    held: Vec<u8>,
    scanner: Scanner,
    /// The longest reply. More than this and one chunk is never held.
    longest: usize,
}

/// The bytes of one read, after the held bytes.
#[derive(Debug)]
pub struct Read<'a> {
    held: Vec<u8>,
    chunk: &'a [u8],
    at: usize,
}

impl Read<'_> {
    /// The length of the rest, once all whole replies have been looked at. A caller that keeps it passes it again with what follows, and does
    /// not call `finish`.
    pub fn unused(&self) -> usize {
        debug_assert!(self.held.is_empty(), "a connection is read in one way or in the other");
        self.chunk.len() - self.at
    }
}

impl Reader {
    /// Nothing has arrived.
    pub fn new(limits: Limits) -> Self {
        let longest = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
        Self { held: Vec::new(), scanner: Scanner::new(limits), longest }
    }

    /// Starts over with a new connection.
    pub fn reset(&mut self) {
        self.held = Vec::new();
        self.scanner.reset();
    }

    /// A chunk arrived. Ask `next` for its replies, then give it back to `finish`.
    pub fn begin<'a>(&mut self, chunk: &'a [u8]) -> Read<'a> {
        let mut held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            self.make_room(&mut held, chunk.len());
            held.extend_from_slice(chunk);
        }
        Read { held, chunk, at: 0 }
    }

    /// Doubles the buffer, as a `Vec` does, but not beyond what the longest reply needs: the last step would be the largest, for nothing.
    fn make_room(&self, held: &mut Vec<u8>, more: usize) {
        let needed = held.len() + more;
        if needed > held.capacity() {
            let bound = self.longest.saturating_add(more);
            let capacity = (held.capacity() * 2).min(bound).max(needed);
            held.reserve_exact(capacity - held.len());
        }
    }

    /// The next whole reply, if there is one.
    pub fn next<'r>(&mut self, read: &'r mut Read<'_>) -> Result<Option<&'r [u8]>, ProtocolError> {
        let bytes: &'r [u8] = if read.held.is_empty() { read.chunk } else { &read.held };
        let start = read.at;
        let Some(length) = self.scanner.scan(&bytes[start..])? else { return Ok(None) };
        read.at = start + length;
        Ok(Some(&bytes[start..read.at]))
    }

    /// How many bytes the unfinished reply needs at least.
    pub const fn missing(&self) -> usize {
        self.scanner.missing()
    }

    /// All whole replies have been looked at: the rest waits for the next chunk.
    pub fn finish(&mut self, read: Read<'_>) {
        let Read { mut held, chunk, at } = read;
        if held.is_empty() {
            held.extend_from_slice(&chunk[at..]);
        } else {
            held.drain(..at);
            if held.len() < KEEP_CAPACITY {
                held.shrink_to(KEEP_CAPACITY);
            }
        }
        self.held = held;
    }

    /// Memory held.
    #[cfg(test)]
    pub const fn capacity(&self) -> usize {
        self.held.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_the_same_in_pieces_of_any_size() {
        let bytes = b"+OK\r\n$3\r\nabc\r\n*2\r\n:1\r\n:2\r\n+END\r\n";
        for piece in 1..=bytes.len() {
            let mut reader = Reader::new(Limits::default());
            let mut replies = Vec::new();
            for chunk in bytes.chunks(piece) {
                let mut read = reader.begin(chunk);
                while let Ok(Some(reply)) = reader.next(&mut read) {
                    replies.push(reply.to_vec());
                }
                reader.finish(read);
            }
            assert_eq!(replies, [&b"+OK\r\n"[..], b"$3\r\nabc\r\n", b"*2\r\n:1\r\n:2\r\n", b"+END\r\n"], "{piece}");
        }
    }

    #[test]
    fn a_reply_without_an_end_takes_no_more_memory_than_the_longest_reply_and_a_chunk() {
        let mut reader = Reader::new(Limits { bytes: 100_000, ..Limits::default() });
        let chunk = b":1\r\n".repeat(750);
        let mut largest = 0;
        let mut read = reader.begin(b"*1000000\r\n");
        while reader.next(&mut read).is_ok() {
            reader.finish(read);
            largest = largest.max(reader.capacity());
            read = reader.begin(&chunk);
        }
        largest = largest.max(read.held.capacity());
        assert!(read.held.len() > 100_000);
        assert!(largest <= 100_000 + chunk.len(), "{largest}");
    }

    #[test]
    fn what_the_caller_keeps_is_read_again_with_the_rest() {
        let mut reader = Reader::new(Limits::default());
        let bytes = b"+OK\r\n$5\r\nabcde\r\n:1\r\n";
        let mut kept = Vec::new();
        let mut replies = Vec::new();
        for byte in bytes {
            kept.push(*byte);
            let mut read = reader.begin(&kept);
            while let Ok(Some(reply)) = reader.next(&mut read) {
                replies.push(reply.to_vec());
            }
            let left = read.unused();
            kept.drain(..kept.len() - left);
            if kept == b"$5\r\nab" {
                assert_eq!(reader.missing(), 5);
            }
        }
        assert_eq!(replies, [&b"+OK\r\n"[..], b"$5\r\nabcde\r\n", b":1\r\n"]);
        assert_eq!((kept.len(), reader.missing()), (0, 0));
    }

    #[test]
    fn what_is_no_reply_is_an_error_and_a_new_connection_starts_over() {
        let mut reader = Reader::new(Limits::default());
        let mut read = reader.begin(b"$9\r\nabc");
        assert_eq!(reader.next(&mut read).ok(), Some(None));
        reader.finish(read);
        reader.reset();
        let mut read = reader.begin(b"+OK\r\nhello\r\n");
        assert_eq!(reader.next(&mut read).ok(), Some(Some(&b"+OK\r\n"[..])));
        assert!(reader.next(&mut read).is_err());
    }
}
