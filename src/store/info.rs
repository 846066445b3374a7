//! What INFO's replication section says of a server.

use super::{ReplicationId, StoreReply};

/// The identity of the server with this INFO reply.
pub(super) fn identity(info: &[u8]) -> StoreReply {
    let field =
        |name: &[u8]| info.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name)).map_or(&b""[..], <[u8]>::trim_ascii);
    StoreReply::Identity { id: ReplicationId::of(field(b"master_replid:")), is_master: !matches!(field(b"role:"), b"slave" | b"replica") }
}
