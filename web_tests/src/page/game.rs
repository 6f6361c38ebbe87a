//! The game: an app with the plugin, and a record of what it was told.

use std::time::Duration;

use bevy_app::App;
use bevy_ecs::prelude::*;
use bevy_pusher::{
    auth::{AuthEndpoint, ChannelAuthorization, Credentials, UserAuthentication},
    config::{Endpoint, Limits, ReconnectPolicy, Timing},
    prelude::*,
};
use pusher_web_tests::{AuthUrl, Authorize, Cookies, FOREVER, Request, Setup, State};

use super::{by_code::ByCode, transport::OwnSocket};

/// The game in the page.
pub(crate) struct Game {
    app: App,
    by_code: ByCode,
}

#[derive(Resource, Default)]
struct Record {
    frames: u64,
    told: Vec<String>,
}

impl Record {
    fn note(&mut self, words: String) {
        self.told.push(words);
    }
}

impl Game {
    pub(crate) fn new() -> Self {
        let mut app = App::new();
        app.add_plugins(PusherPlugin::default())
            .init_resource::<Record>();
        record(&mut app);
        Self {
            app,
            by_code: ByCode::default(),
        }
    }

    /// A frame.
    pub(crate) fn update(&mut self) {
        self.app.world_mut().resource_mut::<Record>().frames += 1;
        self.app.update();
    }

    /// Does what a test asks, and tells how things are.
    pub(crate) fn take(&mut self, request: Request) -> Result<State, String> {
        let world = self.app.world_mut();
        match request {
            Request::Start(setup) => world.insert_resource(config(&setup, &self.by_code)),
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
                let waiting = self.by_code.channel();
                let (_, reply) = waiting.ok_or("nobody asked for an authorization")?;
                reply.send(Ok(answer));
            }
            Request::Authenticate { auth, user_data } => {
                let waiting = self.by_code.user();
                let (_, reply) = waiting.ok_or("nobody signs in")?;
                reply.send(Ok(UserAuthentication::new(auth, user_data)));
            }
            Request::End => {
                world.remove_resource::<PusherConfig>();
            }
            Request::Drop => *self = Self::new(),
            Request::Tell => {}
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
            told: record.told.clone(),
            asked: self.by_code.asked(),
            asked_for_user: self.by_code.asked_for_user(),
        }
    }
}

fn config(setup: &Setup, by_code: &ByCode) -> PusherConfig {
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
        Authorize::ByCode => config = config.with_authorizer(by_code.clone()),
    }
    if setup.own_transport {
        config = config.with_transport(OwnSocket);
    }
    if setup.signs_in_by_code {
        config = config.with_authenticator(by_code.clone());
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
        Cookies::Unsaid => endpoint,
        Cookies::Omitted => endpoint.with_credentials(Credentials::Omit),
        Cookies::Included => endpoint.with_credentials(Credentials::Include),
    }
}

/// Notes what comes as short words.
fn record(app: &mut App) {
    app.add_observer(|event: On<PusherEvent>, mut record: ResMut<Record>| {
        let from = event.user_id().map(|id| format!(" from {id}"));
        record.note(format!(
            "{} {} {}{}",
            event.channel(),
            event.name(),
            event.data().as_str(),
            from.unwrap_or_default()
        ));
    })
    .add_observer(|event: On<PusherUserEvent>, mut record: ResMut<Record>| {
        record.note(format!("user {} {}", event.name(), event.data().as_str()));
    })
    .add_observer(
        |changed: On<PusherSubscriptionChanged>, mut record: ResMut<Record>| {
            let channel = changed.channel();
            match changed.status() {
                PusherSubscription::Subscribed if changed.is_resubscription() => {
                    record.note(format!("{channel} subscribed again"));
                }
                PusherSubscription::Subscribed => record.note(format!("{channel} subscribed")),
                PusherSubscription::Failed { error } => {
                    record.note(format!("{channel} failed: {error}"));
                }
                PusherSubscription::Pending | PusherSubscription::Subscribing => {}
            }
        },
    )
    .add_observer(
        |missed: On<PusherCacheMissed>, mut record: ResMut<Record>| {
            record.note(format!("{} cache miss", missed.channel()));
        },
    )
    .add_observer(
        |changed: On<PusherConnectionChanged>, mut record: ResMut<Record>| {
            record.note(format!("connection {:?}", changed.current()));
        },
    )
    .add_observer(
        |signed: On<PusherSignInChanged>, mut record: ResMut<Record>| {
            record.note(format!("sign-in {:?}", signed.state()));
        },
    )
    .add_observer(
        |changed: On<PusherWatchlistChanged>, mut record: ResMut<Record>| {
            record.note(format!(
                "watchlist {} {}",
                changed.change(),
                changed.user_ids().collect::<Vec<_>>().join(",")
            ));
        },
    )
    .add_observer(
        |reported: On<PusherErrorReported>, mut record: ResMut<Record>| {
            record.note(format!("error: {}", reported.error()));
        },
    )
    .add_systems(
        bevy_app::Update,
        |mut answers: MessageReader<PusherSendAnswered>, mut record: ResMut<Record>| {
            for answer in answers.read() {
                if let Some(error) = answer.error() {
                    record.note(format!("not sent: {error}"));
                }
            }
        },
    );
}
