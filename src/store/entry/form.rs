//! What the bytes of a payload are: text, or the bytes of a value that is itself bytes.
//!
//! A header says it in one word. Versions of hawser that know only `-` take an entry with another word for a foreign value: a miss, replaced by the
//! next store.

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

    const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'-' => Some(Self::Text),
            b'b' => Some(Self::Buffer),
            b'u' => Some(Self::Uint8Array),
            _ => None,
        }
    }
}

/// What a stored payload is, and how it came into its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Form {
    /// What it is.
    pub content: Content,
}

impl Form {
    /// A text as it is.
    pub const TEXT: Self = Self { content: Content::Text };

    /// A payload of this content as it is.
    pub const fn plain(content: Content) -> Self {
        Self { content }
    }

    /// Appends the word of a header.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        out.push(self.content.letter());
    }

    /// Reads the word of a header. Only what [`Form::push`] writes is one.
    pub fn parse(word: &[u8]) -> Option<Self> {
        let &[letter] = word else { return None };
        Some(Self { content: Content::from_letter(letter)? })
    }
}
