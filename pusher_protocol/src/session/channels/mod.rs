//! The channels that are wanted, and how far each is with the server.

mod answers;
mod authorizing;
#[cfg(feature = "encrypted")]
mod encryption;
#[cfg(not(feature = "encrypted"))]
#[path = "encryption_disabled.rs"]
mod encryption;
mod presence;
mod renewing;
mod timers;
mod unanswered;

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
pub use authorizing::AUTHORIZATIONS_AT_ONCE;

use encryption::Encryption;
use renewing::without_own_fields;
use timers::Timers;
use unanswered::Unanswered;

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
    given_up: HashMap<ChannelName, Throttle>,
    /// At how many of those the forgotten ones are swept out.
    sweep_at: usize,
    timers: Timers,
    unanswered: Unanswered,
}

#[derive(Debug)]
struct Channel {
    order: u64,
    /// Not wanted any more, but the server's answer to the subscription is still to come.
    wanted: bool,
    /// Given up with the user who signed out: nothing is asked for it until somebody signs in, or it is asked for anew.
    barred: bool,
    extra: Option<Map<String, Value>>,
    /// Names the wait after which a subscription that stands is made anew with other fields.
    renewal: Option<u64>,
    /// The fields with which the server was asked last.
    asked_with: Option<Map<String, Value>>,
    phase: Phase,
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
    is_me_from_sign_in: bool,
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
enum Phase {
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
    Failed { unanswered: bool },
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
    fn spreads_until(&self, timer: u64) -> bool {
        let waits = |encryption: &Encryption| encryption.waits_for(timer);
        self.encryption.as_ref().is_some_and(waits)
    }

    /// Forgets the key of an encrypted channel, with what waits for another.
    fn forget_key(&mut self, context: &mut Context, name: &ChannelName) {
        if let Some(mut encryption) = self.encryption.take() {
            encryption.forget_rekey(context, name);
        }
    }
}

impl Channels {
    pub(super) fn want(
        &mut self,
        context: &mut Context,
        name: ChannelName,
        extra: Option<Map<String, Value>>,
    ) {
        let extra = without_own_fields(extra);
        if let Some(channel) = self.table.get_mut(&name) {
            if !channel.wanted {
                // The subscription under way is the one that is wanted again.
                channel.wanted = true;
                tell(context, &name, SubscriptionStatus::Subscribing);
            }
            return self.amend(context, &name, extra);
        }
        self.wanted_so_far += 1;
        let channel = Channel {
            order: self.wanted_so_far,
            wanted: true,
            barred: false,
            extra,
            renewal: None,
            asked_with: None,
            phase: Phase::Pending,
            auth_failures: 0,
            throttle: self.given_up.remove(&name).unwrap_or(USER_REQUESTS),
            lost_at: None,
            roster: None,
            me: None,
            is_me_from_sign_in: false,
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
        match channel.phase {
            Phase::Subscribing { .. } => {
                // An unsubscribe must not overtake the subscribe on a server that handles the two side by side, so it
                // waits for the answer (pusher-js#196).
                channel.wanted = false;
                return self.cancel_question(context, name);
            }
            Phase::Subscribed | Phase::Failed { unanswered: true } => {
                context.send(ClientFrame::Unsubscribe { channel: name });
            }
            Phase::Pending
            | Phase::Queued
            | Phase::Authorizing { .. }
            | Phase::Backoff { .. }
            | Phase::AwaitingSignIn { .. }
            | Phase::Failed { unanswered: false }
            | Phase::Unidentified => {}
        }
        self.remove(context, name);
    }

    /// Tries a failed channel again, or does so at once where it will be tried by itself; later if the game asks for that
    /// again and again.
    pub(super) fn retry(&mut self, context: &mut Context, name: ChannelName) {
        let Some(channel) = self.table.get_mut(&name) else {
            return;
        };
        let unanswered = match channel.phase {
            Phase::Failed { unanswered } => unanswered,
            Phase::Unidentified => false,
            Phase::Backoff { .. } if channel.throttle.ready_at(context.now).is_none() => {
                channel.auth_failures = 0;
                return self.proceed(context, name);
            }
            _ => return,
        };
        channel.barred = false;
        if unanswered {
            // The server may still come to the first subscription, and would refuse a second beside it.
            context.send(ClientFrame::Unsubscribe { channel: &name });
        }
        self.cancel_question(context, &name);
        self.start(context, name);
    }

    pub(super) fn takes_its_member_from_the_sign_in(&self, name: &str) -> bool {
        self.table
            .get(name)
            .is_some_and(|channel| channel.is_me_from_sign_in)
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
            Phase::Failed { .. } | Phase::Unidentified => Err(SendError::NotSubscribed),
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

    /// Whether a subscription was sent to which no answer came so far.
    pub(super) fn await_an_answer(&self, now: Duration) -> bool {
        !self.unanswered.is_empty(now)
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
        self.given_up.clear();
        self.timers.clear();
        self.unanswered.clear();
        self.table.retain(|_, channel| channel.wanted);
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            if matches!(channel.phase, Phase::Subscribed) {
                channel.lost_at = Some(context.now);
            }
            channel.forget_key(context, &name);
            channel.throttle = USER_REQUESTS;
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
        channel.auth_failures = 0;
        if channel.barred {
            self.fail(context, &name, SubscriptionError::SignedOut, false);
        } else if name.kind() == ChannelKind::PrivateEncrypted && !cfg!(feature = "encrypted") {
            self.fail(context, &name, SubscriptionError::EncryptionDisabled, false);
        } else {
            tell(context, &name, SubscriptionStatus::Subscribing);
            self.proceed_in_turn(context, name);
        }
    }

    /// Asks whoever is to be asked first, or if the game has them asked all the time, a little later.
    fn proceed_in_turn(&mut self, context: &mut Context, name: ChannelName) {
        let throttle = self.table.get(&name).map(|channel| channel.throttle);
        match throttle.and_then(|throttle| throttle.ready_at(context.now)) {
            None => self.proceed(context, name),
            Some(ask_at) => self.proceed_at(context, name, ask_at),
        }
    }

    /// Lets a channel wait before whoever is to be asked first is asked.
    fn proceed_at(&mut self, context: &mut Context, name: ChannelName, ask_at: Duration) {
        if let Some(channel) = self.table.get_mut(&name) {
            let timer = context.next_id();
            channel.phase = Phase::Backoff { timer };
            self.timers.set(ask_at, timer, name);
        }
    }

    /// Asks whoever is to be asked first.
    fn proceed(&mut self, context: &mut Context, name: ChannelName) {
        if name.kind().needs_authorization() {
            self.enqueue(name);
        } else {
            self.subscribe(context, &name, None, None);
        }
    }

    /// Somebody signed out: what was authorized for them is left, and asks for nothing until somebody signs in.
    pub(super) fn bar(&mut self, context: &mut Context) {
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            if channel.barred || !name.kind().needs_authorization() {
                continue;
            }
            channel.barred = true;
            channel.roster = None;
            channel.forget_key(context, &name);
            channel.lost_at = None;
            match channel.phase {
                Phase::Pending => continue,
                Phase::Subscribing { .. }
                | Phase::Subscribed
                | Phase::Failed { unanswered: true } => {
                    context.send(ClientFrame::Unsubscribe { channel: &name });
                }
                Phase::Queued
                | Phase::Authorizing { .. }
                | Phase::Backoff { .. }
                | Phase::AwaitingSignIn { .. }
                | Phase::Failed { unanswered: false }
                | Phase::Unidentified => {}
            }
            self.cancel_question(context, &name);
            self.fail(context, &name, SubscriptionError::SignedOut, false);
        }
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
        let deadline = context.now + context.config.timing.subscribe_timeout;
        self.timers.set(deadline, timer, name.clone());
        channel.phase = Phase::Subscribing { timer };
        if !name.kind().needs_authorization() {
            channel
                .throttle
                .take_jittered(context.now, &mut context.random);
        }
        channel.asked_with.clone_from(&channel.extra);
        self.unanswered.add(name, deadline);
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
                Phase::Authorizing { request } if request.0 == id => {
                    self.cancel(context, request);
                    self.not_authorized(context, &name, AuthError::TimedOut);
                }
                Phase::Backoff { timer } if timer == id => self.proceed(context, name),
                Phase::Subscribing { timer } if timer == id => {
                    self.fail(context, &name, SubscriptionError::TimedOut, true);
                }
                _ if channel.renewal == Some(id) => self.renewal_is_due(context, &name),
                _ if channel.spreads_until(id) => self.enqueue_for_key(name),
                _ if self.requests.contains_key(&RequestId(id)) => {
                    self.cancel(context, RequestId(id));
                    self.rekeyed(context, &name, RequestId(id), Err(AuthError::TimedOut));
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
                        Phase::Subscribing { timer } | Phase::Backoff { timer } if timer == id
                    ) || channel.renewal == Some(id)
                        || channel.spreads_until(id)
                })
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
