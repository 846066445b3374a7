//! Keys of the store. For the prefix `sc`: entry `sc:<key>`; version and counter of a tag `sc#v{:<tag>}` and `sc#h{:<tag>}`; the
//! repository's own version `sc#c{:}`, on a cluster `sc#c{:<n>}` for each range of slots.
//!
//! A `:` in a prefix is written `#:`, and a prefix has no `#`. So the first `:` or `#` that another character follows ends the
//! prefix, and no entry of one repository is an entry or an internal key of another. Redis hashes the text between the first `{`
//! and the next `}` unless it is empty. A prefix's `{` is written `#(` in internal names, and the `:` in the braces keeps a tag that
//! begins with `}` from emptying them. So version and counter of a tag share a slot, whatever characters the tag has.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::decision::Decision;
use super::ids::RepoId;
use super::marks::{self, Mark};
use super::tags::TAGS_MAX;
use crate::error::{Error, ErrorKind};
use crate::store::entry::Tag;
use crate::store::{escape_glob, Key};

/// A repository: its number and the names of its keys. Lookups, loads and writes share it.
#[derive(Debug)]
pub(super) struct Repo {
    pub id: RepoId,
    pub names: Names,
    /// Whether the warning was given that callers name ever different tags for one key.
    told_of_tags: AtomicBool,
    /// Whether a loader has tagged its result.
    tags_results: AtomicBool,
    /// Its own versions: the one on a single server, and those on a cluster.
    own: OnceLock<[Arc<OwnVersion>; 1]>,
    own_sharded: OnceLock<Vec<Arc<OwnVersion>>>,
}

/// The version of a repository that an entry carries: under which name it stands among those of tags, and at which key it is.
#[derive(Debug)]
pub(super) struct OwnVersion {
    pub name: Tag,
    pub key: Key,
}

impl Repo {
    pub(super) fn new(id: RepoId, prefix: &str) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self {
            id,
            names: Names::new(prefix)?,
            told_of_tags: AtomicBool::new(false),
            tags_results: AtomicBool::new(false),
            own: OnceLock::new(),
            own_sharded: OnceLock::new(),
        }))
    }

    /// Its own versions. On a cluster, each range of slots has one.
    pub(super) fn own_versions(&self, is_cluster: bool) -> &[Arc<OwnVersion>] {
        let own = |name: Tag| Arc::new(OwnVersion { key: self.names.version(&name), name });
        if is_cluster {
            self.own_sharded.get_or_init(|| Mark::Repository.all(true).into_iter().map(own).collect())
        } else {
            self.own.get_or_init(|| [own(Mark::Repository.of(b"", false))])
        }
    }

    /// The one that this entry carries.
    pub(super) fn own_version(&self, entry: &[u8], is_cluster: bool) -> &Arc<OwnVersion> {
        let shard = if is_cluster { marks::shard_of(entry) } else { 0 };
        &self.own_versions(is_cluster)[shard]
    }

    /// The tags of a new load would pass the bound together with those it inherits, so it carries its caller's alone. Returns the
    /// warning that says so, once.
    pub(super) fn too_many_tags(&self) -> Option<Decision> {
        let text = format!(
            "callers name ever different tags for one key: together they pass the bound of {TAGS_MAX}, so a load carries the tags of \
             its caller alone and callers replace each other's entries"
        );
        let is_told = self.told_of_tags.swap(true, Ordering::Relaxed);
        (!is_told).then_some(Decision::Event { repo: Some(self.id), name: "warning", text })
    }

    /// Whether a loader has tagged its result: the next one may do so too.
    pub(super) fn tags_results(&self) -> bool {
        self.tags_results.load(Ordering::Relaxed)
    }

    pub(super) fn note_tagged_result(&self) {
        self.tags_results.store(true, Ordering::Relaxed);
    }

    /// The repository of the machines' unit tests.
    #[cfg(test)]
    pub(super) fn testing() -> Arc<Self> {
        Self::new(RepoId(1), "sc").expect("a prefix")
    }
}

/// The names of one repository's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The prefix of entries.
    entry: Vec<u8>,
    /// The prefix of internal keys.
    internal: Vec<u8>,
}

impl Names {
    /// The names of the repository with this prefix.
    pub fn new(prefix: &str) -> Result<Self, Error> {
        if prefix.is_empty() || prefix.contains('#') {
            return Err(Error::new(ErrorKind::BadOption, "a cache's prefix must be a string that is not empty and has no '#'"));
        }
        let entry = prefix.replace(':', "#:");
        let internal = entry.replace('{', "#(");
        Ok(Self { entry: (entry + ":").into_bytes(), internal: (internal + "#").into_bytes() })
    }

    /// The key of the entry `key`.
    pub fn entry(&self, key: &[u8]) -> Key {
        joined([&self.entry, key, b"", b""])
    }

    /// The entry's own key in a key of the store; `None`: it is none of this repository's entries.
    pub fn key_of<'a>(&self, entry: &'a [u8]) -> Option<&'a [u8]> {
        entry.strip_prefix(&*self.entry)
    }

    /// The key of the version of `tag`, or of a mark.
    pub fn version(&self, tag: &[u8]) -> Key {
        match marks::place_of(tag) {
            Some((letter, place)) => self.of_tag(letter, place),
            None => self.of_tag(b'v', tag),
        }
    }

    /// The key of the counter of `tag`. Nothing is counted under a mark.
    pub fn counter(&self, tag: &[u8]) -> Key {
        match marks::place_of(tag) {
            Some((_, place)) => self.of_tag(b'z', place),
            None => self.of_tag(b'h', tag),
        }
    }

    /// The entries whose key matches `glob`, as a glob on keys of the store.
    pub fn pattern(&self, glob: &[u8]) -> Vec<u8> {
        [&escape_glob(&self.entry), glob].concat()
    }

    fn of_tag(&self, letter: u8, tag: &[u8]) -> Key {
        joined([&self.internal, &[letter, b'{', b':'], tag, b"}"])
    }
}

/// The parts as one key. Every read makes some, so a short key is put together where it needs no memory of its own.
fn joined(parts: [&[u8]; 4]) -> Key {
    let mut short = [0; 128];
    let mut length = 0;
    for part in parts {
        match short.get_mut(length..length + part.len()) {
            Some(place) => place.copy_from_slice(part),
            None => return parts.concat().into(),
        }
        length += part.len();
    }
    short[..length].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::glob_matches;
    use std::collections::HashMap;

    const PREFIXES: &[&str] =
        &["sc", "sc:user", "sc:", ":", "a{b}c", "{", "}", "{}", "*", "a*", "[x]", "s", "sc(", "a{b", "a(b", "\u{e9}\r\n\0"];
    const WORDS: &[&str] =
        &["1", "user:1", "{", "}", "{}", "}{", "{a}", "a}b", "#v{:x}", "v{:x}", "x", ":", "#", "\r\n", "\0", "*", "\u{1f600}", "#:user:1"];

    #[test]
    fn no_two_names_are_one() {
        let mut seen = HashMap::new();
        for prefix in PREFIXES {
            let names = Names::new(prefix).unwrap();
            for word in WORDS {
                let all = [names.entry(word.as_bytes()), names.version(word.as_bytes()), names.counter(word.as_bytes())];
                for (kind, name) in all.into_iter().enumerate() {
                    let old = seen.insert(name.clone(), (prefix, word, kind));
                    assert_eq!(old, None, "{} of {:?}", name.escape_ascii(), (prefix, word, kind));
                }
            }
        }
    }

    #[test]
    fn version_and_counter_share_a_slot() {
        assert_eq!(slot(b"123456789"), 12_739);
        for prefix in PREFIXES {
            let names = Names::new(prefix).unwrap();
            for word in WORDS {
                let (version, counter) = (names.version(word.as_bytes()), names.counter(word.as_bytes()));
                assert_eq!(slot(&version), slot(&counter), "{prefix} {word}");
            }
        }
    }

    /// Source: the cluster specification, <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.
    fn slot(key: &[u8]) -> u16 {
        let open = key.iter().position(|byte| *byte == b'{').map(|at| at + 1);
        let tag = open.and_then(|from| key[from..].iter().position(|byte| *byte == b'}').map(|length| &key[from..from + length]));
        let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
        let crc = hashed.iter().fold(0u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
        });
        crc % 16_384
    }

    #[test]
    fn names_are_as_documented() {
        let names = Names::new("sc").unwrap();
        assert_eq!(&*names.entry(b"user:1"), b"sc:user:1");
        assert_eq!(&*names.version(b"x"), b"sc#v{:x}");
        assert_eq!(&*names.counter(b"x"), b"sc#h{:x}");
        assert_eq!(&*Names::new("sc:user").unwrap().entry(b"1"), b"sc#:user:1");
    }

    #[test]
    fn a_pattern_matches_entries_of_its_own_repository_alone() {
        for prefix in PREFIXES {
            let pattern = Names::new(prefix).unwrap().pattern(b"*");
            for other in PREFIXES {
                let names = Names::new(other).unwrap();
                for word in WORDS {
                    assert_eq!(glob_matches(&pattern, &names.entry(word.as_bytes())), prefix == other, "{prefix} on {other} {word}");
                    assert!(!glob_matches(&pattern, &names.version(word.as_bytes())));
                }
            }
        }
        let names = Names::new("sc").unwrap();
        assert!(glob_matches(&names.pattern(b"user:?"), &names.entry(b"user:1")));
        assert!(!glob_matches(&names.pattern(b"user:?"), &names.entry(b"user:12")));
    }

    #[test]
    fn a_prefix_without_a_name_is_an_error() {
        for prefix in ["", "a#b", "#"] {
            assert_eq!(Names::new(prefix).unwrap_err().kind(), ErrorKind::BadOption);
        }
    }
}
