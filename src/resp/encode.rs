//! Encodes arguments as RESP. Each argument is framed separately by its length in bytes.

/// Appends the header of a command with `count` parts, including its name.
pub fn push_header(out: &mut Vec<u8>, count: usize) {
    out.push(b'*');
    push_number(out, count);
    out.extend_from_slice(b"\r\n");
}

/// Appends one argument.
pub fn push_argument(out: &mut Vec<u8>, argument: &[u8]) {
    push_pieces(out, &[argument]);
}

/// Appends one argument that is the concatenation of `pieces`.
fn push_pieces(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    out.push(b'$');
    push_number(out, pieces.iter().map(|piece| piece.len()).sum());
    out.extend_from_slice(b"\r\n");
    for piece in pieces {
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `n` in decimal.
pub fn push_number(out: &mut Vec<u8>, mut n: usize) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// About what the frame of an argument takes.
const FRAME: usize = 9;

/// A batch of encoded commands with the offset at which each ends.
#[derive(Debug, Default, Clone)]
pub struct Commands {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Commands {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one command: its name and its arguments.
    pub fn push<A: AsRef<[u8]>>(&mut self, parts: &[A]) {
        self.bytes.reserve(parts.iter().map(|part| part.as_ref().len() + FRAME).sum::<usize>() + FRAME);
        push_header(&mut self.bytes, parts.len());
        for part in parts {
            push_argument(&mut self.bytes, part.as_ref());
        }
        self.ends.push(self.bytes.len());
    }

    /// Appends one command in which one argument is the concatenation of `pieces`.
    pub fn push_split(&mut self, before: &[&[u8]], pieces: &[&[u8]], after: &[&[u8]]) {
        push_header(&mut self.bytes, before.len() + 1 + after.len());
        for part in before {
            push_argument(&mut self.bytes, part);
        }
        push_pieces(&mut self.bytes, pieces);
        for part in after {
            push_argument(&mut self.bytes, part);
        }
        self.ends.push(self.bytes.len());
    }

    /// How many commands the batch has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the batch has no command.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The encoded commands, one slice each.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let command = &self.bytes[start..*end];
            start = *end;
            command
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_framed_by_bytes() {
        let mut batch = Commands::new();
        batch.push(&[&b"SET"[..], b"k\r\n", "é".as_bytes()]);
        batch.push(&["PING"]);
        batch.push_split(&[b"SET", b"k"], &[b"v", b"", b"w"], &[b"NX"]);
        let all: Vec<&[u8]> = batch.iter().collect();
        assert_eq!(
            all,
            [
                &b"*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n\xc3\xa9\r\n"[..],
                b"*1\r\n$4\r\nPING\r\n",
                b"*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvw\r\n$2\r\nNX\r\n"
            ]
        );
    }
}
