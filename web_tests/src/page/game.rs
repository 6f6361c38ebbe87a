//! The app with the plugin, and a log of what has happened.

use std::time::Duration;

use bevy_app::App;
use bevy_ecs::prelude::*;
use bevy_pusher::{
    auth::{AuthEndpoint, ChannelAuthorization, Credentials, UserAuthentication},
    config::{Endpoint, Limits, ReconnectPolicy, Timing},
    prelude::*,
};
use pusher_web_tests::{AuthUrl, Authorize, Cookies, FOREVER, Request, Setup, State};

use super::{callback_auth::CallbackAuth, custom_transport::CustomTransport};

/// The app in the page.
pub(crate) struct Game {
    app: App,
    callbacks: CallbackAuth,
}

#[derive(Resource, Default)]
struct Record {
    frames: u64,
    log: Vec<String>,
}

impl Record {
    fn add(&mut self, entry: String) {
        self.log.push(entry);
    }
}

impl Game {
    pub(crate) fn new() -> Self {
        let mut app = App::new();
        app.add_plugins(PusherPlugin::default())
            .init_resource::<Record>();
        record_events(&mut app);
        Self {
            app,
            callbacks: CallbackAuth::default(),
        }
    }

    /// Runs a frame.
    pub(crate) fn update(&mut self) {
        self.app.world_mut().resource_mut::<Record>().frames += 1;
        self.app.update();
    }

    /// Handles a test's request, and returns the state.
    pub(crate) fn handle(&mut self, request: Request) -> Result<State, String> {
        let world = self.app.world_mut();
        match request {
            Request::Start(setup) => world.insert_resource(config(&setup, &self.callbacks)),
            Request::Join(channel) => {
                world.spawn(PusherChannel::new(channel));
            }
            Request::Leave(channel) => {
                let mut channels = world.query::<(Entity, &PusherChannel)>();
                let left: Vec<Entity> = channels
                    .iter(world)
                    .filter(|(_, name)| name.0 == channel)
                    .map(|(entity, _)| entity)
                    .collect();
                for entity in left {
                    world.despawn(entity);
                }
            }
            Request::Send {
                channel,
                event,
                data,
            } => {
                let connection = world.resource::<PusherConnection>();
                let sent = connection.send(&channel, &event, &data);
                sent.map_err(|error| error.to_string())?;
            }
            Request::Connect => world.resource::<PusherConnection>().connect(),
            Request::Disconnect => world.resource::<PusherConnection>().disconnect(),
            Request::SignIn => world.resource::<PusherConnection>().sign_in(),
            Request::Authorize { auth, channel_data } => {
                let mut answer = ChannelAuthorization::new(auth);
                if let Some(data) = channel_data {
                    answer = answer.with_channel_data(data);
                }
                let pending = self.callbacks.take_authorization();
                let (_, reply) = pending.ok_or("no authorization is pending")?;
                reply.send(Ok(answer));
            }
            Request::Authenticate { auth, user_data } => {
                let pending = self.callbacks.take_sign_in();
                let (_, reply) = pending.ok_or("no sign-in is pending")?;
                reply.send(Ok(UserAuthentication::new(auth, user_data)));
            }
            Request::End => {
                world.remove_resource::<PusherConfig>();
            }
            Request::Drop => *self = Self::new(),
            Request::ReportState => {}
        }
        Ok(self.state())
    }

    fn state(&mut self) -> State {
        let world = self.app.world_mut();
        let mut channels = world.query::<(&PusherChannel, &PusherMembers)>();
        let members = channels
            .iter(world)
            .map(|(channel, members)| {
                let ids = members.iter().map(|member| member.id().to_owned());
                (channel.0.clone(), ids.collect())
            })
            .collect();
        let record = world.resource::<Record>();
        let connection = world.resource::<PusherConnection>();
        State {
            frames: record.frames,
            socket_id: connection.socket_id().map(str::to_owned),
            members,
            log: record.log.clone(),
            pending_authorization: self.callbacks.pending_authorization(),
            pending_sign_in: self.callbacks.pending_sign_in(),
        }
    }
}

fn config(setup: &Setup, callbacks: &CallbackAuth) -> PusherConfig {
    let mut endpoint = Endpoint::custom(&setup.host, setup.port);
    if setup.tls {
        endpoint = endpoint.with_tls();
    }
    let mut config = PusherConfig::new(&setup.key, endpoint)
        .with_timing(Timing {
            activity_timeout: time(setup.activity_timeout),
            pong_timeout: time(setup.pong_timeout),
            authorization_timeout: time(setup.authorization_timeout),
            ..Timing::default()
        })
        .with_reconnect(ReconnectPolicy {
            min_delay: time(setup.min_delay),
            ..ReconnectPolicy::default()
        })
        .with_limits(Limits {
            inbound_message_bytes: setup.inbound_message_bytes,
            outbound_bytes: setup.outbound_bytes,
            client_event_bytes: 1 << 20,
            client_events_per_second: None,
            ..Limits::default()
        });
    match &setup.authorize {
        Authorize::Never => {}
        Authorize::ByUrl(url) => config = config.with_auth_endpoint(auth_endpoint(url)),
        Authorize::ByCallback => config = config.with_authorizer(callbacks.clone()),
    }
    if setup.custom_transport {
        config = config.with_transport(CustomTransport);
    }
    if setup.signs_in_by_callback {
        config = config.with_authenticator(callbacks.clone());
    } else if let Some(url) = &setup.user_auth {
        config = config.with_user_auth_endpoint(auth_endpoint(url));
    }
    config
}

fn time(milliseconds: u64) -> Duration {
    match milliseconds {
        FOREVER => Duration::MAX,
        _ => Duration::from_millis(milliseconds),
    }
}

fn auth_endpoint(url: &AuthUrl) -> AuthEndpoint {
    let headers = url.headers.clone();
    let mut endpoint = AuthEndpoint::new(&url.url).with_header_provider(move || headers.clone());
    for (name, value) in &url.params {
        endpoint = endpoint.with_param(name, value);
    }
    if !url.provided_params.is_empty() {
        let params = url.provided_params.clone();
        endpoint = endpoint.with_param_provider(move || params.clone());
    }
    match url.credentials {
        Cookies::Default => endpoint,
        Cookies::Omit => endpoint.with_credentials(Credentials::Omit),
        Cookies::Include => endpoint.with_credentials(Credentials::Include),
    }
}

/// Adds observers that log what happens as short texts.
fn record_events(app: &mut App) {
    app.add_observer(|event: On<PusherEvent>, mut record: ResMut<Record>| {
        let from = event.user_id().map(|id| format!(" from {id}"));
        record.add(format!(
            "{} {} {}{}",
            event.channel(),
            event.name(),
            event.data().as_str(),
            from.unwrap_or_default()
        ));
    })
    .add_observer(|event: On<PusherUserEvent>, mut record: ResMut<Record>| {
        record.add(format!("user {} {}", event.name(), event.data().as_str()));
    })
    .add_observer(
        |changed: On<PusherSubscriptionChanged>, mut record: ResMut<Record>| {
            let channel = changed.channel();
            match changed.status() {
                PusherSubscription::Subscribed if changed.is_resubscription() => {
                    record.add(format!("{channel} subscribed again"));
                }
                PusherSubscription::Subscribed => record.add(format!("{channel} subscribed")),
                PusherSubscription::Failed { error } => {
                    record.add(format!("{channel} failed: {error}"));
                }
                PusherSubscription::Pending | PusherSubscription::Subscribing => {}
            }
        },
    )
    .add_observer(
        |missed: On<PusherCacheMissed>, mut record: ResMut<Record>| {
            record.add(format!("{} cache miss", missed.channel()));
        },
    )
    .add_observer(
        |changed: On<PusherConnectionChanged>, mut record: ResMut<Record>| {
            record.add(format!("connection {:?}", changed.current()));
        },
    )
    .add_observer(
        |signed: On<PusherSignInChanged>, mut record: ResMut<Record>| {
            record.add(format!("sign-in {:?}", signed.state()));
        },
    )
    .add_observer(
        |changed: On<PusherWatchlistChanged>, mut record: ResMut<Record>| {
            record.add(format!(
                "watchlist {} {}",
                changed.change(),
                changed.user_ids().collect::<Vec<_>>().join(",")
            ));
        },
    )
    .add_observer(
        |reported: On<PusherErrorReported>, mut record: ResMut<Record>| {
            record.add(format!("error: {}", reported.error()));
        },
    )
    .add_systems(
        bevy_app::Update,
        |mut answers: MessageReader<PusherSendAnswered>, mut record: ResMut<Record>| {
            for answer in answers.read() {
                if let Some(error) = answer.error() {
                    record.add(format!("not sent: {error}"));
                }
            }
        },
    );
}
