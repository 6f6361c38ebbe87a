//! The driver: does what the session says, and wakes it when it asks to be woken.

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
            self.obey(output);
        }
        self.check_always();
    }

    pub(super) fn obey(&mut self, output: Output) {
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
                assert!(!self.barred.contains(&*channel), "{channel} was given up");
                self.ask(request, Some(channel.to_string()), &socket_id);
            }
            Output::Authenticate { request, socket_id } => {
                assert!(self.wants_sign_in);
                self.ask(request, None, &socket_id);
            }
            Output::CancelRequest(request) => {
                let open = self
                    .questions
                    .iter()
                    .position(|question| question.request == request);
                let open = open.expect("only an open question is cancelled");
                self.cancelled.push(self.questions.remove(open));
            }
            Output::Notice(notice) => self.hear(notice),
        }
    }

    pub(super) fn ask(&mut self, request: RequestId, channel: Option<String>, socket_id: &str) {
        let asked = |question: &Question| question.channel == channel;
        assert!(
            !self.questions.iter().any(asked),
            "{channel:?} is asked for twice"
        );
        self.questions.push(Question {
            request,
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
            assert!(woken < 1000, "the session spins");
        }
        self.pass(end.saturating_sub(self.now.monotonic));
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time;
    }

    /// What is true after each input.
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
        let asked = self.questions.iter().filter(|open| open.channel.is_some());
        assert!(
            asked.count() <= AUTHORIZATIONS_AT_ONCE,
            "too many questions at once"
        );
        for question in &self.questions {
            let connection = self
                .connection
                .as_ref()
                .expect("a question is for a socket");
            assert_eq!(question.socket_id, connection.socket_id);
        }
        let waits = |mode: &SendMode| *mode != SendMode::Immediate;
        assert!(
            self.unanswered.values().all(waits),
            "a client event without an answer"
        );
        if matches!(
            self.state,
            ConnectionState::Disconnected | ConnectionState::Failed { .. }
        ) {
            assert!(
                self.unanswered.is_empty(),
                "a client event without a prospect"
            );
        }
    }
}
