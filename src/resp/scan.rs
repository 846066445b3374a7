//! Finds the end of a reply, which may arrive in several reads, and validates the reply, so that `build` can build it
//! without further checks. The scanner keeps its position between reads, so it does not scan an unfinished array again. It
//! makes no values; `build` does.

use std::fmt;

/// Bounds of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum depth of nested aggregates.
    pub depth: usize,
    /// The maximum number of elements that one reply may announce, summed over all levels.
    pub elements: u64,
    /// The maximum size of one reply on the wire, in bytes.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, elements: 1 << 30, bytes: 1 << 30 }
    }
}

/// The bytes are not RESP, or they exceed a limit. Their connection cannot be used any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolError(String);

impl ProtocolError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProtocolError {}

/// The maximum length of a line that holds a length or a number. The limit of the whole reply bounds text lines (status,
/// error, a line of MONITOR).
const NUMBER_MAX: usize = 1 << 16;

/// The bytes that begin an element.
const KINDS: &[u8] = b"+-:_#,($=!*~>%|";

/// Scans one reply after another. While a reply is incomplete, the caller passes the same bytes again with more appended.
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
    /// Offset of the next element within the current reply.
    at: usize,
    /// Offset up to which the current line has been searched for its end.
    searched: usize,
    /// Numbers of missing elements: first of the stream (one reply), then of each open aggregate.
    open: Vec<u64>,
    announced: u64,
    /// Bytes that the unfinished bulk string at the end still needs.
    missing: usize,
}

impl Scanner {
    /// A scanner at the start of a reply.
    pub fn new(limits: Limits) -> Self {
        Self { limits, at: 0, searched: 0, open: vec![1], announced: 0, missing: 0 }
    }

    /// Discards the current reply (the connection is a new one).
    pub fn reset(&mut self) {
        self.at = 0;
        self.searched = 0;
        self.open.clear();
        self.open.push(1);
        self.announced = 0;
        self.missing = 0;
    }

    /// How many bytes the unfinished reply needs at least, as far as its last line tells.
    pub const fn missing(&self) -> usize {
        self.missing
    }

    /// The length of the reply at the start of `bytes`, or `None` while it is not complete.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        self.missing = 0;
        loop {
            let Some((end, next)) = self.line(bytes)? else {
                // What is not RESP may have no lines at all: a TLS alert, for example.
                if let Some(kind) = bytes.get(self.at).filter(|kind| !KINDS.contains(kind)) {
                    return Err(unknown_type(*kind));
                }
                return self.unfinished(bytes.len());
            };
            let line = &bytes[self.at + 1..end];
            let mut done = next;
            let mut children = 0;
            let kind = bytes[self.at];
            match kind {
                b'+' | b'-' => {}
                b':' => check_int(line)?,
                b'_' => expect(line.is_empty(), "null with a body")?,
                b'#' => expect(line == b"t" || line == b"f", "a boolean is t or f")?,
                b',' => expect(super::build::double(line).is_some(), "not a double")?,
                b'(' => expect(is_big_number(line), "not a big number")?,
                b'$' | b'=' | b'!' => {
                    if let Some(n) = length(line, kind == b'$')? {
                        expect(kind != b'=' || n >= 4, "a verbatim string names its format")?;
                        expect(n <= self.limits.bytes, "a bulk string is longer than the decoder's limit")?;
                        done = next + n as usize + 2;
                        if bytes.len() < done {
                            // Check the announced size against the limit of the whole reply before waiting for the bytes.
                            self.check_size(done)?;
                            self.missing = done - bytes.len();
                            return Ok(None);
                        }
                        expect(&bytes[done - 2..done] == b"\r\n", "a bulk string does not end where it says")?;
                    }
                }
                b'*' | b'~' | b'>' => children = length(line, kind == b'*')?.unwrap_or(0),
                b'%' | b'|' => children = length(line, false)?.unwrap_or(0).saturating_mul(2),
                other => return Err(unknown_type(other)),
            }
            self.at = done;
            self.searched = 0;
            // An attribute precedes its element and does not count as one.
            if kind != b'|' {
                if let Some(missing) = self.open.last_mut() {
                    *missing -= 1;
                }
            }
            if children > 0 {
                self.announced = self.announced.saturating_add(children);
                expect(self.announced <= self.limits.elements, "a reply announces more elements than the decoder's limit")?;
                expect(self.open.len() <= self.limits.depth, "a reply nests deeper than the decoder's limit")?;
                self.open.push(children);
            }
            while self.open.last() == Some(&0) {
                self.open.pop();
            }
            if self.open.is_empty() {
                self.check_size(self.at)?;
                let whole = self.at;
                self.reset();
                return Ok(Some(whole));
            }
        }
    }

    /// The end of the current line and the start of what follows it.
    fn line(&mut self, bytes: &[u8]) -> Result<Option<(usize, usize)>, ProtocolError> {
        if self.at >= bytes.len() {
            return Ok(None);
        }
        let from = (self.at + 1).max(self.searched);
        if from < bytes.len() {
            if let Some(found) = memchr::memchr(b'\r', &bytes[from..]) {
                let end = from + found;
                self.check_line(bytes, end)?;
                if end + 1 >= bytes.len() {
                    self.searched = end;
                    return Ok(None);
                }
                if bytes[end + 1] != b'\n' {
                    return Err(self.broken_line(bytes, "a carriage return without a line feed"));
                }
                return Ok(Some((end, end + 2)));
            }
        }
        self.searched = bytes.len().max(self.at + 1);
        self.check_line(bytes, self.searched)?;
        Ok(None)
    }

    /// The current line goes on to `end` at least. A length or a number is not that long, whether its end has arrived or not.
    fn check_line(&self, bytes: &[u8], end: usize) -> Result<(), ProtocolError> {
        if end - self.at > NUMBER_MAX && !matches!(bytes[self.at], b'+' | b'-') {
            return Err(self.broken_line(bytes, "a line without an end"));
        }
        Ok(())
    }

    /// What is wrong with the current line. What begins no element is said first, since a shorter read shows nothing else.
    #[cold]
    fn broken_line(&self, bytes: &[u8], message: &str) -> ProtocolError {
        let kind = bytes[self.at];
        if KINDS.contains(&kind) {
            ProtocolError::new(message)
        } else {
            unknown_type(kind)
        }
    }

    fn unfinished(&self, have: usize) -> Result<Option<usize>, ProtocolError> {
        self.check_size(have)?;
        Ok(None)
    }

    fn check_size(&self, bytes: usize) -> Result<(), ProtocolError> {
        expect(bytes as u64 <= self.limits.bytes, "a reply is longer than the decoder's limit")
    }
}

fn unknown_type(kind: u8) -> ProtocolError {
    ProtocolError::new(format!("Unknown RESP type {kind} {:?}", char::from(kind).to_string()))
}

fn expect(holds: bool, message: &str) -> Result<(), ProtocolError> {
    if holds {
        Ok(())
    } else {
        Err(ProtocolError::new(message))
    }
}

fn check_int(line: &[u8]) -> Result<(), ProtocolError> {
    expect(super::build::integer(line).is_some(), "not an integer")
}

fn is_big_number(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").or_else(|| line.strip_prefix(b"+")).unwrap_or(line);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Parses a length. `None` is RESP2's null, which only `nullable` types have.
fn length(line: &[u8], nullable: bool) -> Result<Option<u64>, ProtocolError> {
    if line == b"-1" && nullable {
        return Ok(None);
    }
    let n = super::build::integer(line).filter(|n| *n >= 0).ok_or_else(|| ProtocolError::new("not a length"))?;
    Ok(Some(n as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        Scanner::new(Limits::default()).scan(bytes)
    }

    const REPLIES: &[&[u8]] = &[
        b"+OK\r\n",
        b"+\xff\xfe\r\n",
        b"-ERR no\r\n",
        b":-42\r\n",
        b"$-1\r\n",
        b"$0\r\n\r\n",
        b"$5\r\na\r\nb\r\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
        b"_\r\n",
        b"#t\r\n",
        b",1.5\r\n",
        b",inf\r\n",
        b",-inf\r\n",
        b",nan\r\n",
        b"(12345678901234567890123\r\n",
        b"!5\r\nERR x\r\n",
        b"=6\r\ntxt:ab\r\n",
        b"%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n",
        b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n",
        b"|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n",
        b"*2\r\n|1\r\n+a\r\n:1\r\n:1\r\n:2\r\n",
    ];

    #[test]
    fn every_reply_is_found_wherever_the_stream_is_cut() {
        for reply in REPLIES {
            let mut stream = reply.to_vec();
            stream.extend_from_slice(b"+next\r\n");
            assert_eq!(whole(&stream), Ok(Some(reply.len())), "{}", reply.escape_ascii());
            let mut scanner = Scanner::new(Limits::default());
            for end in 0..reply.len() {
                assert_eq!(scanner.scan(&stream[..end]), Ok(None), "{} cut at {end}", reply.escape_ascii());
            }
            assert_eq!(scanner.scan(&stream), Ok(Some(reply.len())), "{} byte by byte", reply.escape_ascii());
        }
    }

    #[test]
    fn invalid_resp_is_an_error() {
        for bad in [
            &b"hello\r\n"[..],
            b"\x15\x03\x03\x00",
            b"*1\r\n\0",
            b":1x\r\n",
            b":\r\n",
            b"$-2\r\n",
            b"$3\r\nabcd\r\n",
            b"$1a\r\n",
            b"*x\r\n",
            b"%-1\r\n",
            b"#x\r\n",
            b",1..2\r\n",
            b"(1a\r\n",
            b"+a\rb\r\n",
            b"=2\r\nab\r\n",
            b"_x\r\n",
            b":99999999999999999999\r\n",
        ] {
            assert!(whole(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn limits_hold_before_the_bytes_arrive() {
        let limits = Limits { depth: 3, elements: 10, bytes: 64 };
        let scan = |bytes: &[u8]| Scanner::new(limits).scan(bytes);
        assert!(scan(b"$65\r\n").is_err(), "announced size");
        assert!(scan(b"*11\r\n").is_err(), "announced count");
        assert!(scan(b"*2\r\n*9\r\n").is_err(), "count of all levels");
        assert!(scan(b"*1\r\n*1\r\n*1\r\n*1\r\n").is_err(), "depth");
        assert!(scan(b"*1\r\n*1\r\n*1\r\n:1\r\n").is_ok());
        assert!(scan(&[b'+'; 65]).is_err(), "a line that never ends");
        assert!(whole(&vec![b':'; NUMBER_MAX + 2]).is_err(), "a number that never ends");
        assert_eq!(whole(&vec![b'+'; NUMBER_MAX + 2]), Ok(None), "a line of MONITOR can be as long as the command it shows");
        assert!(scan(b"*9223372036854775807\r\n").is_err());
        assert!(scan(b"%9223372036854775807\r\n").is_err());
    }

    #[test]
    fn a_large_array_in_small_pieces_is_scanned_once() {
        let mut stream = b"*20000\r\n".to_vec();
        for _ in 0..20_000 {
            stream.extend_from_slice(b"$1\r\nx\r\n");
        }
        let mut scanner = Scanner::new(Limits::default());
        let mut end = 0;
        while end < stream.len() - 1 {
            assert_eq!(scanner.scan(&stream[..end]), Ok(None));
            // The scanner keeps its position: it looks at no more than the last element again.
            assert!(end < 16 || scanner.at + 16 > end);
            end += 7;
        }
        assert_eq!(scanner.scan(&stream), Ok(Some(stream.len())));
    }

    #[test]
    fn what_is_wrong_does_not_depend_on_where_reads_end() {
        let endless = [b":".as_slice(), &vec![b'0'; NUMBER_MAX], b"\r\n"].concat();
        let unknown = [b"X".as_slice(), &vec![b'0'; NUMBER_MAX]].concat();
        for bytes in [&endless[..], &unknown, b"X\rz", b"+a\rz", b"*1\r\n?\rz"] {
            let mut scanner = Scanner::new(Limits::default());
            let in_pieces = (1..=bytes.len()).find_map(|end| scanner.scan(&bytes[..end]).err());
            assert!(in_pieces.is_some(), "{}", bytes[..4].escape_ascii());
            assert_eq!(whole(bytes).err(), in_pieces, "{}", bytes[..4].escape_ascii());
        }
    }
}
