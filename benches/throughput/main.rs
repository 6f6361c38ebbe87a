//! Measures the plugin in comparison with alternatives, all in one run, and prints one table.
//!
//! `cargo bench --bench throughput` measures everything. With `-- --host HOST --port PORT --events N` it counts the events of
//! an external server instead. `-- --help` lists all options.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its results, and panics if a step fails, since then there is nothing to measure"
)]

mod arguments;
mod backlog;
mod channels;
mod end_to_end;
mod given_server;
mod idle;
mod latency;
mod main_thread;
mod report;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Section};
use report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.given_server().is_some() {
        return given_server::run(&arguments);
    }
    let mut report = Report::default();
    for section in arguments.sections() {
        eprintln!("measuring {section:?} …");
        match section {
            Section::EndToEnd => end_to_end::measure(&arguments, &mut report),
            Section::LargeEvents => end_to_end::measure_large_events(&arguments, &mut report),
            Section::MainThread => main_thread::measure(&arguments, &mut report),
            Section::Latency => latency::measure(&arguments, &mut report),
            Section::Channels => channels::measure(&mut report),
            Section::Backlog => backlog::measure(&mut report),
            Section::Idle => idle::measure(&arguments, &mut report),
        }
    }
    if arguments.check {
        given_server::check(&mut report);
    }
    println!("{report}");
    if arguments.check && !report.is_within_bounds() {
        eprintln!("a figure exceeds its bound: performance has regressed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
