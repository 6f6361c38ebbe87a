//! What reaches the network thread from other threads.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::{io, time::Duration};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::{Registry, Token, Waker};
use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::{ClientEvent, Command, ConnectionError, DialId, Hint, RequestId, SendId},
};

use super::socket::Socket;
use crate::config::PusherConfig;

/// One thing to tell the network thread.
pub(super) enum Message {
    Command(Command),
    Hint(Hint),
    Configure(Box<PusherConfig>),
    Dialled(DialId, Result<Box<Socket>, ConnectionError>),
    Authorized(RequestId, Result<ChannelAuthorization, AuthError>),
    Authenticated(RequestId, Result<UserAuthentication, AuthError>),
    /// The end: close what is open, within this time.
    Close(Duration),
}

/// Where other threads put messages; putting one wakes the network thread.
#[derive(Clone)]
pub(super) struct Mailbox {
    messages: Sender<Message>,
    waker: Arc<Waker>,
    /// Set while a wake-up is on its way, so that many messages cost one.
    is_waking: Arc<AtomicBool>,
}

/// Where the network thread finds them.
pub(super) struct Inbox {
    messages: Receiver<Message>,
    is_waking: Arc<AtomicBool>,
}

/// What is left in the mailbox of a network thread that has ended.
pub(super) struct Leftovers(Receiver<Message>);

impl Mailbox {
    /// Both ends, with the wake-up registered under `token`.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<(Self, Inbox)> {
        let (sender, receiver) = unbounded();
        let is_waking = Arc::new(AtomicBool::new(false));
        let mailbox = Self {
            messages: sender,
            waker: Arc::new(Waker::new(registry, token)?),
            is_waking: is_waking.clone(),
        };
        let inbox = Inbox {
            messages: receiver,
            is_waking,
        };
        Ok((mailbox, inbox))
    }

    /// Never blocks. After the network thread's end nobody takes it.
    pub(super) fn post(&self, message: Message) {
        if self.messages.send(message).is_ok() {
            self.wake();
        }
    }

    /// Has the network thread look around.
    pub(super) fn wake(&self) {
        if !self.is_waking.swap(true, Ordering::AcqRel) && self.waker.wake().is_err() {
            self.is_waking.store(false, Ordering::Release);
        }
    }
}

impl Inbox {
    /// To be called before the messages are taken: one that comes after the last `take` then wakes anew.
    pub(super) fn expect_wake_up(&self) {
        self.is_waking.swap(false, Ordering::AcqRel);
    }

    pub(super) fn take(&self) -> Option<Message> {
        self.messages.try_recv().ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn leftovers(&self) -> Leftovers {
        Leftovers(self.messages.clone())
    }
}

impl Leftovers {
    /// The client events in it. Empties it.
    pub(super) fn sends(&self) -> Vec<SendId> {
        let messages = self.0.try_iter();
        messages
            .filter_map(|message| match message {
                Message::Command(Command::Send(ClientEvent { id, .. })) => Some(id),
                _ => None,
            })
            .collect()
    }
}
