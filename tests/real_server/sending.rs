//! Tests that client events stay within the rate limit of a real server.

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_pusher::{SendMode, prelude::*};
use pusher_test_support::{Sockudo, SockudoOptions, update_until};

use crate::{TestSetup, support::*};

const ROOM: &str = "private-room";

#[derive(Resource, Default)]
struct Reports(Vec<String>);

#[test]
fn cursors_sent_every_frame_stay_within_the_rate_limit() {
    let setup = TestSetup::new(Sockudo::start_with(SockudoOptions {
        client_events_per_second: 10,
        ..SockudoOptions::default()
    }));
    let (mut ann, mut bob) = (setup.game("ann"), setup.game("bob"));
    ann.init_resource::<Reports>()
        .add_observer(
            |report: On<PusherErrorReported>, mut reports: ResMut<Reports>| {
                reports.0.push(report.error().to_string());
            },
        )
        .add_systems(
            Update,
            |mut answers: MessageReader<PusherSendAnswered>, mut reports: ResMut<Reports>| {
                let refused = answers.read().filter_map(PusherSendAnswered::error);
                reports.0.extend(refused.map(ToString::to_string));
            },
        );
    join(&mut ann, ROOM);
    join(&mut bob, ROOM);

    let started = Instant::now();
    let (mut frame, mut shots) = (0_u32, 0_u32);
    while started.elapsed() < Duration::from_secs(4) {
        let connection = ann.world().resource::<PusherConnection>();
        for event in ["client-cursor", "client-aim"] {
            connection
                .send_with(SendMode::Latest, ROOM, event, &frame)
                .unwrap();
        }
        if started.elapsed() > Duration::from_millis(700) * shots {
            shots += 1;
            connection.send(ROOM, "client-shot", &shots).unwrap();
        }
        frame += 1;
        ann.update();
        bob.update();
        // About 120 frames per second, far more than the limit of 10 events.
        std::thread::sleep(Duration::from_millis(8));
    }
    let last = frame - 1;
    let expected = [
        format!("{ROOM} client-cursor {last}"),
        format!("{ROOM} client-aim {last}"),
        format!("{ROOM} client-shot {shots}"),
    ];
    update_until(&mut bob, "the last event", TIMEOUT, |world| {
        ann.update();
        expected.iter().all(|text| recorded(world).contains(text))
    });
    let received = |event: &str| {
        let prefix = format!("{ROOM} {event} ");
        let all = recorded(bob.world()).iter();
        all.filter(|recorded| recorded.starts_with(&prefix)).count()
    };
    assert_eq!(received("client-shot"), shots as usize);
    let (cursors, aims) = (received("client-cursor"), received("client-aim"));
    // Ten per second for four seconds, less the share that is reserved for immediate events.
    assert!(cursors + aims >= 24, "{cursors} and {aims} in four seconds");
    assert!(
        cursors.abs_diff(aims) <= 2,
        "{cursors} and {aims}: they must take turns"
    );
    let reports = &ann.world().resource::<Reports>().0;
    assert!(reports.is_empty(), "{reports:?}");
}
