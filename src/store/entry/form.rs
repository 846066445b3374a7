//! What the bytes of a payload are: text, or the bytes of a value that is itself bytes.
//!
//! A packed payload has fewer bytes than the value. A header says both in one word: a letter, then for a packed one the algorithm's letter and the
//! length before. Versions of hawser that know only `-` take an entry with another word for a foreign value: a miss, replaced by the
//! next store.

use crate::resp::push_number;

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Content {
    /// The text that a serializer made.
    #[default]
    Text,
    /// A value of its own: a `Buffer`.
    Buffer,
    /// A value of its own: a `Uint8Array`.
    Uint8Array,
}

impl Content {
    /// Its letter in a header.
    const fn letter(self) -> u8 {
        match self {
            Self::Text => b'-',
            Self::Buffer => b'b',
            Self::Uint8Array => b'u',
        }
    }

    /// The one with this letter.
    pub const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'-' => Some(Self::Text),
            b'b' => Some(Self::Buffer),
            b'u' => Some(Self::Uint8Array),
            _ => None,
        }
    }
}

/// How a payload was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Zstandard, one frame.
    Zstd,
    /// LZ4, one block.
    Lz4,
}

impl Algorithm {
    /// Its letter in a header.
    const fn letter(self) -> u8 {
        match self {
            Self::Zstd => b'z',
            Self::Lz4 => b'l',
        }
    }

    /// The one with this letter.
    pub const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'z' => Some(Self::Zstd),
            b'l' => Some(Self::Lz4),
            _ => None,
        }
    }
}

/// That a payload is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Packed {
    /// How.
    pub algorithm: Algorithm,
    /// How many bytes it had before. Unpacking checks it, since anybody may have written it.
    pub length: usize,
}

/// What a stored payload is, and how it came into its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Form {
    /// What it is.
    pub content: Content,
    /// Whether it is packed.
    pub packed: Option<Packed>,
}

impl Form {
    /// A text as it is.
    pub const TEXT: Self = Self::plain(Content::Text);

    /// A payload of this content as it is.
    pub const fn plain(content: Content) -> Self {
        Self { content, packed: None }
    }

    /// Appends the word of a header.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        out.push(self.content.letter());
        if let Some(Packed { algorithm, length }) = self.packed {
            out.push(algorithm.letter());
            push_number(out, length);
        }
    }

    /// Reads the word of a header. Only what [`Form::push`] writes is one.
    pub fn parse(word: &[u8]) -> Option<Self> {
        let (content, rest) = word.split_first()?;
        let content = Content::from_letter(*content)?;
        let Some((algorithm, digits)) = rest.split_first() else { return Some(Self::plain(content)) };
        let algorithm = Algorithm::from_letter(*algorithm)?;
        // A payload that is packed was not empty.
        if !digits.iter().all(u8::is_ascii_digit) || digits.first().is_none_or(|digit| *digit == b'0') {
            return None;
        }
        let length = std::str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self { content, packed: Some(Packed { algorithm, length }) })
    }
}
