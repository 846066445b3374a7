//! The fuzz targets without a fuzzer: replays the corpus in `fuzz/corpus`, then changes its files at random. `HAWSER_FUZZ_SECONDS` is how
//! long all targets take together, `HAWSER_FUZZ_SEED` where they begin; a failure shows the seed of its input.

#![allow(missing_docs, clippy::unwrap_used, reason = "test code")]

mod targets;

use std::io::Write;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::time::{Duration, Instant};

/// The longest input.
const LONGEST: usize = 1 << 16;

/// Text that is hard to parse.
const PIECES: &[&[u8]] = &[
    b"-1",
    b"0",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551615",
    b"4294967296",
    b"65535",
    b"16384",
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"\xff\xfe",
    b" ",
    b"|0\r\n",
    b"*1\r\n",
    b"$-1\r\n",
    b"%1\r\n",
    b">3\r\n",
    b"=4\r\n",
    b",nan\r\n",
    b"-MOVED 1 h:7002\r\n",
    b"-LOADING\r\n",
    b"+OK\r\n",
];

type Target = fn(&[u8]);

#[test]
fn replies() {
    run("resp", targets::resp);
}

#[test]
fn links() {
    run("link", targets::link);
}

#[test]
fn routers() {
    run("router", targets::router);
}

#[test]
fn entries() {
    run("entries", targets::entries);
}

fn run(name: &str, target: Target) {
    let corpus = corpus(name);
    for (file, bytes) in &corpus {
        check(target, bytes, &format!("fuzz/corpus/{name}/{file}"));
    }
    let seconds: f64 = setting("HAWSER_FUZZ_SECONDS").unwrap_or(10.0);
    let mut seed: u64 = setting("HAWSER_FUZZ_SEED").unwrap_or(1);
    // Not captured with the test's output: after a stack overflow nothing else is left.
    let _ = writeln!(std::io::stderr(), "fuzz {name}: from seed {seed} on");
    let end = Instant::now() + Duration::from_secs_f64(seconds / 4.0);
    while Instant::now() < end {
        let input = Dice(seed).input(&corpus);
        check(target, &input, &format!("{name}, HAWSER_FUZZ_SEED={seed}"));
        seed += 1;
    }
}

/// The panic hook of the test run has printed which property is violated.
fn check(target: Target, input: &[u8], what: &str) {
    let holds = catch_unwind(AssertUnwindSafe(|| target(input))).is_ok();
    assert!(holds, "{what}: {}", input[..input.len().min(2000)].escape_ascii());
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let file = file.unwrap();
            (file.file_name().to_string_lossy().into_owned(), std::fs::read(file.path()).unwrap())
        })
        .collect();
    all.sort();
    assert!(!all.is_empty(), "{name} has a corpus");
    all
}

/// splitmix64, seeded for one input.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }

    /// A changed file of the corpus, or noise.
    fn input(&mut self, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
        if self.below(16) == 0 {
            return (0..self.below(600)).map(|_| self.below(256) as u8).collect();
        }
        let mut bytes = corpus[self.below(corpus.len())].1.clone();
        for _ in 0..=self.below(8) {
            let other = &corpus[self.below(corpus.len())].1;
            self.change(&mut bytes, other);
            bytes.truncate(LONGEST);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let end = (at + self.below(20)).min(bytes.len());
        match self.below(9) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 if at < bytes.len() => bytes[at] = self.below(256) as u8,
            3 => drop(bytes.drain(at..end)),
            4 => drop(bytes.splice(at..end, PIECES[self.below(PIECES.len())].iter().copied())),
            5 => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
            6 => {
                let from = self.below(other.len() + 1);
                drop(bytes.splice(at.., other[from..].iter().copied()));
            }
            7 => {
                let most = if self.below(20) == 0 { LONGEST } else { 16 };
                let again = bytes[at..end].repeat(self.below(most / (end - at).max(1)));
                drop(bytes.splice(at..at, again));
            }
            _ => {
                let noise: Vec<u8> = (0..self.below(30)).map(|_| self.below(256) as u8).collect();
                drop(bytes.splice(at..end, noise));
            }
        }
    }
}
