//! Errors that a native call throws. They have the shape of every error that crosses: code and message; what is thrown has not
//! been executed. In events and decisions an error is slots, see `Values::error`. `lib/core_error.ts` takes both.

use crate::error::{Error, ErrorKind};

/// What a native call throws: `code` is that of the kind.
pub type Result<T> = napi::Result<T, Code>;

/// The code of a kind of errors, as napi wants it.
#[derive(Debug)]
pub struct Code(&'static str);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

/// An error of the core as one to throw.
pub fn thrown(error: &Error) -> napi::Error<Code> {
    napi::Error::new(Code(error.kind().code()), error.message())
}

/// A defect of the facade or of this room.
pub fn defect(message: &str) -> napi::Error<Code> {
    napi::Error::new(Code(ErrorKind::Internal.code()), message)
}
