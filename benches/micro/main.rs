//! Measures the processing steps of an event one by one, with their allocations: `cargo bench --bench micro`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark panics if a step fails, since then there is nothing to measure"
)]

use divan::{AllocProfiler, Bencher, counter::BytesCount, counter::ItemsCount};
use pusher_benches::{
    bare_bevy::BareBevy,
    firehose::Firehose,
    frames::{CHANNEL, Frames, LobbyMessage, event_text},
    game::{Game, ReceiveMode, config},
    one_thread::Envelope,
};
use pusher_protocol::{
    ChannelName, NameRules, Session,
    protocol::ServerFrame,
    session::{Command, Input, Now, Output, SessionConfig},
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Payload sizes in bytes; 0 selects a short chat message.
const SIZES: [usize; 3] = [0, 10_000, 1_000_000];

/// The number of events per frame.
const BURST: u64 = 1_000;

fn text_of_size(bytes: usize) -> String {
    if bytes == 0 {
        LobbyMessage::new(7).on(CHANNEL)
    } else {
        LobbyMessage::of_size(7, bytes).on(CHANNEL)
    }
}

/// Parsing and decoding of a server's message.
mod frame {
    use super::*;

    #[divan::bench(args = SIZES)]
    fn parse(bencher: Bencher, bytes: usize) {
        let text = text_of_size(bytes);
        bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
            ServerFrame::parse(divan::black_box(&text))
                .unwrap()
                .data
                .as_str()
                .len()
        });
    }

    /// The same with plain `serde_json`, as hand-written code would do it.
    #[divan::bench(args = SIZES)]
    fn parse_by_hand(bencher: Bencher, bytes: usize) {
        let text = text_of_size(bytes);
        bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
            let envelope: Envelope<'_> = serde_json::from_str(divan::black_box(&text)).unwrap();
            envelope.data.len()
        });
    }

    /// The payload as a JSON value instead of a string, which some servers send.
    #[divan::bench]
    fn parse_value(bencher: Bencher) {
        let value = serde_json::to_string(&LobbyMessage::new(7)).unwrap();
        let text = event_text(CHANNEL, "lobby-message", "payload").replace("\"payload\"", &value);
        bencher.counter(BytesCount::of_str(&text)).bench_local(|| {
            ServerFrame::parse(divan::black_box(&text))
                .unwrap()
                .data
                .as_str()
                .len()
        });
    }

    #[divan::bench(args = SIZES)]
    fn decode(bencher: Bencher, bytes: usize) {
        let text = text_of_size(bytes);
        let frame = ServerFrame::parse(&text).unwrap();
        bencher
            .counter(BytesCount::of_str(frame.data.as_str()))
            .bench_local(|| frame.data.parse::<LobbyMessage>().unwrap());
    }
}

/// The session's processing of a message, including parsing.
#[divan::bench(args = [1, 100, 10_000])]
fn session(bencher: Bencher, channels: usize) {
    let now = Now::at(std::time::Duration::ZERO);
    let mut session = Session::new(SessionConfig::default());
    session.handle_input(Input::Command(Command::Connect), now);
    let dial = std::iter::from_fn(|| session.poll_output())
        .find_map(|output| match output {
            Output::Dial { dial, .. } => Some(dial),
            _ => None,
        })
        .unwrap();
    session.handle_input(Input::Opened(dial), now);
    let established =
        r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\"}"}"#;
    session.handle_frame(dial, established, now);
    for number in 0..channels {
        let name = format!("room-{number}");
        let channel = ChannelName::new(&name, NameRules::Strict).unwrap();
        session.handle_input(
            Input::Command(Command::Subscribe {
                channel,
                extra: None,
            }),
            now,
        );
        let confirmed = event_text(&name, "pusher_internal:subscription_succeeded", "{}");
        session.handle_frame(dial, &confirmed, now);
    }
    while session.poll_output().is_some() {}
    let text = LobbyMessage::new(7).on("room-0");
    bencher.bench_local(|| {
        let event = session
            .handle_frame(dial, divan::black_box(&text), now)
            .unwrap();
        let length = event.data.as_str().len();
        assert!(session.poll_output().is_none());
        length
    });
}

/// A frame of the app that delivers a thousand events, reads them, and drops those of earlier frames.
mod delivery {
    use super::*;

    #[divan::bench(sample_size = 1, sample_count = 200)]
    fn bare_bevy(bencher: Bencher) {
        let bare = std::cell::RefCell::new(BareBevy::new());
        bencher
            .with_inputs(|| bare.borrow_mut().prepare(BURST))
            .input_counter(|()| ItemsCount::new(BURST))
            .bench_local_values(|()| bare.borrow_mut().update());
    }

    #[divan::bench(sample_size = 1, sample_count = 200)]
    fn raw_message_and_observer(bencher: Bencher) {
        deliver(bencher, ReceiveMode::RawObserved);
    }

    #[divan::bench(sample_size = 1, sample_count = 200)]
    fn typed_message_and_observer(bencher: Bencher) {
        deliver(bencher, ReceiveMode::TypedObserved);
    }

    #[divan::bench(sample_size = 1, sample_count = 200)]
    fn typed_message_alone(bencher: Bencher) {
        deliver(bencher, ReceiveMode::Typed);
    }

    fn deliver(bencher: Bencher, mode: ReceiveMode) {
        let firehose = Firehose::start();
        let config = config("127.0.0.1", firehose.port());
        let (mut game, connection) = Game::connected(&firehose, config, mode);
        let frames = Frames::lobby(BURST);
        bencher
            .with_inputs(|| {
                connection.write(&frames);
                connection.wait_until_read();
            })
            .input_counter(|()| ItemsCount::new(BURST))
            .bench_local_values(|()| game.update());
    }
}
