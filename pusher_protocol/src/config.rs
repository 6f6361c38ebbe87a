//! What a client is told before it starts: where the server is, and how patient to be with it.

mod backoff;
mod endpoint;
mod limits;
mod reconnect;
mod retry;
mod timing;

pub use endpoint::{Endpoint, EndpointError, SocketTarget};
pub use limits::Limits;
pub use reconnect::ReconnectPolicy;
pub use retry::RetryPolicy;
pub use timing::Timing;
