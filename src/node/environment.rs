//! What an environment of Node (the main thread, a worker) has once, from its first use to the environment's end.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use std::thread::LocalKey;

use napi::Env;

use super::errors::{defect, Result};

/// Where it is kept. Each environment has a thread of its own.
pub(super) type Place<T> = LocalKey<RefCell<Option<Rc<T>>>>;

/// The value at `place`, made at the first use. It must end before the environment does, since a worker's end unloads this library.
pub(super) fn once<T: 'static, E: Display>(
    env: Env,
    place: &'static Place<T>,
    name: &str,
    make: impl FnOnce() -> std::result::Result<T, E>,
) -> Result<Rc<T>> {
    place.with_borrow_mut(|kept| {
        if let Some(value) = kept {
            return Ok(Rc::clone(value));
        }
        let value = Rc::new(make().map_err(|error| defect(&format!("{name} cannot start: {error}")))?);
        env.add_env_cleanup_hook((), |()| drop(place.with_borrow_mut(Option::take)))
            .map_err(|_| defect(&format!("{name} cannot be owned")))?;
        *kept = Some(Rc::clone(&value));
        Ok(value)
    })
}
