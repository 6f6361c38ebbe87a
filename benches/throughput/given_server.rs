//! Counts the events of a server that somebody else runs.

use std::process::ExitCode;

use pusher_benches::{
    game::{Game, Hearing, config},
    statistics::nanoseconds_each,
};
use serde_json::json;

use crate::{arguments::Arguments, end_to_end::patient};

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (host, port) = arguments.given_server().unwrap();
    let events = arguments.events;
    let mut game = Game::with_config(patient(config(host, port)), Hearing::Typed);
    game.update_until_subscribed();
    let run = game.run(events);
    let heard = game.heard();
    if heard.failed > 0 || heard.lost > 0 {
        eprintln!(
            "{} events could not be decoded, {} were lost",
            heard.failed, heard.lost
        );
        return ExitCode::FAILURE;
    }
    let per_second = events as f64 / run.seconds();
    let main_thread = nanoseconds_each(run.main_thread, events);
    if arguments.json {
        println!(
            "{}",
            json!({
                "events": events,
                "seconds": run.seconds(),
                "per_second": per_second,
                "main_thread_ns_per_event": main_thread,
            })
        );
    } else {
        println!(
            "{events} events in {:.3} s, {per_second:.0} a second, {main_thread:.0} ns each on the main thread",
            run.seconds()
        );
    }
    ExitCode::SUCCESS
}
