//! Keeps the password out of what a server says about it. Servers repeat arguments in some errors (`unknown command 'AUTH', with args
//! beginning with: 'secret'`), and those texts become errors and log lines.

/// What stands in its place.
const MASK: &[u8] = b"***";
/// Behind these words servers repeat arguments, the last one cut short.
const ARGUMENTS: &[u8] = b"args beginning with:";

/// The error without the password, in answer to a command of the handshake. Keeps the error's code, which decides what it means. `None` if
/// there is nothing to hide.
pub fn masked(error: &[u8], password: &str) -> Option<Vec<u8>> {
    let code = error.iter().position(|byte| *byte == b' ')?;
    let (head, mut rest) = error.split_at(code);
    let mut out = head.to_vec();
    let cut = find(rest, ARGUMENTS).map(|at| at + ARGUMENTS.len());
    let end = cut.unwrap_or(rest.len());
    rest = &rest[..end];
    while let Some(at) = find_word(rest, password.as_bytes()) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(MASK);
        rest = &rest[at + password.len()..];
    }
    out.extend_from_slice(rest);
    if cut.is_some() {
        out.push(b' ');
        out.extend_from_slice(MASK);
    }
    (out != error).then_some(out)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}

/// Not within a longer word, or a short password would take ordinary words apart.
fn find_word(text: &[u8], word: &[u8]) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    let joins = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    memchr::memmem::find_iter(text, word).find(|at| {
        let before = at.checked_sub(1).and_then(|index| text.get(index));
        let after = text.get(at + word.len());
        !(joins(before) && joins(word.first()) || joins(after) && joins(word.last()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_masked_and_the_code_kept() {
        for (error, password, expected) in [
            (
                "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `a-lo",
                "a-long-one",
                "ERR unknown command `HELLO`, with args beginning with: ***",
            ),
            ("WRONGPASS the password p@ss is wrong", "p@ss", "WRONGPASS the password *** is wrong"),
            ("ERR p 'p'p\"p\" up", "p", "ERR *** '***'***\"***\" up"),
            ("ERR %%", "%", "ERR ******"),
        ] {
            assert_eq!(masked(error.as_bytes(), password).as_deref(), Some(expected.as_bytes()), "{error}");
        }
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        for (error, password) in [
            ("WRONGPASS invalid username-password pair or user is disabled.", "word"),
            ("WRONGPASS", "WRONGPASS"),
            ("PASS no", "PASS"),
            ("ERR no", ""),
        ] {
            assert_eq!(masked(error.as_bytes(), password), None, "{error}");
        }
    }
}
