//! The messages to a client, from the game and from callbacks of the browser.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use pusher_protocol::session::{DialId, Input};

use super::clients::{self, ClientId};
use crate::{config::PusherConfig, sync::lock};

/// A message to a client.
pub(super) enum Message {
    Input(Input),
    Configure(Box<PusherConfig>),
    Socket(DialId, SocketEvent),
    /// The transport has something for this dial, or for the connection that it opened.
    Transport(DialId),
    Timer,
    /// The browser reports that there is no network.
    Offline,
    /// The user leaves the page, but may come back.
    PageHidden,
    /// Close the connection, and drop the client.
    Close,
}

/// What the browser reports about a WebSocket.
pub(super) enum SocketEvent {
    Opened,
    Text(String),
    Binary,
    /// A text message exceeded the limit.
    TooLarge,
    Closed {
        code: u16,
        reason: String,
    },
}

/// Sends messages. The client handles a message before [`post`](Self::post) returns; if it is already running, before that run ends.
#[derive(Clone)]
pub(super) struct MessageSender {
    id: ClientId,
    queue: Arc<Mutex<Queue>>,
}

/// Receives messages for a client. Dropping it closes the queue.
pub(super) struct MessageReceiver(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    is_closed: bool,
}

impl MessageSender {
    pub(super) fn new() -> (Self, MessageReceiver) {
        let queue = Arc::<Mutex<Queue>>::default();
        let sender = Self {
            id: ClientId::next(),
            queue: queue.clone(),
        };
        (sender, MessageReceiver(queue))
    }

    pub(super) fn id(&self) -> ClientId {
        self.id
    }

    pub(super) fn post(&self, message: Message) {
        let mut queue = lock(&self.queue);
        if queue.is_closed {
            return;
        }
        queue.messages.push_back(message);
        drop(queue);
        clients::run(self.id);
    }
}

impl MessageReceiver {
    pub(super) fn take(&self) -> Option<Message> {
        lock(&self.0).messages.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).messages.is_empty()
    }
}

impl Drop for MessageReceiver {
    fn drop(&mut self) {
        let mut queue = lock(&self.0);
        queue.is_closed = true;
        let rest = std::mem::take(&mut queue.messages);
        // Dropping a message may run user code, which may post.
        drop(queue);
        drop(rest);
    }
}
