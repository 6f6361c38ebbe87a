//! The command-line arguments.

use clap::{Parser, ValueEnum};

/// Measures bevy_pusher in comparison with alternatives.
#[derive(Parser, Debug)]
pub(crate) struct Arguments {
    /// Counts the events of this server instead (key k, channel lobby, events lobby-message).
    #[arg(long, requires = "port")]
    host: Option<String>,

    /// The server's port.
    #[arg(long, requires = "host")]
    port: Option<u16>,

    /// The number of events to count.
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) events: u64,

    /// With --host: prints the result as one JSON object.
    #[arg(long, requires = "host")]
    pub(crate) json: bool,

    /// With --host: fails after this many seconds without an event.
    #[arg(long, default_value_t = 20)]
    pub(crate) patience_seconds: u64,

    /// The number of rounds; the table shows the median, and the best round in brackets.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,

    /// For how many seconds an idle client is observed.
    #[arg(long, default_value_t = 20)]
    pub(crate) idle_seconds: u64,

    /// Measures only this section; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Section>,

    /// Runs a short measurement, and fails if a figure exceeds its bound.
    #[arg(long)]
    pub(crate) check: bool,

    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A section of the table.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    EndToEnd,
    LargeEvents,
    MainThread,
    Latency,
    Channels,
    Backlog,
    Idle,
}

impl Arguments {
    pub(crate) fn given_server(&self) -> Option<(&str, u16)> {
        Some((self.host.as_deref()?, self.port?))
    }

    pub(crate) fn sections(&self) -> Vec<Section> {
        if !self.only.is_empty() {
            return self.only.clone();
        }
        if self.check {
            return vec![Section::EndToEnd, Section::MainThread];
        }
        Section::value_variants().to_vec()
    }
}
