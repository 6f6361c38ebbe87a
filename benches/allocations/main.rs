//! Counts the allocations per event, and the memory per channel: `cargo bench --bench allocations`.
//!
//! The counts of the two threads are separated by running only one of them at a time. This is a separate program, since
//! counting slows every allocation down.
#![allow(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::alloc::System;

use bevy_pusher::prelude::*;
use pusher_benches::{
    firehose::Firehose,
    frames::Frames,
    game::{Game, ReceiveMode, config},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const BURST: u64 = 1_000;
const WARM_UP: u64 = 20;
const ROUNDS: u64 = 50;
const CHANNELS: usize = 10_000;

fn main() {
    println!("| per event | network thread | main thread |\n| --- | --- | --- |");
    for (title, mode) in [
        ("typed, raw off", ReceiveMode::Typed),
        ("typed, raw on", ReceiveMode::TypedBesideRaw),
        ("raw and observed", ReceiveMode::RawObserved),
    ] {
        let (network, main) = per_event(mode);
        println!("| {title} | {} | {} |", describe(&network), describe(&main));
    }
    let bytes = per_channel();
    println!("\nA channel with its entity takes {bytes} bytes.");
}

/// The allocations of all rounds.
#[derive(Default)]
struct Allocated {
    allocations: usize,
    reallocations: usize,
    bytes: usize,
}

impl Allocated {
    fn add(&mut self, stats: &Stats) {
        self.allocations += stats.allocations;
        self.reallocations += stats.reallocations;
        self.bytes += stats.bytes_allocated;
    }
}

/// Returns the allocations of the network thread and of the main thread.
fn per_event(mode: ReceiveMode) -> (Allocated, Allocated) {
    let firehose = Firehose::start();
    let config = config("127.0.0.1", firehose.port());
    let (mut game, connection) = Game::connected(&firehose, config, mode);
    let frames = Frames::lobby(BURST);
    let (mut network, mut main) = (Allocated::default(), Allocated::default());
    for round in 0..WARM_UP + ROUNDS {
        let region = Region::new(ALLOCATOR);
        connection.write(&frames);
        connection.wait_until_read();
        let arrived = region.change();
        let goal = (round + 1) * BURST;
        let region = Region::new(ALLOCATOR);
        while game.received().read < goal {
            game.update();
        }
        if round >= WARM_UP {
            network.add(&arrived);
            main.add(&region.change());
        }
    }
    (network, main)
}

fn describe(allocated: &Allocated) -> String {
    let each = |count: usize| count as f64 / (ROUNDS * BURST) as f64;
    format!(
        "{:.2} allocations, {:.2} reallocations, {:.0} bytes",
        each(allocated.allocations),
        each(allocated.reallocations),
        each(allocated.bytes)
    )
}

fn per_channel() -> isize {
    let firehose = Firehose::start();
    let (mut game, connection) = Game::connected(
        &firehose,
        config("127.0.0.1", firehose.port()),
        ReceiveMode::Typed,
    );
    let region = Region::new(ALLOCATOR);
    for number in 0..CHANNELS {
        let name = format!("room-{number:05}");
        game.app.world_mut().spawn(PusherChannel::new(name));
    }
    game.update_until_subscribed();
    connection.wait_until_read();
    for _ in 0..10 {
        game.update();
    }
    let change = region.change();
    (change.bytes_allocated as isize - change.bytes_deallocated as isize) / CHANNELS as isize
}
