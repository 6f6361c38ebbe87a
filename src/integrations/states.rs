//! The connection's state for games that are built on Bevy's states.

use bevy_app::prelude::*;
use bevy_ecs::prelude::*;
use bevy_reflect::prelude::*;
use bevy_state::{
    app::{AppExtStates, StatesPlugin},
    state::{NextState, State, States},
};

use crate::{
    connection::{ConnectionState, PusherConnection},
    schedule::PusherSystems,
};

/// What [`ConnectionState`] says, as one of Bevy's [`States`], for `OnEnter`, `in_state` and entities that are despawned on
/// exit. Needs the feature `states` and the [`PusherStatesPlugin`], which writes it.
///
/// Bevy moves between states once a frame, before `Update`: what came and went within a frame is not entered.
/// [`PusherConnectionChanged`](crate::PusherConnectionChanged) tells every change.
///
/// ```
/// # use bevy::{prelude::*, state::app::StatesPlugin};
/// # use bevy_pusher::{PusherState, PusherStatesPlugin, prelude::*};
/// # fn show_lobby() {}
/// # fn show_reconnecting(mut commands: Commands) {
/// commands.spawn((Text("Reconnecting…".into()), DespawnOnExit(PusherState::Waiting)));
/// # }
/// # #[derive(Component)] struct Text(String);
/// # let mut app = App::new();
/// # app.add_plugins((MinimalPlugins, StatesPlugin));
/// app.add_plugins((PusherPlugin::default(), PusherStatesPlugin))
///     .add_systems(OnEnter(PusherState::Connected), show_lobby)
///     .add_systems(OnEnter(PusherState::Waiting), show_reconnecting);
/// # app.update();
/// ```
#[derive(States, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Reflect)]
#[reflect(Default, Debug, Clone, PartialEq, Hash)]
pub enum PusherState {
    /// Not connected, and not trying.
    #[default]
    Disconnected,
    /// Dialling.
    Connecting,
    /// Connected.
    Connected,
    /// Lost or not reached; will dial again by itself.
    Waiting,
    /// Given up.
    Failed,
}

impl From<&ConnectionState> for PusherState {
    fn from(state: &ConnectionState) -> Self {
        match state {
            ConnectionState::Disconnected => Self::Disconnected,
            ConnectionState::Connecting { .. } => Self::Connecting,
            ConnectionState::Connected { .. } => Self::Connected,
            ConnectionState::Waiting { .. } => Self::Waiting,
            ConnectionState::Failed { .. } => Self::Failed,
        }
    }
}

/// Keeps [`PusherState`] in step with the connection. To be added beside [`PusherPlugin`](crate::PusherPlugin), in an app
/// with Bevy's [`StatesPlugin`], which `DefaultPlugins` hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct PusherStatesPlugin;

impl Plugin for PusherStatesPlugin {
    fn build(&self, app: &mut App) {
        if app.is_plugin_added::<StatesPlugin>() {
            add_state(app);
        }
        app.add_systems(PreUpdate, follow_connection.after(PusherSystems::Receive));
    }

    fn finish(&self, app: &mut App) {
        // Bevy's plugin may have been added after this one.
        if app.world().contains_resource::<State<PusherState>>() {
            return;
        }
        if app.is_plugin_added::<StatesPlugin>() {
            add_state(app);
        } else {
            log::error!("PusherStatesPlugin does nothing without Bevy's StatesPlugin");
        }
    }
}

fn add_state(app: &mut App) {
    app.init_state::<PusherState>()
        .register_type_state::<PusherState>();
}

fn follow_connection(
    connection: Option<Res<PusherConnection>>,
    state: Option<Res<State<PusherState>>>,
    next: Option<ResMut<NextState<PusherState>>>,
) {
    if let (Some(connection), Some(state), Some(mut next)) = (connection, state, next) {
        let now = PusherState::from(connection.state());
        if now != *state.get() {
            next.set(now);
        }
    }
}
