//! The code of a server's error.

/// The first word of an error, if it is a code such as `WRONGTYPE`. What follows it may show keys, values and passwords, and so may the first
/// word of an error without a code.
pub fn error_code(error: &[u8]) -> Option<&str> {
    let word = error.split(u8::is_ascii_whitespace).next()?;
    let is_code =
        word.first().is_some_and(u8::is_ascii_uppercase) && word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
    std::str::from_utf8(word).ok().filter(|_| is_code)
}
