//! The server side of the protocol: the signatures with which a backend authorizes clients and calls Pusher's HTTP API.
//!
//! Requires the feature `server`. Like the rest of this crate it has no I/O and no clock: the functions take texts and a time, and
//! return texts. The module neither sends nor receives HTTP requests.
//!
//! | what | how |
//! |---|---|
//! | let a client subscribe to a private or presence channel | [`AppCredentials::authorize_channel`] |
//! | derive the key of an encrypted channel | [`channel_secret`] |
//! | authenticate a user who signs in | [`AppCredentials::authenticate_user`] |
//! | call the HTTP API | [`AppCredentials::sign_request`] |
//! | check a webhook | [`AppCredentials::verify`] |
//!
//! The formats are those of Pusher's documentation: "Auth signatures" for channels and users, "HTTP API reference", section
//! "Authentication", for requests, "Webhooks", section "Security", for webhooks.
//!
//! `pusher_dev_server` has a separate implementation and shares no code with this module, so a bug in one of them fails the tests that
//! run both.
//!
//! ```
//! use pusher_protocol::server::AppCredentials;
//!
//! let app = AppCredentials::new("278d425bdf160c739803", "7ad3773142a6692b25b8");
//! let auth = app.authorize_channel("1234.1234", "private-foobar", None)?;
//! assert_eq!(
//!     auth,
//!     "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
//! );
//! # Ok::<(), pusher_protocol::server::SigningError>(())
//! ```

mod authorization;
mod credentials;
mod encryption;
mod error;
mod request;

pub use credentials::AppCredentials;
pub use encryption::channel_secret;
pub use error::SigningError;
