//! The channels that are wanted, and how far each is with the server.

#[cfg(feature = "encrypted")]
mod encryption;
#[cfg(not(feature = "encrypted"))]
#[path = "encryption_disabled.rs"]
mod encryption;
mod presence;
mod timers;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::{Map, Value};

use crate::{
    protocol::{
        AuthError, ChannelAuthorization, ChannelKind, ChannelName, ClientFrame, EventData, Member,
        Roster,
    },
    session::{
        Notice, Output, RequestId, SendError, SubscriptionError, SubscriptionStatus,
        context::Context,
    },
};
use encryption::Encryption;
use timers::Timers;

/// Questions to the game's backend that may be open at once, so that a reconnect with many channels does not meet it all
/// at once.
const AUTHORIZATIONS_AT_ONCE: usize = 8;

/// The table of channels. What is in it is wanted, or still in the server's hands.
#[derive(Debug, Default)]
pub(super) struct Channels {
    table: HashMap<ChannelName, Channel>,
    /// Counts the channels ever wanted: they are subscribed in that order.
    wanted_so_far: u64,
    socket_id: Option<Arc<str>>,
    /// Channels whose authorization waits for its turn; some may have left their place meanwhile.
    queue: VecDeque<ChannelName>,
    requests: HashMap<RequestId, ChannelName>,
    timers: Timers,
}

#[derive(Debug)]
struct Channel {
    order: u64,
    /// Not wanted any more, but the server's answer to the subscription is still to come.
    wanted: bool,
    /// Given up with the user who signed out: nothing is asked for it until somebody signs in, or it is asked for anew.
    barred: bool,
    extra: Option<Map<String, Value>>,
    phase: Phase,
    /// Subscriptions that were sent and not answered so far. One that took too long may still be.
    unanswered: u32,
    /// Since when nothing is heard of a channel that was subscribed.
    lost_at: Option<Duration>,
    /// The members, on presence channels that were subscribed once; kept over a loss of the connection.
    roster: Option<Arc<Roster>>,
    /// The own id on a presence channel, from the authorization.
    me: Option<Arc<str>>,
    encryption: Option<Encryption>,
}

#[derive(Debug)]
enum Phase {
    /// Waits for a connection.
    Pending,
    /// Waits for its turn to be authorized.
    Queued,
    /// The backend was asked.
    Authorizing { request: RequestId },
    /// Authorized, but who the client is will be known when the sign-in is through.
    AwaitingSignIn { auth: String },
    /// The server was asked.
    Subscribing { timer: u64 },
    /// The server said yes.
    Subscribed,
    /// Refused by the backend or the server, or no answer in time: a late one still counts.
    Failed { unanswered: bool },
}

/// Who the client is to the server.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// Nobody in particular.
    None,
    /// The sign-in is under way.
    Pending,
    /// Signed in as this user.
    SignedIn(Arc<str>),
}

impl Channels {
    pub(super) fn want(
        &mut self,
        context: &mut Context,
        name: ChannelName,
        extra: Option<Map<String, Value>>,
    ) {
        if let Some(channel) = self.table.get_mut(&name) {
            if !channel.wanted {
                // The subscription under way is the one that is wanted again.
                channel.wanted = true;
                tell(context, &name, SubscriptionStatus::Subscribing);
            }
            return;
        }
        self.wanted_so_far += 1;
        let channel = Channel {
            order: self.wanted_so_far,
            wanted: true,
            barred: false,
            extra,
            phase: Phase::Pending,
            unanswered: 0,
            lost_at: None,
            roster: None,
            me: None,
            encryption: None,
        };
        self.table.insert(name.clone(), channel);
        if self.socket_id.is_some() {
            self.start(context, name);
        }
    }

    pub(super) fn unwant(&mut self, context: &mut Context, name: &ChannelName) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        channel.encryption = None;
        match channel.phase {
            Phase::Subscribing { .. } => {
                // An unsubscribe must not overtake the subscribe on a server that handles the two side by side, so it
                // waits for the answer (pusher-js#196).
                channel.wanted = false;
                return;
            }
            Phase::Authorizing { request } => self.cancel(context, request),
            Phase::Subscribed | Phase::Failed { unanswered: true } => {
                context.send(ClientFrame::Unsubscribe { channel: name });
            }
            Phase::Pending
            | Phase::Queued
            | Phase::AwaitingSignIn { .. }
            | Phase::Failed { unanswered: false } => {}
        }
        self.remove(context, name);
        self.pump(context);
    }

    /// Tries a failed channel again.
    pub(super) fn retry(&mut self, context: &mut Context, name: ChannelName) {
        let Some(channel) = self.table.get_mut(&name) else {
            return;
        };
        let Phase::Failed { unanswered } = channel.phase else {
            return;
        };
        channel.barred = false;
        if unanswered {
            // The server may still come to the first subscription, and would refuse a second beside it.
            context.send(ClientFrame::Unsubscribe { channel: &name });
        }
        self.start(context, name);
    }

    pub(super) fn is_subscribed(&self, name: &str) -> bool {
        self.table
            .get(name)
            .is_some_and(|channel| channel.wanted && matches!(channel.phase, Phase::Subscribed))
    }

    /// Whether a client event for a wanted channel can be sent, now or once the subscription under way is through; nothing
    /// about a channel that nobody wants.
    pub(super) fn prospect(&self, name: &str) -> Option<Result<(), SendError>> {
        let channel = self.table.get(name).filter(|channel| channel.wanted)?;
        Some(match channel.phase {
            _ if channel.barred => Err(SendError::SignedOut),
            Phase::Failed { .. } => Err(SendError::NotSubscribed),
            _ => Ok(()),
        })
    }

    /// The channel of an event that came, if the game wants to hear of it.
    pub(super) fn listening(&self, name: &str) -> Option<&ChannelName> {
        let (name, channel) = self.table.get_key_value(name)?;
        let heard = match channel.phase {
            // A server may confirm late, or its confirmation may have been lost on the way through a broken one: an
            // event shows that the subscription stands.
            Phase::Subscribed | Phase::Subscribing { .. } | Phase::Failed { unanswered: true } => {
                channel.wanted
            }
            _ => false,
        };
        heard.then_some(name)
    }

    /// The connection's name, while there is one.
    pub(super) fn socket_id(&self) -> Option<&Arc<str>> {
        self.socket_id.as_ref()
    }

    pub(super) fn connected(&mut self, context: &mut Context, socket_id: Arc<str>) {
        self.socket_id = Some(socket_id);
        for name in self.in_order() {
            self.start(context, name);
        }
    }

    /// The connection is gone. Everything wanted is pending again; everything under way is void.
    pub(super) fn left(&mut self, context: &mut Context) {
        if self.socket_id.take().is_none() {
            return;
        }
        let mut requests: Vec<RequestId> =
            self.requests.drain().map(|(request, _)| request).collect();
        requests.sort_unstable();
        for request in requests {
            context.output(Output::CancelRequest(request));
        }
        self.queue.clear();
        self.timers.clear();
        self.table.retain(|_, channel| channel.wanted);
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            if matches!(channel.phase, Phase::Subscribed) {
                channel.lost_at = Some(context.now);
            }
            channel.encryption = None;
            channel.unanswered = 0;
            if !matches!(channel.phase, Phase::Pending) {
                channel.phase = Phase::Pending;
                tell(context, &name, SubscriptionStatus::Pending);
            }
        }
    }

    fn in_order(&self) -> Vec<ChannelName> {
        let mut names: Vec<_> = self
            .table
            .iter()
            .map(|(name, channel)| (channel.order, name.clone()))
            .collect();
        names.sort_unstable_by_key(|(order, _)| *order);
        names.into_iter().map(|(_, name)| name).collect()
    }

    fn start(&mut self, context: &mut Context, name: ChannelName) {
        let Some(channel) = self.table.get_mut(&name) else {
            return;
        };
        if channel.barred {
            self.fail(context, &name, SubscriptionError::SignedOut, false);
        } else if name.kind() == ChannelKind::PrivateEncrypted && !cfg!(feature = "encrypted") {
            self.fail(context, &name, SubscriptionError::EncryptionDisabled, false);
        } else if name.kind().needs_authorization() {
            channel.phase = Phase::Queued;
            tell(context, &name, SubscriptionStatus::Subscribing);
            self.queue.push_back(name);
            self.pump(context);
        } else {
            tell(context, &name, SubscriptionStatus::Subscribing);
            self.subscribe(context, &name, None, None);
        }
    }

    /// Somebody signed out: what was authorized for them is left, and asks for nothing until somebody signs in.
    pub(super) fn bar(&mut self, context: &mut Context) {
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            if !channel.wanted || !name.kind().needs_authorization() {
                continue;
            }
            channel.barred = true;
            channel.roster = None;
            channel.encryption = None;
            channel.lost_at = None;
            match channel.phase {
                Phase::Pending => continue,
                Phase::Authorizing { request } => self.cancel(context, request),
                Phase::Subscribing { .. }
                | Phase::Subscribed
                | Phase::Failed { unanswered: true } => {
                    context.send(ClientFrame::Unsubscribe { channel: &name });
                }
                Phase::Queued
                | Phase::AwaitingSignIn { .. }
                | Phase::Failed { unanswered: false } => {}
            }
            self.fail(context, &name, SubscriptionError::SignedOut, false);
        }
        self.pump(context);
    }

    /// Somebody signs in: what was left with an earlier user is asked for again.
    pub(super) fn unbar(&mut self, context: &mut Context) {
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name).filter(|channel| channel.barred) else {
                continue;
            };
            channel.barred = false;
            if matches!(channel.phase, Phase::Failed { .. }) {
                self.start(context, name);
            }
        }
    }

    /// Asks for as many authorizations as may be open at once.
    fn pump(&mut self, context: &mut Context) {
        while self.requests.len() < AUTHORIZATIONS_AT_ONCE {
            let Some(name) = self.queue.pop_front() else {
                return;
            };
            let queued = self
                .table
                .get(&name)
                .is_some_and(|channel| matches!(channel.phase, Phase::Queued));
            if queued
                && let Some(request) = self.ask(context, &name)
                && let Some(channel) = self.table.get_mut(&name)
            {
                channel.phase = Phase::Authorizing { request };
            }
        }
    }

    /// Asks the backend to authorize a channel.
    fn ask(&mut self, context: &mut Context, name: &ChannelName) -> Option<RequestId> {
        let socket_id = self.socket_id.clone()?;
        let request = context.next_request();
        self.requests.insert(request, name.clone());
        self.timers.set(
            context.now + context.config.timing.authorization_timeout,
            request.0,
            name.clone(),
        );
        context.output(Output::Authorize {
            request,
            channel: name.clone(),
            socket_id,
        });
        Some(request)
    }

    fn cancel(&mut self, context: &mut Context, request: RequestId) {
        if self.requests.remove(&request).is_some() {
            context.output(Output::CancelRequest(request));
        }
    }

    pub(super) fn authorized(
        &mut self,
        context: &mut Context,
        request: RequestId,
        answer: Result<ChannelAuthorization, AuthError>,
        identity: &Identity,
    ) {
        // An answer that nobody waits for any more belongs to an older connection, or to a channel that was given up.
        let Some(name) = self.requests.remove(&request) else {
            return;
        };
        match self.table.get(&name).map(|channel| &channel.phase) {
            Some(Phase::Authorizing { request: current }) if *current == request => {
                self.subscribe_authorized(context, &name, answer, identity);
            }
            Some(_) => self.rekeyed(context, &name, request, answer),
            None => {}
        }
        self.pump(context);
    }

    fn subscribe_authorized(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        answer: Result<ChannelAuthorization, AuthError>,
        identity: &Identity,
    ) {
        let authorization = match answer {
            Ok(authorization) => authorization,
            Err(error) => return self.fail(context, name, error.into(), false),
        };
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        match name.kind() {
            ChannelKind::Presence => match (&authorization.channel_data, identity) {
                (Some(channel_data), _) => {
                    match Member::parse(&EventData::Json(channel_data.into())) {
                        Some(me) => channel.me = Some(me.id().into()),
                        None => {
                            let error = AuthError::InvalidField {
                                field: "channel_data",
                            };
                            return self.fail(context, name, error.into(), false);
                        }
                    }
                }
                (None, Identity::SignedIn(id)) => channel.me = Some(id.clone()),
                (None, Identity::Pending) => {
                    channel.phase = Phase::AwaitingSignIn {
                        auth: authorization.auth,
                    };
                    return;
                }
                (None, Identity::None) => {
                    return self.fail(context, name, SubscriptionError::NoIdentity, false);
                }
            },
            ChannelKind::PrivateEncrypted => {
                match Encryption::new(authorization.shared_secret.as_deref()) {
                    Ok(encryption) => channel.encryption = Some(encryption),
                    Err(error) => return self.fail(context, name, error.into(), false),
                }
            }
            ChannelKind::Public | ChannelKind::Private => {}
        }
        self.subscribe(
            context,
            name,
            Some(&authorization.auth),
            authorization.channel_data.as_deref(),
        );
    }

    /// The sign-in was decided: presence channels that waited for it know who the client is, or that it is nobody.
    pub(super) fn identified(&mut self, context: &mut Context, identity: &Identity) {
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            let Phase::AwaitingSignIn { auth } = &mut channel.phase else {
                continue;
            };
            let auth = std::mem::take(auth);
            if let Identity::SignedIn(id) = identity {
                channel.me = Some(id.clone());
                self.subscribe(context, &name, Some(&auth), None);
            } else {
                self.fail(context, &name, SubscriptionError::NoIdentity, false);
            }
        }
    }

    /// Asks the server.
    fn subscribe(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        auth: Option<&str>,
        channel_data: Option<&str>,
    ) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        let timer = context.next_id();
        self.timers.set(
            context.now + context.config.timing.subscribe_timeout,
            timer,
            name.clone(),
        );
        channel.phase = Phase::Subscribing { timer };
        channel.unanswered += 1;
        context.send(ClientFrame::Subscribe {
            channel: name,
            auth,
            channel_data,
            extra: channel.extra.as_ref(),
        });
    }

    /// `pusher_internal:subscription_succeeded`. Ignored unless one is awaited: a server that relays forged ones must not
    /// move anything.
    pub(super) fn succeeded(&mut self, context: &mut Context, name: &str, data: &EventData<'_>) {
        let Some(name) = self.table.get_key_value(name).map(|(name, _)| name.clone()) else {
            return;
        };
        let Some(channel) = self
            .table
            .get_mut(&name)
            .filter(|channel| channel.unanswered > 0)
        else {
            return;
        };
        channel.unanswered -= 1;
        match channel.phase {
            Phase::Subscribing { .. } if !channel.wanted => {
                context.send(ClientFrame::Unsubscribe { channel: &name });
                return self.remove(context, &name);
            }
            Phase::Subscribing { .. } | Phase::Failed { unanswered: true } => {
                channel.phase = Phase::Subscribed;
                let gap = channel
                    .lost_at
                    .take()
                    .map(|lost_at| context.now.saturating_sub(lost_at));
                let status = SubscriptionStatus::Subscribed;
                context.notice(Notice::Subscription {
                    channel: name.clone(),
                    status,
                    gap,
                });
            }
            // The answer to the second of two subscriptions, after the first came too late: its members are the ones.
            Phase::Subscribed => {}
            Phase::Pending
            | Phase::Queued
            | Phase::Authorizing { .. }
            | Phase::AwaitingSignIn { .. }
            | Phase::Failed { unanswered: false } => return,
        }
        if name.kind() == ChannelKind::Presence {
            channel.replace_roster(context, &name, data);
        }
    }

    /// The server refuses a subscription, and names the channel.
    pub(super) fn refused(
        &mut self,
        context: &mut Context,
        name: &str,
        status: Option<u16>,
        message: &str,
    ) {
        let Some((name, channel)) = self.table.get_key_value(name) else {
            return;
        };
        if matches!(channel.phase, Phase::Subscribing { .. }) {
            let name = name.clone();
            if let Some(channel) = self.table.get_mut(&name) {
                channel.unanswered = channel.unanswered.saturating_sub(1);
            }
            self.fail(
                context,
                &name,
                SubscriptionError::Refused {
                    status,
                    message: message.into(),
                },
                false,
            );
        }
    }

    fn fail(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        error: SubscriptionError,
        unanswered: bool,
    ) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        if channel.wanted {
            channel.phase = Phase::Failed { unanswered };
            tell(context, name, SubscriptionStatus::Failed(error));
            return;
        }
        if unanswered {
            // A late success must not leave a subscription behind that nobody wants.
            context.send(ClientFrame::Unsubscribe { channel: name });
        }
        self.remove(context, name);
    }

    fn remove(&mut self, context: &mut Context, name: &ChannelName) {
        self.table.remove(name);
        // A question for a new key may be open too; the answer would find another channel of the same name.
        let stale = self
            .requests
            .iter()
            .find(|(_, channel)| *channel == name)
            .map(|(request, _)| *request);
        if let Some(request) = stale {
            self.cancel(context, request);
        }
    }

    pub(super) fn time_passed(&mut self, context: &mut Context) {
        while let Some((id, name)) = self.timers.pop_due(context.now) {
            let Some(channel) = self.table.get(&name) else {
                continue;
            };
            match channel.phase {
                Phase::Authorizing { request } if request.0 == id => {
                    self.cancel(context, request);
                    self.fail(context, &name, AuthError::TimedOut.into(), false);
                    self.pump(context);
                }
                Phase::Subscribing { timer } if timer == id => {
                    self.fail(context, &name, SubscriptionError::TimedOut, true);
                }
                _ if self.requests.contains_key(&RequestId(id)) => {
                    self.cancel(context, RequestId(id));
                    self.rekeyed(context, &name, RequestId(id), Err(AuthError::TimedOut));
                    self.pump(context);
                }
                _ => {}
            }
        }
    }

    pub(super) fn wake_at(&mut self) -> Option<Duration> {
        let (table, requests) = (&self.table, &self.requests);
        self.timers.next(|id, name| {
            requests.contains_key(&RequestId(id))
                || table.get(name).is_some_and(
                    |channel| matches!(channel.phase, Phase::Subscribing { timer } if timer == id),
                )
        })
    }
}

fn tell(context: &mut Context, name: &ChannelName, status: SubscriptionStatus) {
    context.notice(Notice::Subscription {
        channel: name.clone(),
        status,
        gap: None,
    });
}
