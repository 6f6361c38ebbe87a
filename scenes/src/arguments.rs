//! The arguments that every scene understands.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};

/// The arguments of a scene.
#[derive(Parser, Clone, Debug, Default)]
#[command(about = None, long_about = None)]
pub struct SceneArguments {
    /// The server.
    #[command(flatten)]
    pub server: ServerArguments,

    /// What the others call you
    #[arg(long, value_name = "NAME", default_value_t = default_name())]
    pub name: String,

    /// Print the scene as lines instead of opening a window (so it is, too, where there is no display)
    #[arg(long)]
    pub headless: bool,

    /// End after that many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub run_for: Option<Duration>,

    /// Save a picture when there is something to see, then end
    #[arg(long, value_name = "FILE", conflicts_with = "headless")]
    pub screenshot: Option<PathBuf>,
}

/// The arguments that say which server.
#[derive(Args, Clone, Debug, Default)]
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

    /// Where channels are authorized, as a URL
    #[arg(long, value_name = "URL", requires = "key")]
    pub auth_endpoint: Option<String>,
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

/// A name that two windows on one machine do not share.
fn default_name() -> String {
    format!("Player {}", std::process::id() % 90 + 10)
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
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert_eq!(
            parsed("--run-for 1.5").unwrap().run_for,
            Some(Duration::from_millis(1500))
        );
    }
}
