//! Calls a JavaScript function from the socket thread, by N-API's threadsafe function. Only the thread of JavaScript makes it, holds it
//! and releases it; the socket thread calls it under a lock for as long as it is there. So neither the end of the environment, which
//! deletes it, nor a thread that is late can leave a dangling pointer.

#![allow(unsafe_code, reason = "napi's own wrapper comes with a feature that leaves a handle open in every process")]

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{Env, Unknown};
use napi::{sys, JsValue};

use super::errors::{defect, Result};
use crate::tokio_io::wire;

struct Function(sys::napi_threadsafe_function);

// SAFETY: N-API's function is made to be called from any thread. It is touched under the lock of its bell only.
unsafe impl Send for Function {}

/// A function of JavaScript; none after `close`, and after the end of its environment.
pub struct Bell(Arc<Mutex<Option<Function>>>);

type Slot = Mutex<Option<Function>>;

fn lock(slot: &Slot) -> MutexGuard<'_, Option<Function>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bell {
    /// A bell that calls `function`. `name` tells what holds the process alive.
    pub fn new(env: Env, function: &Unknown<'_>, name: &Unknown<'_>) -> Result<Self> {
        let slot = Arc::new(Mutex::new(None));
        let mut made = null_mut();
        let data = Arc::into_raw(Arc::clone(&slot)).cast_mut().cast();
        // SAFETY: the values are alive during this call, and `forget` takes the reference in `data` back, exactly once.
        let status = unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                function.raw(),
                null_mut(),
                name.raw(),
                0,
                1,
                data,
                Some(forget),
                null_mut(),
                None,
                &raw mut made,
            )
        };
        if status != sys::Status::napi_ok {
            // SAFETY: there is no function that would give it to `forget`.
            drop(unsafe { Arc::from_raw(data.cast::<Slot>()) });
            return Err(defect("no function could be made for the socket thread"));
        }
        *lock(&slot) = Some(Function(made));
        Ok(Self(slot))
    }

    /// Another handle, for the thread that rings.
    pub fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Whether the bell holds the process alive. Called by the thread of JavaScript.
    pub fn hold(&self, env: Env, holds: bool) {
        if let Some(Function(function)) = *lock(&self.0) {
            // SAFETY: the function is there, and this is its environment's thread.
            unsafe {
                if holds {
                    sys::napi_ref_threadsafe_function(env.raw(), function);
                } else {
                    sys::napi_unref_threadsafe_function(env.raw(), function);
                }
            }
        }
    }

    /// It does not ring any more. Called by the thread of JavaScript.
    pub fn close(&self) {
        if let Some(Function(function)) = lock(&self.0).take() {
            // SAFETY: the function is there, and nobody else has it now.
            unsafe { sys::napi_release_threadsafe_function(function, sys::ThreadsafeFunctionReleaseMode::abort) };
        }
    }
}

impl wire::Bell for Bell {
    fn ring(&self) {
        if let Some(Function(function)) = *lock(&self.0) {
            // SAFETY: the function is there until this lock is free. The call only queues.
            unsafe { sys::napi_call_threadsafe_function(function, null_mut(), sys::ThreadsafeFunctionCallMode::nonblocking) };
        }
    }
}

/// The function is about to be deleted.
unsafe extern "C" fn forget(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: the reference that `new` has given away.
    let slot = unsafe { Arc::from_raw(data.cast::<Slot>()) };
    *lock(&slot) = None;
}
