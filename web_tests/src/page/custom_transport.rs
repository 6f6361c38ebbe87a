//! A transport in user code, built on a second WebSocket that the plugin does not know.

use bevy_pusher::transport::{
    DialRequest, Transport, TransportConnection, TransportError, TransportEvents,
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

/// Opens one WebSocket per connection.
pub(crate) struct CustomTransport;

struct Open {
    web_socket: WebSocket,
    /// JavaScript closures, which must stay on this thread.
    _on_open: Closure<dyn Fn()>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
}

impl Transport for CustomTransport {
    fn dial(
        &self,
        request: DialRequest,
        events: TransportEvents,
    ) -> Result<Box<dyn TransportConnection>, TransportError> {
        let web_socket = WebSocket::new(&request.url()).map_err(|error| format!("{error:?}"))?;
        let events = std::rc::Rc::new(events);
        let sender = events.clone();
        let on_open = Closure::<dyn Fn()>::new(move || sender.opened());
        let sender = events.clone();
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            sender.receive(event.data().as_string().unwrap_or_default());
        });
        let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
            events.closed(Some(event.code()), event.reason());
        });
        web_socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        web_socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        web_socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Box::new(Open {
            web_socket,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        }))
    }
}

impl TransportConnection for Open {
    fn send(&mut self, text: String) {
        let _ = self.web_socket.send_with_str(&text);
    }

    fn close(self: Box<Self>, code: u16, reason: &str) {
        let _ = self.web_socket.close_with_code_and_reason(code, reason);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.web_socket.set_onopen(None);
        self.web_socket.set_onmessage(None);
        self.web_socket.set_onclose(None);
        let _ = self.web_socket.close();
    }
}
