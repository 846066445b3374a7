//! The format of what is stored: entries, leases and tag versions as Redis strings with a short ASCII header, readable with
//! `redis-cli GET`. The scripts splice the fixed part by position, so this file and `src/scripts` change together.
//!
//! ```text
//! entry    hw2e <stamp> <replication id> <lease length> <lease><ttl>[/<fresh>][+<keep>] <codec> <tags>\n<payload>
//! lease    hw2l <token> <replication id> <tail> <tags>\n
//! version  hw2v <version> <replication id>
//! tags     <count>[+<added>]!<version of the repository>, then for each: <length of name>:<name><version>
//! lease inside an entry    <h or b> <token> <deadline> <level> <tags>
//! ```
//!
//! Stamp, token and version have 12 characters, a replication id 8, a lease length 6 digits, a deadline (the server's clock, in
//! milliseconds) and a tail 15, a level 2. Durations are milliseconds; an entry without `fresh` is fresh as long as it may be served. A name is
//! counted in bytes and may hold anything. The codec is a letter: `-` is text, `b` the bytes of a `Buffer`, `u` those of a `Uint8Array`.
//! A packed payload has two more parts there, without a blank: `z` (zstd) or `l` (lz4), and how many bytes it had before.
//!
//! The version of the repository is that of a tag which every entry has and nobody names. A value without it is of an older format.
//!
//! Tags that callers named come first, the `added` ones of the loader behind them: those belong to this load, and the next one does
//! not inherit them.
//!
//! A lease lives for its lease time and then for its tail, which is as long as the entry would live. Once less than the tail is left,
//! the lease has run out and counts as nothing. Without the tail, a server that evicts what ends first would evict leases before
//! everything else.

mod cursor;
mod encode;
mod form;
mod header;
mod id;
mod parse;

pub(super) use cursor::{COMMON, LEASE, LEASE_DEADLINE, LEASE_TAGS, TAIL_END};
pub(super) use encode::with_replication_id;
pub use encode::{encode, encode_lease, encode_tags, encode_version, with_lease, Header};
pub use form::{Algorithm, Content, Form, Packed};
pub use header::{Entry, InnerLease, Lease, Stored, Tags};
pub use id::{is_repository, Id, Tag, Version, REPOSITORY};
pub use parse::{is_lease, name, parse, parse_inner, parse_version, replication_id, rest_of_header};

#[cfg(test)]
mod tests;
