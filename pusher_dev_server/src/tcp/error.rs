//! The errors of starting a server.

use std::io;
use std::net::SocketAddr;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Listening on the address failed.
    #[error(
        "cannot listen on {address}: {source}. Is another program using the port? Port 0 takes any free one"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// Starting the server thread failed.
    #[error("cannot start the server thread: {0}")]
    Thread(#[source] io::Error),
    /// The system provides no random numbers, which socket ids need.
    #[error("cannot get random numbers from the system: {0}")]
    Randomness(String),
}
