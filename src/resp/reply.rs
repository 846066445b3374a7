//! A reply as an owned value, for the parts of the core that read replies: the handshake, the cache and the tests.

use super::{build, Aggregate, Build, Scalar};

/// One reply of the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Nothing: `_`, `$-1`, `*-1`.
    Null,
    /// A status such as `OK`.
    Simple(Vec<u8>),
    /// The server's error text.
    Error(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// A string of bytes (verbatim strings too).
    Bulk(Vec<u8>),
    /// A double.
    Double(f64),
    /// A boolean.
    Boolean(bool),
    /// The digits of a big number.
    BigNumber(Vec<u8>),
    /// An array or a set.
    Array(Vec<Reply>),
    /// Keys and values, alternating.
    Map(Vec<Reply>),
    /// An out-of-band message.
    Push(Vec<Reply>),
}

/// Room for the items of a short array.
const NESTED: usize = 16;

impl Reply {
    /// The last item of an array, such as the value of an MGET of one key; null if this is no array or an empty one.
    #[must_use]
    pub fn into_item(self) -> Self {
        match self {
            Self::Array(mut items) => items.pop().unwrap_or(Self::Null),
            _ => Self::Null,
        }
    }

    /// The reply at the start of `bytes`, which the scanner has found complete.
    pub fn parse(bytes: &[u8]) -> Self {
        let is_nested = matches!(bytes.first(), Some(b'*' | b'%' | b'~' | b'>'));
        build(bytes, &mut ReplyBuilder, &mut Vec::with_capacity(if is_nested { NESTED } else { 0 }))
    }

    /// The bytes of a string or status; `None` for everything else.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(bytes) | Self::Bulk(bytes) | Self::BigNumber(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The integer; `None` for everything else.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// The items of an array, set, map or push; `None` for everything else.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) | Self::Map(items) | Self::Push(items) => Some(items),
            _ => None,
        }
    }

    /// The server's error text, if this is an error.
    pub fn error(&self) -> Option<&[u8]> {
        match self {
            Self::Error(text) => Some(text),
            _ => None,
        }
    }
}

/// Builds `Reply` values.
#[derive(Debug, Default, Clone, Copy)]
pub struct ReplyBuilder;

impl Build for ReplyBuilder {
    type Value = Reply;

    fn scalar(&mut self, scalar: Scalar<'_>) -> Reply {
        match scalar {
            Scalar::Simple(text) => Reply::Simple(text.to_vec()),
            Scalar::Error(text) => Reply::Error(text.to_vec()),
            Scalar::Integer(n) => Reply::Integer(n),
            Scalar::Bulk(bytes) | Scalar::Verbatim(bytes) => Reply::Bulk(bytes.to_vec()),
            Scalar::Null => Reply::Null,
            Scalar::Double(value, _) => Reply::Double(value),
            Scalar::Boolean(value) => Reply::Boolean(value),
            Scalar::BigNumber(digits) => Reply::BigNumber(digits.to_vec()),
        }
    }

    fn aggregate(&mut self, kind: Aggregate, stack: &mut Vec<Reply>, from: usize) -> Reply {
        let items = stack.split_off(from);
        match kind {
            Aggregate::Array | Aggregate::Set => Reply::Array(items),
            Aggregate::Map => Reply::Map(items),
            Aggregate::Push => Reply::Push(items),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_every_type() {
        let bulk = |s: &str| Reply::Bulk(s.as_bytes().to_vec());
        for (bytes, want) in [
            (&b"+OK\r\n"[..], Reply::Simple(b"OK".to_vec())),
            (b"-ERR x\r\n", Reply::Error(b"ERR x".to_vec())),
            (b"!5\r\nERR y\r\n", Reply::Error(b"ERR y".to_vec())),
            (b":-9223372036854775808\r\n", Reply::Integer(i64::MIN)),
            (b"$-1\r\n", Reply::Null),
            (b"*-1\r\n", Reply::Null),
            (b"_\r\n", Reply::Null),
            (b"$2\r\n\r\n\r\n", bulk("\r\n")),
            (b"=7\r\ntxt:abc\r\n", bulk("abc")),
            (b",-inf\r\n", Reply::Double(f64::NEG_INFINITY)),
            (b"#f\r\n", Reply::Boolean(false)),
            (b"(1234\r\n", Reply::BigNumber(b"1234".to_vec())),
            (
                b"%1\r\n+a\r\n*2\r\n:1\r\n_\r\n",
                Reply::Map(vec![Reply::Simple(b"a".to_vec()), Reply::Array(vec![Reply::Integer(1), Reply::Null])]),
            ),
            (b"*2\r\n|1\r\n+a\r\n*1\r\n:9\r\n:1\r\n:2\r\n", Reply::Array(vec![Reply::Integer(1), Reply::Integer(2)])),
            (b">2\r\n+x\r\n~0\r\n", Reply::Push(vec![Reply::Simple(b"x".to_vec()), Reply::Array(vec![])])),
        ] {
            assert_eq!(Reply::parse(bytes), want, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn any_number_of_attributes_precedes_an_element() {
        let bytes = [b"*1\r\n".to_vec(), b"|0\r\n".repeat(100_000), b":1\r\n".to_vec()].concat();
        assert_eq!(Reply::parse(&bytes), Reply::Array(vec![Reply::Integer(1)]));
    }
}
