//! Turns a reply that `Scanner` found complete and valid into values. A `Build` decides what a value is: a `Reply` for the
//! core, a JavaScript value for the Node driver. Building cannot fail, and only the builder allocates.

/// One value without children. Text is bytes: the server's strings need not be UTF-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// `+`
    Simple(&'a [u8]),
    /// `-` and `!`: the server's error text.
    Error(&'a [u8]),
    /// `:`
    Integer(i64),
    /// `$`
    Bulk(&'a [u8]),
    /// `_`, `$-1`, `*-1`
    Null,
    /// `,` with the text that the server sent.
    Double(f64, &'a [u8]),
    /// `#`
    Boolean(bool),
    /// `(` with its digits.
    BigNumber(&'a [u8]),
    /// `=` without its three-letter format.
    Verbatim(&'a [u8]),
}

/// The kind of an aggregate. The items of a map alternate between keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// `*`
    Array,
    /// `%`
    Map,
    /// `~`
    Set,
    /// `>`
    Push,
}

/// Makes values.
pub trait Build {
    /// The type of the values.
    type Value;

    /// A value without children.
    fn scalar(&mut self, scalar: Scalar<'_>) -> Self::Value;

    /// Builds an aggregate from the items of `stack` from index `from` on, and removes them from `stack`.
    fn aggregate(&mut self, kind: Aggregate, stack: &mut Vec<Self::Value>, from: usize) -> Self::Value;
}

/// Builds the reply at the start of `bytes`, which `Scanner` has found complete. `stack` is scratch space that the caller
/// may reuse.
pub fn build<B: Build>(bytes: &[u8], builder: &mut B, stack: &mut Vec<B::Value>) -> B::Value {
    element(bytes, 0, builder, stack).0
}

/// The reply without the attributes that precede it. `Scanner` has found `bytes` complete.
pub fn without_attributes(bytes: &[u8]) -> &[u8] {
    let mut at = 0;
    while bytes[at] == b'|' {
        at = after_attribute(bytes, at);
    }
    &bytes[at..]
}

/// Whether the reply is an error. `Scanner` has found `bytes` complete.
pub const fn is_error(bytes: &[u8]) -> bool {
    matches!(bytes[0], b'-' | b'!')
}

/// The items of an array, each as a frame. Other replies have none. `Scanner` has found `bytes` complete.
pub fn items(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let bytes = without_attributes(bytes);
    let end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
    let count = if bytes[0] == b'*' { integer(&bytes[1..end]).unwrap_or(0) } else { 0 };
    let mut at = end + 2;
    (0..count).map(move |_| {
        let from = at;
        at = skip(bytes, at, 1);
        &bytes[from..at]
    })
}

fn element<B: Build>(bytes: &[u8], mut at: usize, builder: &mut B, stack: &mut Vec<B::Value>) -> (B::Value, usize) {
    // No level of the call stack each: nothing bounds how many attributes precede an element.
    while bytes[at] == b'|' {
        at = after_attribute(bytes, at);
    }
    let end = at + memchr::memchr(b'\r', &bytes[at..]).unwrap_or(bytes.len() - at);
    let line = &bytes[at + 1..end];
    let next = end + 2;
    let kind = match bytes[at] {
        b'*' => Aggregate::Array,
        b'%' => Aggregate::Map,
        b'~' => Aggregate::Set,
        b'>' => Aggregate::Push,
        b'$' | b'=' | b'!' => return bulk(bytes, at, line, next, builder),
        first => return (builder.scalar(simple(first, line)), next),
    };
    let announced = integer(line).unwrap_or(0);
    if announced < 0 {
        return (builder.scalar(Scalar::Null), next);
    }
    let items = if kind == Aggregate::Map { 2 * announced } else { announced };
    let from = stack.len();
    let mut position = next;
    for _ in 0..items {
        let (value, after) = element(bytes, position, builder, stack);
        stack.push(value);
        position = after;
    }
    (builder.aggregate(kind, stack, from), position)
}

fn simple(first: u8, line: &[u8]) -> Scalar<'_> {
    match first {
        b'-' => Scalar::Error(line),
        b':' => Scalar::Integer(integer(line).unwrap_or(0)),
        b'_' => Scalar::Null,
        b'#' => Scalar::Boolean(line == b"t"),
        b',' => Scalar::Double(double(line).unwrap_or(f64::NAN), line),
        b'(' => Scalar::BigNumber(line),
        _ => Scalar::Simple(line),
    }
}

fn bulk<B: Build>(bytes: &[u8], at: usize, line: &[u8], next: usize, builder: &mut B) -> (B::Value, usize) {
    let length = integer(line).unwrap_or(-1);
    if length < 0 {
        return (builder.scalar(Scalar::Null), next);
    }
    let body = &bytes[next..next + length as usize];
    let scalar = match bytes[at] {
        b'=' => Scalar::Verbatim(&body[4..]),
        b'!' => Scalar::Error(body),
        _ => Scalar::Bulk(body),
    };
    (builder.scalar(scalar), next + body.len() + 2)
}

/// The offset after the attribute at `at`.
#[cold]
fn after_attribute(bytes: &[u8], at: usize) -> usize {
    let end = at + memchr::memchr(b'\r', &bytes[at..]).unwrap_or(bytes.len() - at);
    skip(bytes, end + 2, 2 * integer(&bytes[at + 1..end]).unwrap_or(0))
}

/// The offset after the `count` elements that start at `at`.
fn skip(bytes: &[u8], mut at: usize, count: i64) -> usize {
    struct Nothing;
    impl Build for Nothing {
        type Value = ();
        fn scalar(&mut self, _: Scalar<'_>) {}
        fn aggregate(&mut self, _: Aggregate, stack: &mut Vec<()>, from: usize) {
            stack.truncate(from);
        }
    }
    for _ in 0..count {
        at = element(bytes, at, &mut Nothing, &mut Vec::new()).1;
    }
    at
}

/// Parses a decimal integer of the protocol: digits with an optional sign, nothing else.
pub(super) fn integer(line: &[u8]) -> Option<i64> {
    let (negative, digits) = match line.first()? {
        b'-' => (true, &line[1..]),
        b'+' => (false, &line[1..]),
        _ => (false, line),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for digit in digits {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        // A negative number is built by subtraction, so that `i64::MIN` does not overflow.
        value = value.checked_mul(10)?;
        value = if negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some(value)
}

/// Parses a double of the protocol, including `inf`, `-inf` and `nan`.
pub(super) fn double(line: &[u8]) -> Option<f64> {
    std::str::from_utf8(line).ok()?.parse().ok()
}
