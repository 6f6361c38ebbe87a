//! Events per second, from a socket on localhost to a system that reads them decoded.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pusher_benches::{
    clocks::{Thread, thread_time},
    firehose::{Connection, Firehose},
    frames::Frames,
    game::{Game, ReceiveMode, config},
    given_server::with_large_limits,
    one_thread::OneThread,
    pusher_js::PusherJs,
    statistics::{median, nanoseconds_each},
};

use crate::{
    arguments::Arguments,
    report::{Goal, Report, Row},
};

/// The number of different events; larger loads repeat them.
const BLOCK: u64 = 20_000;

/// The bound for the CPU time of the client's network thread, relative to the baseline. Above it, the check fails.
const NETWORK_THREAD_BOUND: f64 = 1.6;

/// The events to send.
struct Load {
    frames: Arc<Frames>,
    times: u64,
}

/// The result of sending a load.
#[derive(Clone, Copy)]
struct Outcome {
    per_second: f64,
    /// The CPU time of the thread that reads the socket.
    network_ns: f64,
    /// The CPU time of the main thread.
    main_ns: f64,
}

/// The results of one candidate, one per round.
#[derive(Default)]
struct Rounds(Vec<Outcome>);

impl Load {
    fn of_events(events: u64) -> Self {
        let block = BLOCK.min(events.max(1));
        Self {
            frames: Arc::new(Frames::lobby(block)),
            times: events.div_ceil(block),
        }
    }

    fn of_size(bytes: usize, block: u64, times: u64) -> Self {
        Self {
            frames: Arc::new(Frames::of_size(block, bytes)),
            times,
        }
    }

    fn count(&self) -> u64 {
        self.frames.count() * self.times
    }

    /// Starts sending. Returns when that started.
    fn start_sending(&self, connection: &Connection) -> Instant {
        let started = Instant::now();
        connection
            .writer()
            .write_repeatedly(self.frames.clone(), self.times);
        started
    }

    fn outcome(&self, started: Instant, network: Duration, main: Duration) -> Outcome {
        Outcome {
            per_second: self.count() as f64 / started.elapsed().as_secs_f64(),
            network_ns: nanoseconds_each(network, self.count()),
            main_ns: nanoseconds_each(main, self.count()),
        }
    }
}

impl Rounds {
    fn each(&self, part: impl Fn(&Outcome) -> f64) -> Vec<f64> {
        self.0.iter().map(part).collect()
    }

    fn median(&self, part: impl Fn(&Outcome) -> f64) -> f64 {
        median(&self.each(part))
    }

    fn rates(&self) -> Vec<f64> {
        self.each(|o| o.per_second)
    }

    fn rate(&self) -> String {
        format!("{:.0} k/s", self.median(|o| o.per_second) / 1e3)
    }
}

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) {
    let firehose = Firehose::start();
    let events = if arguments.check {
        100_000
    } else {
        arguments.events
    };
    small_events(&firehose, arguments, &Load::of_events(events), report);
    if arguments.check {
        return;
    }
    #[cfg(feature = "aeronet")]
    aeronet(&firehose, arguments, &Load::of_events(events), report);
    pusher_js(&firehose, &Load::of_events(events / 4), report);
}

pub(crate) fn measure_large_events(arguments: &Arguments, report: &mut Report) {
    let firehose = Firehose::start();
    let sizes = [
        ("events of 10 KB", Load::of_size(10_000, 200, 50)),
        ("events of 1 MB", Load::of_size(1_000_000, 8, 25)),
    ];
    for (title, load) in sizes {
        large_events(&firehose, arguments, title, &load, report);
    }
}

fn small_events(firehose: &Firehose, arguments: &Arguments, load: &Load, report: &mut Report) {
    let [mut reference, mut typed, mut beside_raw, mut busy_loop] =
        [const { Rounds(Vec::new()) }; 4];
    for _ in 0..arguments.rounds {
        reference.0.push(one_thread(firehose, load));
        typed.0.push(plugin(firehose, load, ReceiveMode::Typed));
        if !arguments.check {
            beside_raw
                .0
                .push(plugin(firehose, load, ReceiveMode::TypedBesideRaw));
            let game = connected(firehose, ReceiveMode::Typed);
            busy_loop.0.push(measure_load(game, load));
        }
    }
    let time = |o: &Outcome| o.network_ns;
    report.add(Row::new(
        "one thread: tungstenite, envelope, struct",
        format!(
            "{}, {:.0} ns each",
            reference.rate(),
            reference.median(time)
        ),
    ));
    report.add(
        Row::new("bevy_pusher, typed, raw off", typed.rate()).against(
            "one thread",
            &typed.rates(),
            &reference.rates(),
            Goal::AtLeast(0.9),
        ),
    );
    if !arguments.check {
        report.add(
            Row::new("bevy_pusher, typed, raw on", beside_raw.rate()).beside(
                "one thread",
                &beside_raw.rates(),
                &reference.rates(),
            ),
        );
        report.add(
            Row::new(
                "bevy_pusher, typed, raw off, frames without a pause",
                busy_loop.rate(),
            )
            .beside("one thread", &busy_loop.rates(), &reference.rates()),
        );
    }
    let (own, other) = (typed.each(time), reference.each(time));
    report.add(
        Row::new(
            "its network thread",
            format!("{:.0} ns each", typed.median(time)),
        )
        .beside("one thread's time", &own, &other)
        .bound(Goal::AtMost(NETWORK_THREAD_BOUND), &own, &other),
    );
    report.add(Row::new(
        "its main thread",
        format!("{:.0} ns each", typed.median(|o| o.main_ns)),
    ));
}

#[cfg(feature = "aeronet")]
fn aeronet(firehose: &Firehose, arguments: &Arguments, load: &Load, report: &mut Report) {
    use pusher_benches::aeronet::Aeronet;

    let [mut aeronet, mut typed] = [const { Rounds(Vec::new()) }; 2];
    for _ in 0..arguments.rounds {
        let mut client = Aeronet::new(firehose.port());
        let connection = loop {
            client.update();
            if let Some(connection) = firehose.try_accept() {
                break connection;
            }
            std::thread::yield_now();
        };
        let started = load.start_sending(&connection);
        let run = client.run(load.count());
        aeronet
            .0
            .push(load.outcome(started, Duration::ZERO, run.main_thread));
        typed.0.push(plugin(firehose, load, ReceiveMode::Typed));
    }
    report.add(
        Row::new("aeronet_websocket, decoding in the system", aeronet.rate()).against(
            "of it: bevy_pusher",
            &typed.rates(),
            &aeronet.rates(),
            Goal::AtLeast(1.2),
        ),
    );
    report.add(
        Row::new(
            "its main thread",
            format!("{:.0} ns each", aeronet.median(|o| o.main_ns)),
        )
        .against(
            "of it: bevy_pusher",
            &typed.each(|o| o.main_ns),
            &aeronet.each(|o| o.main_ns),
            Goal::AtMost(0.3),
        ),
    );
}

fn pusher_js(firehose: &Firehose, load: &Load, report: &mut Report) {
    let [mut node, mut typed] = [const { Rounds(Vec::new()) }; 2];
    for _ in 0..3 {
        let client = match PusherJs::start(firehose.port(), load.count()) {
            Ok(client) => client,
            Err(why) => return report.add(Row::new("pusher-js in node", why)),
        };
        let connection = firehose.accept();
        connection.wait_for_subscriptions(1);
        let started = load.start_sending(&connection);
        client.wait();
        node.0
            .push(load.outcome(started, Duration::ZERO, Duration::ZERO));
        typed.0.push(plugin(firehose, load, ReceiveMode::Typed));
    }
    report.add(Row::new("pusher-js in node", node.rate()).against(
        "of it: bevy_pusher",
        &typed.rates(),
        &node.rates(),
        Goal::AtLeast(7.0),
    ));
}

fn large_events(
    firehose: &Firehose,
    arguments: &Arguments,
    title: &str,
    load: &Load,
    report: &mut Report,
) {
    let [mut reference, mut typed] = [const { Rounds(Vec::new()) }; 2];
    for _ in 0..arguments.rounds {
        reference.0.push(one_thread(firehose, load));
        typed.0.push(plugin(firehose, load, ReceiveMode::Typed));
    }
    let megabytes = typed.median(|o| o.per_second) * load.frames.bytes().len() as f64
        / load.frames.count() as f64
        / 1e6;
    report.add(Row::new(title, format!("{megabytes:.0} MB/s")).against(
        "one thread",
        &typed.rates(),
        &reference.rates(),
        Goal::AtLeast(0.9),
    ));
    let time = |o: &Outcome| o.network_ns;
    report.add(
        Row::new(
            "  their network thread",
            format!("{:.1} µs each", typed.median(time) / 1e3),
        )
        .beside(
            "one thread's time",
            &typed.each(time),
            &reference.each(time),
        ),
    );
}

fn one_thread(firehose: &Firehose, load: &Load) -> Outcome {
    let mut client = OneThread::connect(firehose.port());
    let connection = firehose.accept();
    connection.wait_for_subscriptions(1);
    let before = thread_time();
    let started = load.start_sending(&connection);
    client.read(load.count());
    load.outcome(started, thread_time() - before, Duration::ZERO)
}

/// Measures an app that sleeps until the plugin wakes it.
fn plugin(firehose: &Firehose, load: &Load, mode: ReceiveMode) -> Outcome {
    let (mut game, connection) = connected(firehose, mode);
    game.sleep_between_events();
    measure_load((game, connection), load)
}

fn connected(firehose: &Firehose, mode: ReceiveMode) -> (Game, Connection) {
    let config = with_large_limits(config("127.0.0.1", firehose.port()));
    Game::connected(firehose, config, mode)
}

fn measure_load((mut game, connection): (Game, Connection), load: &Load) -> Outcome {
    game.expect_period(load.frames.count());
    let network = Thread::network();
    let time = |thread: &Option<Thread>| thread.as_ref().map_or(Duration::ZERO, Thread::time);
    let before = time(&network);
    let started = load.start_sending(&connection);
    let run = game.run(load.count());
    let outcome = load.outcome(started, Duration::ZERO, run.main_thread);
    game.check();
    // Linux updates a thread's CPU time when it goes to sleep.
    connection.wait_until_read();
    Outcome {
        network_ns: nanoseconds_each(time(&network) - before, load.count()),
        ..outcome
    }
}
