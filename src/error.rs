//! The error type of the core: a kind with a stable code, and a message that says what the core was doing and where. An
//! error never contains a value, a key's content or a password. Expected outcomes (a miss, a lost lease) are values, not
//! errors.

use std::fmt;

/// What went wrong. JavaScript receives `code()`; callers do not match on the message.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No answer came within the time that the caller or an option allows.
    Timeout,
    /// The connection was closed and the command will not be sent (again).
    ConnectionClosed,
    /// The connection was cut after the command was sent, and the command's class forbids sending it again.
    Aborted,
    /// One request has used up its retries.
    MaxRetries,
    /// Not connected, and the offline queue is switched off.
    OfflineQueueOff,
    /// A bounded queue is full.
    QueueFull,
    /// The bytes from the server are not RESP, or exceed a limit of the decoder.
    Protocol,
    /// An option, URL or environment variable has a value that is not allowed.
    BadOption,
    /// The server answered with an error.
    Reply,
    /// The server does not select the database that the command is for.
    NoDatabase,
    /// The present state does not allow the call: a command in subscriber or monitor mode, `configure` after first use.
    BadState,
    /// The call needs a server, and the URL is `memory://`.
    NeedsServer,
    /// This version does not support the request.
    Unsupported,
    /// A defect in hawser (a caught panic).
    Internal,
}

impl ErrorKind {
    /// Every kind, for tests and tables.
    pub const ALL: &'static [Self] = &[
        Self::Timeout,
        Self::ConnectionClosed,
        Self::Aborted,
        Self::MaxRetries,
        Self::OfflineQueueOff,
        Self::QueueFull,
        Self::Protocol,
        Self::BadOption,
        Self::Reply,
        Self::NoDatabase,
        Self::BadState,
        Self::NeedsServer,
        Self::Unsupported,
        Self::Internal,
    ];

    /// The stable code that applications match on.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Timeout => "E_TIMEOUT",
            Self::ConnectionClosed => "E_CONN_CLOSED",
            Self::Aborted => "E_ABORTED",
            Self::MaxRetries => "E_MAX_RETRIES",
            Self::OfflineQueueOff => "E_OFFLINE",
            Self::QueueFull => "E_QUEUE_FULL",
            Self::Protocol => "E_PROTOCOL",
            Self::BadOption => "E_BAD_OPTION",
            Self::Reply => "E_REPLY",
            Self::NoDatabase => "E_NO_DATABASE",
            Self::BadState => "E_BAD_STATE",
            Self::NeedsServer => "E_NEEDS_SERVER",
            Self::Unsupported => "E_UNSUPPORTED",
            Self::Internal => "E_INTERNAL",
        }
    }

    /// Whether the same call may succeed later without a change by the caller.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::ConnectionClosed
                | Self::Aborted
                | Self::MaxRetries
                | Self::OfflineQueueOff
                | Self::QueueFull
                | Self::NoDatabase
        )
    }
}

/// An error of the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    /// Whether the server may have run the command all the same.
    maybe_executed: bool,
    /// The address of the server that it is about, where there are several.
    node: Option<String>,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), maybe_executed: false, node: None }
    }

    /// The same error with the given answer to whether the server may have run the command.
    #[must_use]
    pub fn maybe_executed(mut self, open: bool) -> Self {
        self.maybe_executed = open;
        self
    }

    /// The same error about this server.
    #[must_use]
    pub fn at(mut self, node: Option<String>) -> Self {
        self.node = node;
        self
    }

    /// The address of the server that it is about, where there are several.
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    /// What went wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the core was doing, where, and what to do next.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the server may have run the command all the same.
    pub const fn is_maybe_executed(&self) -> bool {
        self.maybe_executed
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.kind.code())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_prefixed() {
        let mut seen = std::collections::HashSet::new();
        for kind in ErrorKind::ALL {
            assert!(kind.code().starts_with("E_"));
            assert!(seen.insert(kind.code()), "{} twice", kind.code());
        }
    }
}
