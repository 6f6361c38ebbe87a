//! The development server, where there can be one: a page of a browser cannot take calls, so there is none in it.

#[cfg(not(target_arch = "wasm32"))]
pub use pusher_dev_server::{DevServer, DevServerConfig, ServerEvents};

#[cfg(target_arch = "wasm32")]
pub use none::{DevServer, DevServerConfig, ServerEvents};

/// The same names for what there is none of, so that scenes need not know.
#[cfg(target_arch = "wasm32")]
mod none {
    use std::net::SocketAddr;

    use serde::Serialize;

    /// A development server.
    #[derive(Debug)]
    pub enum DevServer {}

    /// How it would be set up.
    #[derive(Debug, Default)]
    pub struct DevServerConfig;

    impl DevServerConfig {
        /// On which port.
        #[must_use]
        pub fn with_port(self, _: u16) -> Self {
            self
        }
    }

    /// What would happen to it.
    #[derive(Debug)]
    pub enum ServerEvents {}

    /// Why there is none.
    #[derive(Debug)]
    pub struct NotInABrowser;

    impl std::fmt::Display for NotInABrowser {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a page cannot be a server: name one in its address, such as ?port=6001&key=app-key")
        }
    }

    impl ServerEvents {
        /// The next event.
        pub fn try_next(&self) -> Option<pusher_dev_server::ServerEvent> {
            match *self {}
        }
    }

    impl DevServer {
        /// There is none.
        ///
        /// # Errors
        /// Always.
        pub fn start(_: DevServerConfig) -> Result<Self, NotInABrowser> {
            Err(NotInABrowser)
        }

        /// Where it would listen.
        pub fn address(&self) -> SocketAddr {
            match *self {}
        }

        /// On which port.
        pub fn port(&self) -> u16 {
            match *self {}
        }

        /// The app's id.
        pub fn app_id(&self) -> &str {
            match *self {}
        }

        /// The app's key.
        pub fn app_key(&self) -> &str {
            match *self {}
        }

        /// The app's secret.
        pub fn app_secret(&self) -> &str {
            match *self {}
        }

        /// Where channels would be authorized.
        pub fn auth_endpoint(&self) -> String {
            match *self {}
        }

        /// Where users would sign in.
        pub fn user_auth_endpoint(&self) -> String {
            match *self {}
        }

        /// Would publish an event.
        ///
        /// # Errors
        /// Never.
        pub fn publish<T: Serialize + ?Sized>(
            &self,
            _: &str,
            _: &str,
            _: &T,
        ) -> Result<usize, NotInABrowser> {
            match *self {}
        }

        /// Would publish an event to a user.
        ///
        /// # Errors
        /// Never.
        pub fn publish_to_user<T: Serialize + ?Sized>(
            &self,
            _: &str,
            _: &str,
            _: &T,
        ) -> Result<usize, NotInABrowser> {
            match *self {}
        }

        /// Would take the network away.
        ///
        /// # Errors
        /// Never.
        pub fn set_accepting(&self, _: bool) -> Result<(), NotInABrowser> {
            match *self {}
        }

        /// Who would be on a presence channel.
        pub fn members(&self, _: &str) -> Vec<String> {
            match *self {}
        }

        /// Who would be connected.
        pub fn socket_ids(&self) -> Vec<String> {
            match *self {}
        }

        /// Would send a frame of any text.
        pub fn send_frame(&self, _: &str, _: &str) -> bool {
            match *self {}
        }

        /// What would happen.
        pub fn events(&self) -> ServerEvents {
            match *self {}
        }
    }
}
