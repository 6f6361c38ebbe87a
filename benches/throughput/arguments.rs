use clap::{Parser, ValueEnum};

/// Measures bevy_pusher side by side with what one would use instead.
#[derive(Parser, Debug)]
pub(crate) struct Arguments {
    /// Counts the events of this server instead (key k, channel lobby, events lobby-message).
    #[arg(long, requires = "port")]
    host: Option<String>,

    /// Its port.
    #[arg(long, requires = "host")]
    port: Option<u16>,

    /// How many events to count.
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) events: u64,

    /// Prints one JSON object instead of words, with a given server.
    #[arg(long, requires = "host")]
    pub(crate) json: bool,

    /// With a given server: ends with an error after so many seconds without an event.
    #[arg(long, default_value_t = 20)]
    pub(crate) patience_seconds: u64,

    /// How often everything is measured; the table shows the median, and the best in brackets.
    #[arg(long, default_value_t = 7)]
    pub(crate) rounds: usize,

    /// For how many seconds an idle client is watched.
    #[arg(long, default_value_t = 20)]
    pub(crate) idle_seconds: u64,

    /// Measures only this; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Section>,

    /// Measures little, and fails if a figure is far worse than it should be.
    #[arg(long)]
    pub(crate) check: bool,

    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the table.
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
