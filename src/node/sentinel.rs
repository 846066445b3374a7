//! The search through Sentinel under Node.js. It works at connecting and at failovers only, so inputs and steps cross as JSON.

use napi_derive::napi;

use super::clock::now;
use super::entropy::SystemEntropy;
use super::errors::{defect, thrown, Result};
use crate::contract::{SentinelInput, SentinelSettings, SentinelSteps};
use crate::sentinel::Sentinel;

/// A search for a server. `lib/sentinel/finder.ts` is its only user.
#[napi]
pub struct NativeSentinel {
    machine: Sentinel,
}

#[napi]
impl NativeSentinel {
    /// A machine with these settings (JSON, see `SentinelSettings`).
    #[napi(constructor, catch_unwind)]
    pub fn new(settings: String) -> Result<Self> {
        let settings = SentinelSettings::from_json(&settings).map_err(|error| thrown(&error))?;
        Ok(Self { machine: Sentinel::new(settings) })
    }

    /// Takes an input (JSON, see `SentinelInput`) and returns the steps (JSON, see `SentinelSteps`).
    #[napi(catch_unwind)]
    pub fn input(&mut self, input: String) -> Result<String> {
        let input = SentinelInput::from_json(&input).map_err(|error| thrown(&error))?;
        let now = now();
        self.machine.on_input(input, &mut SystemEntropy::new(), now);
        let wake_in_ms = self.machine.next_wakeup().map(|at| at.since(now).as_secs_f64() * 1e3);
        let steps = SentinelSteps { steps: self.machine.take_steps(), wake_in_ms };
        serde_json::to_string(&steps).map_err(|_| defect("the steps cannot be written as JSON"))
    }
}
