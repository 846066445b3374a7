//! Maps a store error to the reason that is counted.

use crate::contract::Shortfall;
use crate::store::StoreError;

/// Why a read has no answer.
pub(super) fn unread(error: &StoreError) -> Shortfall {
    match error {
        StoreError::Refused(_) | StoreError::Redirected(_) | StoreError::Unexpected => Shortfall::ReadRefused,
        StoreError::Cut { .. } | StoreError::NotSent => Shortfall::ReadTimedOut,
    }
}

/// Why a result was not stored.
pub(super) fn unstored(error: &StoreError) -> Shortfall {
    match error {
        StoreError::Refused(_) | StoreError::Redirected(_) | StoreError::Unexpected => Shortfall::NotStoredRefused,
        StoreError::Cut { .. } | StoreError::NotSent => Shortfall::NotStoredTimedOut,
    }
}
