//! Randomness as an input: versions, lease tokens and stamps come from the generator that the driver passes in.

/// A source of random bytes. Drivers pass the operating system's generator; tests pass a counter.
pub trait Entropy {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Writes groups of three bytes as four base64url characters each, as long as both have a group left.
pub fn write_base64url(raw: &[u8], text: &mut [u8]) {
    for (group, out) in raw.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        for (i, character) in out.iter_mut().enumerate() {
            *character = ALPHABET[(bits >> (18 - 6 * i) & 63) as usize];
        }
    }
}

/// 96 random bits as 16 base64url characters (RFC 4648, section 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Random([u8; 16]);

impl Random {
    /// Draws a new value.
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        let mut raw = [0u8; 12];
        entropy.fill(&mut raw);
        let mut text = [0u8; 16];
        write_base64url(&raw, &mut text);
        Self(text)
    }

    /// Parses a value that was written earlier; `None` if `text` is not 16 base64url characters.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; 16] = text.try_into().ok()?;
        text.iter().all(|c| ALPHABET.contains(c)).then_some(Self(text))
    }

    /// Its 16 characters.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_base64url() {
        struct Fixed;
        impl Entropy for Fixed {
            fn fill(&mut self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&[0xff, 0xef, 0xbe, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
            }
        }
        let random = Random::draw(&mut Fixed);
        assert_eq!(random.as_bytes(), b"_---AAAAAQIDBAUG");
        assert_eq!(Random::parse(random.as_bytes()), Some(random));
        assert_eq!(Random::parse(b"short"), None);
        assert_eq!(Random::parse(b"_---AAAAAQIDBAU "), None);
    }
}
