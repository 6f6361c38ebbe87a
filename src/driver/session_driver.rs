//! What every driver does for its session, whatever it does it with.

#[cfg(not(target_arch = "wasm32"))]
mod last_words;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use pusher_protocol::{
    ChannelName, Session,
    session::{ConnectionError, DialId, Input, Now, Output, RequestId, SendId},
};

use super::Sink;

/// What the protocol itself has to say is not subject to the bound on waiting bytes; but a server that left this many
/// times as much unread is dead.
const HOPELESS_BACKLOG: usize = 8;

/// A session, and where what it tells goes.
pub(crate) struct Driven<S> {
    pub(crate) session: Session,
    pub(crate) sink: S,
    /// Whether the sink holds what the game was not told of yet.
    has_news: bool,
    /// What the session is to be told once its outputs are carried out.
    answers: VecDeque<Input>,
    /// The client event that is being written.
    in_hand: Option<SendId>,
}

impl<S: Sink> Driven<S> {
    pub(crate) fn new(session: Session, sink: S) -> Self {
        Self {
            session,
            sink,
            has_news: false,
            answers: VecDeque::new(),
            in_hand: None,
        }
    }

    /// Tells the session something once what it said is carried out.
    pub(crate) fn answer(&mut self, input: Input) {
        self.answers.push_back(input);
    }

    /// Takes in a frame. Then the session is to be [obeyed](SessionDriver::obey).
    pub(crate) fn frame(&mut self, dial: DialId, text: &str, now: Now) {
        self.sink.received(text.len());
        self.has_news = true;
        if let Some(event) = self.session.handle_frame(dial, text, now) {
            self.sink.event(&event);
        }
    }

    /// Lets the game see what came so far.
    pub(crate) fn flush(&mut self) {
        if std::mem::take(&mut self.has_news) {
            self.sink.flush();
        }
    }

    /// The next output that takes a driver; notices go to the sink on the way.
    fn next(&mut self) -> Option<Output> {
        while let Some(output) = self.session.poll_output() {
            let Output::Notice(notice) = output else {
                return Some(output);
            };
            self.sink.notice(notice);
            self.has_news = true;
        }
        None
    }
}

/// Whoever owns a session and does what it says.
pub(crate) trait SessionDriver {
    /// Where notices and events go.
    type Sink: Sink;

    /// The session.
    fn driven(&mut self) -> &mut Driven<Self::Sink>;
    /// What time it is.
    fn now(&self) -> Now;
    /// How many bytes may wait for a server that does not read.
    fn outbound_limit(&self) -> usize;

    /// Begins to dial.
    fn dial(
        &mut self,
        dial: DialId,
        deadline: Duration,
        attempt: u32,
    ) -> Result<(), ConnectionError>;
    /// Gives a dial up.
    fn cancel_dial(&mut self, dial: DialId);
    /// How many bytes wait on the open connection, if there is one.
    fn waiting(&mut self) -> Option<usize>;
    /// Writes a frame to the open connection. Returns whether it was taken.
    fn write(&mut self, text: String) -> bool;
    /// Closes the open connection in good order.
    fn close(&mut self, code: u16, reason: &'static str);
    /// Drops the open connection without ado.
    fn abandon(&mut self);
    /// The open connection is hopeless: drops it, and [answers](Driven::answer) so.
    fn lose(&mut self, error: ConnectionError);
    /// Asks the game's backend about a channel.
    fn authorize(&mut self, request: RequestId, channel: &ChannelName, socket_id: Arc<str>);
    /// Asks the game's backend about the user.
    fn authenticate(&mut self, request: RequestId, socket_id: Arc<str>);
    /// Nobody waits for this answer of the backend any more.
    fn cancel_request(&mut self, request: RequestId);

    /// Tells the session what happened, and does what it says to that.
    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.driven().session.handle_input(input, now);
        self.obey();
    }

    /// Does what the session says, and what it says to the answers.
    fn obey(&mut self) {
        loop {
            while let Some(output) = self.driven().next() {
                self.carry_out(output);
            }
            let Some(answer) = self.driven().answers.pop_front() else {
                return;
            };
            let now = self.now();
            self.driven().session.handle_input(answer, now);
        }
    }

    /// Does one thing that the session says.
    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Dial {
                dial,
                deadline,
                attempt,
            } => {
                if let Err(error) = self.dial(dial, deadline, attempt) {
                    self.driven().answer(Input::DialFailed(dial, error));
                }
            }
            Output::CancelDial(dial) => self.cancel_dial(dial),
            Output::Send { text, answer } => self.send(text.into(), answer),
            Output::Close { code, reason } => self.close(code, reason),
            Output::Abandon => self.abandon(),
            Output::Authorize {
                request,
                channel,
                socket_id,
            } => self.authorize(request, &channel, socket_id),
            Output::Authenticate { request, socket_id } => self.authenticate(request, socket_id),
            Output::CancelRequest(request) => self.cancel_request(request),
            // Taken on the way.
            Output::Notice(_) => {}
        }
    }

    /// Sends a frame, within the bounds for what may wait. With an `answer` it is a client event, which may be refused.
    fn send(&mut self, text: String, answer: Option<SendId>) {
        let limit = self.outbound_limit();
        let mut accepted = false;
        self.driven().in_hand = answer;
        if let Some(waiting) = self.waiting() {
            let waiting = waiting + text.len();
            if answer.is_none() && waiting > limit.saturating_mul(HOPELESS_BACKLOG) {
                let reason = "the server does not read".into();
                self.lose(ConnectionError::Lost { reason });
            } else if answer.is_none() || waiting <= limit {
                accepted = self.write(text);
            }
        }
        let driven = self.driven();
        if let Some(id) = driven.in_hand.take() {
            driven.answer(Input::Written { id, accepted });
        }
    }
}
