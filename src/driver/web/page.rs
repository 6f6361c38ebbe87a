//! Events of the page: hidden and shown, left, offline and online.

use pusher_protocol::session::{Hint, Input};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Document, Event, EventTarget, PageTransitionEvent, VisibilityState};

use super::{
    js,
    messages::{Message, MessageSender},
};

/// The events of the window, or of the scope of a worker.
const WINDOW_EVENTS: [&str; 4] = ["online", "offline", "pagehide", "pageshow"];

/// The events of the document. A worker has no document.
const DOCUMENT_EVENTS: [&str; 2] = ["visibilitychange", "resume"];

/// Listens for events until it is dropped.
pub(super) struct Page {
    listener: Closure<dyn Fn(Event)>,
}

impl Page {
    pub(super) fn listen(sender: MessageSender) -> Self {
        let listener = Closure::<dyn Fn(Event)>::new(move |event: Event| {
            if let Some(message) = to_message(&event) {
                sender.post(message);
            }
        });
        for (target, event) in targets() {
            let callback = listener.as_ref().unchecked_ref();
            if let Err(exception) = target.add_event_listener_with_callback(event, callback) {
                let said = js::error_message(&exception);
                log::debug!("cannot listen for {event}: {said}");
            }
        }
        Self { listener }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        for (target, event) in targets() {
            let callback = self.listener.as_ref().unchecked_ref();
            let _ = target.remove_event_listener_with_callback(event, callback);
        }
    }
}

/// Whether the page is hidden. A worker never is.
pub(super) fn is_hidden() -> bool {
    document().is_some_and(|document| document.visibility_state() == VisibilityState::Hidden)
}

fn targets() -> impl Iterator<Item = (EventTarget, &'static str)> {
    let window = WINDOW_EVENTS.map(|event| (EventTarget::from(js::global()), event));
    let document = document().map(|document| {
        DOCUMENT_EVENTS.map(|event| (EventTarget::from(Document::clone(&document)), event))
    });
    window.into_iter().chain(document.into_iter().flatten())
}

fn document() -> Option<Document> {
    js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("document"))
        .ok()?
        .dyn_into()
        .ok()
}

fn to_message(event: &Event) -> Option<Message> {
    let resumed = Message::Input(Input::Hint(Hint::Resumed));
    match &*event.type_() {
        "online" => Some(Message::Input(Input::Hint(Hint::NetworkChanged))),
        "offline" => Some(Message::Offline),
        "pagehide" => Some(Message::PageHidden),
        "resume" => Some(resumed),
        // Fires for every page. `persisted` is set if the page comes back from the back/forward cache.
        "pageshow" => {
            let shown = event.dyn_ref::<PageTransitionEvent>()?;
            shown.persisted().then_some(resumed)
        }
        "visibilitychange" => {
            let is_visible = document()?.visibility_state() == VisibilityState::Visible;
            is_visible.then_some(resumed)
        }
        _ => None,
    }
}
