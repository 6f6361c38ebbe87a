//! A soak test on a bad network: random traffic and faults, with pauses in which everything must become consistent and no
//! resource may have grown.

use std::{collections::HashMap, env};

use bevy_pusher::{SendOutcome, SignInState};
use pusher_dev_server::{AuthPolicy, DevServer, DevServerConfig};
use pusher_test_support::{Fault, FaultProxy};
use support::{endpoint_as, with_short_retry_delay};

use super::{
    process::{self, ResourceUsage},
    *,
};

/// The default duration; `PUSHER_SOAK_SECONDS` overrides it.
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// How long faults are injected before each pause.
const FAULT_PERIOD: Duration = Duration::from_secs(8);

const CHANNELS: [&str; 12] = [
    "lobby-1",
    "lobby-2",
    "cache-lobby",
    "private-1",
    "private-2",
    "private-cache-1",
    "presence-1",
    "presence-2",
    "presence-cache-1",
    "private-encrypted-1",
    "private-encrypted-2",
    "private-encrypted-cache-1",
];

/// Pseudo-random numbers from a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn millis(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

/// The state of a player and what it has received.
#[derive(Resource, Default)]
struct PlayerStats {
    last: HashMap<String, u64>,
    events: u64,
    sent: u64,
    answered: u64,
    rejected: u64,
    losses: u64,
    out_of_order: Vec<String>,
}

struct Player {
    name: &'static str,
    app: App,
    wanted: HashMap<&'static str, Entity>,
}

impl Player {
    fn new(name: &'static str, port: u16, server: &DevServer) -> Self {
        let config = PusherConfig::new("app-key", Endpoint::custom("127.0.0.1", port))
            .with_auth_endpoint(endpoint_as(&server.auth_endpoint(), name))
            .with_user_auth_endpoint(endpoint_as(&server.user_auth_endpoint(), name))
            .with_sent_answers(true)
            .with_timing(Timing {
                dial_timeout: Duration::from_secs(1),
                authorization_timeout: Duration::from_secs(1),
                subscribe_timeout: Duration::from_secs(1),
                activity_timeout: Duration::from_millis(300),
                pong_timeout: Duration::from_millis(500),
                ..Timing::default()
            });
        let mut app = App::new();
        app.add_plugins((
            MinimalPlugins,
            PusherPlugin::new(with_short_retry_delay(config)),
        ))
        .init_resource::<PlayerStats>()
        .add_observer(|event: On<PusherEvent>, mut stats: ResMut<PlayerStats>| {
            stats.events += 1;
            if event.name() != "number" {
                return;
            }
            let number: u64 = event.data().parse().unwrap();
            let last = stats.last.insert(event.channel().into(), number);
            // A cache channel repeats its last event with each subscription.
            let is_next = last.is_none_or(|last| {
                last < number || (last == number && event.channel().contains("cache"))
            });
            if !is_next {
                let text = format!("{} {number} after {last:?}", event.channel());
                stats.out_of_order.push(text);
            }
        })
        .add_observer(
            |changed: On<PusherConnectionChanged>, mut stats: ResMut<PlayerStats>| {
                stats.losses += u64::from(changed.current().error().is_some());
            },
        )
        .add_systems(
            Update,
            |mut answers: MessageReader<PusherSendAnswered>, mut stats: ResMut<PlayerStats>| {
                for answer in answers.read() {
                    stats.answered += 1;
                    stats.rejected += u64::from(*answer.outcome() != SendOutcome::Sent);
                }
            },
        );
        Self {
            name,
            app,
            wanted: HashMap::new(),
        }
    }

    fn connection(&self) -> &PusherConnection {
        self.app.world().resource()
    }

    /// Performs one random action, such as joining, leaving, signing in or sending.
    fn act_randomly(&mut self, random: &mut Random) {
        let channel = CHANNELS[random.below(CHANNELS.len() as u64) as usize];
        match random.below(20) {
            0..6 => {
                let world = self.app.world_mut();
                let spawn = || PusherChannel::from(channel);
                self.wanted
                    .entry(channel)
                    .or_insert_with(|| world.spawn(spawn()).id());
            }
            6..10 => {
                if let Some(entity) = self.wanted.remove(channel) {
                    self.app.world_mut().despawn(entity);
                }
            }
            10 => self.connection().sign_in(),
            11 => self.connection().sign_out(),
            12 => self.connection().check_link(),
            13 => self.connection().connect(),
            _ => {
                if self.connection().send(channel, "client-wave", &1).is_ok() {
                    self.app.world_mut().resource_mut::<PlayerStats>().sent += 1;
                }
            }
        }
    }

    /// Returns whether all wanted channels are subscribed. Retries the ones that failed during the faults.
    fn is_settled(&self) -> bool {
        let world = self.app.world();
        let mut is_settled = self.connection().is_connected();
        for (channel, entity) in &self.wanted {
            let status = world.get::<PusherSubscription>(*entity).unwrap();
            is_settled &= status.is_subscribed();
            if status.error().is_some() {
                self.connection().retry(channel);
            }
        }
        let user = world.resource::<PusherUser>().state();
        if matches!(user, SignInState::Failed(_)) {
            self.connection().sign_in();
        }
        let stats = world.resource::<PlayerStats>();
        is_settled && stats.sent == stats.answered && *user != SignInState::SigningIn
    }

    fn members(&self, channel: &str) -> Vec<String> {
        let members = self.app.world().get::<PusherMembers>(self.wanted[channel]);
        let ids = members.map(|members| members.iter().map(|member| member.id().to_owned()));
        ids.into_iter().flatten().collect()
    }
}

/// Injects one random fault into the network or the servers.
fn inject_fault(random: &mut Random, proxy: &FaultProxy, server: &DevServer) {
    match random.below(14) {
        0 => proxy.set(Fault::none()),
        1 => proxy.set(Fault::delay(random.millis(60))),
        2 => proxy.set(Fault::delay(random.millis(20)).in_pieces(7, Duration::ZERO)),
        3 => proxy.set(Fault::none().in_pieces(200, Duration::from_millis(5))),
        4 => proxy.set(Fault::hold()),
        5 => proxy.set_to_client(Fault::hold()),
        6 => proxy.reset(),
        7 => proxy.cut(),
        8 => proxy.set_to_client(Fault::cut_after(random.below(3000))),
        9 => proxy.set_to_server(Fault::reset_after(random.below(2000))),
        10 => proxy.stop_listening(),
        11 => drop(server.disconnect_all(4200, "restart")),
        12 => server.set_auth_policy(AuthPolicy::default().with_delay(random.millis(1500))),
        _ => server.set_auth_policy(AuthPolicy::answering(500, "overloaded")),
    }
}

/// Removes all faults and waits until clients and server agree.
fn recover(players: &mut [Player; 2], proxy: &FaultProxy, server: &DevServer) {
    proxy.set(Fault::none());
    proxy.listen_again();
    server.set_auth_policy(AuthPolicy::default());
    let started = Instant::now();
    let agrees = |players: &[Player; 2]| {
        let mut wanted: Vec<&str> = players
            .iter()
            .flat_map(|player| player.wanted.keys().copied())
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let user = |channel: &String| channel.starts_with('#');
        let mut served = server.channels();
        served.retain(|channel| !user(channel));
        players.iter().all(Player::is_settled)
            && served == wanted
            && server.connection_count() == 2
            && players.iter().all(|player| {
                let mut rooms = player
                    .wanted
                    .keys()
                    .filter(|channel| channel.starts_with("presence-"));
                rooms.all(|room| {
                    let mut members = server.members(room);
                    members.sort();
                    player.members(room) == members
                })
            })
    };
    while !agrees(players) {
        for player in players.iter_mut() {
            player.app.update();
        }
        std::thread::sleep(Duration::from_millis(5));
        if started.elapsed() > TIMEOUT {
            for player in players.iter() {
                let world = player.app.world();
                eprintln!("{}: {:?}", player.name, player.connection().state());
                for (channel, entity) in &player.wanted {
                    eprintln!(
                        "  {channel}: {:?}",
                        world.get::<PusherSubscription>(*entity)
                    );
                }
                let stats = world.resource::<PlayerStats>();
                eprintln!(
                    "  sent {}, answered {}, {:?}",
                    stats.sent,
                    stats.answered,
                    world.resource::<PusherUser>()
                );
            }
            panic!(
                "clients and server disagree; the server has {:?}",
                server.channels()
            );
        }
    }
}

fn run_soak(time: Duration) {
    let server = DevServer::start(DevServerConfig::default()).unwrap();
    let proxy = FaultProxy::start(server.address());
    let mut players = ["ann", "bob"].map(|name| Player::new(name, proxy.port(), &server));
    let mut random = Random(0x5eed);
    let mut numbers = 0_u64;
    let mut usages: Vec<ResourceUsage> = vec![];
    let started = Instant::now();
    while started.elapsed() < time {
        let period = Instant::now();
        let mut next_fault = period;
        while period.elapsed() < FAULT_PERIOD {
            if Instant::now() >= next_fault {
                inject_fault(&mut random, &proxy, &server);
                next_fault = Instant::now() + Duration::from_millis(100) + random.millis(1200);
                if random.below(3) == 0 {
                    proxy.listen_again();
                }
            }
            for player in &mut players {
                if random.below(20) == 0 {
                    player.act_randomly(&mut random);
                }
                player.app.update();
            }
            for _ in 0..random.below(4) {
                numbers += 1;
                let channel = CHANNELS[random.below(CHANNELS.len() as u64) as usize];
                server.publish(channel, "number", &numbers).unwrap();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        recover(&mut players, &proxy, &server);
        let base = usages.first().copied();
        let now = ResourceUsage::now();
        usages.push(match base {
            Some(mut base) => {
                // Each player keeps up to three idle connections to its backend, with both ends in this process.
                base.files += 12;
                // Each player has up to nine workers for each kind of authorization.
                base.threads += 36;
                now.expect_no_more_than("a pause", base)
            }
            None => now,
        });
    }
    for player in &players {
        let stats = player.app.world().resource::<PlayerStats>();
        assert!(
            stats.out_of_order.is_empty(),
            "{}: {:?}",
            player.name,
            stats.out_of_order
        );
        eprintln!(
            "{}: {} events, {} losses of the connection, {} client events of which {} were refused",
            player.name, stats.events, stats.losses, stats.sent, stats.rejected
        );
    }
    let (early, late) = (usages[usages.len() / 4], usages[usages.len() - 1]);
    eprintln!(
        "{} pauses in {:?}: after a quarter {early:?}, at the end {late:?}, {numbers} events published, {} connections",
        usages.len(),
        started.elapsed(),
        proxy.connections_so_far()
    );
    assert!(late.kib < early.kib + 4096, "{early:?}, then {late:?}");
    assert!(
        late.threads <= early.threads + 18,
        "{early:?}, then {late:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "long"]
fn long_run_on_a_bad_network_stays_consistent_and_leaks_nothing() {
    let test = "soak::long_run_on_a_bad_network_stays_consistent_and_leaks_nothing";
    let seconds = env::var("PUSHER_SOAK_SECONDS").ok();
    let time = seconds.map_or(TEN_MINUTES, |seconds| {
        Duration::from_secs(seconds.parse().unwrap())
    });
    // In a separate process, so that only this test's resources are counted.
    if !process::ran_in_child_process(test, time + FAULT_PERIOD + TIMEOUT * 2) {
        run_soak(time);
    }
}
