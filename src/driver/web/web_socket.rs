//! A WebSocket of the browser. The browser does TLS, the resolution of names, proxies, and the pings of the WebSocket protocol.

use std::{cell::Cell, rc::Rc};

use pusher_protocol::session::{ConnectionError, DialId};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::{
    js,
    messages::{Message, MessageSender, SocketEvent},
};

/// The code that browsers report for a connection that ended without a close frame (RFC 6455, section 7.4.1).
const ABNORMAL: u16 = 1006;

/// The code that browsers report for a close frame without a code.
const NO_STATUS: u16 = 1005;

/// A WebSocket, open or being opened. Dropping it closes it.
pub(super) struct BrowserSocket {
    pub(super) dial: DialId,
    web_socket: WebSocket,
    limit: Rc<Cell<usize>>,
    _on_open: Closure<dyn Fn()>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
}

impl BrowserSocket {
    /// Starts to open a WebSocket. Everything that happens on it is posted as [`SocketEvent`].
    pub(super) fn dial(
        dial: DialId,
        url: &str,
        inbound_message_bytes: usize,
        sender: &MessageSender,
    ) -> Result<Self, ConnectionError> {
        let web_socket = WebSocket::new(url).map_err(|exception| {
            // Not allowed for this page, such as ws:// in a page loaded over https.
            let said = js::error_message(&exception);
            ConnectionError::Unsupported(format!("the browser refuses this connection: {said}"))
        })?;
        web_socket.set_binary_type(BinaryType::Arraybuffer);
        let limit = Rc::new(Cell::new(inbound_message_bytes));
        let report = {
            let sender = sender.clone();
            move |event| sender.post(Message::Socket(dial, event))
        };
        let on_open = Closure::<dyn Fn()>::new({
            let report = report.clone();
            move || report(SocketEvent::Opened)
        });
        let on_message = Closure::<dyn Fn(MessageEvent)>::new({
            let (report, limit) = (report.clone(), limit.clone());
            move |event: MessageEvent| report(read(&event.data(), limit.get()))
        });
        let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
            report(SocketEvent::Closed {
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

    /// Changes the largest inbound message, in bytes.
    pub(super) fn set_limit(&self, inbound_message_bytes: usize) {
        self.limit.set(inbound_message_bytes);
    }

    /// Returns how many bytes were not sent yet.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.web_socket.buffered_amount() as usize
    }

    /// Sends a text. Returns whether the browser accepted it. It does not after the connection has ended, which it reports soon.
    pub(super) fn send(&self, text: &str) -> bool {
        self.web_socket.ready_state() == WebSocket::OPEN
            && self.web_socket.send_with_str(text).is_ok()
    }

    /// Starts the close handshake. Browsers let a page use the code 1000 and those from 3000 on.
    pub(super) fn close(self, code: u16, reason: &str) {
        let _ = self.web_socket.close_with_code_and_reason(code, reason);
    }
}

impl Drop for BrowserSocket {
    fn drop(&mut self) {
        self.web_socket.set_onopen(None);
        self.web_socket.set_onmessage(None);
        self.web_socket.set_onclose(None);
        // Does nothing if it is closed already.
        let _ = self.web_socket.close();
    }
}

/// Copies a message from JavaScript, unless it exceeds the limit.
fn read(data: &JsValue, limit: usize) -> SocketEvent {
    let Some(text) = data.dyn_ref::<js_sys::JsString>() else {
        return SocketEvent::Binary;
    };
    // Each UTF-16 unit takes at least one byte in UTF-8.
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
            reason: "the connection was closed without a close frame (the browser gives no reason)"
                .into(),
        },
        NO_STATUS => ConnectionError::Closed { code: None, reason },
        code => ConnectionError::Closed {
            code: Some(code),
            reason,
        },
    }
}
