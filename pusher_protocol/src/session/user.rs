//! The sign-in of a user: authentication by the backend, `pusher:signin`, and the user's own channel.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, value::RawValue};

use crate::{
    protocol::{AuthError, ChannelName, ClientFrame, EventData, UserAuthentication, UserId},
    session::{
        Notice, Output, PusherError, RequestId, SignInError, SignInState,
        channels::Identity,
        context::Context,
        throttle::{Throttle, USER_REQUESTS},
    },
};

/// How long a sign-in is held back until the server has confirmed the user's own channel. Two seconds cover a round trip of a
/// slow mobile network; a server that never confirms the channel delays nothing else.
const OWN_CHANNEL_WAIT: Duration = Duration::from_secs(2);

/// The sign-in: whether it is wanted, and its phase.
#[derive(Debug)]
pub(super) struct User {
    wanted: bool,
    phase: SignInPhase,
    /// Sign-ins sent on this connection without a reply so far. A success counts however late it arrives.
    pending_replies: u32,
    /// Authentication requests on this connection.
    throttle: Throttle,
}

#[derive(Debug, Default)]
enum SignInPhase {
    #[default]
    SignedOut,
    /// Waiting for the backend's response.
    Authenticating {
        request: RequestId,
        deadline: Duration,
        /// Failures of earlier requests.
        failures: u32,
    },
    /// Waiting for the next request: after a transient failure, or because user code requests too often.
    Backoff {
        retry_at: Duration,
        failures: u32,
    },
    /// Waiting for the server's reply.
    SigningIn {
        deadline: Duration,
        /// An error that may be the refusal, or may be about a subscription.
        possible_refusal: Option<SignInError>,
    },
    /// Accepted by the server. Reported once the user's own channel is confirmed, which delivers their events.
    SignedIn {
        id: Arc<str>,
        channel: ChannelName,
        pending_notice: Option<PendingNotice>,
    },
    Failed,
}

/// A sign-in that the server accepted and user code does not know of yet.
#[derive(Debug)]
struct PendingNotice {
    user_data: Arc<str>,
    /// When it is reported even without the channel's confirmation.
    deadline: Duration,
}

impl Default for User {
    fn default() -> Self {
        Self {
            wanted: false,
            phase: SignInPhase::default(),
            pending_replies: 0,
            throttle: USER_REQUESTS,
        }
    }
}

impl User {
    /// Returns the user as far as it is known to the server.
    pub(super) fn identity(&self) -> Identity {
        match &self.phase {
            SignInPhase::SignedIn { id, .. } => Identity::SignedIn(id.clone()),
            SignInPhase::Authenticating { .. }
            | SignInPhase::Backoff { .. }
            | SignInPhase::SigningIn { .. } => Identity::Pending,
            SignInPhase::SignedOut | SignInPhase::Failed => Identity::None,
        }
    }

    /// Whether user code wants a user signed in.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether this is the name of the channel that delivers the signed-in user's events.
    pub(super) fn owns_channel(&self, channel: &str) -> bool {
        matches!(&self.phase, SignInPhase::SignedIn { channel: own, .. } if own.as_str() == channel)
    }

    /// Signs in, now if there is a connection, and after every reconnect.
    pub(super) fn sign_in(&mut self, context: &mut Context, socket_id: Option<&Arc<str>>) {
        self.wanted = true;
        // `on_connected` authenticates once there is a connection.
        let Some(socket_id) = socket_id else {
            return;
        };
        match self.phase {
            SignInPhase::SignedOut | SignInPhase::Failed => {
                match self.throttle.ready_at(context.now) {
                    None => self.authenticate(context, socket_id, 0),
                    Some(retry_at) => {
                        // User code asked for it, so the attempts of the retry policy count from the start.
                        let failures = 0;
                        self.phase = SignInPhase::Backoff { retry_at, failures };
                        context.notice(Notice::SignIn(SignInState::SigningIn));
                    }
                }
            }
            SignInPhase::Backoff { .. } if self.throttle.ready_at(context.now).is_none() => {
                self.authenticate(context, socket_id, 0);
            }
            SignInPhase::Backoff { .. }
            | SignInPhase::Authenticating { .. }
            | SignInPhase::SigningIn { .. }
            | SignInPhase::SignedIn { .. } => {}
        }
    }

    /// Signs out. Returns whether the server may know the user. Then only a new connection signs them out, because the
    /// protocol has no sign-out.
    pub(super) fn sign_out(&mut self, context: &mut Context) -> bool {
        self.wanted = false;
        // Any unanswered sign-in may have succeeded on the server.
        let is_known =
            self.pending_replies > 0 || matches!(self.phase, SignInPhase::SignedIn { .. });
        self.reset(context);
        is_known
    }

    pub(super) fn on_connected(&mut self, context: &mut Context, socket_id: &Arc<str>) {
        if self.wanted {
            self.authenticate(context, socket_id, 0);
        }
    }

    pub(super) fn on_disconnected(&mut self, context: &mut Context) {
        // A new connection starts with a full throttle: reconnects have their own limit.
        self.throttle = USER_REQUESTS;
        self.reset(context);
    }

    fn reset(&mut self, context: &mut Context) {
        self.cancel(context);
        self.pending_replies = 0;
        if !matches!(std::mem::take(&mut self.phase), SignInPhase::SignedOut) {
            context.notice(Notice::SignIn(SignInState::SignedOut));
        }
    }

    fn cancel(&mut self, context: &mut Context) {
        if let SignInPhase::Authenticating { request, .. } = self.phase {
            context.output(Output::CancelRequest(request));
        }
    }

    fn authenticate(&mut self, context: &mut Context, socket_id: &Arc<str>, failures: u32) {
        self.throttle
            .take_jittered(context.now, &mut context.random);
        let request = context.next_request();
        let deadline = context.now + context.config.timing.authorization_timeout;
        // The backoff has reported `SigningIn` before.
        if !matches!(self.phase, SignInPhase::Backoff { .. }) {
            context.notice(Notice::SignIn(SignInState::SigningIn));
        }
        self.phase = SignInPhase::Authenticating {
            request,
            deadline,
            failures,
        };
        context.output(Output::Authenticate {
            request,
            socket_id: socket_id.clone(),
        });
    }

    /// Handles the backend's response. Returns whether the sign-in failed.
    pub(super) fn on_authenticated(
        &mut self,
        context: &mut Context,
        request: RequestId,
        answer: Result<UserAuthentication, AuthError>,
    ) -> bool {
        let failures = match self.phase {
            SignInPhase::Authenticating {
                request: current,
                failures,
                ..
            } if current == request => failures,
            _ => return false,
        };
        match answer {
            Ok(UserAuthentication { auth, user_data }) => {
                self.phase = SignInPhase::SigningIn {
                    // The server replies to a sign-in as it does to a subscription.
                    deadline: context.now + context.config.timing.subscribe_timeout,
                    possible_refusal: None,
                };
                self.pending_replies = self.pending_replies.saturating_add(1);
                context.send(ClientFrame::SignIn {
                    auth: &auth,
                    user_data: &user_data,
                });
                false
            }
            Err(error) => self.on_not_authenticated(context, error, failures + 1),
        }
    }

    /// Handles a failed authentication: schedules a retry or fails. Returns whether the sign-in failed.
    fn on_not_authenticated(
        &mut self,
        context: &mut Context,
        error: AuthError,
        failures: u32,
    ) -> bool {
        let Some(delay) = context.auth_retry_delay(&error, failures) else {
            self.fail(context, error.into());
            return true;
        };
        self.phase = SignInPhase::Backoff {
            retry_at: context.now + delay,
            failures,
        };
        context.notice(Notice::Error {
            error: PusherError::Authentication { error },
            attempt: failures,
        });
        false
    }

    /// Handles `pusher:signin_success`, even if the sign-in has timed out or will be repeated. Returns whether it
    /// decided the sign-in.
    pub(super) fn on_succeeded(&mut self, context: &mut Context, data: &EventData<'_>) -> bool {
        // Without a sign-in the message is forged. One success answers all sign-ins: they are for the same user.
        if std::mem::take(&mut self.pending_replies) == 0 {
            return false;
        }
        self.cancel(context);
        // The protocol has a JSON string here; some servers send the object itself.
        let user_data = match data.fields().remove("user_data") {
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
            None => String::new(),
        };
        match user_id(&user_data) {
            Some(id) => {
                let channel = ChannelName::of_user(&id);
                // Only the signed-in user may subscribe to this channel, so it needs no authorization.
                let subscribe = ClientFrame::Subscribe {
                    channel: &channel,
                    auth: Some(""),
                    channel_data: None,
                    extra: None,
                };
                context.send(subscribe);
                self.phase = SignInPhase::SignedIn {
                    id: id.into(),
                    channel,
                    pending_notice: Some(PendingNotice {
                        user_data: user_data.into(),
                        deadline: context.now + OWN_CHANNEL_WAIT,
                    }),
                };
            }
            None => {
                // The server has signed in a user, but does not name the user: signing out still needs a new connection.
                self.pending_replies = 1;
                // The failure was reported before.
                if matches!(self.phase, SignInPhase::Failed) {
                    return false;
                }
                self.fail(context, SignInError::NoUser);
            }
        }
        true
    }

    /// Reports a pending sign-in, because the user's own channel is confirmed or never will be. Returns whether one was
    /// pending.
    pub(super) fn announce(&mut self, context: &mut Context) -> bool {
        let SignInPhase::SignedIn {
            id, pending_notice, ..
        } = &mut self.phase
        else {
            return false;
        };
        // Reported once: later confirmations and events find nothing pending.
        let Some(PendingNotice { user_data, .. }) = pending_notice.take() else {
            return false;
        };
        let id = id.clone();
        context.notice(Notice::SignIn(SignInState::SignedIn { id, user_data }));
        true
    }

    /// Handles a `pusher:error` without a channel, which is the reply to a pending sign-in. If it is `ambiguous`, because it
    /// may be about a pending subscription, the sign-in keeps waiting. Returns whether it was the reply.
    pub(super) fn on_refused(
        &mut self,
        context: &mut Context,
        code: Option<u16>,
        message: &str,
        ambiguous: bool,
    ) -> bool {
        let SignInPhase::SigningIn {
            possible_refusal, ..
        } = &mut self.phase
        else {
            return false;
        };
        // Errors about something else: 4301 is about client events, and 4302 does not end the sign-in.
        if matches!(code, Some(4301 | 4302)) {
            return false;
        }
        let refusal = SignInError::Refused {
            code,
            message: message.into(),
        };
        // If no success arrives in time, this is the error that is reported.
        if ambiguous {
            *possible_refusal = Some(refusal);
            return false;
        }
        self.pending_replies = self.pending_replies.saturating_sub(1);
        self.fail(context, refusal);
        true
    }

    fn fail(&mut self, context: &mut Context, error: SignInError) {
        self.phase = SignInPhase::Failed;
        context.notice(Notice::SignIn(SignInState::Failed(error)));
    }

    /// Handles expired timers. Returns whether the sign-in failed.
    pub(super) fn time_passed(
        &mut self,
        context: &mut Context,
        socket_id: Option<&Arc<str>>,
    ) -> bool {
        match &mut self.phase {
            SignInPhase::Authenticating {
                deadline, failures, ..
            } if context.now >= *deadline => {
                let failures = *failures;
                self.cancel(context);
                self.on_not_authenticated(context, AuthError::TimedOut, failures + 1)
            }
            SignInPhase::Backoff { retry_at, failures } if context.now >= *retry_at => {
                let failures = *failures;
                // A backoff ends with the connection, so there always is one.
                if let Some(socket_id) = socket_id {
                    self.authenticate(context, socket_id, failures);
                }
                false
            }
            SignInPhase::SigningIn {
                deadline,
                possible_refusal,
            } if context.now >= *deadline => {
                // No success arrived, so the error was about the sign-in.
                let error = possible_refusal.take().unwrap_or(SignInError::TimedOut);
                self.fail(context, error);
                true
            }
            SignInPhase::SignedIn {
                pending_notice: Some(pending_notice),
                ..
            } if context.now >= pending_notice.deadline => {
                self.announce(context);
                false
            }
            _ => false,
        }
    }

    pub(super) fn wake_at(&self) -> Option<Duration> {
        match &self.phase {
            SignInPhase::Authenticating { deadline, .. }
            | SignInPhase::SigningIn { deadline, .. }
            | SignInPhase::Backoff {
                retry_at: deadline, ..
            } => Some(*deadline),
            SignInPhase::SignedIn { pending_notice, .. } => pending_notice
                .as_ref()
                .map(|pending_notice| pending_notice.deadline),
            SignInPhase::SignedOut | SignInPhase::Failed => None,
        }
    }
}

/// Parses the `id` of a user's data.
fn user_id(user_data: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Wire {
        id: Box<RawValue>,
    }
    let wire: Wire = serde_json::from_str(user_data).ok()?;
    UserId::parse(wire.id.get())
        .filter(|id| !id.is_empty())
        .map(|id| id.into_owned())
}
