//! The contract between the core and the facade, declared once: places in shared arrays, kinds of events and decisions, bits of
//! a command's class, codes of errors, settings. `npm run contract` writes `lib/contract.generated.ts` from these declarations,
//! so nobody writes a number or a name by hand on both sides. The test below fails if that file is stale.
//!
//! | file | owns |
//! |---|---|
//! | `numbers`, `cache_numbers` | everything that crosses as a number |
//! | `options` | the settings of a link, of a cluster and of a cache, as JSON |
//! | `sentinel` | settings, inputs and steps of the search for a server, as JSON |
//! | `typescript` | the text of the generated file |

mod cache_numbers;
mod numbers;
mod options;
mod sentinel;
#[cfg(test)]
mod typescript;

pub use cache_numbers::*;
pub use numbers::*;
pub use options::{millis, AfterFailoverSetting, CacheSettings, ClientInfoSettings, ClusterSettings, LinkSettings, ResendSetting};
pub use sentinel::{
    PreferredReplica, SentinelInput, SentinelSettings, SentinelStep, SentinelSteps, ServerAddress, StartSentinel, WantedRole,
};

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
