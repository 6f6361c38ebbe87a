//! The driver for the browser. There is one thread, nothing may block, and the game's frames stop in a hidden tab. So everything runs in
//! callbacks of the browser: of the socket, of timers and of the page.
//!
//! | file | contents |
//! |---|---|
//! | `client` | the session, the open connection, deadlines |
//! | `messages` | the messages to a client, from the game and from callbacks |
//! | `clients` | the clients of this thread |
//! | `connection`, `web_socket` | a connection: a WebSocket of the browser or a transport |
//! | `timer` | a timer of the browser |
//! | `page` | events of the page: hidden and shown, left, offline and online |
//! | `authorizing`, `fetch` | queries to the game's backend |
//! | `js` | the global scope of JavaScript, and its exceptions |

mod authorizing;
mod client;
mod clients;
mod connection;
mod fetch;
mod js;
mod messages;
mod page;
mod timer;
mod web_socket;

use std::{io, time::Duration};

use bevy_platform::time::Instant;
use pusher_protocol::session::Input;

use super::{Driver, Sink};
use crate::config::PusherConfig;
use client::WebClient;
use messages::{Message, MessageSender};

/// Starts a driver.
pub(crate) fn start(config: &PusherConfig, sink: Box<dyn Sink>) -> io::Result<Box<dyn Driver>> {
    let started = Instant::now();
    let (sender, receiver) = MessageSender::new();
    let client = WebClient::new(config.clone(), sink, started, sender.clone(), receiver);
    clients::add(sender.id(), client);
    Ok(Box::new(WebDriver { started, sender }))
}

/// The handle to a client. It may leave the browser's thread; the client itself may not.
struct WebDriver {
    started: Instant,
    sender: MessageSender,
}

impl Driver for WebDriver {
    fn started(&self) -> Instant {
        self.started
    }

    fn input(&self, input: Input) {
        self.sender.post(Message::Input(input));
    }

    fn configure(&self, config: &PusherConfig) {
        self.sender
            .post(Message::Configure(Box::new(config.clone())));
    }

    /// Ends the client at once. The browser finishes the close handshake.
    fn close(&mut self, _within: Duration) {
        self.sender.post(Message::Close);
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        self.sender.post(Message::Close);
    }
}
