//! The subscriptions: which channels are wanted, and the phase of each.

mod authorization;
#[cfg(feature = "encrypted")]
mod encryption;
#[cfg(not(feature = "encrypted"))]
#[path = "encryption_disabled.rs"]
mod encryption;
mod extra_fields;
mod pending_replies;
mod presence;
mod replies;
mod timers;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::{Map, Value};

use crate::{
    protocol::{AuthError, ChannelAuthorization, ChannelKind, ChannelName, ClientFrame, Roster},
    session::{
        Notice, Output, RequestId, SendError, SubscriptionError, SubscriptionStatus,
        context::Context,
        throttle::{Throttle, USER_REQUESTS},
    },
};
pub use authorization::AUTHORIZATIONS_AT_ONCE;

use encryption::Encryption;
use extra_fields::without_protocol_fields;
use pending_replies::PendingReplies;
use timers::Timers;

/// All channels that are wanted, or whose subscribe request has no reply yet.
#[derive(Debug, Default)]
pub(super) struct Channels {
    table: HashMap<ChannelName, Channel>,
    /// Counts subscribe commands: channels are subscribed in the order of their first command.
    subscribe_count: u64,
    socket_id: Option<Arc<str>>,
    /// Channels that wait for their authorization. Some may have left that phase since, and are skipped.
    queue: VecDeque<ChannelName>,
    requests: HashMap<RequestId, ChannelName>,
    /// The throttles of channels that are not in the table any more, until they are full again: otherwise unsubscribing and
    /// subscribing would reset them.
    removed: HashMap<ChannelName, Throttle>,
    /// The size of `removed` at which full throttles are swept out of it.
    sweep_at: usize,
    timers: Timers,
    pending_replies: PendingReplies,
}

#[derive(Debug)]
struct Channel {
    order: u64,
    /// `false` after an unsubscribe while the server's reply to the subscribe request is pending.
    wanted: bool,
    /// Suspended by a sign-out: not subscribed until a sign-in or a retry.
    suspended: bool,
    extra: Option<Map<String, Value>>,
    /// The timer after which a subscription is replaced by one with other fields.
    resubscribe_timer: Option<u64>,
    /// The additional fields of the last subscribe request.
    sent_extra: Option<Map<String, Value>>,
    phase: ChannelPhase,
    /// Transient failures of the authorization in a row.
    auth_failures: u32,
    /// Requests on this connection: authorizations, or on public channels subscriptions.
    throttle: Throttle,
    /// When a subscribed channel lost its connection.
    lost_at: Option<Duration>,
    /// The members of a presence channel. Kept while the connection is lost, to report the difference afterwards.
    roster: Option<Arc<Roster>>,
    /// This client's own id on a presence channel, from the authorization or the sign-in.
    me: Option<Arc<str>>,
    /// Whether `me` is from the sign-in.
    me_is_from_sign_in: bool,
    /// In a box, since most channels are not encrypted.
    encryption: Option<Box<Encryption>>,
}

/// The phase of a channel. Invariants:
///
/// | phase | `wanted` | `suspended` | [`PendingReplies`] counts |
/// |---|---|---|---|
/// | `Pending` | yes | either | nothing: there is no connection |
/// | `Queued`, `Authorizing`, `Backoff`, `AwaitingSignIn` | yes | no | earlier subscriptions |
/// | `Subscribing` | no after an unsubscribe | no | this one, and earlier ones |
/// | `Subscribed` | yes | no | earlier ones, and the last if the reply was to one of those |
/// | `Failed { reply_due: true }` | yes | no | this one, and earlier ones |
/// | `Failed { reply_due: false }` | yes | either | earlier ones |
/// | `Unidentified` | yes | no | earlier ones |
///
/// An unsubscribed channel in any other phase is removed from the table; its pending replies are counted until the connection
/// ends.
#[derive(Debug)]
enum ChannelPhase {
    /// Waiting for a connection.
    Pending,
    /// Waiting in the queue of authorizations.
    Queued,
    /// Waiting for the backend's response.
    Authorizing { request: RequestId },
    /// Waiting for the next request: after a transient failure, or because user code requests too often.
    Backoff { timer: u64 },
    /// Authorized; waiting for the sign-in, which decides the client's id on the channel.
    AwaitingSignIn { authorization: ChannelAuthorization },
    /// Waiting for the server's reply.
    Subscribing { timer: u64 },
    /// Confirmed by the server.
    Subscribed,
    /// Refused by the backend or the server, or timed out. With `reply_due`, the server may still confirm, which counts.
    Failed { reply_due: bool },
    /// Failed because no user is signed in; retried after a sign-in.
    Unidentified,
}

/// The client's identity on the server.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// No user.
    None,
    /// The sign-in is pending.
    Pending,
    /// Signed in as this user.
    SignedIn(Arc<str>),
}

impl Channel {
    /// Whether the channel is wanted and confirmed by the server.
    fn is_subscribed(&self) -> bool {
        self.wanted && matches!(self.phase, ChannelPhase::Subscribed)
    }

    /// Whether a subscribe request was sent that the server confirmed or may still confirm.
    fn may_be_subscribed(&self) -> bool {
        match self.phase {
            ChannelPhase::Subscribing { .. }
            | ChannelPhase::Subscribed
            | ChannelPhase::Failed { reply_due: true } => true,
            ChannelPhase::Pending
            | ChannelPhase::Queued
            | ChannelPhase::Authorizing { .. }
            | ChannelPhase::Backoff { .. }
            | ChannelPhase::AwaitingSignIn { .. }
            | ChannelPhase::Failed { reply_due: false }
            | ChannelPhase::Unidentified => false,
        }
    }

    /// Whether a request for a new key waits in the queue.
    fn waits_for_key(&self) -> bool {
        self.encryption
            .as_deref()
            .is_some_and(Encryption::is_queued)
    }

    /// Whether this timer ends the random wait before the request for a new key.
    fn starts_rekey(&self, timer: u64) -> bool {
        let waits = |encryption: &Encryption| encryption.waits_for(timer);
        self.encryption.as_deref().is_some_and(waits)
    }

    /// Drops the key of an encrypted channel and the events that wait for a new one.
    fn drop_key(&mut self, context: &mut Context, name: &ChannelName) {
        if let Some(mut encryption) = self.encryption.take() {
            encryption.cancel_rekey(context, name);
        }
    }
}

impl Channels {
    /// Returns a channel with its name as the table shares it.
    fn entry(&mut self, name: &str) -> Option<(ChannelName, &mut Channel)> {
        let name = self.table.get_key_value(name)?.0.clone();
        let channel = self.table.get_mut(&name)?;
        Some((name, channel))
    }

    pub(super) fn subscribe(
        &mut self,
        context: &mut Context,
        name: ChannelName,
        extra: Option<Map<String, Value>>,
    ) {
        let extra = without_protocol_fields(extra);
        if let Some(channel) = self.table.get_mut(&name) {
            if !channel.wanted {
                // The pending subscribe request is the one that is wanted again.
                channel.wanted = true;
                notify(context, &name, SubscriptionStatus::Subscribing);
            }
            return self.set_extra(context, &name, extra);
        }
        self.subscribe_count += 1;
        let channel = Channel {
            order: self.subscribe_count,
            wanted: true,
            suspended: false,
            extra,
            resubscribe_timer: None,
            sent_extra: None,
            phase: ChannelPhase::Pending,
            auth_failures: 0,
            throttle: self.removed.remove(&name).unwrap_or(USER_REQUESTS),
            lost_at: None,
            roster: None,
            me: None,
            me_is_from_sign_in: false,
            encryption: None,
        };
        self.table.insert(name.clone(), channel);
        // Without a connection the channel stays pending; `on_connected` starts it.
        if self.socket_id.is_some() {
            self.start(context, name);
        }
    }

    pub(super) fn unsubscribe(&mut self, context: &mut Context, name: &ChannelName) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        match channel.phase {
            ChannelPhase::Subscribing { .. } => {
                // A server that handles requests concurrently may see the unsubscribe before the subscribe, so it is sent
                // after the reply (pusher-js#196).
                channel.wanted = false;
                // A request for a new key may be pending beside the subscription.
                return self.cancel_requests(context, name);
            }
            _ if channel.may_be_subscribed() => {
                context.send(ClientFrame::Unsubscribe { channel: name });
            }
            _ => {}
        }
        self.remove(context, name);
    }

    /// Retries a failed channel, or skips the wait before a retry. The throttle may delay it.
    pub(super) fn retry(&mut self, context: &mut Context, name: ChannelName) {
        let Some(channel) = self.table.get_mut(&name) else {
            return;
        };
        let reply_due = match channel.phase {
            ChannelPhase::Failed { reply_due } => reply_due,
            ChannelPhase::Unidentified => false,
            ChannelPhase::Backoff { .. } if channel.throttle.ready_at(context.now).is_none() => {
                // User code asked for it, so the attempts of the retry policy count from the start.
                channel.auth_failures = 0;
                return self.request_now(context, name);
            }
            _ => return,
        };
        channel.suspended = false;
        if reply_due {
            // The server may still process the first subscribe request, and would refuse a second one beside it.
            context.send(ClientFrame::Unsubscribe { channel: &name });
        }
        self.cancel_requests(context, &name);
        self.start(context, name);
    }

    fn encryption(&mut self, name: &str) -> Option<&mut Encryption> {
        self.table.get_mut(name)?.encryption.as_deref_mut()
    }

    pub(super) fn uses_signed_in_user(&self, name: &str) -> bool {
        self.table
            .get(name)
            .is_some_and(|channel| channel.me_is_from_sign_in)
    }

    pub(super) fn is_subscribed(&self, name: &str) -> bool {
        self.table.get(name).is_some_and(Channel::is_subscribed)
    }

    /// Whether a client event for a wanted channel can be sent, now or after the pending subscription; `None` if the channel
    /// is not wanted.
    pub(super) fn sendable(&self, name: &str) -> Option<Result<(), SendError>> {
        let channel = self.table.get(name).filter(|channel| channel.wanted)?;
        Some(match channel.phase {
            // A suspended channel has failed too, but this is the reason that helps.
            _ if channel.suspended => Err(SendError::SignedOut),
            ChannelPhase::Failed { .. } | ChannelPhase::Unidentified => {
                Err(SendError::NotSubscribed)
            }
            _ => Ok(()),
        })
    }

    /// Returns the channel of an event, if the event is to be delivered.
    pub(super) fn receiving(&self, name: &str) -> Option<&ChannelName> {
        let (name, channel) = self.table.get_key_value(name)?;
        // A confirmation may be late or lost; an event proves that the subscription is active.
        (channel.wanted && channel.may_be_subscribed()).then_some(name)
    }

    /// Whether the reply to any subscribe request is pending.
    pub(super) fn has_pending_replies(&self, now: Duration) -> bool {
        !self.pending_replies.is_empty(now)
    }

    /// Returns the id of the connection, while there is one.
    pub(super) fn socket_id(&self) -> Option<&Arc<str>> {
        self.socket_id.as_ref()
    }

    pub(super) fn on_connected(&mut self, context: &mut Context, socket_id: Arc<str>) {
        self.socket_id = Some(socket_id);
        for name in self.in_order() {
            self.start(context, name);
        }
    }

    /// Resets all channels to `Pending` and cancels all requests.
    pub(super) fn on_disconnected(&mut self, context: &mut Context) {
        // Already reset: a failed dial after a lost connection gets here again.
        if self.socket_id.take().is_none() {
            return;
        }
        let mut requests: Vec<RequestId> =
            self.requests.drain().map(|(request, _)| request).collect();
        // The map has no order; equal runs must produce equal outputs.
        requests.sort_unstable();
        for request in requests {
            context.output(Output::CancelRequest(request));
        }
        self.queue.clear();
        // A new connection starts with full throttles: reconnects have their own limit.
        self.removed.clear();
        self.timers.clear();
        self.pending_replies.clear();
        // Without a connection no reply can come for an unsubscribed channel.
        self.table.retain(|_, channel| channel.wanted);
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            // Only the first loss counts: over several failed reconnects the gap runs on.
            if matches!(channel.phase, ChannelPhase::Subscribed) {
                channel.lost_at = Some(context.now);
            }
            // Reports the events that wait for a new key: that key would be of another connection.
            channel.drop_key(context, &name);
            channel.throttle = USER_REQUESTS;
            if !matches!(channel.phase, ChannelPhase::Pending) {
                channel.phase = ChannelPhase::Pending;
                notify(context, &name, SubscriptionStatus::Pending);
            }
        }
    }

    fn in_order(&self) -> Vec<ChannelName> {
        let mut names: Vec<_> = self
            .table
            .iter()
            .map(|(name, channel)| (channel.order, name.clone()))
            .collect();
        // Priority is the order of the commands, so that user code can subscribe to the important channels first.
        names.sort_unstable_by_key(|(order, _)| *order);
        names.into_iter().map(|(_, name)| name).collect()
    }

    fn start(&mut self, context: &mut Context, name: ChannelName) {
        let Some(channel) = self.table.get_mut(&name) else {
            return;
        };
        channel.auth_failures = 0;
        if channel.suspended {
            self.fail(context, &name, SubscriptionError::SignedOut, false);
        } else if name.kind() == ChannelKind::PrivateEncrypted && !cfg!(feature = "encrypted") {
            // Before any request: without decryption the authorization would be of no use.
            self.fail(context, &name, SubscriptionError::EncryptionDisabled, false);
        } else {
            notify(context, &name, SubscriptionStatus::Subscribing);
            self.request_throttled(context, name);
        }
    }

    /// Sends the first request of a subscription, now or when the throttle allows it.
    fn request_throttled(&mut self, context: &mut Context, name: ChannelName) {
        let channel = self.table.get(&name);
        match channel.and_then(|channel| channel.throttle.ready_at(context.now)) {
            None => self.request_now(context, name),
            Some(retry_at) => self.request_at(context, name, retry_at),
        }
    }

    /// Schedules the first request of a subscription.
    fn request_at(&mut self, context: &mut Context, name: ChannelName, retry_at: Duration) {
        if let Some(channel) = self.table.get_mut(&name) {
            let timer = context.next_id();
            channel.phase = ChannelPhase::Backoff { timer };
            self.timers.set(retry_at, timer, name);
        }
    }

    /// Sends the first request of a subscription: to the backend, or for a public channel to the server.
    fn request_now(&mut self, context: &mut Context, name: ChannelName) {
        // A public channel has no backend to overload, so it needs no slot of the queue.
        if name.kind().needs_authorization() {
            self.enqueue(name);
        } else {
            self.send_subscribe(context, &name, None, None);
        }
    }

    /// Handles a sign-out: leaves all channels that were authorized for the user, and requests nothing for them until a
    /// sign-in.
    pub(super) fn suspend(&mut self, context: &mut Context) {
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            if channel.suspended || !name.kind().needs_authorization() {
                continue;
            }
            // Before `fail`, which keeps a suspended channel failed even if its fields changed.
            channel.suspended = true;
            // The members were visible to the former user only.
            channel.roster = None;
            channel.drop_key(context, &name);
            // A later subscription may be of another user, for whom there is no gap.
            channel.lost_at = None;
            if matches!(channel.phase, ChannelPhase::Pending) {
                continue;
            }
            if channel.may_be_subscribed() {
                context.send(ClientFrame::Unsubscribe { channel: &name });
            }
            self.cancel_requests(context, &name);
            self.fail(context, &name, SubscriptionError::SignedOut, false);
        }
    }

    /// Handles a sign-in: subscribes to the suspended channels again.
    pub(super) fn resume(&mut self, context: &mut Context) {
        for name in self.in_order() {
            let Some(channel) = self
                .table
                .get_mut(&name)
                .filter(|channel| channel.suspended)
            else {
                continue;
            };
            channel.suspended = false;
            if matches!(channel.phase, ChannelPhase::Failed { .. }) {
                self.start(context, name);
            }
        }
    }

    /// Sends the subscribe request to the server.
    fn send_subscribe(
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
        let deadline = context.now + context.config.timing.subscribe_timeout;
        self.timers.set(deadline, timer, name.clone());
        channel.phase = ChannelPhase::Subscribing { timer };
        // Authorized channels were counted when the backend was requested.
        if !name.kind().needs_authorization() {
            channel
                .throttle
                .take_jittered(context.now, &mut context.random);
        }
        // The fields may change before the reply; then the two differ and the channel is subscribed again.
        channel.sent_extra.clone_from(&channel.extra);
        self.pending_replies.add(name, deadline);
        context.send(ClientFrame::Subscribe {
            channel: name,
            auth,
            channel_data,
            extra: channel.extra.as_ref(),
        });
    }

    pub(super) fn time_passed(&mut self, context: &mut Context) {
        while let Some((id, name)) = self.timers.pop_due(context.now) {
            let Some(channel) = self.table.get(&name) else {
                continue;
            };
            match channel.phase {
                // A timer without its phase was cancelled: the channel has moved on.
                ChannelPhase::Authorizing { request } if request.0 == id => {
                    self.cancel(context, request);
                    self.on_not_authorized(context, &name, AuthError::TimedOut);
                }
                ChannelPhase::Backoff { timer } if timer == id => self.request_now(context, name),
                ChannelPhase::Subscribing { timer } if timer == id => {
                    // The reply may still come, and counts then.
                    self.fail(context, &name, SubscriptionError::TimedOut, true);
                }
                _ if channel.resubscribe_timer == Some(id) => {
                    self.on_resubscribe_due(context, &name)
                }
                _ if channel.starts_rekey(id) => self.enqueue_for_key(name),
                _ if self.requests.contains_key(&RequestId(id)) => {
                    self.cancel(context, RequestId(id));
                    self.on_rekeyed(context, &name, RequestId(id), Err(AuthError::TimedOut));
                }
                _ => {}
            }
        }
    }

    pub(super) fn wake_at(&mut self) -> Option<Duration> {
        let (table, requests) = (&self.table, &self.requests);
        self.timers.next(|id, name| {
            requests.contains_key(&RequestId(id))
                || table.get(name).is_some_and(|channel| {
                    matches!(
                        channel.phase,
                        ChannelPhase::Subscribing { timer } | ChannelPhase::Backoff { timer } if timer == id
                    ) || channel.resubscribe_timer == Some(id)
                        || channel.starts_rekey(id)
                })
        })
    }
}

fn notify(context: &mut Context, name: &ChannelName, status: SubscriptionStatus) {
    context.notice(Notice::Subscription {
        channel: name.clone(),
        status,
        gap: None,
    });
}
