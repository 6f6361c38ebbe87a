//! The command-line arguments.

use std::{path::PathBuf, time::Duration};

use bevy_pusher::{
    auth::AuthEndpoint,
    config::{Endpoint, ReconnectPolicy, Timing},
    prelude::*,
};
use clap::{ArgGroup, Parser};

/// Monitors a server that speaks the Pusher Channels protocol.
#[derive(Parser)]
#[command(name = "monitor", group(ArgGroup::new("server").required(true).args(["cluster", "host"])))]
pub(crate) struct Arguments {
    /// The app key.
    #[arg(long)]
    key: String,
    /// A cluster of the hosted service, like "eu".
    #[arg(long)]
    cluster: Option<String>,
    /// The host of a self-hosted server.
    #[arg(long, requires = "port")]
    host: Option<String>,
    /// The port of --host.
    #[arg(long, requires = "host")]
    port: Option<u16>,
    /// Connects with TLS (wss).
    #[arg(long, requires = "host")]
    tls: bool,
    /// A path prefix before /app/KEY.
    #[arg(long, requires = "host", value_name = "PREFIX")]
    path: Option<String>,
    /// A channel to subscribe to at startup; may be given more than once.
    #[arg(long = "channel", value_name = "NAME")]
    pub(crate) channels: Vec<String>,
    /// The URL of the endpoint that authorizes private and presence channels.
    #[arg(long, value_name = "URL")]
    auth_endpoint: Option<String>,
    /// A header for the auth endpoints, "Name: value"; may be given more than once.
    #[arg(long = "auth-header", value_name = "HEADER", value_parser = header)]
    auth_headers: Vec<(String, String)>,
    /// A form field for the auth endpoints, name=value; may be given more than once.
    #[arg(long = "auth-param", value_name = "PARAM", value_parser = param)]
    auth_params: Vec<(String, String)>,
    /// The URL of the endpoint that authenticates users.
    #[arg(long, value_name = "URL")]
    user_auth_endpoint: Option<String>,
    /// Signs in once connected.
    #[arg(long)]
    pub(crate) sign_in: bool,
    /// A PEM file with certificates to trust, for the WebSocket and for HTTP.
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,
    /// How long the connection may be silent before the client sends a ping.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    activity_timeout: Option<Duration>,
    /// How long the client waits for the pong.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pong_timeout: Option<Duration>,
    /// The timeout of an attempt to connect.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    connect_timeout: Option<Duration>,
    /// The shortest delay before a reconnect.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    retry_min: Option<Duration>,
    /// The longest delay before a reconnect.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    retry_max: Option<Duration>,
    /// Gives up after this many attempts; by default it never does.
    #[arg(long, value_name = "N")]
    max_attempts: Option<u32>,
    /// Exits after this time, with status 0.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) run_for: Option<Duration>,
    /// Prints one JSON object per line; the default if the output is not a terminal.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Arguments {
    /// Returns the client's configuration, or an error about an argument.
    pub(crate) fn config(&self) -> Result<PusherConfig, String> {
        let endpoint = match (&self.cluster, &self.host, self.port) {
            (Some(cluster), ..) => Endpoint::cluster(cluster),
            (None, Some(host), Some(port)) => Endpoint::Custom {
                host: host.clone(),
                port,
                tls: self.tls,
                path: self.path.clone().unwrap_or_default(),
            },
            _ => return Err("--cluster, or --host and --port are required".into()),
        };
        endpoint
            .target(&self.key)
            .map_err(|error| error.to_string())?;
        let timing = Timing::default();
        let reconnect = ReconnectPolicy::default();
        let mut config = PusherConfig::new(&self.key, endpoint)
            .with_sent_answers(true)
            .with_timing(Timing {
                activity_timeout: self.activity_timeout.unwrap_or(timing.activity_timeout),
                pong_timeout: self.pong_timeout.unwrap_or(timing.pong_timeout),
                dial_timeout: self.connect_timeout.unwrap_or(timing.dial_timeout),
                ..timing
            })
            .with_reconnect(ReconnectPolicy {
                min_delay: self.retry_min.unwrap_or(reconnect.min_delay),
                max_delay: self.retry_max.unwrap_or(reconnect.max_delay),
                max_attempts: self.max_attempts,
                ..reconnect
            });
        if let Some(url) = &self.auth_endpoint {
            config = config.with_auth_endpoint(self.endpoint(url));
        }
        if let Some(url) = &self.user_auth_endpoint {
            config = config.with_user_auth_endpoint(self.endpoint(url));
        }
        if let Some(file) = &self.ca_file {
            let pem =
                std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            config = config.with_ca_certificate(pem);
        }
        Ok(config)
    }

    fn endpoint(&self, url: &str) -> AuthEndpoint {
        let mut endpoint = AuthEndpoint::new(url);
        for (name, value) in &self.auth_headers {
            endpoint = endpoint.with_header(name, value);
        }
        for (name, value) in &self.auth_params {
            endpoint = endpoint.with_param(name, value);
        }
        endpoint
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected \"Name: value\"")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn param(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}
