//! Replies as JavaScript values, many at a time. One call of `(...a) => a` with all items builds an array: setting items one
//! by one costs two to three times as much. Functions of the facade make errors and objects, so that these belong to the
//! caller's realm.

#![allow(unsafe_code, reason = "raw N-API calls, measured: napi's checked wrappers double the cost of a reply")]

use std::cell::Cell;
use std::ptr::null_mut;

use napi::bindgen_prelude::{Env, Unknown};
use napi::{sys, JsValue};

use super::errors::{defect, Result};
use crate::error::ErrorKind;
use crate::resp::{self, Aggregate, Build, Scalar};

/// The maximum number of values passed in one call. Longer arrays are filled item by item.
const MAX_ARGUMENTS: usize = 4096;

/// A JavaScript function that makes values.
pub struct Maker {
    env: sys::napi_env,
    reference: sys::napi_ref,
}

impl Maker {
    /// Keeps `function` alive.
    pub fn new(env: Env, function: &Unknown<'_>) -> Result<Self> {
        let mut reference = null_mut();
        // SAFETY: both are alive during this call.
        let status = unsafe { sys::napi_create_reference(env.raw(), function.raw(), 1, &raw mut reference) };
        if status != sys::Status::napi_ok {
            return Err(defect("a function could not be kept"));
        }
        Ok(Self { env: env.raw(), reference })
    }
}

impl Maker {
    /// The function.
    pub fn function(&self) -> sys::napi_value {
        let mut function = null_mut();
        // SAFETY: the reference is alive.
        unsafe { sys::napi_get_reference_value(self.env, self.reference, &raw mut function) };
        function
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        // SAFETY: the reference was made in this environment; finalizers run while it still exists.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}

/// Functions for the values that N-API would make slowly or in the wrong realm.
pub struct Makers {
    /// `(...items) => items`
    pub array: Maker,
    /// `(...keysAndValues) => object`, for maps in RESP3's own shape.
    pub object: Maker,
    /// `(text) => error`, for errors inside arrays; `() => error`, for a string that is too long.
    pub error: Maker,
}

/// The shape of replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Maps are objects, doubles numbers and booleans booleans; otherwise values have RESP2's shapes.
    pub resp3: bool,
    /// Integers and doubles are text.
    pub string_numbers: bool,
}

/// Builds values during one native call.
pub struct Values<'a> {
    env: sys::napi_env,
    makers: Option<&'a Makers>,
    shape: Shape,
    buffers: bool,
    depth: usize,
    stack: Vec<sys::napi_value>,
    /// The string of `+OK`, the reply to most writes, made once per call.
    ok: Option<sys::napi_value>,
    /// The error of the first conversion that failed; a null pointer if none has.
    failure: Cell<sys::napi_value>,
}

impl<'a> Values<'a> {
    /// A builder for this call.
    pub fn new(env: Env, makers: &'a Makers, shape: Shape) -> Self {
        Self {
            env: env.raw(),
            makers: Some(makers),
            shape,
            buffers: false,
            depth: 0,
            stack: Vec::new(),
            ok: None,
            failure: Cell::new(null_mut()),
        }
    }

    /// A builder of single values, for callers that build their arrays with `array_by`.
    pub fn plain(env: Env) -> Self {
        let shape = Shape { resp3: false, string_numbers: false };
        Self { env: env.raw(), makers: None, shape, buffers: false, depth: 0, stack: Vec::new(), ok: None, failure: Cell::new(null_mut()) }
    }

    /// The value of one complete reply. A top-level error reply becomes its text. If JavaScript cannot hold a part of the reply,
    /// this is the error for it.
    pub fn reply(&mut self, frame: &[u8], buffers: bool) -> std::result::Result<sys::napi_value, sys::napi_value> {
        let value = self.convert(frame, buffers);
        match self.take_failure() {
            None => Ok(value),
            Some(error) => Err(error),
        }
    }

    /// The items of an array, with an error in place of each item that JavaScript cannot hold.
    #[cold]
    pub fn items(&mut self, frame: &[u8], buffers: bool) -> sys::napi_value {
        let mut items = Vec::new();
        for item in resp::items(frame) {
            let is_error = resp::is_error(item);
            let value = self.reply(item, buffers);
            items.push(match (value, self.makers) {
                (Ok(text), Some(makers)) if is_error => self.make(&makers.error, &[text]),
                (Ok(value) | Err(value), _) => value,
            });
        }
        self.array(&items)
    }

    fn convert(&mut self, frame: &[u8], buffers: bool) -> sys::napi_value {
        self.buffers = buffers;
        // Fast path for strings. The frame is complete and valid, so the string is everything after the first line.
        if let [b'$', b'0'..=b'9', ..] = frame {
            let start = memchr::memchr(b'\n', frame).map_or(0, |end| end + 1);
            return self.bytes(&frame[start..frame.len() - 2]);
        }
        if frame == b"+OK\r\n" && !buffers {
            return self.ok.unwrap_or_else(|| *self.ok.insert(self.text(b"OK")));
        }
        self.depth = usize::from(resp::is_error(frame));
        let mut stack = std::mem::take(&mut self.stack);
        let value = resp::build(frame, self, &mut stack);
        stack.clear();
        self.stack = stack;
        value
    }

    /// A string.
    pub fn text(&self, bytes: &[u8]) -> sys::napi_value {
        let mut value = null_mut();
        let length = bytes.len() as isize;
        // SAFETY: the bytes are alive; V8 copies them. ASCII is valid Latin-1, which V8 copies without inspecting it.
        unsafe {
            if bytes.is_ascii() {
                sys::napi_create_string_latin1(self.env, bytes.as_ptr().cast(), length, &raw mut value);
            } else {
                sys::napi_create_string_utf8(self.env, bytes.as_ptr().cast(), length, &raw mut value);
            }
        }
        // V8 cannot make a string beyond its maximum length.
        self.made(value)
    }

    /// A Buffer with a copy of `bytes`.
    pub fn buffer(&self, bytes: &[u8]) -> sys::napi_value {
        let (mut value, mut data) = (null_mut(), null_mut());
        // SAFETY: the bytes are alive and copied.
        unsafe { sys::napi_create_buffer_copy(self.env, bytes.len(), bytes.as_ptr().cast(), &raw mut data, &raw mut value) };
        self.made(value)
    }

    /// A `Uint8Array` on memory of its own, with a copy of `bytes`.
    pub fn uint8_array(&self, bytes: &[u8]) -> sys::napi_value {
        let (mut value, mut memory, mut data) = (null_mut(), null_mut(), null_mut());
        // SAFETY: `data` is the new memory of `bytes.len()` bytes, which nobody else has yet.
        unsafe {
            let status = sys::napi_create_arraybuffer(self.env, bytes.len(), &raw mut data, &raw mut memory);
            if status == sys::Status::napi_ok {
                if !bytes.is_empty() {
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast::<u8>(), bytes.len());
                }
                sys::napi_create_typedarray(self.env, sys::TypedarrayType::uint8_array, bytes.len(), memory, 0, &raw mut value);
            }
        }
        self.made(value)
    }

    /// A number.
    pub fn number(&self, n: f64) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: the environment is alive.
        unsafe { sys::napi_create_double(self.env, n, &raw mut value) };
        value
    }

    /// An integer; imprecise beyond 2^53.
    pub fn integer(&self, n: i64) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: the environment is alive.
        unsafe {
            if let Ok(small) = i32::try_from(n) {
                sys::napi_create_int32(self.env, small, &raw mut value);
            } else {
                sys::napi_create_int64(self.env, n, &raw mut value);
            }
        }
        value
    }

    /// An integer as the value of a reply, which is text if `stringNumbers` is set.
    pub fn count(&mut self, n: i64) -> sys::napi_value {
        self.scalar(Scalar::Integer(n))
    }

    /// `null`
    pub fn null(&self) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: the environment is alive.
        unsafe { sys::napi_get_null(self.env, &raw mut value) };
        value
    }

    /// `undefined`
    pub fn undefined(&self) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: the environment is alive.
        unsafe { sys::napi_get_undefined(self.env, &raw mut value) };
        value
    }

    fn boolean(&self, truth: bool) -> sys::napi_value {
        let mut value = null_mut();
        // SAFETY: the environment is alive.
        unsafe { sys::napi_get_boolean(self.env, truth, &raw mut value) };
        value
    }

    fn make(&self, maker: &Maker, items: &[sys::napi_value]) -> sys::napi_value {
        self.made(self.call(maker, items))
    }

    /// The maker's result; a null pointer if it threw.
    fn call(&self, maker: &Maker, items: &[sys::napi_value]) -> sys::napi_value {
        let (mut function, mut value) = (null_mut(), null_mut());
        // SAFETY: the reference is alive and the items are handles of this call's scope.
        unsafe {
            sys::napi_get_reference_value(self.env, maker.reference, &raw mut function);
            sys::napi_call_function(self.env, self.undefined(), function, items.len(), items.as_ptr(), &raw mut value);
        }
        value
    }

    /// Returns the value if it was made. Otherwise notes that a conversion failed; the caller of this call's values must ask
    /// `take_failure` and drop what was built.
    fn made(&self, value: sys::napi_value) -> sys::napi_value {
        if !value.is_null() {
            return value;
        }
        if self.failure.get().is_null() {
            self.failure.set(self.error_of_failure());
        }
        self.undefined()
    }

    /// The error of a conversion that has just failed: the pending exception, or Node's error for a string that is too long.
    fn error_of_failure(&self) -> sys::napi_value {
        let mut error = null_mut();
        // SAFETY: the environment is alive. Without a pending exception the value is `undefined`.
        unsafe {
            let mut is_pending = false;
            sys::napi_is_exception_pending(self.env, &raw mut is_pending);
            if is_pending {
                sys::napi_get_and_clear_last_exception(self.env, &raw mut error);
                return error;
            }
        }
        let error = self.makers.map_or(null_mut(), |makers| self.call(&makers.error, &[]));
        if error.is_null() {
            self.undefined()
        } else {
            error
        }
    }

    /// The error of the first conversion that failed since the last call.
    pub fn take_failure(&self) -> Option<sys::napi_value> {
        let failure = self.failure.replace(null_mut());
        (!failure.is_null()).then_some(failure)
    }

    /// An error as slots, in the order of `ErrorSlot`. Without a message the code says all.
    pub fn error(&self, kind: ErrorKind, message: Option<&str>, maybe_executed: bool) -> [sys::napi_value; 3] {
        let message = message.map_or_else(|| self.undefined(), |text| self.text(text.as_bytes()));
        [self.text(kind.code().as_bytes()), message, self.integer(i64::from(maybe_executed))]
    }

    /// An array of `items`.
    pub fn array(&self, items: &[sys::napi_value]) -> sys::napi_value {
        match self.makers {
            Some(makers) => self.array_by(&makers.array, items),
            None => self.null(),
        }
    }

    /// An array of `items`, built by `maker`.
    pub fn array_by(&self, maker: &Maker, items: &[sys::napi_value]) -> sys::napi_value {
        if items.len() <= MAX_ARGUMENTS {
            return self.make(maker, items);
        }
        let mut value = null_mut();
        // SAFETY: the items are handles of this call's scope.
        unsafe {
            sys::napi_create_array_with_length(self.env, items.len(), &raw mut value);
            for (index, item) in items.iter().enumerate() {
                sys::napi_set_element(self.env, value, index as u32, *item);
            }
        }
        value
    }

    /// Converts a value to napi-derive's type.
    pub fn returned(&self, value: sys::napi_value) -> Unknown<'static> {
        // SAFETY: a handle of this call's scope, returned from it.
        unsafe { Unknown::from_raw_unchecked(self.env, value) }
    }

    fn bytes(&self, bytes: &[u8]) -> sys::napi_value {
        if self.buffers {
            self.buffer(bytes)
        } else {
            self.text(bytes)
        }
    }
}

impl Build for Values<'_> {
    type Value = sys::napi_value;

    fn scalar(&mut self, scalar: Scalar<'_>) -> sys::napi_value {
        match scalar {
            Scalar::Bulk(bytes) | Scalar::Simple(bytes) | Scalar::Verbatim(bytes) => self.bytes(bytes),
            Scalar::BigNumber(text) => self.text(text),
            Scalar::Integer(n) if self.shape.string_numbers => self.text(n.to_string().as_bytes()),
            Scalar::Integer(n) => self.integer(n),
            Scalar::Null => self.null(),
            Scalar::Double(n, _) if self.shape.resp3 && !self.shape.string_numbers => self.number(n),
            Scalar::Double(_, text) if self.shape.string_numbers => self.text(text),
            Scalar::Double(_, text) => self.bytes(text),
            Scalar::Boolean(truth) if self.shape.resp3 => self.boolean(truth),
            Scalar::Boolean(truth) => self.integer(i64::from(truth)),
            Scalar::Error(text) if self.depth > 0 => self.text(text),
            Scalar::Error(text) => match self.makers {
                Some(makers) => self.make(&makers.error, &[self.text(text)]),
                None => self.text(text),
            },
        }
    }

    fn aggregate(&mut self, kind: Aggregate, stack: &mut Vec<sys::napi_value>, from: usize) -> sys::napi_value {
        let value = match (kind, self.makers) {
            (Aggregate::Map, Some(makers)) if self.shape.resp3 && stack.len() - from <= MAX_ARGUMENTS => {
                self.make(&makers.object, &stack[from..])
            }
            _ => self.array(&stack[from..]),
        };
        stack.truncate(from);
        value
    }
}
