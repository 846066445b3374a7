//! Maps that every read looks into: by numbers that this process gives, and by names.

use std::hash::{BuildHasherDefault, Hasher};

/// For keys that the process counts itself, or that are hashes already: there is nothing to protect and nothing to mix.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        // Spread over the high bits too: the map takes its tags from there.
        self.0 = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A map by names, which others choose: its hash has a random seed, and costs a few nanoseconds.
pub(crate) type Named<K, V> = std::collections::HashMap<K, V, foldhash::quality::RandomState>;

/// A map by numbers that the process gives.
pub(crate) type Numbered<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Plain>>;
