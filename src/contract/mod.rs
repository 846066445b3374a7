//! What the core and the facade agree on, declared once: places in shared arrays, kinds of events and decisions, bits of a
//! command's class, codes of errors, options. `lib/contract.generated.ts` is written from these declarations, so that no number
//! and no name stands by hand on both sides. The test below fails when that file is not current.
//!
//! | file | owns |
//! |---|---|
//! | `numbers` | everything that crosses as a number |
//! | `options` | what a link and a cache are told, as JSON |
//! | `typescript` | the text of the generated file |

mod numbers;
mod options;
#[cfg(test)]
mod typescript;

pub use numbers::*;
pub use options::{millis, AfterFailoverSetting, CacheSettings, ClientInfoSettings, LinkSettings, ResendSetting};

#[cfg(test)]
mod tests {
    use super::*;

    const GENERATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lib/contract.generated.ts");

    /// `npm run contract` sets the variable.
    #[test]
    fn the_generated_file_is_current() {
        let text = typescript::text();
        if std::env::var_os("HAWSER_WRITE_CONTRACT").is_some() {
            std::fs::write(GENERATED, &text).unwrap();
        }
        let found = std::fs::read_to_string(GENERATED).unwrap_or_default();
        assert!(found == text, "lib/contract.generated.ts is not what src/contract declares: run `npm run contract`");
    }
}
