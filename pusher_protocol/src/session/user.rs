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

/// How long the game waits to hear of a sign-in until the server has confirmed the user's own channel too: some seconds are
/// a slow mobile network's round trip, and a server that never confirms it holds up nothing else.
const OWN_CHANNEL_WAIT: Duration = Duration::from_secs(2);

/// The sign-in: whether it is wanted, and how far it is.
#[derive(Debug)]
pub(super) struct User {
    wanted: bool,
    phase: SignInPhase,
    /// How many sign-ins were sent on this connection without an answer so far. That the server took one counts, however
    /// late it says so.
    pending_replies: u32,
    /// Authentication requests on this connection.
    throttle: Throttle,
}

#[derive(Debug, Default)]
enum SignInPhase {
    #[default]
    SignedOut,
    /// The backend was asked.
    Authenticating {
        request: RequestId,
        deadline: Duration,
        /// How often it failed before.
        failures: u32,
    },
    /// The backend did not answer for a passing reason and will be asked again, or the game asks so often that it waits for
    /// its turn.
    Backoff {
        retry_at: Duration,
        failures: u32,
    },
    /// The server was asked.
    SigningIn {
        deadline: Duration,
        /// What may have been its refusal, or one of something else.
        possible_refusal: Option<SignInError>,
    },
    /// The server has taken the user. Told once their own channel is heard of too, on which their events come.
    SignedIn {
        id: Arc<str>,
        channel: ChannelName,
        pending_notice: Option<PendingNotice>,
    },
    Failed,
}

/// A sign-in that the server took, but of which the game does not know yet.
#[derive(Debug)]
struct PendingNotice {
    user_data: Arc<str>,
    /// When it is told all the same.
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
    /// Whether the sign-in is under way, done, or out of the question.
    pub(super) fn identity(&self) -> Identity {
        match &self.phase {
            SignInPhase::SignedIn { id, .. } => Identity::SignedIn(id.clone()),
            SignInPhase::Authenticating { .. }
            | SignInPhase::Backoff { .. }
            | SignInPhase::SigningIn { .. } => Identity::Pending,
            SignInPhase::SignedOut | SignInPhase::Failed => Identity::None,
        }
    }

    /// Whether somebody is signed in or about to be.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether a channel's name is the one on which the signed-in user's events come.
    pub(super) fn owns_channel(&self, channel: &str) -> bool {
        matches!(&self.phase, SignInPhase::SignedIn { channel: own, .. } if own.as_str() == channel)
    }

    /// Signs in, now if there is a connection, and after every reconnect.
    pub(super) fn sign_in(&mut self, context: &mut Context, socket_id: Option<&Arc<str>>) {
        self.wanted = true;
        let Some(socket_id) = socket_id else {
            return;
        };
        match self.phase {
            SignInPhase::SignedOut | SignInPhase::Failed => {
                match self.throttle.ready_at(context.now) {
                    None => self.authenticate(context, socket_id, 0),
                    Some(retry_at) => {
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

    /// Gives the user up. Returns whether the server may know of them, so that only a new connection forgets them: the
    /// protocol has no sign-out.
    pub(super) fn sign_out(&mut self, context: &mut Context) -> bool {
        self.wanted = false;
        let is_known =
            self.pending_replies > 0 || matches!(self.phase, SignInPhase::SignedIn { .. });
        self.pending_replies = 0;
        let was_signed_out = matches!(self.phase, SignInPhase::SignedOut);
        self.cancel(context);
        self.phase = SignInPhase::SignedOut;
        if !was_signed_out {
            context.notice(Notice::SignIn(SignInState::SignedOut));
        }
        is_known
    }

    pub(super) fn on_connected(&mut self, context: &mut Context, socket_id: &Arc<str>) {
        if self.wanted {
            self.authenticate(context, socket_id, 0);
        }
    }

    pub(super) fn on_disconnected(&mut self, context: &mut Context) {
        self.cancel(context);
        self.pending_replies = 0;
        self.throttle = USER_REQUESTS;
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

    /// The backend answered. Returns whether the sign-in failed.
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

    /// The backend did not vouch for the user. Returns whether the sign-in failed: else it is asked again.
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

    /// `pusher:signin_success`. Returns whether it decided the sign-in, also one that was given up for lost or is about to
    /// be repeated.
    pub(super) fn on_succeeded(&mut self, context: &mut Context, data: &EventData<'_>) -> bool {
        if std::mem::take(&mut self.pending_replies) == 0 {
            return false;
        }
        self.cancel(context);
        let user_data = match data.fields().remove("user_data") {
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
            None => String::new(),
        };
        match user_id(&user_data) {
            Some(id) => {
                let channel = ChannelName::of_user(&id);
                // The server lets only the signed-in user in, so this takes no authorization.
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
                // Whoever it is, the server has taken somebody.
                self.pending_replies = 1;
                if matches!(self.phase, SignInPhase::Failed) {
                    return false;
                }
                self.fail(context, SignInError::NoUser);
            }
        }
        true
    }

    /// The user's own channel is there, or will not be: whoever is told of the sign-in now misses no event to the user.
    /// Returns whether the game did not know of it before.
    pub(super) fn announce(&mut self, context: &mut Context) -> bool {
        let SignInPhase::SignedIn {
            id, pending_notice, ..
        } = &mut self.phase
        else {
            return false;
        };
        let Some(PendingNotice { user_data, .. }) = pending_notice.take() else {
            return false;
        };
        let id = id.clone();
        context.notice(Notice::SignIn(SignInState::SignedIn { id, user_data }));
        true
    }

    /// A `pusher:error` without a channel while the server is asked is its answer, unless it may be `ambiguous`: about a
    /// subscription that waits for one too. Then the sign-in waits on. Returns whether it was the answer.
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
        // Other errors may come in between: 4301 is about client events, 4302 leaves the sign-in standing.
        if matches!(code, Some(4301 | 4302)) {
            return false;
        }
        let refusal = SignInError::Refused {
            code,
            message: message.into(),
        };
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

    /// Returns whether the time for the sign-in ran out.
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
                if let Some(socket_id) = socket_id {
                    self.authenticate(context, socket_id, failures);
                }
                false
            }
            SignInPhase::SigningIn {
                deadline,
                possible_refusal,
            } if context.now >= *deadline => {
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

/// The id in a user's data.
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
