//! Why a server does not run.

use std::io;
use std::net::SocketAddr;

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}. Is another program using the port? Port 0 takes any free one"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The thread cannot be started.
    #[error("cannot start the server's thread: {0}")]
    Thread(#[source] io::Error),
    /// The system gives no random numbers, of which socket ids are made.
    #[error("the system gives no random numbers: {0}")]
    Randomness(String),
}
