//! Stateless functions of the core: command classes, connection URLs, bus messages.

use napi::{Error, Result};
use napi_derive::napi;

use crate::pubsub::Message;
use crate::{command, config};

/// The class of a command name: the word that JavaScript passes back with every command of that name.
#[napi(catch_unwind)]
pub fn classify(name: String) -> u32 {
    command::classify(&name).bits()
}

/// The parts of a connection URL as JSON. Throws `E_BAD_OPTION ...`.
#[napi(catch_unwind)]
pub fn parse_url(url: String) -> Result<String> {
    match config::parse_url(&url) {
        Ok(endpoint) => Ok(endpoint.to_json().to_string()),
        Err(error) => Err(Error::from_reason(format!("{} {}", error.kind().code(), error.message()))),
    }
}

/// Checks a bus message and returns it as JSON. Throws the reason if `text` is not a valid message.
#[napi(catch_unwind)]
pub fn parse_bus_message(text: String) -> Result<String> {
    match Message::parse(&text) {
        Ok(message) => Ok(message.to_json()),
        Err(error) => Err(Error::from_reason(error.message().to_owned())),
    }
}
