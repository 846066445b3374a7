//! The operating system's random generator.

use crate::entropy::Entropy;

/// The operating system's generator, read a page at a time.
pub struct SystemEntropy {
    page: [u8; 1536],
    used: usize,
}

impl SystemEntropy {
    /// A generator with an empty page.
    pub const fn new() -> Self {
        Self { page: [0; 1536], used: 1536 }
    }
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        if self.page.len() - self.used < bytes.len() {
            // Without randomness no lease is safe; the panic is caught at the boundary and the call fails.
            assert!(getrandom::fill(&mut self.page).is_ok(), "the operating system's generator does not answer");
            self.used = 0;
        }
        bytes.copy_from_slice(&self.page[self.used..self.used + bytes.len()]);
        self.used += bytes.len();
    }
}

/// A random number from the operating system, for choices that need not be secret. A fixed one if it does not answer.
pub fn seed() -> u64 {
    getrandom::u64().unwrap_or(0x5eed)
}
