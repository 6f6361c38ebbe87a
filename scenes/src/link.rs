//! The link to the server: the plugin, what one sees of the connection, and the key that cuts it.

use std::time::Duration;

use bevy::prelude::*;
use bevy::time::common_conditions::on_real_timer;
use bevy_pusher::{ConnectionState, PusherError, SignInState, SubscriptionError, prelude::*};

use crate::{
    connection_view::ConnectionView,
    server::SceneServer,
    toast::{Toast, ToastKind},
};

/// How often the link is checked, which also measures its round trip. The plugin does so by itself when it is silent.
const CHECK: Duration = Duration::from_secs(5);

/// What is known of the link beyond its state.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// When there was a connection for the first time, in real time since the start.
    pub up_since: Option<Duration>,
    /// Whether the person has cut the network.
    pub is_cut: bool,
}

/// The person wants to cut the network or to restore it, or to connect again when the client has given up.
#[derive(Message, Clone, Copy, Debug)]
pub struct ToggleNetwork;

/// The scene serves others, and does not connect itself.
#[derive(Resource, Clone, Copy, Debug)]
pub struct StaysAway;

/// On the entities of channels without which there is nothing to see, connected or not.
#[derive(Component, Clone, Copy, Debug)]
pub struct Needed;

/// Adds the plugin, and keeps [`ConnectionView`] and [`Link`] up to date.
#[derive(Clone, Debug)]
pub struct LinkPlugin {
    config: PusherConfig,
    checks_link: bool,
}

impl LinkPlugin {
    /// The plugin with this configuration.
    #[must_use]
    pub fn new(config: PusherConfig) -> Self {
        Self {
            config,
            checks_link: true,
        }
    }

    /// Without measuring the round trip now and then, which would wake an app that sleeps.
    #[must_use]
    pub fn without_checks(mut self) -> Self {
        self.checks_link = false;
        self
    }
}

/// The systems of [`LinkPlugin`], in `Update`.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkSystems;

impl Plugin for LinkPlugin {
    fn build(&self, app: &mut App) {
        if self.checks_link {
            let is_due = pusher_connected.and_then(on_real_timer(CHECK));
            app.add_systems(Update, check_link.run_if(is_due));
        }
        let plugin = if app.world().contains_resource::<StaysAway>() {
            PusherPlugin::default()
        } else {
            PusherPlugin::new(self.config.clone())
        };
        app.add_plugins(plugin).init_resource::<Link>().add_systems(
            Update,
            (toggle_network, show_connection, show_errors)
                .chain()
                .in_set(LinkSystems),
        );
    }
}

fn check_link(connection: Res<PusherConnection>) {
    connection.check_link();
}

/// The channels without which there is nothing to see.
type Channels<'w, 's> =
    Query<'w, 's, (&'static PusherChannel, &'static PusherSubscription), With<Needed>>;

fn toggle_network(
    mut requests: MessageReader<ToggleNetwork>,
    connection: Res<PusherConnection>,
    user: Res<PusherUser>,
    channels: Channels,
    server: Res<SceneServer>,
    mut link: ResMut<Link>,
    mut toasts: MessageWriter<Toast>,
) {
    for ToggleNetwork in requests.read() {
        match (connection.state(), server.own()) {
            (ConnectionState::Failed { .. } | ConnectionState::Disconnected, _) => {
                connection.connect();
            }
            (ConnectionState::Connected { .. }, _) if is_refused(&user, &channels) => {
                ask_again(&connection, &user, &channels);
            }
            (_, Some(own)) => {
                if let Err(error) = own.set_accepting(link.is_cut) {
                    let words = format!("The network stays as it is: {error}");
                    toasts.write(Toast::new(ToastKind::Bad, words));
                    continue;
                }
                link.is_cut = !link.is_cut;
                if !link.is_cut {
                    // It would come back by itself, later.
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

/// Connected, but refused by what is needed.
fn ask_again(connection: &PusherConnection, user: &PusherUser, channels: &Channels) {
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
    mut link: ResMut<Link>,
) {
    let refused = channels
        .iter()
        .find_map(|(channel, status)| Some((channel, status.error()?)));
    let wanted = match (connection.state(), refused, user.state()) {
        (ConnectionState::Connected { .. }, Some((channel, error)), _) => closed(channel, error),
        (ConnectionState::Connected { .. }, _, SignInState::Failed(error)) => {
            ConnectionView::Failed {
                reason: format!("not signed in: {error}"),
                advice: "Check --auth-endpoint, beside which the one for users must be".to_owned(),
            }
        }
        (state, ..) => view_of(state, connection.round_trip()),
    };
    if wanted.is_connected() && link.up_since.is_none() {
        link.up_since = Some(time.elapsed());
    }
    view.set_if_neq(wanted);
}

fn closed(channel: &PusherChannel, error: &SubscriptionError) -> ConnectionView {
    ConnectionView::Failed {
        reason: format!("{} is closed to you: {error}", channel.0),
        advice: "Check --auth-endpoint, which must sign for this channel".to_owned(),
    }
}

fn view_of(state: &ConnectionState, round_trip: Option<Duration>) -> ConnectionView {
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
                    "Check --key, and that --host or --cluster is the one the app lives on"
                }
                _ => "Check --host, --port and --tls",
            }
            .to_owned(),
        },
    }
}

/// Errors that leave the connection up; the others are told with its state.
fn show_errors(mut errors: MessageReader<PusherErrorReported>, mut toasts: MessageWriter<Toast>) {
    for error in errors.read().filter(|error| error.attempt() == 0) {
        let words = match error.error() {
            PusherError::Undecryptable { event, .. } => {
                format!("Refused: a {event} without a seal")
            }
            error => error.to_string(),
        };
        toasts.write(Toast::new(ToastKind::Warn, words));
    }
}
