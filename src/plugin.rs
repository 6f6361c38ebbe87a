//! The plugin: everything that is added to an app, and when it runs.

use std::sync::Arc;

use bevy_app::{OnAppExitSystems, prelude::*};
use bevy_ecs::{change_detection::DetectChanges, message::MessageCursor, prelude::*};
use pusher_protocol::{
    ChannelName,
    session::{Command, SignInError, SignInState},
};

use crate::{
    PusherCacheMissed, PusherChannel, PusherConfig, PusherConnection, PusherConnectionChanged,
    PusherDecodeFailed, PusherErrorReported, PusherEvent, PusherGlobalEvent, PusherLagged,
    PusherMember, PusherMemberEntities, PusherMemberJoined, PusherMemberLeft, PusherMemberOf,
    PusherMembers, PusherSendAnswered, PusherSignInChanged, PusherSpawnMembers,
    PusherSubscribeExtras, PusherSubscribed, PusherSubscription, PusherSubscriptionChanged,
    PusherSubscriptionCountChanged, PusherUser, PusherUserEvent, PusherWaker,
    PusherWatchlistChanged,
    channel::{Subscribers, adopt, has_suspects, recheck, reconcile},
    client::{Client, StartDriver, start_driver},
    handover::EventTypes,
    receive::{Inbox, Reports, receive},
};

/// Adds a Pusher client to an app.
///
/// [`PusherPlugin::new`] connects as soon as the app runs; [`PusherPlugin::default`] idles until a [`PusherConfig`] is
/// inserted. It needs no other plugin.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::{config::*, prelude::*};
/// App::new().add_plugins((MinimalPlugins, PusherPlugin::new(PusherConfig::new("APP_KEY", Endpoint::cluster("eu")))));
/// ```
#[derive(Clone, Default)]
pub struct PusherPlugin {
    pub(crate) config: Option<PusherConfig>,
    /// In place of the platform's driver.
    pub(crate) start: Option<StartDriver>,
}

/// When the plugin does what.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PusherSystems {
    /// In [`PreUpdate`]: hands over what came. Systems that read messages run after it, as all in `Update` do.
    Receive,
    /// In [`PostUpdate`]: subscribes and unsubscribes what the frame's entities have come to want. Everything else that a
    /// game asks for leaves at once.
    Send,
}

impl PusherPlugin {
    /// A client with this configuration.
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
        let client = Client::new(start);
        app.insert_resource(PusherConnection::new(client.line().clone()))
            .insert_resource(client)
            .init_resource::<EventTypes>()
            .init_resource::<PusherUser>()
            .init_resource::<Subscribers>()
            .init_resource::<Inbox>();
        if let Some(config) = &self.config {
            app.insert_resource(config.clone());
        }
        add_messages(app);
        register_types(app);
        adopt(app.world_mut());
        #[cfg(feature = "winit")]
        app.add_systems(
            PreStartup,
            crate::waker::wake_the_event_loop.before(follow_config),
        );
        #[cfg(feature = "lifecycle")]
        app.add_systems(
            PreUpdate,
            crate::lifecycle::follow_lifecycle
                .in_set(PusherSystems::Receive)
                .after(follow_config)
                .before(receive),
        );
        #[cfg(not(target_arch = "wasm32"))]
        app.add_systems(First, crate::sleep::notice_sleep);
        app.add_systems(PreStartup, follow_config)
            .add_systems(
                PreUpdate,
                (follow_config, follow_waker, receive, follow_death)
                    .chain()
                    .in_set(PusherSystems::Receive),
            )
            .add_systems(
                PostUpdate,
                (recheck.run_if(has_suspects), reconcile)
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
    let mut reports = Reports::default();
    reports.add::<PusherConnectionChanged>(app);
    reports.add::<PusherErrorReported>(app);
    reports.add::<PusherSubscriptionChanged>(app);
    reports.add::<PusherDecodeFailed>(app);
    reports.add::<PusherLagged>(app);
    reports.add::<PusherMemberJoined>(app);
    reports.add::<PusherMemberLeft>(app);
    reports.add::<PusherSubscriptionCountChanged>(app);
    reports.add::<PusherCacheMissed>(app);
    reports.add::<PusherSendAnswered>(app);
    reports.add::<PusherSignInChanged>(app);
    reports.add::<PusherWatchlistChanged>(app);
    app.insert_resource(reports);
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

/// Starts, changes or ends the client as the configuration says.
fn follow_config(world: &mut World) {
    let Some(client) = world.get_resource::<Client>() else {
        return;
    };
    // First that is told.
    if client.has_died() {
        return;
    }
    let config = world.get_resource_ref::<PusherConfig>();
    let is_behind = match &config {
        Some(config) => client.is_behind(config.last_changed()),
        None => client.has_followed(),
    };
    if !is_behind {
        return;
    }
    world.resource_scope(|world, mut client: Mut<Client>| {
        let Some(config) = world.get_resource_ref::<PusherConfig>() else {
            let mut subscribers = world.get_resource_or_init::<Subscribers>();
            client.stop(subscribers.told());
            subscribers.forget_session();
            return;
        };
        // A game may insert it in every frame.
        if client.knows(&config, config.last_changed()) {
            return;
        }
        let config = PusherConfig::clone(&config);
        let types = world.get_resource_or_init::<EventTypes>().clone();
        let mut subscribers = world.get_resource_or_init::<Subscribers>();
        subscribers.set_rules(config.name_rules);
        let before = client.config().cloned();
        if client.follow(&config, &types) {
            subscribers.forget_session();
        } else if let Some(before) = before {
            let refused = subscribers.refused();
            ask_again(world, &client, refused, &before, &config);
        }
        if let Some(mut connection) = world.get_resource_mut::<PusherConnection>() {
            let connection = connection.bypass_change_detection();
            connection.limits = config.limits.clone();
            connection.rules = config.name_rules;
        }
    });
}

/// Tells that the client has ended by itself, and what is no longer so with it. After what came has been handed over: the last
/// of that may be why.
fn follow_death(world: &mut World) {
    if !world.get_resource::<Client>().is_some_and(Client::has_died) {
        return;
    }
    world.resource_scope(|world, mut client: Mut<Client>| {
        let mut subscribers = world.get_resource_or_init::<Subscribers>();
        client.bury(subscribers.told());
        subscribers.forget_session();
    });
}

/// Who was refused may be let in with other credentials: the backend is asked again.
fn ask_again(
    world: &World,
    client: &Client,
    refused: Vec<ChannelName>,
    before: &PusherConfig,
    now: &PusherConfig,
) {
    for channel in refused {
        if before.auth_of(&channel) != now.auth_of(&channel) {
            client.command(Command::Retry(channel));
        }
    }
    let user = world.get_resource::<PusherUser>().map(PusherUser::state);
    let is_refused = matches!(
        user,
        Some(SignInState::Failed(SignInError::Authentication(_)))
    );
    if is_refused && before.user_auth != now.user_auth {
        client.command(Command::SignIn);
    }
}

/// Keeps the mailbox's waker the one that the app has.
fn follow_waker(
    waker: Option<Res<PusherWaker>>,
    client: Option<Res<Client>>,
    mut has_one: Local<bool>,
) {
    let Some(client) = client else { return };
    let is_new = waker.as_ref().is_some_and(|waker| waker.is_changed());
    if is_new || *has_one != waker.is_some() {
        *has_one = waker.is_some();
        client.mailbox().set_waker(waker.map(|waker| waker.clone()));
    }
}

/// Ends the client with the app. An app that is dropped without an exit ends it too.
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
