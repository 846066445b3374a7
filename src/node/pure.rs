//! Stateless functions of the core: command classes, connection URLs, bus messages.

use napi_derive::napi;

use super::errors::{thrown, Result};
use crate::pubsub::Message;
use crate::{command, config};

/// The class of a command name: the word that JavaScript passes back with every command of that name.
#[napi(catch_unwind)]
pub fn classify(name: String) -> u32 {
    command::classify(&name).bits()
}

/// The parts of a connection URL as JSON. Throws what is wrong with it.
#[napi(catch_unwind)]
pub fn parse_url(url: String) -> Result<String> {
    config::parse_url(&url).map(|endpoint| endpoint.to_json().to_string()).map_err(|error| thrown(&error))
}

/// Checks a bus message and returns it as JSON. Throws the reason if `text` is not a valid message.
#[napi(catch_unwind)]
pub fn parse_bus_message(text: String) -> Result<String> {
    Message::parse(&text).map(|message| message.to_json()).map_err(|error| thrown(&error))
}
