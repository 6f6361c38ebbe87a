//! The server that the lobby is on: one that the arguments name, or one of its own with simulated players.

use std::sync::Arc;

use bevy::prelude::*;
use bevy_pusher::{auth::AuthEndpoint, config::Endpoint, prelude::*};
use pusher_dev_server::{DevServer, DevServerConfig};
use pusher_scenes::{
    arguments::{SceneArguments, ServerChoice},
    lobby::{LOBBY_CHANNEL, PlayerInfo},
    simulated::{SIMULATED_PLAYERS, SimulatedPlayers},
};

/// The server. As long as it is there, so are the simulated players.
#[derive(Resource)]
pub(crate) struct Server {
    choice: ServerChoice,
    /// The players go before the server does.
    company: Option<SimulatedPlayers>,
    own: Option<Arc<DevServer>>,
}

impl Server {
    /// The server that the arguments ask for.
    pub(crate) fn new(arguments: &SceneArguments) -> Result<Self, String> {
        let choice = arguments.server.choice();
        let own = match choice {
            ServerChoice::Simulated => Some(Arc::new(
                DevServer::start(DevServerConfig::default()).map_err(|error| error.to_string())?,
            )),
            _ => None,
        };
        Ok(Self {
            choice,
            company: None,
            own,
        })
    }

    /// The same with simulated players, if it is the scene's own.
    pub(crate) fn with_company(mut self) -> Result<Self, String> {
        if let Some(own) = &self.own {
            let company = SimulatedPlayers::start(Arc::clone(own))
                .map_err(|error| format!("the simulated players did not come: {error}"))?;
            self.company = Some(company);
        }
        Ok(self)
    }

    /// The scene's own server, which can take the network away.
    pub(crate) fn own(&self) -> Option<&DevServer> {
        self.own.as_deref()
    }

    /// What to say first.
    pub(crate) fn first_words(&self) -> String {
        match &self.own {
            Some(own) => format!(
                "Started a development server on {} and {SIMULATED_PLAYERS} simulated players, all in this process.\n\
                 Join it from another terminal: cargo run --example lobby -- --port {} --key {} --auth-endpoint {}",
                own.address(),
                own.port(),
                own.app_key(),
                own.auth_endpoint(),
            ),
            None => format!("Connecting to {}.", self.choice.words()),
        }
    }

    /// Where one is, for the top bar.
    pub(crate) fn place(&self) -> String {
        match &self.own {
            Some(own) => format!(
                "{LOBBY_CHANNEL} on {}, {SIMULATED_PLAYERS} simulated players",
                own.address(),
            ),
            None => format!("{LOBBY_CHANNEL} on {}", self.choice.words()),
        }
    }

    /// What the plugin is told, for a player of this name.
    pub(crate) fn config(&self, name: &str) -> PusherConfig {
        let (key, endpoint, auth_endpoint) = match (&self.choice, &self.own) {
            (
                ServerChoice::Cluster {
                    key,
                    cluster,
                    auth_endpoint,
                },
                _,
            ) => (
                key.clone(),
                Endpoint::cluster(cluster),
                auth_endpoint.clone(),
            ),
            (
                ServerChoice::Host {
                    key,
                    host,
                    port,
                    tls,
                    auth_endpoint,
                },
                _,
            ) => {
                let endpoint = Endpoint::custom(host, *port);
                let endpoint = if *tls { endpoint.with_tls() } else { endpoint };
                (key.clone(), endpoint, auth_endpoint.clone())
            }
            (ServerChoice::Simulated, Some(own)) => (
                own.app_key().to_owned(),
                Endpoint::custom("127.0.0.1", own.port()),
                Some(own.auth_endpoint()),
            ),
            (ServerChoice::Simulated, None) => (String::new(), Endpoint::custom("", 0), None),
        };
        // Own lines are shown once they are sent.
        let config = PusherConfig::new(key, endpoint).with_sent_answers(true);
        match auth_endpoint {
            Some(url) => config.with_auth_endpoint(identified(AuthEndpoint::new(url), name)),
            None => config,
        }
    }
}

/// Says who asks. A game's own backend knows that from a session; the development server believes everybody.
fn identified(endpoint: AuthEndpoint, name: &str) -> AuthEndpoint {
    let info = PlayerInfo {
        name: name.to_owned(),
        doing: "in the lobby".to_owned(),
    };
    endpoint
        .with_param("user_id", name)
        // Plain strings: writing them as JSON cannot fail.
        .with_param(
            "user_info",
            serde_json::to_string(&info).unwrap_or_default(),
        )
}
