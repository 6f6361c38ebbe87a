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
    phase: Phase,
    /// How many sign-ins were sent on this connection without an answer so far. That the server took one counts, however
    /// late it says so.
    unanswered: u32,
    /// Authentication requests on this connection.
    throttle: Throttle,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Out,
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
        ask_at: Duration,
        failures: u32,
    },
    /// The server was asked.
    SigningIn {
        deadline: Duration,
        /// What may have been its refusal, or one of something else.
        doubt: Option<SignInError>,
    },
    /// The server has taken the user. Told once their own channel is heard of too, on which their events come.
    In {
        id: Arc<str>,
        channel: ChannelName,
        untold: Option<Untold>,
    },
    Failed,
}

/// A sign-in that the server took, but of which the game does not know yet.
#[derive(Debug)]
struct Untold {
    user_data: Arc<str>,
    /// When it is told all the same.
    tell_at: Duration,
}

impl Default for User {
    fn default() -> Self {
        Self {
            wanted: false,
            phase: Phase::default(),
            unanswered: 0,
            throttle: USER_REQUESTS,
        }
    }
}

impl User {
    /// Whether the sign-in is under way, done, or out of the question.
    pub(super) fn identity(&self) -> Identity {
        match &self.phase {
            Phase::In { id, .. } => Identity::SignedIn(id.clone()),
            Phase::Authenticating { .. } | Phase::Backoff { .. } | Phase::SigningIn { .. } => {
                Identity::Pending
            }
            Phase::Out | Phase::Failed => Identity::None,
        }
    }

    /// Whether somebody is signed in or about to be.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether a channel's name is the one on which the signed-in user's events come.
    pub(super) fn owns(&self, channel: &str) -> bool {
        matches!(&self.phase, Phase::In { channel: own, .. } if own.as_str() == channel)
    }

    /// Signs in, now if there is a connection, and after every reconnect.
    pub(super) fn sign_in(&mut self, context: &mut Context, socket_id: Option<&Arc<str>>) {
        self.wanted = true;
        let Some(socket_id) = socket_id else {
            return;
        };
        match self.phase {
            Phase::Out | Phase::Failed => match self.throttle.ready_at(context.now) {
                None => self.authenticate(context, socket_id, 0),
                Some(ask_at) => {
                    let failures = 0;
                    self.phase = Phase::Backoff { ask_at, failures };
                    context.notice(Notice::SignIn(SignInState::SigningIn));
                }
            },
            Phase::Backoff { .. } if self.throttle.ready_at(context.now).is_none() => {
                self.authenticate(context, socket_id, 0);
            }
            Phase::Backoff { .. }
            | Phase::Authenticating { .. }
            | Phase::SigningIn { .. }
            | Phase::In { .. } => {}
        }
    }

    /// Gives the user up. Returns whether the server may know of them, so that only a new connection forgets them: the
    /// protocol has no sign-out.
    pub(super) fn sign_out(&mut self, context: &mut Context) -> bool {
        self.wanted = false;
        let known = self.unanswered > 0 || matches!(self.phase, Phase::In { .. });
        self.unanswered = 0;
        let told = matches!(self.phase, Phase::Out);
        self.cancel(context);
        self.phase = Phase::Out;
        if !told {
            context.notice(Notice::SignIn(SignInState::SignedOut));
        }
        known
    }

    pub(super) fn connected(&mut self, context: &mut Context, socket_id: &Arc<str>) {
        if self.wanted {
            self.authenticate(context, socket_id, 0);
        }
    }

    pub(super) fn left(&mut self, context: &mut Context) {
        self.cancel(context);
        self.unanswered = 0;
        self.throttle = USER_REQUESTS;
        if !matches!(std::mem::take(&mut self.phase), Phase::Out) {
            context.notice(Notice::SignIn(SignInState::SignedOut));
        }
    }

    fn cancel(&mut self, context: &mut Context) {
        if let Phase::Authenticating { request, .. } = self.phase {
            context.output(Output::CancelRequest(request));
        }
    }

    fn authenticate(&mut self, context: &mut Context, socket_id: &Arc<str>, failures: u32) {
        self.throttle
            .take_jittered(context.now, &mut context.random);
        let request = context.next_request();
        let deadline = context.now + context.config.timing.authorization_timeout;
        if !matches!(self.phase, Phase::Backoff { .. }) {
            context.notice(Notice::SignIn(SignInState::SigningIn));
        }
        self.phase = Phase::Authenticating {
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
    pub(super) fn authenticated(
        &mut self,
        context: &mut Context,
        request: RequestId,
        answer: Result<UserAuthentication, AuthError>,
    ) -> bool {
        let failures = match self.phase {
            Phase::Authenticating {
                request: current,
                failures,
                ..
            } if current == request => failures,
            _ => return false,
        };
        match answer {
            Ok(UserAuthentication { auth, user_data }) => {
                self.phase = Phase::SigningIn {
                    deadline: context.now + context.config.timing.subscribe_timeout,
                    doubt: None,
                };
                self.unanswered = self.unanswered.saturating_add(1);
                context.send(ClientFrame::SignIn {
                    auth: &auth,
                    user_data: &user_data,
                });
                false
            }
            Err(error) => self.not_authenticated(context, error, failures + 1),
        }
    }

    /// The backend did not vouch for the user. Returns whether the sign-in failed: else it is asked again.
    fn not_authenticated(
        &mut self,
        context: &mut Context,
        error: AuthError,
        failures: u32,
    ) -> bool {
        let Some(delay) = context.delay_before_asking_again(&error, failures) else {
            self.fail(context, error.into());
            return true;
        };
        self.phase = Phase::Backoff {
            ask_at: context.now + delay,
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
    pub(super) fn succeeded(&mut self, context: &mut Context, data: &EventData<'_>) -> bool {
        if std::mem::take(&mut self.unanswered) == 0 {
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
                self.phase = Phase::In {
                    id: id.into(),
                    channel,
                    untold: Some(Untold {
                        user_data: user_data.into(),
                        tell_at: context.now + OWN_CHANNEL_WAIT,
                    }),
                };
            }
            None => {
                // Whoever it is, the server has taken somebody.
                self.unanswered = 1;
                if matches!(self.phase, Phase::Failed) {
                    return false;
                }
                self.fail(context, SignInError::NoUser);
            }
        }
        true
    }

    /// The user's own channel is there, or will not be: whoever is told of the sign-in now misses no event to the user.
    /// Returns whether the game did not know of it before.
    pub(super) fn settle(&mut self, context: &mut Context) -> bool {
        let Phase::In { id, untold, .. } = &mut self.phase else {
            return false;
        };
        let Some(Untold { user_data, .. }) = untold.take() else {
            return false;
        };
        let id = id.clone();
        context.notice(Notice::SignIn(SignInState::SignedIn { id, user_data }));
        true
    }

    /// A `pusher:error` without a channel while the server is asked is its answer, unless it may be `ambiguous`: about a
    /// subscription that waits for one too. Then the sign-in waits on. Returns whether it was the answer.
    pub(super) fn refused(
        &mut self,
        context: &mut Context,
        code: Option<u16>,
        message: &str,
        ambiguous: bool,
    ) -> bool {
        let Phase::SigningIn { doubt, .. } = &mut self.phase else {
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
            *doubt = Some(refusal);
            return false;
        }
        self.unanswered = self.unanswered.saturating_sub(1);
        self.fail(context, refusal);
        true
    }

    fn fail(&mut self, context: &mut Context, error: SignInError) {
        self.phase = Phase::Failed;
        context.notice(Notice::SignIn(SignInState::Failed(error)));
    }

    /// Returns whether the time for the sign-in ran out.
    pub(super) fn time_passed(
        &mut self,
        context: &mut Context,
        socket_id: Option<&Arc<str>>,
    ) -> bool {
        match &mut self.phase {
            Phase::Authenticating {
                deadline, failures, ..
            } if context.now >= *deadline => {
                let failures = *failures;
                self.cancel(context);
                self.not_authenticated(context, AuthError::TimedOut, failures + 1)
            }
            Phase::Backoff { ask_at, failures } if context.now >= *ask_at => {
                let failures = *failures;
                if let Some(socket_id) = socket_id {
                    self.authenticate(context, socket_id, failures);
                }
                false
            }
            Phase::SigningIn { deadline, doubt } if context.now >= *deadline => {
                let error = doubt.take().unwrap_or(SignInError::TimedOut);
                self.fail(context, error);
                true
            }
            Phase::In {
                untold: Some(untold),
                ..
            } if context.now >= untold.tell_at => {
                self.settle(context);
                false
            }
            _ => false,
        }
    }

    pub(super) fn wake_at(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Authenticating { deadline, .. }
            | Phase::SigningIn { deadline, .. }
            | Phase::Backoff {
                ask_at: deadline, ..
            } => Some(*deadline),
            Phase::In { untold, .. } => untold.as_ref().map(|untold| untold.tell_at),
            Phase::Out | Phase::Failed => None,
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
