//! The driver: executes the session's outputs, and wakes it when a timer is due.

use super::*;

impl World {
    pub(super) fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    pub(super) fn input(&mut self, input: Input) {
        self.session.handle_input(input, self.now);
        self.drain();
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.execute(output);
        }
        self.check_always();
    }

    pub(super) fn execute(&mut self, output: Output) {
        match output {
            Output::Dial { dial, deadline, .. } => {
                assert!(
                    self.dialling.is_none() && self.connection.is_none(),
                    "one socket at a time"
                );
                assert!(deadline > self.now.monotonic);
                self.dialling = Some(dial);
            }
            Output::CancelDial(dial) => {
                assert_eq!(self.dialling.take(), Some(dial));
                self.last_dial = Some(dial);
            }
            Output::Send { text, answer } => {
                let connection = self.connection.as_mut().expect("there is a socket");
                let accepted = answer.is_none() || !self.is_blocked;
                if accepted {
                    connection.to_server.push_back(text.into());
                }
                if let Some(id) = answer {
                    self.reach.sent += u64::from(accepted);
                    self.session
                        .handle_input(Input::Written { id, accepted }, self.now);
                }
            }
            Output::Close { .. } | Output::Abandon => {
                assert!(self.connection.is_some(), "only an open socket is closed");
                self.hang_up();
            }
            Output::Authorize {
                request,
                channel,
                socket_id,
            } => {
                assert!(self.wanted.contains(&*channel));
                assert!(
                    !self.suspended.contains(&*channel),
                    "{channel} is not wanted"
                );
                self.add_request(request, Some(channel.to_string()), &socket_id);
            }
            Output::Authenticate { request, socket_id } => {
                assert!(self.wants_sign_in);
                self.add_request(request, None, &socket_id);
            }
            Output::CancelRequest(request) => {
                let open = self.requests.iter().position(|open| open.id == request);
                let open = open.expect("only an open request is cancelled");
                self.cancelled.push(self.requests.remove(open));
            }
            Output::Notice(notice) => self.on_notice(notice),
        }
    }

    pub(super) fn add_request(
        &mut self,
        request: RequestId,
        channel: Option<String>,
        socket_id: &str,
    ) {
        let is_same = |request: &BackendRequest| request.channel == channel;
        assert!(
            !self.requests.iter().any(is_same),
            "{channel:?} is requested twice"
        );
        self.requests.push(BackendRequest {
            id: request,
            channel,
            socket_id: socket_id.into(),
        });
    }

    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now.monotonic + time;
        let mut woken = 0;
        while let Some(due) = self.session.wake_at().filter(|due| *due <= end) {
            self.pass(due.saturating_sub(self.now.monotonic));
            self.reach.steps += 1;
            self.input(Input::TimePassed);
            woken += 1;
            assert!(woken < 1000, "the session sets timers without an effect");
        }
        self.pass(end.saturating_sub(self.now.monotonic));
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time;
    }

    /// Checks the invariants after each input.
    pub(super) fn check_always(&mut self) {
        let wakes = self.session.wake_at().is_some();
        let (waits, dialling, connected) = match &self.state {
            ConnectionState::Disconnected | ConnectionState::Failed { .. } => (false, false, false),
            ConnectionState::Waiting { .. } => (true, false, false),
            ConnectionState::Connecting { .. } => {
                (true, self.dialling.is_some(), self.dialling.is_none())
            }
            ConnectionState::Connected { .. } => (true, false, true),
        };
        assert_eq!(wakes, waits, "{:?}", self.state);
        assert_eq!(self.dialling.is_some(), dialling, "{:?}", self.state);
        assert_eq!(self.connection.is_some(), connected, "{:?}", self.state);
        let authorizations = self.requests.iter().filter(|open| open.channel.is_some());
        assert!(
            authorizations.count() <= AUTHORIZATIONS_AT_ONCE,
            "too many requests at once"
        );
        for request in &self.requests {
            let connection = self.connection.as_ref().expect("a request needs a socket");
            assert_eq!(request.socket_id, connection.socket_id);
        }
        let waits = |mode: &SendMode| *mode != SendMode::Immediate;
        assert!(
            self.unanswered.values().all(waits),
            "a client event without an outcome"
        );
        if matches!(
            self.state,
            ConnectionState::Disconnected | ConnectionState::Failed { .. }
        ) {
            assert!(
                self.unanswered.is_empty(),
                "a client event that can never be sent"
            );
        }
    }
}
