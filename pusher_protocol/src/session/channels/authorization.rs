//! Requests to the game's backend: the queue of authorizations, and what follows from the responses.

use crate::{
    protocol::{AuthError, ChannelAuthorization, ChannelKind, ChannelName, EventData, Member},
    session::{
        Notice, Output, PusherError, RequestId, SubscriptionError,
        channels::{ChannelPhase, Channels, Identity, encryption::Encryption},
        context::Context,
    },
};

/// The number of authorizations that are requested at the same time, so that a reconnect with many channels does not flood the
/// game's backend. The authentication of the user comes on top.
///
/// A driver must run all of them concurrently: the timeout of each starts with its
/// [`Output::Authorize`].
pub const AUTHORIZATIONS_AT_ONCE: usize = 8;

impl Channels {
    /// Queues a channel for its authorization.
    pub(super) fn enqueue(&mut self, name: ChannelName) {
        if let Some(channel) = self.table.get_mut(&name) {
            channel.phase = ChannelPhase::Queued;
            self.queue.push_back(name);
        }
    }

    /// Requests queued authorizations up to the limit. It runs after every input, so that no slot stays free while a channel
    /// waits.
    pub(in crate::session) fn start_queued(&mut self, context: &mut Context) {
        while self.requests.len() < AUTHORIZATIONS_AT_ONCE {
            let Some(name) = self.queue.pop_front() else {
                return;
            };
            // The queue is not searched when a channel leaves it; entries of other phases are skipped here.
            let Some(channel) = self.table.get(&name) else {
                continue;
            };
            let is_queued = matches!(channel.phase, ChannelPhase::Queued);
            if (is_queued || channel.waits_for_key())
                && let Some(request) = self.request_authorization(context, &name)
                && let Some(channel) = self.table.get_mut(&name)
            {
                if is_queued {
                    channel
                        .throttle
                        .take_jittered(context.now, &mut context.random);
                    channel.phase = ChannelPhase::Authorizing { request };
                } else if let Some(encryption) = &mut channel.encryption {
                    encryption.requested(request, context.now);
                }
            }
        }
    }

    /// Queues a channel for the request of a new key.
    pub(super) fn enqueue_for_key(&mut self, name: ChannelName) {
        if let Some(encryption) = self.encryption(&name) {
            encryption.queue();
            self.queue.push_back(name);
        }
    }

    /// Requests the authorization of a channel from the backend.
    fn request_authorization(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
    ) -> Option<RequestId> {
        let socket_id = self.socket_id.clone()?;
        let request = context.next_request();
        self.requests.insert(request, name.clone());
        // The id of the request is also that of its timer.
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

    pub(super) fn cancel(&mut self, context: &mut Context, request: RequestId) {
        if self.requests.remove(&request).is_some() {
            context.output(Output::CancelRequest(request));
        }
    }

    /// Cancels the pending requests for this channel.
    pub(super) fn cancel_requests(&mut self, context: &mut Context, name: &ChannelName) {
        // At most one request per channel is pending: an authorization, or the request for a new key.
        let asked =
            |(request, channel): (&RequestId, &ChannelName)| (channel == name).then_some(*request);
        if let Some(request) = self.requests.iter().find_map(asked) {
            self.cancel(context, request);
        }
        if let Some(encryption) = self.encryption(name) {
            encryption.cancel_rekey(context, name);
        }
    }

    pub(in crate::session) fn on_authorized(
        &mut self,
        context: &mut Context,
        request: RequestId,
        answer: Result<ChannelAuthorization, AuthError>,
        identity: &Identity,
    ) {
        // A response without a pending request belongs to an older connection, or to a channel that was unsubscribed since.
        let Some(name) = self.requests.remove(&request) else {
            return;
        };
        match self.table.get(&name).map(|channel| &channel.phase) {
            Some(ChannelPhase::Authorizing { request: current }) if *current == request => {
                self.subscribe_authorized(context, &name, answer, identity);
            }
            // Requests of a subscribed channel are for a new key.
            Some(_) => self.on_rekeyed(context, &name, request, answer),
            None => {}
        }
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
            Err(error) => return self.on_not_authorized(context, name, error),
        };
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        channel.me_is_from_sign_in = false;
        match name.kind() {
            ChannelKind::Presence => match (&authorization.channel_data, identity) {
                // The signed `channel_data` decides, even if another user is signed in.
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
                (None, Identity::SignedIn(id)) => {
                    channel.me = Some(id.clone());
                    channel.me_is_from_sign_in = true;
                }
                (None, Identity::Pending) => {
                    // Kept instead of requested again: it stays valid for this connection.
                    channel.phase = ChannelPhase::AwaitingSignIn { authorization };
                    return;
                }
                (None, Identity::None) => {
                    return self.fail(context, name, SubscriptionError::NoIdentity, false);
                }
            },
            ChannelKind::PrivateEncrypted => {
                match Encryption::new(authorization.shared_secret.as_deref()) {
                    Ok(encryption) => channel.encryption = Some(Box::new(encryption)),
                    Err(error) => return self.fail(context, name, error.into(), false),
                }
            }
            ChannelKind::Public | ChannelKind::Private => {}
        }
        self.send_subscribe(
            context,
            name,
            Some(&authorization.auth),
            authorization.channel_data.as_deref(),
        );
    }

    /// Handles a failed authorization: schedules a retry or fails the channel.
    pub(super) fn on_not_authorized(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        error: AuthError,
    ) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
        // A timeout, too: a request that hangs counts as an attempt of the retry policy.
        let failures = channel.auth_failures + 1;
        let Some(delay) = context.auth_retry_delay(&error, failures) else {
            return self.fail(context, name, error.into(), false);
        };
        channel.auth_failures = failures;
        self.request_at(context, name.clone(), context.now + delay);
        context.notice(Notice::Error {
            error: PusherError::Authorization {
                channel: name.clone(),
                error,
            },
            attempt: failures,
        });
    }

    /// The sign-in succeeded or failed. Presence channels that waited for it continue or fail; those that failed without a
    /// user are retried.
    pub(in crate::session) fn on_identity(&mut self, context: &mut Context, identity: &Identity) {
        // In order, so that the same channels get the first slots as after a connect.
        for name in self.in_order() {
            let Some(channel) = self.table.get_mut(&name) else {
                continue;
            };
            match (&channel.phase, identity) {
                (ChannelPhase::AwaitingSignIn { authorization }, Identity::SignedIn(id)) => {
                    let auth = authorization.auth.clone();
                    channel.me = Some(id.clone());
                    channel.me_is_from_sign_in = true;
                    self.send_subscribe(context, &name, Some(&auth), None);
                }
                (ChannelPhase::AwaitingSignIn { .. }, _) => {
                    self.fail(context, &name, SubscriptionError::NoIdentity, false);
                }
                (ChannelPhase::Unidentified, Identity::SignedIn(_)) => self.start(context, name),
                _ => {}
            }
        }
    }
}
