//! The scripts. Each is one atomic step of the protocol on the keys of one slot. The store sends the digest; if the server does
//! not know it (NOSCRIPT, a refusal), the store sends the whole text.

use once_cell::sync::Lazy;

/// A script and its digest.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: &'static str,
    digest: Lazy<String>,
}

impl Script {
    /// The SHA-1 of the text in hexadecimal, as EVALSHA wants it.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }
}

/// The text of a script: the texts of its files, one after another.
macro_rules! text {
    ($($file:literal)+) => { concat!($(include_str!(concat!("../scripts/", $file, ".lua"))),+) };
}

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(super) static $name: Script = Script {
            text: text!($($file)+),
            digest: Lazy::new(|| sha1_smol::Sha1::from(text!($($file)+)).digest().to_string()),
        };)*
        /// Every script with its files' names and texts.
        #[cfg(test)]
        pub(super) const ALL: &[(&[&str], &[&str], &Script)] = &[$((&[$($file),+], &[$(text!($file)),+], &$name)),*];
    };
}

scripts! {
    ENSURE = "ensure";
    PLACE = "place";
    PLACE_INSIDE = "place_inside";
    AMEND = "held_lease" "amend";
    COMMIT = "held_lease" "commit";
    KEEP = "held_lease" "keep";
    RESTORE = "restore";
    COUNT = "count";
    RENEW = "held_lease" "renew";
    RENEW_VERSION = "renew_version";
    GIVE_BACK = "give_back";
    BACK_OFF = "back_off";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_says_what_it_takes_and_gives() {
        for (name, text, script) in ALL.iter().flat_map(|(files, texts, script)| files.iter().zip(*texts).map(move |(f, t)| (f, t, script)))
        {
            let head: Vec<&str> = text.lines().take_while(|line| line.starts_with("--")).collect();
            assert!(head.iter().any(|line| line.starts_with("-- KEYS[1]  ")), "{name}: keys");
            assert!(head.iter().any(|line| line.starts_with("-- ARGV[1]  ")), "{name}: arguments");
            assert!(head.iter().any(|line| line.starts_with("-- Returns ")), "{name}: return value");
            assert_eq!(script.digest().len(), 40);
        }
    }

    #[test]
    fn scripts_take_data_only_through_keys_and_arguments() {
        for (files, _, script) in ALL {
            for call in script.text.split("redis.call(").skip(1).chain(script.text.split("redis.pcall(").skip(1)) {
                let command = call.split('\'').nth(1).unwrap();
                let rest = &call[command.len() + 2..];
                assert!(command == "TIME" || rest.starts_with(", KEYS["), "{files:?}: {command}");
            }
        }
    }
}
