//! The server that a scene is on: one that the arguments name, or one of its own with simulated players.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_pusher::{auth::AuthEndpoint, config::Endpoint, prelude::*};

use crate::{
    arguments::{PictureOf, SceneArguments, ServerArguments, ServerChoice},
    backend::Backend,
    company::Company,
    dev_server::{DevServer, DevServerConfig},
    scene::has_display,
    words::counted,
};

/// What a scene needs of its server.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The example's name.
    pub name: &'static str,
    /// How many simulated players it has.
    pub players: usize,
    /// Whether it plays the game's backend.
    pub has_backend: bool,
    /// Whether it has a view for the terminal, with its keys.
    pub has_terminal_view: bool,
}

/// The server. As long as it is there, so are the simulated players.
#[derive(Resource)]
pub struct SceneServer {
    scene: Scene,
    server: ServerArguments,
    choice: ServerChoice,
    picture_of: PictureOf,
    /// The players go before the server does.
    company: Option<Company>,
    players: usize,
    own: Option<Arc<DevServer>>,
    /// Takes calls and never answers, for the picture of a client that connects.
    mute: Option<TcpListener>,
}

/// Who asks for an authorization. A game's own backend knows that from a session; the development server believes everybody.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The id, which is the name: what the others know one by.
    pub user_id: String,
    /// What the others are told besides, as JSON.
    pub info: Option<String>,
}

impl Identity {
    /// Somebody of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            user_id: name.to_owned(),
            info: None,
        }
    }

    /// Tells the others this, too.
    #[must_use]
    pub fn with_info(mut self, info: &impl serde::Serialize) -> Self {
        self.info = serde_json::to_string(info).ok();
        self
    }

    /// The endpoint at this URL, which is told who asks.
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
    /// The server that the arguments ask for; without any, one of its own.
    ///
    /// # Errors
    /// No server can be started.
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
        let mute = (picture_of == PictureOf::Connecting)
            .then(|| TcpListener::bind(("127.0.0.1", 0)))
            .transpose()
            .map_err(|error| error.to_string())?;
        let is_alone = own.is_none() || picture_of == PictureOf::Empty;
        Ok(Self {
            scene,
            server: arguments.server.clone(),
            choice,
            picture_of,
            company: None,
            players: if is_alone { 0 } else { scene.players },
            own,
            mute,
        })
    }

    /// Brings the simulated players to the scene's own server. To be called once the scene's app is complete, so that it is
    /// not one of theirs that sets up the task pools.
    ///
    /// # Errors
    /// Their thread cannot be started.
    pub fn with_company(
        mut self,
        start: impl FnOnce(Arc<DevServer>) -> io::Result<Company>,
    ) -> Result<Self, String> {
        if let (Some(own), 1..) = (&self.own, self.players) {
            let company = start(Arc::clone(own))
                .map_err(|error| format!("the simulated players did not come: {error}"))?;
            self.company = Some(company);
        }
        Ok(self)
    }

    /// The scene's own server, which can take the network away.
    #[must_use]
    pub fn own(&self) -> Option<&DevServer> {
        self.own.as_deref()
    }

    /// The scene's own server, to be kept.
    #[must_use]
    pub fn shared(&self) -> Option<Arc<DevServer>> {
        self.own.clone()
    }

    /// Whether the simulated players are there: on the scene's own server, or for a page on the one beside it.
    #[must_use]
    pub fn brings_company(&self) -> bool {
        self.own.is_some() || self.server.is_beside()
    }

    /// What to say first.
    #[must_use]
    pub fn first_words(&self) -> String {
        let started = match &self.own {
            Some(own) => format!(
                "Started a development server on {}{}, all in this process.",
                own.address(),
                self.company_words(" and "),
            ),
            None => format!("Connecting to {}.", self.choice.words()),
        };
        [
            Some(started),
            self.how_to_open_a_window(),
            self.how_to_join(),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
    }

    /// How to see the scene in a window, or why it is in none.
    #[must_use]
    pub fn how_to_open_a_window(&self) -> Option<String> {
        if cfg!(not(feature = "windowed")) {
            return Some(format!(
                "To open it in a window: cargo run --example {} --features windowed \
                 (Rust older than 1.97.1: add --ignore-rust-version)",
                self.scene.name
            ));
        }
        (!has_display()).then(|| "There is no display to open a window on.".to_owned())
    }

    /// How somebody else comes to the scene's own server.
    #[must_use]
    pub fn how_to_join(&self) -> Option<String> {
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

    /// Where one is, for the top bar; `what` is the channel or the like.
    #[must_use]
    pub fn place(&self, what: &str) -> String {
        match &self.own {
            Some(own) => format!("{what} on {}{}", own.address(), self.company_words(", ")),
            None => format!("{what} on {}", self.choice.words()),
        }
    }

    fn company_words(&self, joint: &str) -> String {
        match self.players {
            0 => String::new(),
            players => format!("{joint}{}", counted(players, "simulated player")),
        }
    }

    /// What the plugin is told, for this person.
    #[must_use]
    pub fn config(&self, identity: &Identity) -> PusherConfig {
        let config = PusherConfig::new(self.key(), self.endpoint());
        match self.auth_endpoint() {
            Some(url) => config.with_auth_endpoint(identity.at(url)),
            None => config,
        }
    }

    /// What the plugin is told for this person, who also signs in and watches these users.
    #[must_use]
    pub fn config_with_sign_in(&self, identity: &Identity, watchlist: &[String]) -> PusherConfig {
        let config = self.config(identity);
        match self.auth_endpoint() {
            Some(url) => {
                let endpoint = identity
                    .at(beside_for_users(&url))
                    .with_param("watchlist", watchlist.join(","));
                config.with_user_auth_endpoint(endpoint)
            }
            None => config,
        }
    }

    /// The backend of the game, which the scene plays where it can.
    #[must_use]
    pub fn backend(&self) -> Backend {
        if let Some(own) = &self.own {
            return Backend::own(Arc::clone(own));
        }
        self.backend_elsewhere()
    }

    /// In a page there would be no secret.
    #[cfg(target_arch = "wasm32")]
    fn backend_elsewhere(&self) -> Backend {
        if self.server.is_beside() {
            Backend::beside()
        } else {
            Backend::nowhere()
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn backend_elsewhere(&self) -> Backend {
        let base = match &self.choice {
            ServerChoice::Cluster { cluster, .. } => format!("https://api-{cluster}.pusher.com"),
            ServerChoice::Host {
                host, port, tls, ..
            } => {
                let scheme = if *tls { "https" } else { "http" };
                format!("{scheme}://{host}:{port}")
            }
            ServerChoice::Simulated => return Backend::nowhere(),
        };
        match (&self.server.app_id, &self.server.app_secret) {
            (Some(app_id), Some(secret)) => Backend::http(crate::backend::HttpApi {
                base,
                app_id: app_id.clone(),
                key: self.key().to_owned(),
                secret: secret.clone(),
                master_key: self.server.encryption_master_key.unwrap_or_default(),
            }),
            _ => Backend::nowhere(),
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
                let mute = self.mute.as_ref().and_then(|mute| mute.local_addr().ok());
                let own = own.as_ref().map_or(0, |own| own.port());
                Endpoint::custom("127.0.0.1", mute.map_or(own, |mute| mute.port()))
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

/// Where users sign in, if channels are authorized here: `/pusher/user-auth` beside `/pusher/auth`.
fn beside_for_users(url: &str) -> String {
    match url.rsplit_once('/') {
        Some((beside, last)) => format!("{beside}/user-{last}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_sign_in_beside_where_channels_are_authorized() {
        assert_eq!(
            beside_for_users("http://localhost:6001/pusher/auth"),
            "http://localhost:6001/pusher/user-auth"
        );
    }
}
