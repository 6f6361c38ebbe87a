//! What reaches an engine.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pusher_protocol::{
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::{Command, DialId, Hint, RequestId},
};

use super::registry::{self, EngineId};
use crate::config::PusherConfig;

/// One thing to tell an engine.
pub(super) enum Message {
    Command(Command),
    Hint(Hint),
    Configure(Box<PusherConfig>),
    Socket(DialId, SocketEvent),
    /// The game's transport has news of this dial, or of the connection that came of it.
    Transport(DialId),
    Authorized(RequestId, Result<ChannelAuthorization, AuthError>),
    Authenticated(RequestId, Result<UserAuthentication, AuthError>),
    Timer,
    /// The browser says that there is no network.
    Offline,
    /// The page is being left. It may come back.
    PageLeft,
    /// The end.
    Close,
}

/// What the browser tells of a WebSocket.
pub(super) enum SocketEvent {
    Opened,
    Text(String),
    Binary,
    /// A text larger than is taken.
    TooLarge,
    Closed {
        code: u16,
        reason: String,
    },
}

/// Where messages are put. Putting one has the engine take it, before this returns; if the engine is at work just now, it
/// takes it before it rests.
#[derive(Clone)]
pub(super) struct Mailbox {
    id: EngineId,
    queue: Arc<Mutex<Queue>>,
}

/// Where the engine finds them.
pub(super) struct Inbox(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    /// Whether nobody takes anything any more.
    is_closed: bool,
}

impl Mailbox {
    pub(super) fn new() -> (Self, Inbox) {
        let queue = Arc::<Mutex<Queue>>::default();
        let mailbox = Self {
            id: EngineId::next(),
            queue: queue.clone(),
        };
        (mailbox, Inbox(queue))
    }

    pub(super) fn id(&self) -> EngineId {
        self.id
    }

    pub(super) fn post(&self, message: Message) {
        let mut queue = lock(&self.queue);
        if queue.is_closed {
            return;
        }
        queue.messages.push_back(message);
        drop(queue);
        registry::run(self.id);
    }
}

impl Inbox {
    pub(super) fn take(&self) -> Option<Message> {
        lock(&self.0).messages.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).messages.is_empty()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let mut queue = lock(&self.0);
        queue.is_closed = true;
        let rest = std::mem::take(&mut queue.messages);
        drop(queue);
        drop(rest);
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
