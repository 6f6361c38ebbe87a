//! The user code: its commands, and checks of the notices it gets.

use super::*;

impl World {
    pub(super) fn want(&mut self, channel: &str) {
        if self.wanted.insert(channel.into()) {
            self.statuses
                .insert(channel.into(), SubscriptionStatus::Pending);
        }
        let filter = self.filters.get(channel).copied().unwrap_or_default();
        let extra =
            (filter > 0).then(|| [("filter".to_owned(), json!(filter))].into_iter().collect());
        self.command(Command::Subscribe {
            channel: name(channel),
            extra,
        });
    }

    pub(super) fn change_fields(&mut self, channel: &str, filter: u8) {
        if !self.wanted.contains(channel) {
            return;
        }
        if self
            .filters
            .insert(channel.into(), filter)
            .unwrap_or_default()
            != filter
        {
            self.changed_fields.insert(channel.into());
        }
        self.want(channel);
    }

    pub(super) fn unsubscribe(&mut self, channel: &str) {
        self.wanted.remove(channel);
        self.suspended.remove(channel);
        self.statuses.remove(channel);
        self.rosters.remove(channel);
        self.filters.remove(channel);
        self.command(Command::Unsubscribe(name(channel)));
    }

    pub(super) fn retry(&mut self, channel: &str) {
        if let Some(SubscriptionStatus::Failed(_)) = self.statuses.get(channel) {
            self.suspended.remove(channel);
        }
        self.command(Command::Retry(name(channel)));
    }

    pub(super) fn send(&mut self, channel: &str, mode: SendMode) {
        self.last_send += 1;
        let id = SendId(self.last_send);
        self.unanswered.insert(id, mode);
        self.command(Command::Send(ClientEvent {
            id,
            mode,
            channel: name(channel),
            event: "client-x".into(),
            data: RawValue::from_string("1".into()).expect("1 is JSON"),
        }));
    }

    pub(super) fn sign_in(&mut self) {
        self.wants_sign_in = true;
        self.suspended.clear();
        self.command(Command::SignIn);
    }

    pub(super) fn sign_out(&mut self) {
        self.wants_sign_in = false;
        let authorized = self
            .wanted
            .iter()
            .filter(|channel| name(channel).kind().needs_authorization());
        self.suspended = authorized.cloned().collect();
        self.command(Command::SignOut);
        assert!(self.requests.is_empty(), "signed out with pending requests");
        assert_eq!(self.sign_in, SignInState::SignedOut);
    }

    pub(super) fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::State(next) => self.on_state(next),
            Notice::Subscription {
                channel,
                status,
                gap,
            } => {
                let before = self.statuses.insert(channel.to_string(), status.clone());
                let before = before.unwrap_or_else(|| panic!("{channel} is not wanted"));
                let is_renewed = before == SubscriptionStatus::Subscribed
                    && status == SubscriptionStatus::Subscribing
                    && self.changed_fields.remove(&*channel);
                assert!(
                    is_renewed || is_legal_status(&before, &status),
                    "{channel}: {before:?} -> {status:?}"
                );
                assert!(gap.is_none() || status == SubscriptionStatus::Subscribed);
            }
            Notice::Members { channel, roster } => self.on_members(&channel, &roster),
            Notice::MemberJoined(Membership {
                channel,
                member,
                roster,
                ..
            }) => {
                assert!(roster.get(member.id()).is_some());
                self.on_members(&channel, &roster);
            }
            Notice::MemberLeft(Membership {
                channel,
                member,
                roster,
                ..
            }) => {
                assert!(roster.get(member.id()).is_none());
                self.on_members(&channel, &roster);
            }
            Notice::SubscriptionCount { channel, .. } | Notice::CacheMissed(channel) => {
                assert!(self.wanted.contains(&*channel));
            }
            Notice::SendAnswered { id, outcome } => {
                let mode = self.unanswered.remove(&id);
                let mode = mode.unwrap_or_else(|| panic!("{id:?} is answered twice"));
                if outcome == SendOutcome::Queued {
                    assert_eq!(mode, SendMode::Queued);
                    self.unanswered.insert(id, mode);
                }
            }
            Notice::SignIn(next) => {
                assert_ne!(self.sign_in, next, "no news");
                self.sign_in = next;
            }
            Notice::Event(event) => {
                if let EventTarget::Channel(channel) = &event.target {
                    self.settle(channel);
                }
                self.on_event(event);
            }
            Notice::Error {
                error: PusherError::Undecryptable { channel, .. },
                ..
            } => self.settle(&channel),
            _ => {}
        }
    }

    /// Counts an event of this channel that was delivered late, or reported as dropped.
    fn settle(&mut self, channel: &str) {
        if let Some(awaiting_key) = self.awaiting_key.get_mut(channel) {
            *awaiting_key -= 1;
            if *awaiting_key == 0 {
                self.awaiting_key.remove(channel);
            }
        }
    }

    pub(super) fn on_state(&mut self, next: ConnectionState) {
        assert!(
            is_legal_state(&self.state, &next),
            "{:?} -> {next:?}",
            self.state
        );
        if !matches!(next, ConnectionState::Connected { .. }) {
            for (channel, status) in &self.statuses {
                assert_eq!(
                    *status,
                    SubscriptionStatus::Pending,
                    "{channel} without a connection"
                );
            }
            assert_eq!(self.sign_in, SignInState::SignedOut);
        }
        self.state = next;
    }

    pub(super) fn on_members(&mut self, channel: &ChannelName, roster: &Roster) {
        assert_eq!(
            self.statuses.get(&**channel),
            Some(&SubscriptionStatus::Subscribed),
            "members of {channel}"
        );
        assert_eq!(roster.my_id(), Some("me"));
        self.rosters.insert(channel.to_string(), roster.clone());
    }

    pub(super) fn on_event(&mut self, event: ReceivedEvent<'_>) {
        match event.target {
            EventTarget::Channel(channel) => {
                assert!(
                    self.wanted.contains(&*channel),
                    "an event of {channel}, which is not wanted"
                );
                if event.event == "e" {
                    let number = event.data.as_str();
                    let number: u64 = number.parse().expect("the published event arrives");
                    let last = self.last_event.insert(channel.to_string(), number);
                    assert!(last.is_none_or(|last| last < number), "out of order");
                    self.reach.events += 1;
                    self.reach.decrypted += u64::from(channel.starts_with("private-encrypted-"));
                }
            }
            EventTarget::User => {
                assert!(matches!(self.sign_in, SignInState::SignedIn { .. }));
            }
            EventTarget::Connection => {}
        }
    }
}

/// Whether this transition of the connection is allowed.
fn is_legal_state(from: &ConnectionState, to: &ConnectionState) -> bool {
    use ConnectionState::{Connected, Connecting, Disconnected, Failed, Waiting};
    match (from, to) {
        // A disconnect followed by a connect, at each failure or continuously, has to wait.
        (Disconnected, to) => matches!(to, Connecting { .. } | Waiting { .. }),
        (Connecting { .. }, _) => true,
        (Connected { .. }, to) => !matches!(to, Connected { .. }),
        // Requests to connect shorten the wait, but do not skip it.
        (Waiting { .. } | Failed { .. }, to) => {
            matches!(to, Connecting { .. } | Disconnected | Waiting { .. })
        }
    }
}

/// Whether this transition of a channel is allowed.
fn is_legal_status(from: &SubscriptionStatus, to: &SubscriptionStatus) -> bool {
    use SubscriptionStatus::{Failed, Pending, Subscribed, Subscribing};
    match (from, to) {
        (Pending, to) => matches!(to, Subscribing | Failed(_)),
        (Subscribing, to) => *to != Subscribing,
        (Subscribed, to) => matches!(to, Pending | Failed(_)),
        // If two subscribe requests were sent, both may be refused.
        (Failed(_), Failed(SubscriptionError::Refused { .. })) => true,
        (Failed(_), to) => from != to,
    }
}
