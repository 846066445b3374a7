//! Reads the parts of a command from its RESP, an array of bulk strings that this crate or its facade has written.

/// The parts of one encoded command, name first. The iterator ends early if the bytes are not such an array.
pub fn arguments(command: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = skip_line(command, 0);
    std::iter::from_fn(move || {
        let start = at?;
        let line_end = skip_line(command, start)?;
        let digits = command.get(start + 1..line_end - 2)?;
        let length = digits.iter().try_fold(0usize, |n, d| d.is_ascii_digit().then(|| n * 10 + usize::from(d - b'0')))?;
        let part = command.get(line_end..line_end + length)?;
        at = Some(line_end + length + 2);
        Some(part)
    })
}

/// The offset after the line that starts at `at`.
fn skip_line(bytes: &[u8], at: usize) -> Option<usize> {
    memchr::memchr(b'\n', bytes.get(at..)?).map(|found| at + found + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were() {
        let parts: Vec<&[u8]> = arguments(b"*3\r\n$3\r\nSET\r\n$2\r\n\r\n\r\n$0\r\n\r\n").collect();
        assert_eq!(parts, [&b"SET"[..], b"\r\n", b""]);
        assert_eq!(arguments(b"").count(), 0);
        assert_eq!(arguments(b"*1\r\n$9\r\nPING\r\n").count(), 0);
    }
}
