//! The text of `lib/contract.generated.ts`.

use std::fmt::Write;

use ts_rs::{Config, TS};

use super::cache_numbers::{self, CacheSlot, DECISION_SLOTS};
use super::numbers::{self, ClusterState, LinkSlot, ACTION_SLOTS, EVENT_SLOTS};
use super::{options, sentinel, Numbers};
use crate::config;
use crate::error::ErrorKind;

const HEAD: &str =
    "/** What the core and the facade agree on. Written from src/contract by `npm run contract`; a test of `cargo test` compares it. */\n";

/// How many slots each thing takes, for the generated file.
const SLOTS: Numbers = Numbers {
    name: "Slots",
    doc: " How many slots each thing takes.",
    items: &[
        ("Event", EVENT_SLOTS as u32, " One event of a link."),
        ("Decision", DECISION_SLOTS as u32, " One decision of the cache."),
        ("ClusterAction", ACTION_SLOTS as u32, " One action of a cluster."),
        ("LinkState", LinkSlot::ALL.len() as u32, " The state array of a link."),
        ("ClusterState", ClusterState::ALL.len() as u32, " The state array of a cluster."),
        ("CacheState", CacheSlot::ALL.len() as u32, " The state array of the cache."),
    ],
};

/// The file as it has to be.
pub(super) fn text() -> String {
    let mut out = HEAD.to_owned();
    for table in numbers::NUMBERS.iter().chain(cache_numbers::CACHE_NUMBERS) {
        push_enum(&mut out, table, |number| number.to_string());
    }
    for table in cache_numbers::LETTERS {
        push_enum(&mut out, table, |letter| format!("'{}'", char::from(letter as u8)));
    }
    out.push_str("\n/* eslint-disable @typescript-eslint/no-duplicate-enum-values -- different things may have the same size */\n");
    push_enum(&mut out, &SLOTS, |number| number.to_string());
    let codes: Vec<String> = ErrorKind::ALL.iter().map(|kind| format!("'{}'", kind.code())).collect();
    let _ = write!(out, "\n/** Codes of errors that come from the core. */\nexport type ErrorCode =\n  | {};\n", codes.join("\n  | "));
    push_type::<options::ResendSetting>(&mut out);
    push_type::<options::ClientInfoSettings>(&mut out);
    push_type::<options::LinkSettings>(&mut out);
    push_type::<options::ClusterSettings>(&mut out);
    push_type::<options::AfterFailoverSetting>(&mut out);
    push_type::<options::CacheSettings>(&mut out);
    push_type::<config::UrlKind>(&mut out);
    push_type::<config::UrlHost>(&mut out);
    push_type::<config::UrlParts>(&mut out);
    push_type::<sentinel::ServerAddress>(&mut out);
    push_type::<sentinel::StartSentinel>(&mut out);
    push_type::<sentinel::PreferredReplica>(&mut out);
    push_type::<sentinel::WantedRole>(&mut out);
    push_type::<sentinel::SentinelSettings>(&mut out);
    push_type::<sentinel::SentinelInput>(&mut out);
    push_type::<sentinel::SentinelStep>(&mut out);
    push_type::<sentinel::SentinelSteps>(&mut out);
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

fn push_enum(out: &mut String, table: &Numbers, show: impl Fn(u32) -> String) {
    let _ = write!(out, "\n/**{} */\nexport const enum {} {{\n", table.doc, table.name);
    for (name, number, doc) in table.items {
        let _ = write!(out, "  /**{doc} */\n  {name} = {},\n", show(*number));
    }
    out.push_str("}\n");
}

fn push_type<T: TS + 'static>(out: &mut String) {
    let config = Config::default().with_large_int("number");
    let docs = T::docs().unwrap_or_default();
    let _ = write!(out, "\n{}\nexport {}\n", docs.trim_end(), T::decl(&config));
}
