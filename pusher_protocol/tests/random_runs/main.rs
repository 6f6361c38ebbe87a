//! Long random runs against a model of the server. After each step the session's invariants hold, and at rest both sides
//! agree.
//!
//! Each run has a seed. `RANDOM_RUN_SEED=n` repeats that run alone; a failing run is shortened to the actions that it needs to
//! fail. `RANDOM_RUNS=n` sets the number of runs.
#![cfg(feature = "encrypted")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "test code"
)]

mod action;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::cell::RefCell;

use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestError, TestRunner};

use action::Action;
use world::{Reach, World};

/// The number of runs that makes a million steps.
const RUNS: u64 = 2_200;
const LONGEST_RUN: usize = 800;

fn run(seed: u64, actions: &[Action]) -> Reach {
    let mut world = World::new(seed);
    for action in actions {
        world.step(*action);
    }
    world.settle_all();
    world.check_agreement();
    world.reach()
}

/// Runs one seed. Returns the shortest failing variant on failure.
fn run_of(seed: u64) -> Result<Reach, String> {
    let mut runner = TestRunner::new(Config {
        cases: 1,
        rng_seed: RngSeed::Fixed(seed),
        // The default generator takes more time than all else together.
        rng_algorithm: RngAlgorithm::XorShift,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    });
    let reach = RefCell::new(Reach::default());
    let outcome = runner.run(&action::run(LONGEST_RUN), |actions| {
        *reach.borrow_mut() = run(seed, &actions);
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(reach.into_inner()),
        Err(TestError::Fail(reason, actions)) => {
            let actions: String = actions
                .iter()
                .map(|action| format!("\n  {action:?}"))
                .collect();
            Err(format!(
                "RANDOM_RUN_SEED={seed} fails after these actions:{actions}\n{reason}"
            ))
        }
        Err(TestError::Abort(reason)) => Err(format!("RANDOM_RUN_SEED={seed}: {reason}")),
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

#[test]
fn client_and_server_agree_at_rest() {
    if let Some(seed) = number("RANDOM_RUN_SEED") {
        run_of(seed).unwrap_or_else(|failure| panic!("{failure}"));
        return;
    }
    let runs = number("RANDOM_RUNS");
    let mut sum = Reach::default();
    for seed in 0..runs.unwrap_or(RUNS) {
        sum += run_of(seed).unwrap_or_else(|failure| panic!("{failure}"));
    }
    println!("{sum:?}");
    if runs.is_none() {
        // The runs only prove something if the client reaches these states.
        assert!(sum.steps >= 1_000_000, "{sum:?}");
        assert!(sum.connections >= 5_000, "{sum:?}");
        assert!(sum.events >= 15_000, "{sum:?}");
        assert!(sum.decrypted >= 2_000, "{sum:?}");
        assert!(sum.sent >= 1_000, "{sum:?}");
    }
}
