//! The browser's WebSocket. TLS, look-ups, proxies and pings of the WebSocket itself are the browser's.

use std::{cell::Cell, rc::Rc};

use pusher_protocol::session::{ConnectionError, DialId};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::{
    mailbox::{Mailbox, Message, SocketEvent},
    script,
};

/// A close that the browser makes up for a connection that ended without one (RFC 6455, section 7.4.1).
const ABNORMAL: u16 = 1006;

/// The same for a close frame without a code.
const NO_STATUS: u16 = 1005;

/// A WebSocket, being opened or open. Dropping it closes it.
pub(super) struct Socket {
    pub(super) dial: DialId,
    web_socket: WebSocket,
    limit: Rc<Cell<usize>>,
    _on_open: Closure<dyn Fn()>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
}

impl Socket {
    /// Begins to open one; all that comes of it is told to the mailbox.
    pub(super) fn dial(
        dial: DialId,
        url: &str,
        inbound_message_bytes: usize,
        mailbox: &Mailbox,
    ) -> Result<Self, ConnectionError> {
        let web_socket = WebSocket::new(url).map_err(|exception| {
            // What is not allowed to the page, such as ws:// from a page that came by https.
            let said = script::words_of(&exception);
            ConnectionError::Unsupported(format!("the browser refuses this connection: {said}"))
        })?;
        web_socket.set_binary_type(BinaryType::Arraybuffer);
        let limit = Rc::new(Cell::new(inbound_message_bytes));
        let tell = {
            let mailbox = mailbox.clone();
            move |event| mailbox.post(Message::Socket(dial, event))
        };
        let on_open = Closure::<dyn Fn()>::new({
            let tell = tell.clone();
            move || tell(SocketEvent::Opened)
        });
        let on_message = Closure::<dyn Fn(MessageEvent)>::new({
            let (tell, limit) = (tell.clone(), limit.clone());
            move |event: MessageEvent| tell(read(&event.data(), limit.get()))
        });
        let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
            tell(SocketEvent::Closed {
                code: event.code(),
                reason: event.reason(),
            });
        });
        web_socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        web_socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        web_socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self {
            dial,
            web_socket,
            limit,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        })
    }

    /// Changes the largest message that is taken from the server, in bytes.
    pub(super) fn set_limit(&self, inbound_message_bytes: usize) {
        self.limit.set(inbound_message_bytes);
    }

    /// How many bytes the network has not taken yet.
    pub(super) fn waiting(&self) -> usize {
        self.web_socket.buffered_amount() as usize
    }

    /// Sends a text. Returns whether it was taken: not if the connection is at its end, of which the browser tells soon.
    pub(super) fn send(&self, text: &str) -> bool {
        self.web_socket.ready_state() == WebSocket::OPEN
            && self.web_socket.send_with_str(text).is_ok()
    }

    /// Closes it, as far as the browser lets a page say why: other codes of the WebSocket protocol than 1000 are its own.
    pub(super) fn close(self, code: u16, reason: &str) {
        let _ = self.web_socket.close_with_code_and_reason(code, reason);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.web_socket.set_onopen(None);
        self.web_socket.set_onmessage(None);
        self.web_socket.set_onclose(None);
        // Does nothing if it is closed already.
        let _ = self.web_socket.close();
    }
}

/// Takes a message over from JavaScript, unless it is larger than that.
fn read(data: &JsValue, limit: usize) -> SocketEvent {
    let Some(text) = data.dyn_ref::<js_sys::JsString>() else {
        return SocketEvent::Binary;
    };
    // Each of JavaScript's units takes a byte or more.
    if text.length() as usize > limit {
        return SocketEvent::TooLarge;
    }
    let text = String::from(text);
    if text.len() > limit {
        return SocketEvent::TooLarge;
    }
    SocketEvent::Text(text)
}

/// Why an open connection ended.
pub(super) fn ended(code: u16, reason: String) -> ConnectionError {
    match code {
        ABNORMAL => ConnectionError::Lost {
            reason: "it ended without a word; the browser tells no more".into(),
        },
        NO_STATUS => ConnectionError::Closed { code: None, reason },
        code => ConnectionError::Closed {
            code: Some(code),
            reason,
        },
    }
}
