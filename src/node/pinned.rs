//! The memory of a JavaScript Buffer or typed array, which the core reads or writes without a look-up per crossing. A
//! reference keeps the array alive, and V8 never moves an array buffer's backing store, so the memory is valid as long as
//! the `Pinned` exists.

#![allow(unsafe_code, reason = "memory shared with JavaScript; measured: looking up four arrays per crossing costs more than a reply")]

use std::ptr::null_mut;

use napi::bindgen_prelude::{Env, Unknown};
use napi::{sys, JsValue};

use super::errors::{defect, Result};

/// The element types of a pinned array.
pub trait Element: Copy {
    /// The typed array that holds it.
    const KIND: sys::napi_typedarray_type;
}

impl Element for u8 {
    const KIND: sys::napi_typedarray_type = sys::TypedarrayType::uint8_array;
}
impl Element for u16 {
    const KIND: sys::napi_typedarray_type = sys::TypedarrayType::uint16_array;
}
impl Element for u32 {
    const KIND: sys::napi_typedarray_type = sys::TypedarrayType::uint32_array;
}
impl Element for f64 {
    const KIND: sys::napi_typedarray_type = sys::TypedarrayType::float64_array;
}

/// The elements of one JavaScript array, pinned.
pub struct Pinned<T: Element> {
    env: sys::napi_env,
    reference: sys::napi_ref,
    data: *mut T,
    len: usize,
}

impl<T: Element> Pinned<T> {
    /// Pins `array`, a typed array of this element (a Buffer is one of bytes).
    pub fn new(env: Env, array: &Unknown<'_>) -> Result<Self> {
        let (mut data, mut len, mut kind, mut buffer, mut offset) = (null_mut(), 0, 0, null_mut(), 0);
        let mut reference = null_mut();
        // SAFETY: `env` and the value are alive during this call; every out pointer is valid.
        let ok = unsafe {
            let raw = array.raw();
            sys::napi_get_typedarray_info(env.raw(), raw, &raw mut kind, &raw mut len, &raw mut data, &raw mut buffer, &raw mut offset)
                == sys::Status::napi_ok
                && kind == T::KIND
                && sys::napi_create_reference(env.raw(), raw, 1, &raw mut reference) == sys::Status::napi_ok
        };
        if !ok {
            return Err(defect("not the typed array that was expected"));
        }
        Ok(Self { env: env.raw(), reference, data: data.cast(), len })
    }

    /// The elements. JavaScript does not run while the core does, so nothing changes them meanwhile.
    pub fn get(&self) -> &[T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the reference keeps `len` elements at `data` alive; the main thread of the environment is in this call.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    /// The first `n` elements, or as many as there are.
    pub fn first(&self, n: usize) -> &[T] {
        &self.get()[..n.min(self.len)]
    }

    /// Writes element `index`, if there is one.
    pub fn set(&mut self, index: usize, value: T) {
        if index < self.len {
            // SAFETY: within the array; see `get`.
            unsafe { self.data.add(index).write(value) }
        }
    }
}

impl Pinned<u8> {
    /// Copies `bytes` to the start of the array. Returns false if there are too many.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        let fits = bytes.len() <= self.len;
        if fits && !bytes.is_empty() {
            // SAFETY: within the array; see `get`. The core's own memory does not overlap it.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data, bytes.len()) }
        }
        fits
    }
}

impl<T: Element> Drop for Pinned<T> {
    fn drop(&mut self) {
        // SAFETY: the reference was made in this environment; finalizers run while it still exists.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}
