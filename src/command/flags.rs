//! What servers say of a command by its name.

pub use super::flags_generated::{BLOCKING, FAST, LOADING, MODULE, READONLY};

use super::flags_generated::COMMANDS;

/// The flags of the command `name`, in lower case; none of one that is not known.
pub fn flags_of(name: &str) -> u8 {
    COMMANDS.binary_search_by_key(&name, |(known, _)| known).map_or(0, |index| COMMANDS[index].1)
}

#[cfg(test)]
mod tests {
    use super::super::flags_generated::WRITE;
    use super::*;

    #[test]
    fn names_are_in_order() {
        assert!(COMMANDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn nothing_is_both_a_read_and_a_write() {
        for (name, flags) in COMMANDS {
            assert_ne!(flags & (READONLY | WRITE), READONLY | WRITE, "{name}");
        }
    }

    #[test]
    fn flags_are_found_by_name() {
        for (name, flags) in [
            ("get", READONLY | FAST),
            ("keys", READONLY),
            ("blmovem", WRITE | BLOCKING),
            ("ping", FAST),
            ("echo", FAST | LOADING),
            ("memory", 0),
            ("vcard", READONLY | FAST | MODULE),
            ("json.get", 0),
        ] {
            assert_eq!(flags_of(name), flags, "{name}");
        }
    }
}
