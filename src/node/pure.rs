//! Stateless functions of the core: command classes, connection URLs.

use napi_derive::napi;

use super::errors::{defect, thrown, Result};
use crate::{command, config};

/// The class of a command name: the word that JavaScript passes back with every command of that name.
#[napi(catch_unwind)]
pub fn classify(name: String) -> u32 {
    command::classify(&name).bits()
}

/// The parts of a connection URL, `UrlParts` as JSON. Throws the reason if it is not valid.
#[napi(catch_unwind)]
pub fn parse_url(url: String) -> Result<String> {
    let parts = config::parse_url(&url).map_err(|error| thrown(&error))?;
    serde_json::to_string(&parts).map_err(|_| defect("a connection URL's parts are not JSON"))
}
