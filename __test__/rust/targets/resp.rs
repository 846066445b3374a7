//! The decoder: replies and errors do not depend on where reads end, values are no larger than their bytes, and what is encoded is
//! decoded.

use hawser::resp::{items, push_argument, push_header, push_number, without_attributes, Commands, Limits, Reply, Scanner};

/// Longer input is not cut at every byte.
const CUT_EVERYWHERE: usize = 2048;

/// The first byte chooses the limits and a cut; the rest is what a server sends.
pub fn resp(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let is_limited = choice & 1 == 1;
    let limits = if is_limited { Limits { depth: 4, elements: 64, bytes: 256 } } else { Limits::default() };
    let whole = decode(bytes, bytes.len().max(1), limits);
    let cut = usize::from(choice >> 1) + 2;
    for piece in [1, cut].into_iter().filter(|piece| *piece > 1 || bytes.len() <= CUT_EVERYWHERE) {
        let pieces = decode(bytes, piece, limits);
        assert_eq!(pieces.replies, whole.replies, "replies in reads of {piece}");
        assert_eq!(pieces.error.is_some(), whole.error.is_some(), "an error in reads of {piece}: {:?}, {:?}", pieces.error, whole.error);
        // Which of two limits is met first depends on what has been read.
        assert!(is_limited || pieces.error == whole.error, "reads of {piece}: {:?}, not {:?}", pieces.error, whole.error);
    }
    for frame in &whole.replies {
        check_frame(frame);
    }
    check_command(bytes);
}

struct Decoded {
    replies: Vec<Vec<u8>>,
    error: Option<String>,
}

fn decode(bytes: &[u8], piece: usize, limits: Limits) -> Decoded {
    let mut scanner = Scanner::new(limits);
    let mut decoded = Decoded { replies: Vec::new(), error: None };
    let (mut from, mut end) = (0, 0);
    while end < bytes.len() {
        end = bytes.len().min(end + piece);
        loop {
            match scanner.scan(&bytes[from..end]) {
                Ok(Some(length)) => {
                    assert!(length > 0 && from + length <= end, "a reply ends where its bytes end");
                    assert!(length as u64 <= limits.bytes, "a reply is within its limit");
                    decoded.replies.push(bytes[from..from + length].to_vec());
                    from += length;
                }
                Ok(None) => break,
                Err(error) => {
                    decoded.error = Some(error.to_string());
                    return decoded;
                }
            }
        }
    }
    decoded
}

fn check_frame(frame: &[u8]) {
    let reply = Reply::parse(frame);
    assert!(size(&reply) <= frame.len(), "a value is no larger than its bytes");
    assert_eq!(shown(&Reply::parse(without_attributes(frame))), shown(&reply));
    let found: Vec<String> = items(frame).map(|item| shown(&Reply::parse(item))).collect();
    if let (b'*', Some(all)) = (without_attributes(frame)[0], reply.items()) {
        assert_eq!(found, all.iter().map(shown).collect::<Vec<_>>());
    }
    let mut again = Vec::new();
    encode(&reply, &mut again);
    assert_eq!(Scanner::new(Limits::default()).scan(&again), Ok(Some(again.len())));
    assert_eq!(shown(&Reply::parse(&again)), shown(&reply));
}

/// NaN does not equal itself, but prints the same.
fn shown(reply: &Reply) -> String {
    format!("{reply:?}")
}

/// Values and bytes of text in a reply.
fn size(reply: &Reply) -> usize {
    1 + match reply {
        Reply::Simple(text) | Reply::Error(text) | Reply::Bulk(text) | Reply::BigNumber(text) => text.len(),
        Reply::Array(items) | Reply::Map(items) | Reply::Push(items) => items.iter().map(size).sum(),
        _ => 0,
    }
}

fn encode(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Null => out.extend_from_slice(b"_\r\n"),
        Reply::Simple(text) => line(out, b'+', text),
        Reply::Error(text) => {
            out.push(b'!');
            push_number(out, text.len());
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
        Reply::Integer(n) => line(out, b':', n.to_string().as_bytes()),
        Reply::Bulk(bytes) => push_argument(out, bytes),
        Reply::Double(value) => line(out, b',', value.to_string().as_bytes()),
        Reply::Boolean(value) => line(out, b'#', if *value { b"t" } else { b"f" }),
        Reply::BigNumber(digits) => line(out, b'(', digits),
        Reply::Array(all) => aggregate(out, b'*', all.len(), all),
        Reply::Map(all) => aggregate(out, b'%', all.len() / 2, all),
        Reply::Push(all) => aggregate(out, b'>', all.len(), all),
    }
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn aggregate(out: &mut Vec<u8>, kind: u8, count: usize, items: &[Reply]) {
    line(out, kind, count.to_string().as_bytes());
    for item in items {
        encode(item, out);
    }
}

/// Arguments with any bytes arrive unchanged.
fn check_command(bytes: &[u8]) {
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'\r').take(64).collect();
    let mut commands = Commands::new();
    commands.push(&parts);
    let mut pieces = Vec::new();
    push_header(&mut pieces, parts.len());
    for part in &parts {
        push_argument(&mut pieces, part);
    }
    for command in commands.iter() {
        assert_eq!(command, pieces);
        let all: Vec<Reply> = parts.iter().map(|part| Reply::Bulk(part.to_vec())).collect();
        assert_eq!(Reply::parse(command), Reply::Array(all));
    }
}
