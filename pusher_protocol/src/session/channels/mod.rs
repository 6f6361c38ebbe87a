//! The channels that are wanted, and how far each is with the server.

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
    /// The throttles of channels that are not in the table any more, until they are full again: unsubscribing and subscribing
    /// does not refill one.
    removed: HashMap<ChannelName, Throttle>,
    /// At how many of those the forgotten ones are swept out.
    sweep_at: usize,
    timers: Timers,
    pending_replies: PendingReplies,
}

#[derive(Debug)]
struct Channel {
    order: u64,
    /// Not wanted any more, but the server's answer to the subscription is still to come.
    wanted: bool,
    /// Given up with the user who signed out: nothing is asked for it until somebody signs in, or it is asked for anew.
    suspended: bool,
    extra: Option<Map<String, Value>>,
    /// Names the wait after which a subscription that stands is made anew with other fields.
    resubscribe_timer: Option<u64>,
    /// The fields with which the server was asked last.
    sent_extra: Option<Map<String, Value>>,
    phase: ChannelPhase,
    /// How often in a row the backend did not authorize it for a passing reason.
    auth_failures: u32,
    /// Requests on this connection: authorizations, or on public channels subscriptions.
    throttle: Throttle,
    /// Since when nothing is heard of a channel that was subscribed.
    lost_at: Option<Duration>,
    /// The members, on presence channels that were subscribed once; kept over a loss of the connection.
    roster: Option<Arc<Roster>>,
    /// The own id on a presence channel, from the authorization or the sign-in.
    me: Option<Arc<str>>,
    /// Whether it is from the sign-in.
    me_is_from_sign_in: bool,
    encryption: Option<Encryption>,
}

/// How far a channel is with the server. What goes together:
///
/// | phase | `wanted` | `barred` | [`Unanswered`] counts |
/// |---|---|---|---|
/// | `Pending` | yes | or not | nothing: there is no connection |
/// | `Queued`, `Authorizing`, `Backoff`, `AwaitingSignIn` | yes | no | earlier subscriptions |
/// | `Subscribing` | or no more: the answer is awaited to leave | no | this one, and earlier ones |
/// | `Subscribed` | yes | no | earlier ones, and the last if the answer was to one of those |
/// | `Failed { unanswered: true }` | yes | no | this one, and earlier ones |
/// | `Failed { unanswered: false }` | yes | or not | earlier ones |
/// | `Unidentified` | yes | no | earlier ones |
///
/// A channel that is unwanted in any other phase is in the table no more; what is counted stays until the connection ends.
#[derive(Debug)]
enum ChannelPhase {
    /// Waits for a connection.
    Pending,
    /// Waits for its turn to be authorized.
    Queued,
    /// The backend was asked.
    Authorizing { request: RequestId },
    /// The backend did not authorize it for a passing reason and will be asked again, or the game asks so often that it waits
    /// for its turn.
    Backoff { timer: u64 },
    /// Authorized, but who the client is will be known when the sign-in is through.
    AwaitingSignIn { authorization: ChannelAuthorization },
    /// The server was asked.
    Subscribing { timer: u64 },
    /// The server said yes.
    Subscribed,
    /// Refused by the backend or the server, or no answer in time; `unanswered` if the server may still grant it, which
    /// counts.
    Failed { reply_due: bool },
    /// Failed for want of somebody who is signed in: tried again once somebody is.
    Unidentified,
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

impl Channel {
    /// Whether the question for another key waits for its turn.
    fn waits_for_key(&self) -> bool {
        self.encryption.as_ref().is_some_and(Encryption::is_queued)
    }

    /// Whether a wait for others before the question for another key ends with this timer.
    fn starts_rekey(&self, timer: u64) -> bool {
        let waits = |encryption: &Encryption| encryption.waits_for(timer);
        self.encryption.as_ref().is_some_and(waits)
    }

    /// Forgets the key of an encrypted channel, with what waits for another.
    fn drop_key(&mut self, context: &mut Context, name: &ChannelName) {
        if let Some(mut encryption) = self.encryption.take() {
            encryption.cancel_rekey(context, name);
        }
    }
}

impl Channels {
    pub(super) fn subscribe(
        &mut self,
        context: &mut Context,
        name: ChannelName,
        extra: Option<Map<String, Value>>,
    ) {
        let extra = without_protocol_fields(extra);
        if let Some(channel) = self.table.get_mut(&name) {
            if !channel.wanted {
                // The subscription under way is the one that is wanted again.
                channel.wanted = true;
                notify(context, &name, SubscriptionStatus::Subscribing);
            }
            return self.set_extra(context, &name, extra);
        }
        self.wanted_so_far += 1;
        let channel = Channel {
            order: self.wanted_so_far,
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
                // An unsubscribe must not overtake the subscribe on a server that handles the two side by side, so it
                // waits for the answer (pusher-js#196).
                channel.wanted = false;
                return self.cancel_requests(context, name);
            }
            ChannelPhase::Subscribed | ChannelPhase::Failed { reply_due: true } => {
                context.send(ClientFrame::Unsubscribe { channel: name });
            }
            ChannelPhase::Pending
            | ChannelPhase::Queued
            | ChannelPhase::Authorizing { .. }
            | ChannelPhase::Backoff { .. }
            | ChannelPhase::AwaitingSignIn { .. }
            | ChannelPhase::Failed { reply_due: false }
            | ChannelPhase::Unidentified => {}
        }
        self.remove(context, name);
    }

    /// Tries a failed channel again, or does so at once where it will be tried by itself; later if the game asks for that
    /// again and again.
    pub(super) fn retry(&mut self, context: &mut Context, name: ChannelName) {
        let Some(channel) = self.table.get_mut(&name) else {
            return;
        };
        let reply_due = match channel.phase {
            ChannelPhase::Failed { reply_due } => reply_due,
            ChannelPhase::Unidentified => false,
            ChannelPhase::Backoff { .. } if channel.throttle.ready_at(context.now).is_none() => {
                channel.auth_failures = 0;
                return self.request_now(context, name);
            }
            _ => return,
        };
        channel.suspended = false;
        if reply_due {
            // The server may still come to the first subscription, and would refuse a second beside it.
            context.send(ClientFrame::Unsubscribe { channel: &name });
        }
        self.cancel_requests(context, &name);
        self.start(context, name);
    }

    pub(super) fn uses_signed_in_user(&self, name: &str) -> bool {
        self.table
            .get(name)
            .is_some_and(|channel| channel.me_is_from_sign_in)
    }

    pub(super) fn is_subscribed(&self, name: &str) -> bool {
        self.table.get(name).is_some_and(|channel| {
            channel.wanted && matches!(channel.phase, ChannelPhase::Subscribed)
        })
    }

    /// Whether a client event for a wanted channel can be sent, now or once the subscription under way is through; nothing
    /// about a channel that nobody wants.
    pub(super) fn sendable(&self, name: &str) -> Option<Result<(), SendError>> {
        let channel = self.table.get(name).filter(|channel| channel.wanted)?;
        Some(match channel.phase {
            _ if channel.suspended => Err(SendError::SignedOut),
            ChannelPhase::Failed { .. } | ChannelPhase::Unidentified => {
                Err(SendError::NotSubscribed)
            }
            _ => Ok(()),
        })
    }

    /// The channel of an event that came, if the game wants to hear of it.
    pub(super) fn receiving(&self, name: &str) -> Option<&ChannelName> {
        let (name, channel) = self.table.get_key_value(name)?;
        let heard = match channel.phase {
            // A server may confirm late, or its confirmation may have been lost on the way through a broken one: an
            // event shows that the subscription stands.
            ChannelPhase::Subscribed
            | ChannelPhase::Subscribing { .. }
            | ChannelPhase::Failed { reply_due: true } => channel.wanted,
            _ => false,
        };
        heard.then_some(name)
    }

    /// Whether a subscription was sent to which no answer came so far.
    pub(super) fn has_pending_replies(&self, now: Duration) -> bool {
        !self.pending_replies.is_empty(now)
    }

    /// The connection's name, while there is one.
    pub(super) fn socket_id(&self) -> Option<&Arc<str>> {
        self.socket_id.as_ref()
    }

    pub(super) fn on_connected(&mut self, context: &mut Context, socket_id: Arc<str>) {
        self.socket_id = Some(socket_id);
        for name in self.in_order() {
            self.start(context, name);
        }
    }

    /// The connection is gone. Everything wanted is pending again; everything under way is void.
    pub(super) fn on_disconnected(&mut self, context: &mut Context) {
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
        self.removed.clear();
        self.timers.clear();
        self.pending_replies.clear();
        self.table.retain(|_, channel| channel.wanted);
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            if matches!(channel.phase, ChannelPhase::Subscribed) {
                channel.lost_at = Some(context.now);
            }
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
            self.fail(context, &name, SubscriptionError::EncryptionDisabled, false);
        } else {
            notify(context, &name, SubscriptionStatus::Subscribing);
            self.request_throttled(context, name);
        }
    }

    /// Asks whoever is to be asked first, or if the game has them asked all the time, a little later.
    fn request_throttled(&mut self, context: &mut Context, name: ChannelName) {
        let throttle = self.table.get(&name).map(|channel| channel.throttle);
        match throttle.and_then(|throttle| throttle.ready_at(context.now)) {
            None => self.request_now(context, name),
            Some(retry_at) => self.request_at(context, name, retry_at),
        }
    }

    /// Lets a channel wait before whoever is to be asked first is asked.
    fn request_at(&mut self, context: &mut Context, name: ChannelName, retry_at: Duration) {
        if let Some(channel) = self.table.get_mut(&name) {
            let timer = context.next_id();
            channel.phase = ChannelPhase::Backoff { timer };
            self.timers.set(retry_at, timer, name);
        }
    }

    /// Asks whoever is to be asked first.
    fn request_now(&mut self, context: &mut Context, name: ChannelName) {
        if name.kind().needs_authorization() {
            self.enqueue(name);
        } else {
            self.send_subscribe(context, &name, None, None);
        }
    }

    /// Somebody signed out: what was authorized for them is left, and asks for nothing until somebody signs in.
    pub(super) fn suspend(&mut self, context: &mut Context) {
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            if channel.suspended || !name.kind().needs_authorization() {
                continue;
            }
            channel.suspended = true;
            channel.roster = None;
            channel.drop_key(context, &name);
            channel.lost_at = None;
            match channel.phase {
                ChannelPhase::Pending => continue,
                ChannelPhase::Subscribing { .. }
                | ChannelPhase::Subscribed
                | ChannelPhase::Failed { reply_due: true } => {
                    context.send(ClientFrame::Unsubscribe { channel: &name });
                }
                ChannelPhase::Queued
                | ChannelPhase::Authorizing { .. }
                | ChannelPhase::Backoff { .. }
                | ChannelPhase::AwaitingSignIn { .. }
                | ChannelPhase::Failed { reply_due: false }
                | ChannelPhase::Unidentified => {}
            }
            self.cancel_requests(context, &name);
            self.fail(context, &name, SubscriptionError::SignedOut, false);
        }
    }

    /// Somebody signs in: what was left with an earlier user is asked for again.
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

    /// Asks the server.
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
        if !name.kind().needs_authorization() {
            channel
                .throttle
                .take_jittered(context.now, &mut context.random);
        }
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
                ChannelPhase::Authorizing { request } if request.0 == id => {
                    self.cancel(context, request);
                    self.on_not_authorized(context, &name, AuthError::TimedOut);
                }
                ChannelPhase::Backoff { timer } if timer == id => self.request_now(context, name),
                ChannelPhase::Subscribing { timer } if timer == id => {
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
