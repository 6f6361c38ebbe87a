//! The arguments that every scene understands.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, ValueEnum};

/// The arguments of a scene.
#[derive(Parser, Clone, Default)]
#[command(about = "An example of bevy_pusher, with a server and players of its own", long_about = None)]
pub struct SceneArguments {
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,

    /// What the others call you
    #[arg(long, value_name = "NAME", default_value_t = default_name())]
    pub name: String,

    /// Print the scene as lines, without a window and without drawing on the terminal
    #[arg(long)]
    pub headless: bool,

    /// Be the server at this port, with the simulated players, for the scene in a page or in other windows
    #[arg(long, value_name = "PORT", conflicts_with_all = ["key", "screenshot"])]
    pub serve: Option<u16>,

    /// End after that many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub run_for: Option<Duration>,

    /// The pictures to take.
    #[command(flatten)]
    pub pictures: PictureArguments,
}

/// The arguments about pictures, which documentation and tests are made with.
#[derive(Args, Clone, Debug, Default)]
pub struct PictureArguments {
    /// Save a picture when there is something to see, then end. Given again, another follows two seconds later
    #[arg(long, value_name = "FILE", conflicts_with = "headless")]
    pub screenshot: Vec<PathBuf>,

    /// The state that the picture is to show, which is brought about by the scene's own server
    #[arg(
        long,
        value_enum,
        value_name = "STATE",
        default_value_t,
        requires = "screenshot",
        conflicts_with = "key"
    )]
    pub picture_of: PictureOf,

    /// How large the window is, in logical pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720")]
    pub size: WindowSize,
}

/// The states of a scene that are worth a picture.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PictureOf {
    /// The scene as it should be.
    #[default]
    Lively,
    /// A server that does not answer.
    Connecting,
    /// The network has been cut.
    Lost,
    /// The server does not know the app's key.
    Failed,
    /// Nobody else is there.
    Empty,
}

/// A window's size in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
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

/// The arguments that say which server.
#[derive(Args, Clone, Default)]
#[group(multiple = true)]
pub struct ServerArguments {
    /// The server's name or address (without any server argument, the scene starts a development server by itself)
    #[arg(long, requires = "key", conflicts_with = "cluster")]
    pub host: Option<String>,

    /// The server's port
    #[arg(long, requires = "key", conflicts_with = "cluster")]
    pub port: Option<u16>,

    /// The app's key
    #[arg(long)]
    pub key: Option<String>,

    /// Speak TLS to `--host`
    #[arg(long, requires = "key", conflicts_with = "cluster")]
    pub tls: bool,

    /// Connect to this cluster of pusher.com instead of a host
    #[arg(long, requires = "key")]
    pub cluster: Option<String>,

    /// Where channels are authorized, as a URL. Users sign in beside it: `/pusher/user-auth` beside `/pusher/auth`
    #[arg(long, value_name = "URL", requires = "key")]
    pub auth_endpoint: Option<String>,

    /// The app's id; with the secret, the scene can play the game's backend, which some scenes need
    #[arg(long, value_name = "ID", requires = "app_secret")]
    pub app_id: Option<String>,

    /// The app's secret, which a game never has
    #[arg(long, value_name = "SECRET", requires_all = ["key", "app_id"])]
    pub app_secret: Option<String>,

    /// The master key of encrypted channels, in Base64, as the auth endpoint has it; without it, the development server's
    #[cfg(not(target_arch = "wasm32"))]
    #[arg(long, value_name = "KEY", requires = "app_secret", value_parser = master_key)]
    pub encryption_master_key: Option<pusher_dev_server::EncryptionMasterKey>,

    /// The server is that of the scene which serves this page
    #[cfg(target_arch = "wasm32")]
    #[arg(long, hide = true)]
    pub beside: bool,
}

/// The server that the arguments name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerChoice {
    /// None: the scene brings its own, with simulated players.
    Simulated,
    /// A cluster of pusher.com.
    Cluster {
        /// The app's key.
        key: String,
        /// The cluster's name.
        cluster: String,
        /// Where channels are authorized.
        auth_endpoint: Option<String>,
    },
    /// A server of one's own.
    Host {
        /// The app's key.
        key: String,
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
        /// Whether to speak TLS.
        tls: bool,
        /// Where channels are authorized.
        auth_endpoint: Option<String>,
    },
}

impl ServerArguments {
    /// Whether it is the server of the same scene that runs beside this one, which is in a page.
    #[must_use]
    pub fn is_beside(&self) -> bool {
        #[cfg(target_arch = "wasm32")]
        return self.beside;
        #[cfg(not(target_arch = "wasm32"))]
        false
    }

    /// The server that the arguments name.
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
    /// The server in a few words, for the top bar.
    #[must_use]
    pub fn words(&self) -> String {
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

/// A name that two windows on one machine do not share.
#[cfg(not(target_arch = "wasm32"))]
fn default_name() -> String {
    format!("Player {}", std::process::id() % 90 + 10)
}

/// A name that two tabs do not share.
#[cfg(target_arch = "wasm32")]
fn default_name() -> String {
    format!("Player {:.0}", 10.0 + js_sys::Math::random() * 89.0)
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
    fn pictures_are_taken_in_the_order_in_which_they_are_named() {
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
    fn a_key_alone_means_this_machine() {
        let ServerChoice::Host {
            host, port, tls, ..
        } = parsed("--key k").unwrap().server.choice()
        else {
            panic!("not a host");
        };
        assert_eq!((host.as_str(), port, tls), ("127.0.0.1", 6001, false));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
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
