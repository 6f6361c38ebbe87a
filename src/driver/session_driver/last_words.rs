//! What becomes of client events when nobody drives the session any more.

use pusher_protocol::session::{
    Command, Input, Notice, Now, Output, SendError, SendId, SendOutcome,
};

use super::{Driven, Sink};

impl<S: Sink> Driven<S> {
    /// Answers those that the session holds.
    pub(crate) fn refuse_sends(&mut self, now: Now) {
        if let Some(id) = self.in_hand.take() {
            self.refuse(id);
        }
        for answer in std::mem::take(&mut self.answers) {
            if matches!(answer, Input::Written { .. }) {
                self.session.handle_input(answer, now);
            }
        }
        let disconnect = Input::Command(Command::Disconnect);
        self.session.handle_input(disconnect, now);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send {
                    answer: Some(id), ..
                } => self.refuse(id),
                Output::Notice(answer @ Notice::SendAnswered { .. }) => self.sink.notice(answer),
                _ => {}
            }
        }
    }

    /// Answers one.
    pub(crate) fn refuse(&mut self, id: SendId) {
        let outcome = SendOutcome::Rejected(SendError::NotConnected);
        self.sink.notice(Notice::SendAnswered { id, outcome });
    }
}
