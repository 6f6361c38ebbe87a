//! Re-exports the development server. For WebAssembly it defines stand-ins that cannot be created, since a page cannot listen
//! on a port.

#[cfg(not(target_arch = "wasm32"))]
pub use pusher_dev_server::{DevServer, DevServerConfig, ServerEvents};

#[cfg(target_arch = "wasm32")]
pub use unavailable::{DevServer, DevServerConfig, ServerEvents};

/// Uninhabited stand-ins with the same API, so that the scenes compile without conditional code.
#[cfg(target_arch = "wasm32")]
mod unavailable {
    use std::net::SocketAddr;

    use serde::Serialize;

    /// Stands in for the development server. No value of it exists.
    #[derive(Debug)]
    pub enum DevServer {}

    /// Stands in for the server's configuration.
    #[derive(Debug, Default)]
    pub struct DevServerConfig;

    impl DevServerConfig {
        /// Ignores the port.
        #[must_use]
        pub fn with_port(self, _: u16) -> Self {
            self
        }
    }

    /// Stands in for the server's events. No value of it exists.
    #[derive(Debug)]
    pub enum ServerEvents {}

    /// The error that [`DevServer::start`] returns.
    #[derive(Debug)]
    pub struct NotInABrowser;

    impl std::fmt::Display for NotInABrowser {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a page cannot run a server: name one in the page's URL, such as ?port=6001&key=app-key")
        }
    }

    impl ServerEvents {
        /// Never called.
        pub fn try_next(&self) -> Option<pusher_dev_server::ServerEvent> {
            match *self {}
        }
    }

    impl DevServer {
        /// Always fails.
        ///
        /// # Errors
        /// Always returns an error.
        pub fn start(_: DevServerConfig) -> Result<Self, NotInABrowser> {
            Err(NotInABrowser)
        }

        /// Never called.
        pub fn address(&self) -> SocketAddr {
            match *self {}
        }

        /// Never called.
        pub fn port(&self) -> u16 {
            match *self {}
        }

        /// Never called.
        pub fn app_id(&self) -> &str {
            match *self {}
        }

        /// Never called.
        pub fn app_key(&self) -> &str {
            match *self {}
        }

        /// Never called.
        pub fn app_secret(&self) -> &str {
            match *self {}
        }

        /// Never called.
        pub fn auth_endpoint(&self) -> String {
            match *self {}
        }

        /// Never called.
        pub fn user_auth_endpoint(&self) -> String {
            match *self {}
        }

        /// Never called.
        ///
        /// # Errors
        /// Never called.
        pub fn publish<T: Serialize + ?Sized>(
            &self,
            _: &str,
            _: &str,
            _: &T,
        ) -> Result<usize, NotInABrowser> {
            match *self {}
        }

        /// Never called.
        ///
        /// # Errors
        /// Never called.
        pub fn publish_to_user<T: Serialize + ?Sized>(
            &self,
            _: &str,
            _: &str,
            _: &T,
        ) -> Result<usize, NotInABrowser> {
            match *self {}
        }

        /// Never called.
        ///
        /// # Errors
        /// Never called.
        pub fn set_accepting(&self, _: bool) -> Result<(), NotInABrowser> {
            match *self {}
        }

        /// Never called.
        pub fn members(&self, _: &str) -> Vec<String> {
            match *self {}
        }

        /// Never called.
        pub fn socket_ids(&self) -> Vec<String> {
            match *self {}
        }

        /// Never called.
        pub fn send_frame(&self, _: &str, _: &str) -> bool {
            match *self {}
        }

        /// Never called.
        pub fn events(&self) -> ServerEvents {
            match *self {}
        }
    }
}
