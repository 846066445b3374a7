//! The commands of each operation.

use std::time::Duration;

use crate::resp::Commands;
use crate::store::entry::with_replication_id;
use crate::store::script::{self, Script};
use crate::store::{Id, Key, NodeOp, Op};

/// How many keys one step of a scan looks at.
const SCAN_COUNT: &[u8] = b"1000";

/// How many commands an inspection takes besides those of its keys: the first two and the last one.
pub(super) const FRAME: usize = 3;

/// How many commands an operation takes.
pub(super) fn count(node_op: &NodeOp) -> usize {
    let NodeOp { op, reads_apart, .. } = node_op;
    match op {
        Op::Read { entries, versions } => {
            let heads = entries.iter().filter(|entry| entry.head_bytes.is_some()).count();
            let all = entries.len() + versions.len();
            let reads = if *reads_apart { all } else { heads + usize::from(all > heads) };
            reads + entries.iter().filter(|entry| entry.with_age).count()
        }
        Op::ReadVersions { versions } if *reads_apart => versions.len(),
        Op::Ensure { items, .. } => items.len(),
        Op::Count { items, .. } => items.len(),
        Op::Renew { versions, .. } => 1 + versions.len(),
        Op::Delete { entries: keys } | Op::Unlink { keys } => 2 * keys.len(),
        Op::Inspect { keys, .. } => 3 * keys.len() + FRAME,
        Op::Invalidate { tags } => group(node_op) * tags.len(),
        _ => 1,
    }
}

/// How many commands each key of a removal takes. A node that imports a slot refuses a command of two keys while it does not have both,
/// so there a version and its counter are deleted one by one.
pub(super) fn group(NodeOp { op, asks, .. }: &NodeOp) -> usize {
    if *asks && matches!(op, Op::Invalidate { .. }) {
        3
    } else {
        2
    }
}

/// Encodes the command at `place` of an operation; a script by its digest or, `in_full`, by its text.
pub(super) fn push(node_op: &NodeOp, place: usize, in_full: bool, out: &mut Commands) {
    let NodeOp { op, replication, reads_apart, .. } = node_op;
    let demanded = replication.demanded();
    let mut eval = |script: &'static Script, keys: &[&[u8]], arguments: &[&[u8]]| {
        let keys_len = keys.len().to_string();
        let parts: Vec<&[u8]> = head(script, in_full, &keys_len).iter().chain(keys).chain(arguments).copied().collect();
        out.push(&parts);
    };
    match op {
        Op::Identify => out.push(&["INFO", "replication"]),
        // Default mode. With NOLOOP, or without a read in between, the server stops telling.
        Op::Track => out.push(&["CLIENT", "TRACKING", "ON"]),
        Op::Read { entries, versions } if *reads_apart => {
            if let Some(entry) = entries.get(place) {
                match entry.head_bytes {
                    Some(bytes) => head_of(&entry.key, bytes, out),
                    // GET would fail for a value of another type.
                    None => out.push(&[b"MGET", &*entry.key]),
                }
            } else if let Some(key) = versions.get(place - entries.len()) {
                out.push(&[b"MGET", &**key]);
            } else if let Some(entry) = entries.iter().filter(|entry| entry.with_age).nth(place - entries.len() - versions.len()) {
                out.push(&[b"PTTL", &*entry.key]);
            }
        }
        Op::ReadVersions { versions } if *reads_apart => out.push(&[b"MGET", &*versions[place]]),
        Op::Read { entries, versions } => {
            // Heads come first, so that the versions are read after them.
            let mut heads = entries.iter().filter_map(|entry| Some((&entry.key, entry.head_bytes?)));
            if let Some((key, bytes)) = heads.nth(place) {
                return head_of(key, bytes, out);
            }
            let heads = entries.iter().filter(|entry| entry.head_bytes.is_some()).count();
            let reads = heads + usize::from(entries.len() + versions.len() > heads);
            if place < reads {
                let mut parts: Vec<&[u8]> = Vec::with_capacity(1 + entries.len() + versions.len());
                parts.push(b"MGET");
                parts.extend(entries.iter().filter(|entry| entry.head_bytes.is_none()).map(|entry| &*entry.key));
                parts.extend(versions.iter().map(|key| &**key));
                out.push(&parts);
            } else if let Some(entry) = entries.iter().filter(|entry| entry.with_age).nth(place - reads) {
                out.push(&[b"PTTL", &*entry.key]);
            }
        }
        Op::ReadVersions { versions } => {
            let mut parts: Vec<&[u8]> = vec![b"MGET"];
            parts.extend(versions.iter().map(|key| &**key));
            out.push(&parts);
        }
        Op::Ensure { items, need } => {
            let (key, offered) = &items[place];
            eval(&script::ENSURE, &[key], &[offered.as_bytes(), replication.id.as_bytes(), demanded, &millis(*need)]);
        }
        Op::Place { entry, expected, lease, life, tail } => {
            let expected = expected.as_ref().map_or(&b""[..], Id::as_bytes);
            let before = [&head(&script::PLACE, in_full, "1")[..], &[entry, expected, demanded]].concat();
            out.push_split(&before, &with_replication_id(lease, &replication.id), &[&millis(life.saturating_add(*tail))]);
        }
        Op::PlaceInside { entry, stamp, token, tags, life } => {
            let arguments = [stamp.as_bytes(), demanded, token.as_bytes(), tags, &millis(*life)];
            eval(&script::PLACE_INSIDE, &[entry], &arguments);
        }
        Op::Amend { entry, token, tags } => {
            eval(&script::AMEND, &[entry], &[token.as_bytes(), demanded, tags]);
        }
        Op::Commit { entry, token, value, life } => {
            let before = [&head(&script::COMMIT, in_full, "1")[..], &[entry, token.as_bytes(), demanded]].concat();
            out.push_split(&before, &with_replication_id(value, &replication.id), &[&millis(*life)]);
        }
        Op::Keep { entry, token, stamp, header, rest, life } => {
            let before = [&head(&script::KEEP, in_full, "1")[..], &[entry, token.as_bytes(), demanded, stamp.as_bytes()]].concat();
            out.push_split(&before, &with_replication_id(header, &replication.id), &[rest.to_string().as_bytes(), &millis(*life)]);
        }
        Op::Restore { entry, token, value, end, backoff } => {
            let [base, max] = backoff.map_or_else(Default::default, |(base, max)| [millis(base), millis(max)]);
            eval(&script::RESTORE, &[entry], &[token.as_bytes(), demanded, value, end.to_string().as_bytes(), &base, &max]);
        }
        Op::Count { items, member } => {
            let (version, counter, captured) = &items[place];
            eval(&script::COUNT, &[version, counter], &[captured.as_bytes(), demanded, member]);
        }
        Op::Renew { entry, token, life, versions, need } => {
            if let Some((key, captured)) = place.checked_sub(1).and_then(|at| versions.get(at)) {
                eval(&script::RENEW_VERSION, &[key], &[captured.as_bytes(), demanded, &millis(*need)]);
            } else {
                eval(&script::RENEW, &[entry], &[token.as_bytes(), demanded, &millis(*life)]);
            }
        }
        Op::Prolong { version, captured, need } => {
            eval(&script::RENEW_VERSION, &[version], &[captured.as_bytes(), demanded, &millis(*need)]);
        }
        Op::GiveBack { entry, token } => eval(&script::GIVE_BACK, &[entry], &[token.as_bytes()]),
        Op::Backoff { entry, token, base, max } => {
            eval(&script::BACK_OFF, &[entry], &[token.as_bytes(), &millis(*base), &millis(*max)]);
        }
        Op::Set { entry, value, life } => {
            out.push_split(&[b"SET", entry], &with_replication_id(value, &replication.id), &[b"PX", &millis(*life)]);
        }
        Op::Delete { entries: keys } => delete(b"DEL", keys, place, out),
        Op::Unlink { keys } => delete(b"UNLINK", keys, place, out),
        Op::Invalidate { tags } => {
            let group = group(node_op);
            let (version, counter) = &tags[place / group];
            match place % group {
                0 => out.push(&[b"PFCOUNT", &**counter]),
                1 if group == 2 => out.push(&[b"DEL", &**version, &**counter]),
                1 => out.push(&[b"DEL", &**version]),
                _ => out.push(&[b"DEL", &**counter]),
            }
        }
        Op::Inspect { keys, head_bytes } => inspect(keys, *head_bytes, place, out),
        Op::Scan { cursor, pattern } => out.push(&[b"SCAN", cursor.as_slice(), b"MATCH", pattern, b"COUNT", SCAN_COUNT]),
    }
}

/// Reads that leave the order of eviction alone, where the server knows how, and the server's time before them.
fn inspect(keys: &[Key], head_bytes: Option<usize>, place: usize, out: &mut Commands) {
    match place {
        0 => out.push(&["CLIENT", "NO-TOUCH", "ON"]),
        1 => out.push(&["TIME"]),
        place => match (keys.get((place - 2) / 3), (place - 2) % 3) {
            (None, _) => out.push(&["CLIENT", "NO-TOUCH", "OFF"]),
            (Some(key), 0) => match head_bytes {
                Some(bytes) => head_of(key, bytes, out),
                None => out.push(&[b"GET", &**key]),
            },
            (Some(key), 1) => out.push(&[b"STRLEN", &**key]),
            (Some(key), _) => out.push(&[b"PTTL", &**key]),
        },
    }
}

/// The start of a value.
fn head_of(key: &Key, bytes: usize, out: &mut Commands) {
    out.push(&[b"GETRANGE", &**key, b"0", (bytes.max(1) - 1).to_string().as_bytes()]);
}

/// Whether the command at `place` of an operation reads the start of a value.
pub(super) fn reads_head(NodeOp { op, reads_apart, .. }: &NodeOp, place: usize) -> bool {
    let Op::Read { entries, .. } = op else { return false };
    if *reads_apart {
        return entries.get(place).is_some_and(|entry| entry.head_bytes.is_some());
    }
    place < entries.iter().filter(|entry| entry.head_bytes.is_some()).count()
}

/// The name of the command at `place` of an operation.
pub(super) fn command(node_op: &NodeOp, place: usize) -> &'static str {
    match &node_op.op {
        Op::Identify => "INFO",
        Op::Track => "CLIENT",
        Op::Read { .. } if reads_head(node_op, place) => "GETRANGE",
        Op::Read { entries, .. } if place + entries.iter().filter(|entry| entry.with_age).count() >= count(node_op) => "PTTL",
        Op::Read { .. } | Op::ReadVersions { .. } => "MGET",
        Op::Set { .. } => "SET",
        Op::Delete { .. } | Op::Unlink { .. } if place.is_multiple_of(2) => "GETRANGE",
        Op::Invalidate { .. } if place.is_multiple_of(group(node_op)) => "PFCOUNT",
        Op::Delete { .. } | Op::Invalidate { .. } => "DEL",
        Op::Unlink { .. } => "UNLINK",
        Op::Scan { .. } => "SCAN",
        Op::Inspect { head_bytes, .. } => match place.checked_sub(FRAME - 1).map(|place| place % 3) {
            Some(0) if head_bytes.is_none() => "GET",
            Some(0) => "GETRANGE",
            Some(1) => "STRLEN",
            Some(_) => "PTTL",
            None => "CLIENT",
        },
        _ => "EVALSHA",
    }
}

/// How a script is called: by its digest or, `in_full`, by its text.
fn head<'a>(script: &'static Script, in_full: bool, keys: &'a str) -> [&'a [u8]; 3] {
    if in_full {
        [b"EVAL", script.text.as_bytes(), keys.as_bytes()]
    } else {
        [b"EVALSHA", script.digest().as_bytes(), keys.as_bytes()]
    }
}

/// The first four bytes tell whether it is a lease. Then the key is deleted.
fn delete(verb: &'static [u8], keys: &[Key], place: usize, out: &mut Commands) {
    let key = &*keys[place / 2];
    if place.is_multiple_of(2) {
        out.push(&[b"GETRANGE", key, b"0", b"3"]);
    } else {
        out.push(&[verb, key]);
    }
}

fn millis(duration: Duration) -> Vec<u8> {
    // The server would refuse a life of zero, which means the shortest possible one.
    duration.as_millis().max(1).to_string().into_bytes()
}
