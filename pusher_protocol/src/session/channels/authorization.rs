//! The questions to the game's backend: which channels may be asked about now, and what follows from the answers.

use crate::{
    protocol::{AuthError, ChannelAuthorization, ChannelKind, ChannelName, EventData, Member},
    session::{
        Notice, Output, PusherError, RequestId, SubscriptionError,
        channels::{ChannelPhase, Channels, Identity, encryption::Encryption},
        context::Context,
    },
};

/// Channels about which the game's backend is asked at once, so that a reconnect with many channels does not meet it all
/// at once. The sign-in comes beside them.
///
/// A driver is to work on all of them side by side: the time that an answer may take runs from
/// [`Output::Authorize`](crate::session::Output::Authorize) on.
pub const AUTHORIZATIONS_AT_ONCE: usize = 8;

impl Channels {
    /// Has a channel authorized when its turn comes.
    pub(super) fn enqueue(&mut self, name: ChannelName) {
        if let Some(channel) = self.table.get_mut(&name) {
            channel.phase = ChannelPhase::Queued;
            self.queue.push_back(name);
        }
    }

    /// Asks for as many authorizations as may be open at once. Done after every input, so that no place stays free while
    /// somebody waits.
    pub(in crate::session) fn start_queued(&mut self, context: &mut Context) {
        while self.requests.len() < AUTHORIZATIONS_AT_ONCE {
            let Some(name) = self.queue.pop_front() else {
                return;
            };
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

    /// Has another key asked for when its turn comes.
    pub(super) fn enqueue_for_key(&mut self, name: ChannelName) {
        if let Some(channel) = self.table.get_mut(&name)
            && let Some(encryption) = &mut channel.encryption
        {
            encryption.queue();
            self.queue.push_back(name);
        }
    }

    /// Asks the backend to authorize a channel.
    fn request_authorization(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
    ) -> Option<RequestId> {
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

    pub(super) fn cancel(&mut self, context: &mut Context, request: RequestId) {
        if self.requests.remove(&request).is_some() {
            context.output(Output::CancelRequest(request));
        }
    }

    /// Takes back what the backend is asked about this channel, if it is.
    pub(super) fn cancel_requests(&mut self, context: &mut Context, name: &ChannelName) {
        let asked =
            |(request, channel): (&RequestId, &ChannelName)| (channel == name).then_some(*request);
        if let Some(request) = self.requests.iter().find_map(asked) {
            self.cancel(context, request);
        }
        if let Some(channel) = self.table.get_mut(name)
            && let Some(encryption) = &mut channel.encryption
        {
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
        // An answer that nobody waits for any more belongs to an older connection, or to a channel that was given up.
        let Some(name) = self.requests.remove(&request) else {
            return;
        };
        match self.table.get(&name).map(|channel| &channel.phase) {
            Some(ChannelPhase::Authorizing { request: current }) if *current == request => {
                self.subscribe_authorized(context, &name, answer, identity);
            }
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
                    channel.phase = ChannelPhase::AwaitingSignIn { authorization };
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
        self.send_subscribe(
            context,
            name,
            Some(&authorization.auth),
            authorization.channel_data.as_deref(),
        );
    }

    /// The backend did not authorize a channel: it is asked again, or the channel has failed.
    pub(super) fn on_not_authorized(
        &mut self,
        context: &mut Context,
        name: &ChannelName,
        error: AuthError,
    ) {
        let Some(channel) = self.table.get_mut(name) else {
            return;
        };
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

    /// The sign-in was decided: presence channels that waited for it know who the client is, or that it is nobody. Those
    /// that failed because nobody was signed in are tried again.
    pub(in crate::session) fn on_identity(&mut self, context: &mut Context, identity: &Identity) {
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
