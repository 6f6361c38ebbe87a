//! The scene's connection: adds the plugin, mirrors its state into [`ConnectionView`], and handles the key that cuts the
//! network.

use std::time::Duration;

use bevy::prelude::*;
use bevy::time::common_conditions::on_real_timer;
use bevy_pusher::{ConnectionState, PusherError, SignInState, SubscriptionError, prelude::*};

use crate::{
    connection_view::ConnectionView,
    server::SceneServer,
    toast::{Toast, ToastKind},
};

/// How often the connection is checked. A check also measures the round trip; the plugin itself checks only a silent
/// connection.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Network facts that [`ConnectionView`] does not hold.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkStatus {
    /// When the first connection was established, as real time since startup.
    pub first_connected_at: Option<Duration>,
    /// Whether the user has cut the network.
    pub is_cut: bool,
}

/// A request to cut or restore the network, or to connect again after the client has given up.
#[derive(Message, Clone, Copy, Debug)]
pub struct ToggleNetwork;

/// Marks a scene that only serves others: it does not connect a client.
#[derive(Resource, Clone, Copy, Debug)]
pub struct ServeOnly;

/// Marks the entities of channels that the scene cannot work without. If one is refused, the scene shows an error.
#[derive(Component, Clone, Copy, Debug)]
pub struct RequiredChannel;

/// Adds the Pusher plugin, and keeps [`ConnectionView`] and [`NetworkStatus`] up to date.
#[derive(Clone, Debug)]
pub struct ConnectionPlugin {
    config: PusherConfig,
    checks_connection: bool,
}

impl ConnectionPlugin {
    /// Creates the plugin with this client configuration.
    #[must_use]
    pub fn new(config: PusherConfig) -> Self {
        Self {
            config,
            checks_connection: true,
        }
    }

    /// Turns the periodic checks off, since each of them wakes a sleeping app.
    #[must_use]
    pub fn without_checks(mut self) -> Self {
        self.checks_connection = false;
        self
    }
}

/// The systems of [`ConnectionPlugin`], in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionSystems;

impl Plugin for ConnectionPlugin {
    fn build(&self, app: &mut App) {
        if self.checks_connection {
            let is_due = pusher_connected.and_then(on_real_timer(CHECK_INTERVAL));
            app.add_systems(Update, check_link.run_if(is_due));
        }
        let plugin = if app.world().contains_resource::<ServeOnly>() {
            PusherPlugin::default()
        } else {
            PusherPlugin::new(self.config.clone())
        };
        app.add_plugins(plugin)
            .init_resource::<NetworkStatus>()
            .add_systems(
                Update,
                (toggle_network, show_connection, show_errors)
                    .chain()
                    .in_set(ConnectionSystems),
            );
    }
}

fn check_link(connection: Res<PusherConnection>) {
    connection.check_link();
}

/// The channels that the scene cannot work without.
type Channels<'w, 's> =
    Query<'w, 's, (&'static PusherChannel, &'static PusherSubscription), With<RequiredChannel>>;

fn toggle_network(
    mut requests: MessageReader<ToggleNetwork>,
    connection: Res<PusherConnection>,
    user: Res<PusherUser>,
    channels: Channels,
    server: Res<SceneServer>,
    mut network: ResMut<NetworkStatus>,
    mut toasts: MessageWriter<Toast>,
) {
    for ToggleNetwork in requests.read() {
        match (connection.state(), server.own()) {
            (ConnectionState::Failed { .. } | ConnectionState::Disconnected, _) => {
                connection.connect();
            }
            (ConnectionState::Connected { .. }, _) if is_refused(&user, &channels) => {
                retry_refused(&connection, &user, &channels);
            }
            (_, Some(own)) => {
                if let Err(error) = own.set_accepting(network.is_cut) {
                    let text = format!("The network could not be changed: {error}");
                    toasts.write(Toast::new(ToastKind::Bad, text));
                    continue;
                }
                network.is_cut = !network.is_cut;
                if !network.is_cut {
                    // The client would reconnect anyway, but only after its backoff.
                    connection.connect();
                }
            }
            (_, None) => connection.disconnect(),
        }
    }
}

fn is_refused(user: &PusherUser, channels: &Channels) -> bool {
    let failed_sign_in = matches!(user.state(), SignInState::Failed(_));
    failed_sign_in || channels.iter().any(|(_, status)| status.error().is_some())
}

/// Retries the sign-in and the channels that were refused on an established connection.
fn retry_refused(connection: &PusherConnection, user: &PusherUser, channels: &Channels) {
    if matches!(user.state(), SignInState::Failed(_)) {
        connection.sign_in();
    }
    for (channel, _) in channels {
        connection.retry(channel);
    }
}

fn show_connection(
    connection: Res<PusherConnection>,
    user: Res<PusherUser>,
    channels: Channels,
    time: Res<Time<Real>>,
    mut view: ResMut<ConnectionView>,
    mut network: ResMut<NetworkStatus>,
) {
    let refused = channels
        .iter()
        .find_map(|(channel, status)| Some((channel, status.error()?)));
    let wanted = match (connection.state(), refused, user.state()) {
        (ConnectionState::Connected { .. }, Some((channel, error)), _) => {
            subscription_refused(channel, error)
        }
        (ConnectionState::Connected { .. }, _, SignInState::Failed(error)) => {
            ConnectionView::Failed {
                reason: format!("not signed in: {error}"),
                advice: "Check --auth-endpoint: the sign-in URL is derived from it".to_owned(),
            }
        }
        (state, ..) => connection_view(state, connection.round_trip()),
    };
    if wanted.is_connected() && network.first_connected_at.is_none() {
        network.first_connected_at = Some(time.elapsed());
    }
    view.set_if_neq(wanted);
}

fn subscription_refused(channel: &PusherChannel, error: &SubscriptionError) -> ConnectionView {
    ConnectionView::Failed {
        reason: format!("subscription to {} failed: {error}", channel.0),
        advice: "Check that --auth-endpoint authorizes this channel".to_owned(),
    }
}

fn connection_view(state: &ConnectionState, round_trip: Option<Duration>) -> ConnectionView {
    match state {
        ConnectionState::Disconnected => ConnectionView::Offline,
        ConnectionState::Connecting { attempt } => ConnectionView::Connecting { attempt: *attempt },
        ConnectionState::Connected { .. } => ConnectionView::Connected { round_trip },
        ConnectionState::Waiting {
            retry_at, error, ..
        } => ConnectionView::Waiting {
            retry_at: *retry_at,
            reason: error.to_string(),
        },
        ConnectionState::Failed { error } => ConnectionView::Failed {
            reason: error.to_string(),
            advice: match error.code() {
                Some(4001..=4003) => {
                    "Check --key, and that --host or --cluster is where the app is registered"
                }
                _ => "Check --host, --port and --tls",
            }
            .to_owned(),
        },
    }
}

/// Shows errors that do not end the connection. `show_connection` shows the others as part of the state.
fn show_errors(mut errors: MessageReader<PusherErrorReported>, mut toasts: MessageWriter<Toast>) {
    for error in errors.read().filter(|error| error.attempt() == 0) {
        let text = match error.error() {
            PusherError::Undecryptable { event, .. } => {
                format!("Refused: {event} is not encrypted with the channel's key")
            }
            error => error.to_string(),
        };
        toasts.write(Toast::new(ToastKind::Warn, text));
    }
}
