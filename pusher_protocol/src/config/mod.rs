//! Settings of a client: the server's endpoint, timeouts, retry policies and limits. Nothing here does I/O or keeps state.

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
