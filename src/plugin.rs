//! [`PusherPlugin`]: what the plugin adds to an app, when its systems run, and how the configuration is applied. The systems themselves are
//! in the modules of their features.

use std::sync::Arc;

use bevy_app::{OnAppExitSystems, prelude::*};
use bevy_ecs::{change_detection::DetectChanges, message::MessageCursor, prelude::*};
use pusher_protocol::{
    ChannelName,
    session::{Command, SignInError, SignInState},
};

use crate::{
    channel::{
        PusherCacheMissed, PusherChannel, PusherSubscribeExtras, PusherSubscribed,
        PusherSubscription, PusherSubscriptionChanged, PusherSubscriptionCountChanged, Subscribers,
        adopt, has_rechecks, recheck, reconcile,
    },
    client::Client,
    config::PusherConfig,
    connection::{PusherConnection, PusherConnectionChanged, PusherErrorReported},
    driver::StartDriver,
    event::{PusherDecodeFailed, PusherEvent, PusherGlobalEvent, PusherLagged},
    inbound::{EventTypes, Inbound, InboundQueue, PluginMessages, receive},
    presence::{
        PusherMember, PusherMemberEntities, PusherMemberJoined, PusherMemberLeft, PusherMemberOf,
        PusherMembers, PusherSpawnMembers,
    },
    schedule::PusherSystems,
    sending::PusherSendAnswered,
    user::{PusherSignInChanged, PusherUser, PusherUserEvent, PusherWatchlistChanged},
    user_code::Rechecks,
    waker::PusherWaker,
};

/// Adds a Pusher client to an app.
///
/// With [`PusherPlugin::new`], the client connects when the app starts, unless
/// [`with_autoconnect(false)`](PusherConfig::with_autoconnect) is set. With [`PusherPlugin::default`], it does nothing until a
/// [`PusherConfig`] is inserted. It needs no other plugin.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::{config::*, prelude::*};
/// App::new().add_plugins((MinimalPlugins, PusherPlugin::new(PusherConfig::new("APP_KEY", Endpoint::cluster("eu")))));
/// ```
#[derive(Clone, Default)]
pub struct PusherPlugin {
    pub(crate) config: Option<PusherConfig>,
    /// Starts this driver instead of the platform's.
    pub(crate) start: Option<StartDriver>,
}

impl PusherPlugin {
    /// Creates the plugin with this configuration, which it inserts as the resource [`PusherConfig`].
    #[must_use]
    pub fn new(config: PusherConfig) -> Self {
        Self {
            config: Some(config),
            start: None,
        }
    }
}

impl Plugin for PusherPlugin {
    fn build(&self, app: &mut App) {
        let start = self.start.clone().unwrap_or_else(|| Arc::new(start_driver));
        let types = app.world_mut().get_resource_or_init::<EventTypes>().clone();
        let queue = InboundQueue::new(types);
        let client = Client::new(start, Box::new(queue.clone()));
        app.insert_resource(PusherConnection::new(client.commands().clone()))
            .insert_resource(client)
            .insert_resource(Inbound::new(queue))
            .init_resource::<PusherUser>()
            .init_resource::<Subscribers>()
            .init_resource::<Rechecks>();
        if let Some(config) = &self.config {
            app.insert_resource(config.clone());
        }
        add_messages(app);
        register_types(app);
        adopt(app.world_mut());
        #[cfg(feature = "winit")]
        app.add_systems(
            PreStartup,
            crate::waker::insert_winit_waker.before(apply_config),
        );
        #[cfg(feature = "lifecycle")]
        app.add_systems(
            PreUpdate,
            crate::integrations::lifecycle::follow_lifecycle
                .in_set(PusherSystems::Receive)
                .after(apply_config)
                .before(receive),
        );
        #[cfg(not(target_arch = "wasm32"))]
        app.add_systems(First, crate::integrations::sleep::detect_sleep);
        app.add_systems(PreStartup, apply_config)
            .add_systems(
                PreUpdate,
                (apply_config, update_waker, receive, report_driver_exit)
                    .chain()
                    .in_set(PusherSystems::Receive),
            )
            .add_systems(
                PostUpdate,
                (recheck.run_if(has_rechecks), reconcile)
                    .chain()
                    .in_set(PusherSystems::Send),
            )
            .add_systems(Last, close_on_exit.in_set(OnAppExitSystems));
    }
}

fn add_messages(app: &mut App) {
    app.add_message::<PusherEvent>()
        .add_message::<PusherGlobalEvent>()
        .add_message::<PusherUserEvent>();
    let mut messages = PluginMessages::default();
    messages.add::<PusherConnectionChanged>(app);
    messages.add::<PusherErrorReported>(app);
    messages.add::<PusherSubscriptionChanged>(app);
    messages.add::<PusherDecodeFailed>(app);
    messages.add::<PusherLagged>(app);
    messages.add::<PusherMemberJoined>(app);
    messages.add::<PusherMemberLeft>(app);
    messages.add::<PusherSubscriptionCountChanged>(app);
    messages.add::<PusherCacheMissed>(app);
    messages.add::<PusherSendAnswered>(app);
    messages.add::<PusherSignInChanged>(app);
    messages.add::<PusherWatchlistChanged>(app);
    app.insert_resource(messages);
}

fn register_types(app: &mut App) {
    app.register_type::<PusherConnection>()
        .register_type::<PusherUser>()
        .register_type::<PusherChannel>()
        .register_type::<PusherSubscription>()
        .register_type::<PusherSubscribeExtras>()
        .register_type::<PusherSubscribed>()
        .register_type::<PusherMembers>()
        .register_type::<PusherSpawnMembers>()
        .register_type::<PusherMember>()
        .register_type::<PusherMemberOf>()
        .register_type::<PusherMemberEntities>();
}

/// Starts the driver of this platform, or the one that the configuration selects.
fn start_driver(
    config: &PusherConfig,
    sink: Box<dyn crate::driver::Sink>,
) -> std::io::Result<Box<dyn crate::driver::Driver>> {
    #[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
    if let Some(clock) = crate::testing::clock_of(config) {
        return Ok(crate::testing::start(config, clock, sink));
    }
    crate::driver::start(config, sink)
}

/// Starts, reconfigures or stops the client when the resource [`PusherConfig`] is inserted, changed or removed.
fn apply_config(world: &mut World) {
    let Some(client) = world.get_resource::<Client>() else {
        return;
    };
    // `report_driver_exit` must report the exit first.
    if client.has_exited() {
        return;
    }
    let config = world.get_resource_ref::<PusherConfig>();
    let is_outdated = match &config {
        Some(config) => client.is_outdated(config.last_changed()),
        None => client.has_config(),
    };
    if !is_outdated {
        return;
    }
    world.resource_scope(|world, mut client: Mut<Client>| {
        let Some(config) = world.get_resource_ref::<PusherConfig>() else {
            end_session(world, |subscribers| client.stop(subscribers.subscribed()));
            return;
        };
        // A game may insert an equal configuration in every frame.
        if client.runs_with(&config, config.last_changed()) {
            return;
        }
        let config = PusherConfig::clone(&config);
        world
            .get_resource_or_init::<EventTypes>()
            .set_raw_for_typed(config.raw_for_typed);
        world
            .get_resource_or_init::<Subscribers>()
            .set_rules(config.name_rules);
        let before = client.config().cloned();
        if client.apply(&config) {
            end_session(world, |_| {});
        } else if let Some(before) = before {
            retry_refused(world, &client, &before, &config);
        }
        if let Some(mut inbound) = world.get_resource_mut::<Inbound>() {
            inbound.configure(config.limits(), client.is_real_time(), client.started());
        }
        if let Some(mut connection) = world.get_resource_mut::<PusherConnection>() {
            let connection = connection.bypass_change_detection();
            connection.limits = config.limits.clone();
            connection.rules = config.name_rules;
        }
    });
}

/// Calls `report` with the channels, then marks all of them as not subscribed.
fn end_session(world: &mut World, report: impl FnOnce(&Subscribers)) {
    let mut subscribers = world.get_resource_or_init::<Subscribers>();
    report(&subscribers);
    subscribers.forget_session();
}

/// Reports that the driver has stopped without a close. Runs after `receive`, because the queue may contain the reason.
fn report_driver_exit(world: &mut World) {
    if !world
        .get_resource::<Client>()
        .is_some_and(Client::has_exited)
    {
        return;
    }
    world.resource_scope(|world, mut client: Mut<Client>| {
        end_session(world, |subscribers| {
            client.report_driver_exit(subscribers.subscribed());
        });
    });
}

/// Retries channels and the sign-in that the game's backend has refused, if their settings for authorization have changed.
fn retry_refused(world: &World, client: &Client, before: &PusherConfig, now: &PusherConfig) {
    let subscribers = world.get_resource::<Subscribers>();
    let refused: Vec<ChannelName> = subscribers.map(Subscribers::refused).unwrap_or_default();
    for channel in refused {
        if before.auth_of(&channel) != now.auth_of(&channel) {
            client.send(Command::Retry(channel));
        }
    }
    let user = world.get_resource::<PusherUser>().map(PusherUser::state);
    let is_refused = matches!(
        user,
        Some(SignInState::Failed(SignInError::Authentication(_)))
    );
    if is_refused && before.user_auth != now.user_auth {
        client.send(Command::SignIn);
    }
}

/// Passes changes of the resource [`PusherWaker`] to the queue.
fn update_waker(
    waker: Option<Res<PusherWaker>>,
    inbound: Option<Res<Inbound>>,
    mut had_waker: Local<bool>,
) {
    let Some(inbound) = inbound else { return };
    let is_new = waker.as_ref().is_some_and(|waker| waker.is_changed());
    if is_new || *had_waker != waker.is_some() {
        *had_waker = waker.is_some();
        inbound.queue().set_waker(waker.map(|waker| waker.clone()));
    }
}

/// Closes the client when the app exits. Dropping the app closes it too.
fn close_on_exit(
    exits: Option<Res<Messages<AppExit>>>,
    mut cursor: Local<MessageCursor<AppExit>>,
    client: Option<ResMut<Client>>,
) {
    if let (Some(exits), Some(mut client)) = (exits, client)
        && cursor.read(&exits).next().is_some()
    {
        client.close();
    }
}
