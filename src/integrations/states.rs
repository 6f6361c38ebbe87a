//! [`PusherState`] and [`PusherStatesPlugin`]: the connection state as one of Bevy's states.

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

/// The [`ConnectionState`] as one of Bevy's [`States`], for `OnEnter`, `in_state` and `DespawnOnExit`. Needs the feature `states` and
/// the [`PusherStatesPlugin`], which writes it.
///
/// Bevy applies state transitions once per frame, before `Update`. A state that the connection enters and leaves within one frame is
/// skipped. [`PusherConnectionChanged`](crate::PusherConnectionChanged) reports every change.
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
    /// [`ConnectionState::Disconnected`]: not connected and not connecting.
    #[default]
    Disconnected,
    /// [`ConnectionState::Connecting`]: an attempt to connect is in progress.
    Connecting,
    /// [`ConnectionState::Connected`].
    Connected,
    /// [`ConnectionState::Waiting`]: lost or never established; the plugin will reconnect.
    Waiting,
    /// [`ConnectionState::Failed`]: the plugin does not retry.
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

/// Keeps [`PusherState`] in sync with the connection. Add it together with [`PusherPlugin`](crate::PusherPlugin). The app needs Bevy's
/// [`StatesPlugin`], which is one of the `DefaultPlugins`.
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
            log::error!(
                "PusherStatesPlugin has no effect: add Bevy's StatesPlugin, which is one of the DefaultPlugins"
            );
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
