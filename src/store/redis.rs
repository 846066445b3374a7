//! The store on a Redis server: turns operations into commands and replies into answers. It holds the operations in flight and
//! nothing else. The driver sends the commands in order and brings the replies back in the same order.
//!
//! One node. In a cluster, [`Nodes`](super::nodes::Nodes) splits operations on many keys first. An operation for a node that is about to
//! take its key's slot over goes with ASKING before each of its commands.

use std::collections::VecDeque;
use std::time::Duration;

use super::entry::{parse_version, with_replication_id};
use super::info::identity;
use super::script::{self, Script};
use super::{Found, Id, Inside, Key, NodeOp, Op, Placed, ReadEntry, StoreError, StoreReply, Ticket, Value, Version};
use crate::resp::{Commands, Reply};

/// The place of the reply to ASKING.
const ASKING: usize = usize::MAX;
/// How many keys one step of a scan looks at.
const SCAN_COUNT: &[u8] = b"1000";

/// The result of one reply.
#[derive(Debug, Default)]
pub struct Replied {
    /// The operation that it completes.
    pub done: Option<(Ticket, Result<StoreReply, StoreError>)>,
    /// Commands to send now: the full text of scripts that the server did not know.
    pub more: Option<Commands>,
}

#[derive(Debug)]
struct InFlight {
    ticket: Ticket,
    op: NodeOp,
    /// One place per command of the operation.
    replies: Vec<Option<Reply>>,
    /// Places whose replies are still due, the next one first. [`ASKING`] is the place of a reply that means nothing.
    missing: VecDeque<usize>,
    lost: Option<bool>,
}

impl InFlight {
    /// The commands at these places; scripts by their digests or, `in_full`, by their texts.
    fn send(&mut self, places: impl IntoIterator<Item = usize>, in_full: bool) -> Commands {
        let mut commands = Commands::new();
        for place in places {
            if self.op.asks {
                commands.push(&["ASKING"]);
                self.missing.push_back(ASKING);
            }
            push(&self.op, place, in_full, &mut commands);
            self.missing.push_back(place);
        }
        commands
    }
}

/// Operations in flight on one link.
#[derive(Debug, Default)]
pub struct RedisStore {
    in_flight: VecDeque<InFlight>,
}

impl RedisStore {
    /// A store with nothing in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an operation. Its commands go to the link in this order, after those of earlier operations.
    pub fn submit(&mut self, ticket: Ticket, op: NodeOp) -> Commands {
        let count = count(&op);
        let mut in_flight = InFlight { ticket, op, replies: vec![None; count], missing: VecDeque::with_capacity(count), lost: None };
        let commands = in_flight.send(0..count, false);
        self.in_flight.push_back(in_flight);
        commands
    }

    /// Takes the reply to the oldest command without one.
    pub fn on_reply(&mut self, reply: Reply) -> Replied {
        self.fill(Some(reply), false)
    }

    /// The oldest command without a reply will not get one.
    pub fn on_lost(&mut self, maybe_executed: bool) -> Replied {
        self.fill(None, maybe_executed)
    }

    /// The connection is gone: hands everything in flight back.
    pub fn on_cut(&mut self, maybe_executed: bool) -> Vec<(Ticket, StoreError)> {
        let error = if maybe_executed { StoreError::Cut { maybe_executed } } else { StoreError::NotSent };
        self.in_flight.drain(..).map(|op| (op.ticket, error.clone())).collect()
    }

    /// How many commands wait for their replies.
    pub fn outstanding(&self) -> usize {
        self.in_flight.iter().map(|op| op.missing.len()).sum()
    }

    fn fill(&mut self, reply: Option<Reply>, maybe_executed: bool) -> Replied {
        let mut replied = Replied::default();
        let Some(front) = self.in_flight.front_mut() else { return replied };
        let Some(place) = front.missing.pop_front() else { return replied };
        let is_asking = place == ASKING;
        if reply.is_none() && !is_asking {
            front.lost = Some(front.lost.unwrap_or(false) || maybe_executed);
        }
        if !is_asking {
            front.replies[place] = reply;
        }
        if !front.missing.is_empty() {
            return replied;
        }
        let Some(mut done) = self.in_flight.pop_front() else { return replied };
        if let Some(maybe_executed) = done.lost {
            // A part that was answered has been carried out.
            let maybe_executed = maybe_executed || done.replies.iter().any(Option::is_some);
            let error = if maybe_executed { StoreError::Cut { maybe_executed } } else { StoreError::NotSent };
            replied.done = Some((done.ticket, Err(error)));
            return replied;
        }
        let unknown = |reply: &Option<Reply>| reply.as_ref().and_then(Reply::error).is_some_and(|text| text.starts_with(b"NOSCRIPT"));
        let again: Vec<usize> = (0..done.replies.len()).filter(|place| unknown(&done.replies[*place])).collect();
        if again.is_empty() {
            let replies = done.replies.into_iter().map(|reply| reply.unwrap_or(Reply::Null)).collect();
            replied.done = Some((done.ticket, answer(&done.op, replies)));
            return replied;
        }
        // The script was refused, so nothing has happened and the same randoms may go out again.
        replied.more = Some(done.send(again, true));
        self.in_flight.push_back(done);
        replied
    }
}

/// How many commands an operation takes.
fn count(NodeOp { op, reads_apart, .. }: &NodeOp) -> usize {
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
        Op::Invalidate { tags } => 2 * tags.len(),
        _ => 1,
    }
}

/// Encodes the command at `place` of an operation; a script by its digest or, `in_full`, by its text.
fn push(NodeOp { op, replication, reads_apart, .. }: &NodeOp, place: usize, in_full: bool, out: &mut Commands) {
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
            let (version, counter) = &tags[place / 2];
            if place.is_multiple_of(2) {
                out.push(&[b"PFCOUNT", &**counter]);
            } else {
                out.push(&[b"DEL", &**version, &**counter]);
            }
        }
        Op::Scan { cursor, pattern } => out.push(&[b"SCAN", cursor.as_slice(), b"MATCH", pattern, b"COUNT", SCAN_COUNT]),
    }
}

/// The start of a value.
fn head_of(key: &Key, bytes: usize, out: &mut Commands) {
    out.push(&[b"GETRANGE", &**key, b"0", (bytes.max(1) - 1).to_string().as_bytes()]);
}

/// Whether the command at `place` of an operation reads the start of a value.
fn reads_head(NodeOp { op, reads_apart, .. }: &NodeOp, place: usize) -> bool {
    let Op::Read { entries, .. } = op else { return false };
    if *reads_apart {
        return entries.get(place).is_some_and(|entry| entry.head_bytes.is_some());
    }
    place < entries.iter().filter(|entry| entry.head_bytes.is_some()).count()
}

/// The name of the command at `place` of an operation.
fn command(node_op: &NodeOp, place: usize) -> &'static str {
    match &node_op.op {
        Op::Identify => "INFO",
        Op::Track => "CLIENT",
        Op::Read { .. } if reads_head(node_op, place) => "GETRANGE",
        Op::Read { entries, .. } if place + entries.iter().filter(|entry| entry.with_age).count() >= count(node_op) => "PTTL",
        Op::Read { .. } | Op::ReadVersions { .. } => "MGET",
        Op::Set { .. } => "SET",
        Op::Delete { .. } | Op::Unlink { .. } if place.is_multiple_of(2) => "GETRANGE",
        Op::Invalidate { .. } if place.is_multiple_of(2) => "PFCOUNT",
        Op::Delete { .. } | Op::Invalidate { .. } => "DEL",
        Op::Unlink { .. } => "UNLINK",
        Op::Scan { .. } => "SCAN",
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

/// Makes the answer of an operation from the replies to its commands.
fn answer(node_op: &NodeOp, mut replies: Vec<Reply>) -> Result<StoreReply, StoreError> {
    let NodeOp { op, reads_apart, .. } = node_op;
    for (place, reply) in replies.iter_mut().enumerate() {
        // MGET says nothing about a value of another type.
        if reads_head(node_op, place) && reply.error().is_some_and(|text| text.starts_with(b"WRONGTYPE")) {
            *reply = Reply::Null;
        }
    }
    let tolerant = matches!(op, Op::Delete { .. } | Op::Unlink { .. } | Op::Invalidate { .. });
    for (place, reply) in replies.iter().enumerate() {
        // The first command of each pair only counts, and may meet a value of another type.
        if let Some(text) = reply.error().filter(|_| !(tolerant && place.is_multiple_of(2))) {
            return Err(StoreError::refused(text, command(node_op, place)));
        }
    }
    match op {
        Op::Read { entries, versions } if *reads_apart => read_apart(entries, versions.len(), replies),
        Op::ReadVersions { .. } if *reads_apart => {
            Some(StoreReply::Versions(replies.into_iter().map(Reply::into_item).map(|value| version(&value)).collect()))
        }
        Op::Read { entries, versions } => read(entries, versions.len(), replies),
        Op::Ensure { .. } => {
            let ids: Option<Vec<Id>> = replies.iter().map(|reply| Id::parse(reply.as_bytes()?)).collect();
            ids.map(StoreReply::Ensured)
        }
        Op::Count { .. } => Some(StoreReply::Number(replies.iter().filter(|reply| reply.as_integer() == Some(1)).count() as u64)),
        Op::Delete { .. } | Op::Unlink { .. } => {
            let real = |pair: &[Reply]| {
                let is_lease = pair[0].as_bytes() == Some(b"hw1l");
                pair[1].as_integer().filter(|_| !is_lease).unwrap_or(0)
            };
            Some(StoreReply::Number(replies.chunks_exact(2).map(real).sum::<i64>() as u64))
        }
        Op::Invalidate { .. } => Some(StoreReply::Number(replies.iter().step_by(2).filter_map(Reply::as_integer).sum::<i64>() as u64)),
        _ => replies.into_iter().next().and_then(|reply| single(op, reply)),
    }
    .ok_or(StoreError::Unexpected)
}

/// The answer of an operation that needs one reply.
fn single(op: &Op, reply: Reply) -> Option<StoreReply> {
    Some(match op {
        Op::Identify => identity(reply.as_bytes()?),
        Op::ReadVersions { .. } => StoreReply::Versions(reply.items()?.iter().map(version).collect()),
        Op::Place { .. } => {
            let items = reply.items()?;
            StoreReply::Placed(if items.first()?.as_integer()? == 1 {
                let number = |at: usize| Some(u64::try_from(items.get(at)?.as_integer()?).unwrap_or(0));
                Placed::Yes { left: Duration::from_millis(number(1)?), end: number(2)? }
            } else {
                Placed::No(found(items)?)
            })
        }
        Op::PlaceInside { .. } => {
            let items = reply.items()?;
            StoreReply::PlacedInside(match items.first()?.as_integer()? {
                1 => Inside::Yes,
                2 => Inside::Held {
                    lease: items.get(1)?.as_bytes()?.to_vec(),
                    remaining: Duration::from_millis(items.get(2)?.as_integer()?.max(0) as u64),
                },
                _ => Inside::No(found(items)?),
            })
        }
        Op::Scan { .. } => {
            let Reply::Array(mut parts) = reply else { return None };
            let keys = parts.get(1)?.items()?.iter().filter_map(Reply::as_bytes).map(Key::from).collect();
            StoreReply::Scanned { cursor: parts.swap_remove(0).as_bytes()?.to_vec(), keys }
        }
        Op::Set { .. } | Op::Track => StoreReply::Done,
        _ => StoreReply::Held(reply.as_integer()? == 1),
    })
}

fn read(asked: &[ReadEntry], versions: usize, replies: Vec<Reply>) -> Option<StoreReply> {
    let mut replies = replies.into_iter();
    let heads = asked.iter().filter(|entry| entry.head_bytes.is_some()).count();
    let mut heads: VecDeque<Reply> = replies.by_ref().take(heads).collect();
    let values = if asked.len() + versions > heads.len() { replies.next()? } else { Reply::Array(Vec::new()) };
    let Reply::Array(values) = values else { return None };
    let mut values = values.into_iter();
    let mut entries = Vec::with_capacity(asked.len());
    for entry in asked {
        let value = if entry.head_bytes.is_some() { heads.pop_front()? } else { values.next()? };
        entries.push(read_entry(entry, value, &mut replies)?);
    }
    let versions: Vec<Option<Version>> = values.map(|value| version(&value)).take(versions).collect();
    Some(StoreReply::Read { entries, versions, atomic: true })
}

/// The answer to a read whose keys were read by a command each: entries, versions, then ages.
fn read_apart(asked: &[ReadEntry], versions: usize, replies: Vec<Reply>) -> Option<StoreReply> {
    let mut replies = replies.into_iter();
    let own = |(entry, reply): (&ReadEntry, Reply)| if entry.head_bytes.is_some() { reply } else { reply.into_item() };
    let values: Vec<Reply> = asked.iter().zip(replies.by_ref()).map(own).collect();
    let versions: Vec<Option<Version>> = replies.by_ref().take(versions).map(Reply::into_item).map(|value| version(&value)).collect();
    let read = |(entry, value)| read_entry(entry, value, &mut replies);
    let entries: Option<Vec<Found>> = asked.iter().zip(values).map(read).collect();
    // The versions were read after the entries.
    Some(StoreReply::Read { entries: entries?, versions, atomic: true })
}

/// One entry. Its age is the next of `ages`, if it was asked for.
fn read_entry(asked: &ReadEntry, value: Reply, ages: &mut impl Iterator<Item = Reply>) -> Option<Found> {
    let value = if let Reply::Bulk(bytes) = value { Some(bytes) } else { None };
    // GETRANGE of nothing is an empty string.
    let value = value.filter(|bytes| asked.head_bytes.is_none() || !bytes.is_empty());
    let is_head = asked.head_bytes.is_some_and(|asked| value.as_ref().is_some_and(|bytes| bytes.len() >= asked));
    let pttl = if asked.with_age { Some(ages.next()?.as_integer()?) } else { None };
    Some(Found { value: value.map(Value::new).into(), pttl, is_head })
}

fn version(reply: &Reply) -> Option<Version> {
    reply.as_bytes().and_then(parse_version)
}

fn found(items: &[Reply]) -> Option<Found> {
    let value = items.get(1)?.as_bytes().map(|bytes| Value::new(bytes.to_vec()));
    Some(Found { value: value.into(), pttl: Some(items.get(2)?.as_integer()?), is_head: false })
}

#[cfg(test)]
#[path = "redis_tests.rs"]
mod tests;
