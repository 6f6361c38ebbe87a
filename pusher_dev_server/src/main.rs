//! The command line program: a Pusher Channels server for a developer's machine that logs one line per client action.

mod log_line;

use std::io::{self, IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use pusher_dev_server::{
    AnswerTo, App, DevServer, DevServerConfig, EncryptionMasterKey, ServerError,
};

use log_line::LogLine;

/// A Pusher Channels server for development and tests. Its auth endpoints sign every request.
#[derive(Parser)]
#[command(name = "pusher_dev_server")]
struct Arguments {
    /// The address to listen on. With an address other than loopback, everyone on the network can connect.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The port to listen on; 0 selects any free port.
    #[arg(long, default_value_t = 6001)]
    port: u16,
    /// The path prefix before `/app/KEY` in the WebSocket URL, such as `/ws`.
    #[arg(long, default_value = "")]
    path: String,
    /// The app id, used by the HTTP API.
    #[arg(long, default_value_t = App::default().id)]
    app_id: String,
    /// The app key, used by clients.
    #[arg(long, default_value_t = App::default().key)]
    key: String,
    /// The app secret, used by backends.
    #[arg(long, default_value_t = App::default().secret)]
    secret: String,
    /// The master key for encrypted channels: 32 bytes in base64. Default: the bytes 0 to 31.
    #[arg(long, value_parser = parse_master_key)]
    encryption_master_key: Option<EncryptionMasterKey>,
    /// The seconds without traffic after which clients send a ping.
    #[arg(long, default_value_t = 120)]
    activity_timeout: u64,
    /// Send `pusher_internal:subscription_count` events.
    #[arg(long)]
    subscription_count: bool,
    /// The number of client events that a connection may send per second.
    #[arg(long, default_value_t = 10)]
    client_events_per_second: u32,
    /// Refuse unsigned requests to the HTTP API. By default they are accepted on loopback, so that `curl` can publish.
    #[arg(long)]
    signed_only: bool,
    /// Make the auth endpoint answer 403 for this channel; may be given more than once.
    #[arg(long, value_name = "CHANNEL")]
    refuse: Vec<String>,
    /// Log every received frame.
    #[arg(long)]
    frames: bool,
}

impl Arguments {
    fn accepts_unsigned_requests(&self) -> bool {
        self.host.is_loopback() && !self.signed_only
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Server(error)) => {
            let _ = writeln!(io::stderr(), "pusher_dev_server: {error}");
            ExitCode::FAILURE
        }
        // A closed pipe is how the reader of the log ends the program, not a failure.
        Err(Failure::Output(_)) => ExitCode::SUCCESS,
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Serves until the process is terminated or its standard output is closed.
fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = DevServer::start(config(arguments))?;
    let events = server.events();
    let started = Instant::now();
    let is_coloured = io::stdout().is_terminal();
    let mut output = io::stdout().lock();
    print_banner(&mut output, &server, arguments)?;
    for event in events {
        if let Some(line) = LogLine::of(&event) {
            let time = started.elapsed().as_secs_f64();
            writeln!(output, "{}", line.formatted(time, is_coloured))?;
            // Standard output is block buffered in a pipe; a script that reads the log needs each line at once.
            output.flush()?;
        }
    }
    Ok(())
}

fn config(arguments: &Arguments) -> DevServerConfig {
    let app = App {
        id: arguments.app_id.clone(),
        key: arguments.key.clone(),
        secret: arguments.secret.clone(),
    };
    let mut config = DevServerConfig::default()
        .with_address(SocketAddr::new(arguments.host, arguments.port))
        .with_path(arguments.path.clone())
        .with_app(app)
        .with_activity_timeout(Duration::from_secs(arguments.activity_timeout))
        .with_subscription_count(arguments.subscription_count)
        .with_unsigned_requests(arguments.accepts_unsigned_requests())
        .with_frames_reported(arguments.frames);
    config.auth = arguments
        .refuse
        .iter()
        .fold(config.auth, |policy, channel| {
            let answer_to = AnswerTo::Channel(channel.clone());
            policy.with_answer(answer_to, 403, "refused by --refuse")
        });
    config.core.encryption_master_key = arguments.encryption_master_key.unwrap_or_default();
    config.core.limits.client_events_per_second = arguments.client_events_per_second;
    config
}

fn print_banner(
    output: &mut impl io::Write,
    server: &DevServer,
    arguments: &Arguments,
) -> io::Result<()> {
    let address = server.address();
    if !address.ip().is_loopback() {
        writeln!(
            output,
            "WARNING: {address} is open to the network, and the auth endpoints sign every request."
        )?;
    }
    writeln!(output, "pusher_dev_server listens on {address}")?;
    writeln!(output, "  WebSocket        {}", server.websocket_url())?;
    writeln!(
        output,
        "  HTTP API         http://{address}/apps/{}",
        arguments.app_id
    )?;
    writeln!(
        output,
        "  key, secret      {}, {}",
        arguments.key, arguments.secret
    )?;
    writeln!(
        output,
        "  encryption key   {}",
        arguments
            .encryption_master_key
            .unwrap_or_default()
            .to_base64()
    )?;
    writeln!(output, "  auth endpoint    {}", server.auth_endpoint())?;
    writeln!(output, "  user auth        {}", server.user_auth_endpoint())?;
    if arguments.accepts_unsigned_requests() {
        writeln!(
            output,
            r#"  publish          curl http://{address}/apps/{}/events -d '{{"channel":"lobby","name":"greeting","data":{{"text":"hello"}}}}'"#,
            arguments.app_id
        )?;
    }
    output.flush()
}

fn parse_master_key(text: &str) -> Result<EncryptionMasterKey, String> {
    EncryptionMasterKey::from_base64(text).ok_or_else(|| "expected 32 bytes in base64".to_owned())
}
