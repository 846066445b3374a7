//! RESP2 and RESP3: decodes replies and encodes arguments. This room knows nothing of commands or connections.
//!
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

mod build;
mod code;
mod encode;
mod reply;
mod scan;

pub use build::{build, is_error, items, without_attributes, Aggregate, Build, Scalar};
pub use code::error_code;
pub use encode::{push_argument, push_header, push_number, Commands};
pub use reply::{Reply, ReplyBuilder};
pub use scan::{Limits, ProtocolError, Scanner};
