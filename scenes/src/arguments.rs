//! The command-line arguments that every scene accepts.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

use crate::client_number::client_number;

/// The arguments of a scene.
#[derive(Parser, Clone, Default)]
#[command(about = "An example of bevy_pusher, with its own server and simulated players", long_about = None)]
pub struct SceneArguments {
    /// The server to connect to.
    #[command(flatten)]
    pub server: ServerArguments,

    /// Your name, as other players see it
    #[arg(long, value_name = "NAME", default_value_t = default_name())]
    pub name: String,

    /// Print the scene as lines, without a window and without a terminal view
    #[arg(long)]
    pub headless: bool,

    /// Serve on this port, with the simulated players, for the scene in a browser page or in other windows
    #[arg(long, value_name = "PORT", conflicts_with_all = ["key", "screenshot"])]
    pub serve: Option<u16>,

    /// Exit after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub run_for: Option<Duration>,

    /// The screenshot options.
    #[command(flatten)]
    pub pictures: PictureArguments,
}

/// The screenshot options, used to make documentation and by tests.
#[derive(Args, Clone, Debug, Default)]
pub struct PictureArguments {
    /// Save a screenshot once the scene has content, then exit. If given again, another one follows two seconds later
    #[arg(long, value_name = "FILE", conflicts_with = "headless")]
    pub screenshot: Vec<PathBuf>,

    /// The state to show in the screenshot; only with the scene's own server
    #[arg(
        long,
        value_enum,
        value_name = "STATE",
        default_value_t,
        requires = "screenshot",
        conflicts_with = "key"
    )]
    pub picture_of: PictureOf,

    /// The window size, in logical pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720")]
    pub size: WindowSize,
}

/// The states of a scene that a screenshot can show.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PictureOf {
    /// A connected scene with content.
    #[default]
    Lively,
    /// A server that does not answer.
    Connecting,
    /// A lost connection.
    Lost,
    /// A server that does not know the app key.
    Failed,
    /// A server without other players.
    Empty,
}

/// A window's size in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

impl Default for WindowSize {
    fn default() -> Self {
        Self {
            width: 1280,
            height: 720,
        }
    }
}

impl FromStr for WindowSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sides = text.split_once('x').and_then(|(width, height)| {
            let (width, height) = (width.parse().ok()?, height.parse().ok()?);
            Some(Self { width, height })
        });
        sides.ok_or("two numbers of pixels are needed, such as 1280x720")
    }
}

/// The arguments that select the server.
#[derive(Args, Clone, Default)]
#[group(multiple = true)]
pub struct ServerArguments {
    /// The server's host name or IP address (without any server argument, the scene starts its own development server)
    #[arg(long, requires = "key", conflicts_with = "cluster")]
    pub host: Option<String>,

    /// The server's port
    #[arg(long, requires = "key", conflicts_with = "cluster")]
    pub port: Option<u16>,

    /// The app key
    #[arg(long)]
    pub key: Option<String>,

    /// Use TLS for `--host`
    #[arg(long, requires = "key", conflicts_with = "cluster")]
    pub tls: bool,

    /// Connect to this pusher.com cluster instead of a host
    #[arg(long, requires = "key")]
    pub cluster: Option<String>,

    /// The URL that authorizes channels. User sign-in uses the URL next to it: `/pusher/user-auth` next to `/pusher/auth`
    #[arg(long, value_name = "URL", requires = "key")]
    pub auth_endpoint: Option<String>,

    /// The app id; with the secret, the scene acts as the game's backend, which some scenes need
    #[arg(long, value_name = "ID", requires = "app_secret")]
    pub app_id: Option<String>,

    /// The app secret, which a real game must never contain
    #[arg(long, value_name = "SECRET", requires_all = ["key", "app_id"])]
    pub app_secret: Option<String>,

    /// The master key of encrypted channels, in Base64, as configured at the auth endpoint; defaults to the development
    /// server's
    #[cfg(not(target_arch = "wasm32"))]
    #[arg(long, value_name = "KEY", requires = "app_secret", value_parser = master_key)]
    pub encryption_master_key: Option<pusher_dev_server::EncryptionMasterKey>,

    /// Connect to the scene process that serves this page
    #[cfg(target_arch = "wasm32")]
    #[arg(long, hide = true)]
    pub served_page: bool,
}

/// The server that the arguments select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerChoice {
    /// No server given: the scene starts its own, with simulated players.
    Simulated,
    /// A pusher.com cluster.
    Cluster {
        /// The app key.
        key: String,
        /// The cluster name.
        cluster: String,
        /// The URL that authorizes channels.
        auth_endpoint: Option<String>,
    },
    /// A self-hosted server.
    Host {
        /// The app key.
        key: String,
        /// The host name or IP address.
        host: String,
        /// The port.
        port: u16,
        /// Whether to use TLS.
        tls: bool,
        /// The URL that authorizes channels.
        auth_endpoint: Option<String>,
    },
}

impl ServerArguments {
    /// Whether this scene runs in a page and connects to the scene process that serves it.
    #[must_use]
    pub fn is_served_page(&self) -> bool {
        #[cfg(target_arch = "wasm32")]
        return self.served_page;
        #[cfg(not(target_arch = "wasm32"))]
        false
    }

    /// Returns the server that the arguments select.
    #[must_use]
    pub fn choice(&self) -> ServerChoice {
        const PLAIN_PORT: u16 = 6001;
        const TLS_PORT: u16 = 443;
        let auth_endpoint = self.auth_endpoint.clone();
        match (self.key.clone(), self.cluster.clone()) {
            (None, _) => ServerChoice::Simulated,
            (Some(key), Some(cluster)) => ServerChoice::Cluster {
                key,
                cluster,
                auth_endpoint,
            },
            (Some(key), None) => ServerChoice::Host {
                key,
                host: self.host.clone().unwrap_or_else(|| "127.0.0.1".to_owned()),
                port: self
                    .port
                    .unwrap_or(if self.tls { TLS_PORT } else { PLAIN_PORT }),
                tls: self.tls,
                auth_endpoint,
            },
        }
    }
}

impl ServerChoice {
    /// Returns a short description of the server, for the top bar.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Simulated => "a development server with simulated players".to_owned(),
            Self::Cluster { cluster, .. } => format!("cluster {cluster}"),
            Self::Host { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .map_err(|error| error.to_string())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string()))
}

#[cfg(not(target_arch = "wasm32"))]
fn master_key(text: &str) -> Result<pusher_dev_server::EncryptionMasterKey, &'static str> {
    pusher_dev_server::EncryptionMasterKey::from_base64(text).ok_or("32 bytes in Base64 are needed")
}

fn default_name() -> String {
    format!("Player {}", client_number() % 90 + 10)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Result<SceneArguments, clap::Error> {
        SceneArguments::try_parse_from(std::iter::once("scene").chain(line.split_whitespace()))
    }

    #[test]
    fn the_arguments_are_consistent() {
        SceneArguments::command().debug_assert();
    }

    #[test]
    fn no_server_argument_means_a_simulated_one() {
        assert_eq!(parsed("").unwrap().server.choice(), ServerChoice::Simulated);
    }

    #[test]
    fn screenshots_keep_the_order_of_the_arguments() {
        let line = "--screenshot a.png --screenshot b.png --picture-of failed --size 800x500";
        let pictures = parsed(line).unwrap().pictures;
        assert_eq!(pictures.screenshot, ["a.png", "b.png"].map(PathBuf::from));
        assert_eq!(pictures.picture_of, PictureOf::Failed);
        let size = WindowSize {
            width: 800,
            height: 500,
        };
        assert_eq!(pictures.size, size);
    }

    #[test]
    fn key_without_a_host_selects_localhost() {
        let ServerChoice::Host {
            host, port, tls, ..
        } = parsed("--key k").unwrap().server.choice()
        else {
            panic!("not a host");
        };
        assert_eq!((host.as_str(), port, tls), ("127.0.0.1", 6001, false));
    }

    #[test]
    fn contradicting_arguments_are_refused() {
        for line in [
            "--host h",
            "--key k --cluster eu --host h",
            "--key k --cluster eu --tls",
            "--run-for -1",
            "--headless --screenshot a.png",
            "--serve 6001 --key k",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert!(parsed("--picture-of lost").is_err());
        assert!(parsed("--screenshot a.png --picture-of lost --key k").is_err());
        assert!(parsed("--size 800").is_err());
        assert_eq!(
            parsed("--run-for 1.5").unwrap().run_for,
            Some(Duration::from_millis(1500))
        );
    }
}
