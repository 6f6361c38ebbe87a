//! The messages from other threads to the network thread.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::{io, time::Duration};

use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::{Registry, Token, Waker};
use pusher_protocol::session::{ClientEvent, Command, ConnectionError, DialId, Input, SendId};

use super::connection::WebSocketConnection;
use crate::config::PusherConfig;

/// A message to the network thread.
pub(super) enum Message {
    Input(Input),
    Configure(Box<PusherConfig>),
    Dialled(DialId, Result<Box<WebSocketConnection>, ConnectionError>),
    /// Close the connection and end the thread, within this time.
    Close(Duration),
}

/// Sends messages and wakes the network thread. Cheap to clone.
#[derive(Clone)]
pub(super) struct MessageSender {
    messages: Sender<Message>,
    waker: Arc<Waker>,
    /// Set while the thread is being woken, so that many messages cost one system call.
    is_waking: Arc<AtomicBool>,
}

/// Receives messages on the network thread. The driver keeps a clone, for what a stopped thread has not received.
#[derive(Clone)]
pub(super) struct MessageReceiver {
    messages: Receiver<Message>,
    is_waking: Arc<AtomicBool>,
}

impl MessageSender {
    /// Creates both ends. The poll reports a message under `token`.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<(Self, MessageReceiver)> {
        let (messages, receiver) = unbounded();
        let is_waking = Arc::new(AtomicBool::new(false));
        let sender = Self {
            messages,
            waker: Arc::new(Waker::new(registry, token)?),
            is_waking: is_waking.clone(),
        };
        let receiver = MessageReceiver {
            messages: receiver,
            is_waking,
        };
        Ok((sender, receiver))
    }

    /// Never blocks. A message to a thread that has ended stays in the queue until the driver is dropped.
    pub(super) fn post(&self, message: Message) {
        if self.messages.send(message).is_ok() {
            self.wake();
        }
    }

    /// Wakes the network thread.
    pub(super) fn wake(&self) {
        if !self.is_waking.swap(true, Ordering::AcqRel) && self.waker.wake().is_err() {
            self.is_waking.store(false, Ordering::Release);
        }
    }
}

impl MessageReceiver {
    /// Call this before [`take`](Self::take): a message that comes after the last `take` then wakes the thread again.
    pub(super) fn arm_waker(&self) {
        self.is_waking.swap(false, Ordering::AcqRel);
    }

    pub(super) fn take(&self) -> Option<Message> {
        self.messages.try_recv().ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Takes all messages, and returns the ids of the client events among them.
    pub(super) fn take_sends(&self) -> Vec<SendId> {
        let messages = self.messages.try_iter();
        messages
            .filter_map(|message| match message {
                Message::Input(Input::Command(Command::Send(ClientEvent { id, .. }))) => Some(id),
                _ => None,
            })
            .collect()
    }
}
