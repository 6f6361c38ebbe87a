//! The server of a scene: the one that the arguments select, or a development server with simulated players.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_pusher::{auth::AuthEndpoint, config::Endpoint, prelude::*};

use crate::{
    arguments::{PictureOf, SceneArguments, ServerArguments, ServerChoice},
    backend::Backend,
    dev_server::{DevServer, DevServerConfig},
    scene::has_display,
    simulation::SimulatedPlayers,
    text::counted,
};

/// The properties of a scene that its server depends on.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The name of the example.
    pub name: &'static str,
    /// The number of simulated players.
    pub players: usize,
    /// Whether the scene acts as the game's backend.
    pub has_backend: bool,
    /// Whether the scene has a view for the terminal.
    pub has_terminal_view: bool,
}

/// The server of a scene. Dropping it stops the simulated players and the scene's own server.
#[derive(Resource)]
pub struct SceneServer {
    scene: Scene,
    server: ServerArguments,
    choice: ServerChoice,
    picture_of: PictureOf,
    /// Declared before `own`: the players must stop before the server does.
    simulated_players: Option<SimulatedPlayers>,
    players: usize,
    own: Option<Arc<DevServer>>,
    /// Accepts TCP connections and never answers, for the screenshot of a client that is connecting.
    silent_listener: Option<TcpListener>,
}

/// The identity that is sent to the auth endpoint. A real backend takes it from a login session; the development server accepts
/// any.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The user id, which is also the display name.
    pub user_id: String,
    /// The `user_info` of presence channels, as JSON.
    pub info: Option<String>,
}

impl Identity {
    /// Creates an identity with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            user_id: name.to_owned(),
            info: None,
        }
    }

    /// Sets the `user_info` that other members see.
    #[must_use]
    pub fn with_info(mut self, info: &impl serde::Serialize) -> Self {
        self.info = serde_json::to_string(info).ok();
        self
    }

    /// Returns an auth endpoint at this URL that receives the identity as parameters.
    #[must_use]
    pub fn at(&self, url: impl Into<String>) -> AuthEndpoint {
        let endpoint = AuthEndpoint::new(url).with_param("user_id", &self.user_id);
        match &self.info {
            Some(info) => endpoint.with_param("user_info", info),
            None => endpoint,
        }
    }
}

impl SceneServer {
    /// Starts the scene's own server, unless the arguments select another one.
    ///
    /// # Errors
    /// The server could not be started.
    pub fn start(scene: Scene, arguments: &SceneArguments) -> Result<Self, String> {
        let choice = arguments.server.choice();
        let picture_of = arguments.pictures.picture_of;
        let own = match choice {
            ServerChoice::Simulated => Some(Arc::new(
                DevServer::start(
                    DevServerConfig::default().with_port(arguments.serve.unwrap_or(0)),
                )
                .map_err(|error| error.to_string())?,
            )),
            _ => None,
        };
        let silent_listener = (picture_of == PictureOf::Connecting)
            .then(|| TcpListener::bind(("127.0.0.1", 0)))
            .transpose()
            .map_err(|error| error.to_string())?;
        let is_alone = own.is_none() || picture_of == PictureOf::Empty;
        Ok(Self {
            scene,
            server: arguments.server.clone(),
            choice,
            picture_of,
            simulated_players: None,
            players: if is_alone { 0 } else { scene.players },
            own,
            silent_listener,
        })
    }

    /// Starts the simulated players on the scene's own server. Call it once the scene's app is complete: the first app sets up
    /// Bevy's task pools for the whole process, and that must be the scene's.
    ///
    /// # Errors
    /// The thread of the players could not be started.
    pub fn with_simulated_players(
        mut self,
        start: impl FnOnce(Arc<DevServer>) -> io::Result<SimulatedPlayers>,
    ) -> Result<Self, String> {
        if let (Some(own), 1..) = (&self.own, self.players) {
            let simulated_players = start(Arc::clone(own))
                .map_err(|error| format!("the simulated players could not be started: {error}"))?;
            self.simulated_players = Some(simulated_players);
        }
        Ok(self)
    }

    /// Returns the scene's own server, which can also cut the network.
    #[must_use]
    pub fn own(&self) -> Option<&DevServer> {
        self.own.as_deref()
    }

    /// Returns a shared handle to the scene's own server.
    #[must_use]
    pub fn shared(&self) -> Option<Arc<DevServer>> {
        self.own.clone()
    }

    /// Whether simulated players take part: on the scene's own server, or for a page on the server of the process that serves
    /// it.
    #[must_use]
    pub fn has_simulated_players(&self) -> bool {
        self.own.is_some() || self.server.is_served_page()
    }

    /// Returns the text to print at startup.
    #[must_use]
    pub fn startup_message(&self) -> String {
        let started = match &self.own {
            Some(own) => format!(
                "Started a development server on {}{}, all in this process.",
                own.address(),
                self.simulated_players_label(" and "),
            ),
            None => format!("Connecting to {}.", self.choice.label()),
        };
        [
            Some(started),
            self.window_instructions(),
            self.join_instructions(),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
    }

    /// Returns how to open the scene in a window, or why there is none.
    #[must_use]
    pub fn window_instructions(&self) -> Option<String> {
        if cfg!(not(feature = "windowed")) {
            return Some(format!(
                "To open it in a window: cargo run --example {} --features windowed \
                 (Rust older than 1.97.1: add --ignore-rust-version)",
                self.scene.name
            ));
        }
        (!has_display()).then(|| "There is no display to open a window on.".to_owned())
    }

    /// Returns the command that joins the scene's own server.
    #[must_use]
    pub fn join_instructions(&self) -> Option<String> {
        let own = self.own.as_ref()?;
        let backend = if self.scene.has_backend {
            format!(
                " --app-id {} --app-secret {}",
                own.app_id(),
                own.app_secret()
            )
        } else {
            String::new()
        };
        Some(format!(
            "Join it from another terminal: cargo run --example {} -- --port {} --key {} --auth-endpoint {}{backend}",
            self.scene.name,
            own.port(),
            own.app_key(),
            own.auth_endpoint(),
        ))
    }

    /// Returns a label for the top bar: `what`, such as the channel, and the server.
    #[must_use]
    pub fn label(&self, what: &str) -> String {
        match &self.own {
            Some(own) => format!(
                "{what} on {}{}",
                own.address(),
                self.simulated_players_label(", ")
            ),
            None => format!("{what} on {}", self.choice.label()),
        }
    }

    fn simulated_players_label(&self, separator: &str) -> String {
        match self.players {
            0 => String::new(),
            players => format!("{separator}{}", counted(players, "simulated player")),
        }
    }

    /// Returns the client configuration for this identity.
    #[must_use]
    pub fn config(&self, identity: &Identity) -> PusherConfig {
        let config = PusherConfig::new(self.key(), self.endpoint());
        match self.auth_endpoint() {
            Some(url) => config.with_auth_endpoint(identity.at(url)),
            None => config,
        }
    }

    /// Returns the client configuration for this identity, with sign-in and a watchlist.
    #[must_use]
    pub fn config_with_sign_in(&self, identity: &Identity, watchlist: &[String]) -> PusherConfig {
        let config = self.config(identity);
        match self.auth_endpoint() {
            Some(url) => {
                let endpoint = identity
                    .at(user_auth_url(&url))
                    .with_param("watchlist", watchlist.join(","));
                config.with_user_auth_endpoint(endpoint)
            }
            None => config,
        }
    }

    /// Returns the game's backend, which the scene plays where it can.
    #[must_use]
    pub fn backend(&self) -> Backend {
        if let Some(own) = &self.own {
            return Backend::own(Arc::clone(own));
        }
        self.remote_backend()
    }

    /// A page must not contain the app secret, so it never calls the HTTP API itself.
    #[cfg(target_arch = "wasm32")]
    fn remote_backend(&self) -> Backend {
        if self.server.is_served_page() {
            Backend::serving_scene()
        } else {
            Backend::unavailable()
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn remote_backend(&self) -> Backend {
        let base = match &self.choice {
            ServerChoice::Cluster { cluster, .. } => format!("https://api-{cluster}.pusher.com"),
            ServerChoice::Host {
                host, port, tls, ..
            } => {
                let scheme = if *tls { "https" } else { "http" };
                format!("{scheme}://{host}:{port}")
            }
            ServerChoice::Simulated => return Backend::unavailable(),
        };
        match (&self.server.app_id, &self.server.app_secret) {
            (Some(app_id), Some(secret)) => Backend::http(crate::backend::HttpApi {
                base,
                app_id: app_id.clone(),
                key: self.key().to_owned(),
                secret: secret.clone(),
                master_key: self.server.encryption_master_key.unwrap_or_default(),
            }),
            _ => Backend::unavailable(),
        }
    }

    fn key(&self) -> &str {
        match (&self.choice, &self.own) {
            _ if self.picture_of == PictureOf::Failed => "no-such-key",
            (ServerChoice::Cluster { key, .. } | ServerChoice::Host { key, .. }, _) => key,
            (ServerChoice::Simulated, own) => own.as_ref().map_or("", |own| own.app_key()),
        }
    }

    fn endpoint(&self) -> Endpoint {
        match (&self.choice, &self.own) {
            (ServerChoice::Cluster { cluster, .. }, _) => Endpoint::cluster(cluster),
            (
                ServerChoice::Host {
                    host, port, tls, ..
                },
                _,
            ) => {
                let endpoint = Endpoint::custom(host, *port);
                if *tls { endpoint.with_tls() } else { endpoint }
            }
            (ServerChoice::Simulated, own) => {
                let silent_listener = self
                    .silent_listener
                    .as_ref()
                    .and_then(|silent_listener| silent_listener.local_addr().ok());
                let own = own.as_ref().map_or(0, |own| own.port());
                Endpoint::custom(
                    "127.0.0.1",
                    silent_listener.map_or(own, |silent_listener| silent_listener.port()),
                )
            }
        }
    }

    fn auth_endpoint(&self) -> Option<String> {
        match &self.choice {
            ServerChoice::Cluster { auth_endpoint, .. }
            | ServerChoice::Host { auth_endpoint, .. } => auth_endpoint.clone(),
            ServerChoice::Simulated => self.own.as_ref().map(|own| own.auth_endpoint()),
        }
    }
}

/// Derives the URL of the sign-in endpoint: `/pusher/user-auth` next to `/pusher/auth`.
fn user_auth_url(url: &str) -> String {
    match url.rsplit_once('/') {
        Some((parent, last)) => format!("{parent}/user-{last}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_auth_url_is_a_sibling_of_the_channel_auth_url() {
        assert_eq!(
            user_auth_url("http://localhost:6001/pusher/auth"),
            "http://localhost:6001/pusher/user-auth"
        );
    }
}
