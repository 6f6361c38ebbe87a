//! A Pusher client for the terminal: it prints what a server sends, and helps to debug keys, clusters and authorization.
//!
//! `cargo run --example monitor -- --key KEY --cluster eu --channel my-channel`; `--help` lists all options. It reads commands
//! from standard input, one per line, and prints JSON if its output is not a terminal.
#![allow(clippy::print_stderr, reason = "a program for the terminal")]

mod arguments;
mod input;
mod output;

use std::{
    collections::HashMap,
    process::ExitCode,
    sync::{Mutex, mpsc::Receiver},
    time::{Duration, Instant},
};

use bevy::{app::ScheduleRunnerPlugin, log::LogPlugin, prelude::*};
use bevy_pusher::{ConnectionState, SendId, SendOutcome, SignInState, prelude::*};
use clap::Parser;
use serde_json::{Map, Value, json};

use arguments::Arguments;
use input::Command;
use output::{Output, data};

/// How long a frame lasts.
const FRAME: Duration = Duration::from_millis(5);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match arguments.config() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let exit = App::new()
        .add_plugins((
            MinimalPlugins.set(ScheduleRunnerPlugin::run_loop(FRAME)),
            // Standard output is for JSON, so logs go to standard error.
            LogPlugin {
                filter: "warn,tungstenite=off,ureq=off".into(),
                ..default()
            },
            PusherPlugin::new(config),
        ))
        .insert_resource(Output::new(arguments.json))
        .insert_resource(CommandInput(Mutex::new(input::read_commands())))
        .insert_resource(ExitAt(arguments.run_for.map(|time| Instant::now() + time)))
        .init_resource::<Channels>()
        .init_resource::<Triggers>()
        .add_systems(Startup, start(arguments.channels, arguments.sign_in))
        .add_systems(Update, (run_commands, exit_when_due))
        .add_systems(PreUpdate, print_triggers.after(PusherSystems::Receive))
        .add_observer(print_connection)
        .add_observer(print_error)
        .add_observer(print_subscription)
        .add_observer(print_event)
        .add_observer(print_members)
        .add_observer(print_joined)
        .add_observer(print_left)
        .add_observer(print_count)
        .add_observer(print_cache_miss)
        .add_observer(print_sign_in)
        .add_observer(print_user_event)
        .add_observer(print_watchlist)
        .run();
    match exit {
        AppExit::Success => ExitCode::SUCCESS,
        AppExit::Error(_) => ExitCode::FAILURE,
    }
}

/// The commands from standard input.
#[derive(Resource)]
struct CommandInput(Mutex<Receiver<Command>>);

/// When to exit.
#[derive(Resource)]
struct ExitAt(Option<Instant>);

/// The entity of each channel.
#[derive(Resource, Default)]
struct Channels(HashMap<String, Entity>);

/// The triggers whose result the plugin has not reported yet.
#[derive(Resource, Default)]
struct Triggers(HashMap<SendId, (String, String)>);

/// Marks a presence channel that has just been subscribed: its members are printed when they arrive.
#[derive(Component)]
struct AwaitsMembers;

fn start(
    names: Vec<String>,
    sign_in: bool,
) -> impl FnMut(Commands, ResMut<Channels>, Res<PusherConnection>) {
    move |mut commands, mut channels, connection| {
        for name in &names {
            subscribe(&mut commands, &mut channels, name);
        }
        if sign_in {
            connection.sign_in();
        }
    }
}

fn subscribe(commands: &mut Commands, channels: &mut Channels, name: &str) {
    channels
        .0
        .entry(name.to_owned())
        .or_insert_with(|| commands.spawn(PusherChannel::new(name)).id());
}

/// Runs the commands from standard input.
fn run_commands(
    input: Res<CommandInput>,
    connection: Res<PusherConnection>,
    output: Res<Output>,
    mut commands: Commands,
    mut channels: ResMut<Channels>,
    mut triggers: ResMut<Triggers>,
    mut exit: MessageWriter<AppExit>,
) {
    let Ok(input) = input.0.lock() else {
        return;
    };
    for command in input.try_iter() {
        match command {
            Command::Subscribe(name) => match channels.0.get(&name) {
                // Subscribing again retries a subscription that has failed.
                Some(_) => connection.retry(&name),
                None => subscribe(&mut commands, &mut channels, &name),
            },
            Command::Unsubscribe(name) => {
                if let Some(entity) = channels.0.remove(&name) {
                    commands.entity(entity).despawn();
                    output.print("subscription", json!({"channel": name, "state": "unsubscribed"}));
                }
            }
            Command::Trigger { channel, event, data } => match connection.send(&channel, &event, &data) {
                Ok(id) => {
                    triggers.0.insert(id, (channel, event));
                }
                Err(error) => output.print(
                    "trigger",
                    json!({
                        "channel": channel, "event": event, "outcome": "rejected", "reason": error.to_string()
                    }),
                ),
            },
            Command::Connect => connection.connect(),
            Command::Disconnect => connection.disconnect(),
            Command::SignIn => connection.sign_in(),
            Command::SignOut => connection.sign_out(),
            Command::Quit => {
                exit.write(AppExit::Success);
            }
            Command::Invalid(message) => output.print("error", json!({"message": message})),
        }
    }
}

fn exit_when_due(exit_at: Res<ExitAt>, mut exit: MessageWriter<AppExit>) {
    if exit_at.0.is_some_and(|exit_at| Instant::now() >= exit_at) {
        exit.write(AppExit::Success);
    }
}

fn print_triggers(
    mut answers: MessageReader<PusherSendAnswered>,
    mut triggers: ResMut<Triggers>,
    output: Res<Output>,
) {
    for answer in answers.read() {
        let Some((channel, event)) = triggers.0.remove(&answer.id()) else {
            continue;
        };
        let outcome = match answer.outcome() {
            SendOutcome::Sent => "sent",
            _ => "rejected",
        };
        let reason = answer.error().map(ToString::to_string);
        let fields =
            json!({"channel": channel, "event": event, "outcome": outcome, "reason": reason});
        output.print("trigger", fields);
    }
}

fn print_connection(changed: On<PusherConnectionChanged>, output: Res<Output>) {
    let error = changed.current().error();
    let code = error.and_then(|error| error.code());
    let reason = error.map(ToString::to_string);
    output.print(
        "connection",
        match changed.current() {
            ConnectionState::Disconnected => json!({"state": "disconnected"}),
            ConnectionState::Connecting { attempt } => json!({"state": "connecting", "attempt": attempt}),
            ConnectionState::Connected { socket_id } => json!({"state": "connected", "socket_id": &**socket_id}),
            ConnectionState::Waiting { retry_at, attempt, .. } => {
                let retry_in = retry_at.saturating_duration_since(Instant::now()).as_secs_f64();
                let retry_in = (retry_in * 1000.0).round() / 1000.0;
                json!({"state": "waiting", "attempt": attempt, "retry_in": retry_in, "code": code, "reason": reason})
            }
            ConnectionState::Failed { .. } => json!({"state": "failed", "code": code, "reason": reason}),
        },
    );
}

/// Prints errors that do not end the connection. `print_connection` prints the others as part of the state.
fn print_error(reported: On<PusherErrorReported>, output: Res<Output>) {
    if reported.attempt() == 0 {
        output.print(
            "error",
            json!({"code": reported.code(), "message": reported.error().to_string()}),
        );
    }
}

fn print_subscription(
    changed: On<PusherSubscriptionChanged>,
    output: Res<Output>,
    mut commands: Commands,
) {
    let state = match changed.status() {
        PusherSubscription::Pending => return,
        PusherSubscription::Subscribing => "subscribing",
        PusherSubscription::Subscribed => "subscribed",
        PusherSubscription::Failed { .. } => "failed",
    };
    let error = changed.error().map(ToString::to_string);
    output.print(
        "subscription",
        json!({"channel": changed.channel(), "state": state, "error": error, "status": changed.http_status()}),
    );
    if changed.status().is_subscribed() && changed.channel().starts_with("presence-") {
        commands.entity(changed.entity()).try_insert(AwaitsMembers);
    }
}

fn print_event(event: On<PusherEvent>, output: Res<Output>) {
    output.print(
        "event",
        json!({
            "channel": event.channel(), "event": event.name(), "data": data(event.data().as_str()),
            "user_id": event.user_id()
        }),
    );
}

/// Prints all members once after each subscription. Later changes are printed one by one.
fn print_members(
    inserted: On<Insert<PusherMembers>>,
    subscribed: Query<(&PusherChannel, &PusherMembers), With<AwaitsMembers>>,
    output: Res<Output>,
    mut commands: Commands,
) {
    let Ok((channel, members)) = subscribed.get(inserted.entity) else {
        return;
    };
    commands.entity(inserted.entity).remove::<AwaitsMembers>();
    let infos: Map<String, Value> = members
        .iter()
        .map(|member| (member.id().to_owned(), data(member.info_json())))
        .collect();
    let me = members.me().map(|me| me.id());
    output.print(
        "members",
        json!({"channel": channel.0, "me": me, "members": infos}),
    );
}

fn print_joined(joined: On<PusherMemberJoined>, output: Res<Output>) {
    let member = joined.member();
    let fields =
        json!({"channel": joined.channel(), "id": member.id(), "info": data(member.info_json())});
    output.print("member_added", fields);
}

fn print_left(left: On<PusherMemberLeft>, output: Res<Output>) {
    output.print(
        "member_removed",
        json!({"channel": left.channel(), "id": left.member().id()}),
    );
}

fn print_count(counted: On<PusherSubscriptionCountChanged>, output: Res<Output>) {
    output.print(
        "subscription_count",
        json!({"channel": counted.channel(), "count": counted.count()}),
    );
}

fn print_cache_miss(missed: On<PusherCacheMissed>, output: Res<Output>) {
    output.print("cache_miss", json!({"channel": missed.channel()}));
}

fn print_sign_in(changed: On<PusherSignInChanged>, output: Res<Output>) {
    let fields = match changed.state() {
        SignInState::SigningIn => return,
        SignInState::SignedIn { id, .. } => json!({"state": "signed_in", "id": &**id}),
        SignInState::SignedOut => json!({"state": "signed_out"}),
        SignInState::Failed(error) => json!({"state": "failed", "error": error.to_string()}),
    };
    output.print("user", fields);
}

fn print_user_event(event: On<PusherUserEvent>, output: Res<Output>) {
    output.print(
        "user_event",
        json!({"event": event.name(), "data": data(event.data().as_str())}),
    );
}

fn print_watchlist(changed: On<PusherWatchlistChanged>, output: Res<Output>) {
    let user_ids: Vec<&str> = changed.user_ids().collect();
    output.print(
        "watchlist",
        json!({"event": changed.change(), "user_ids": user_ids}),
    );
}
