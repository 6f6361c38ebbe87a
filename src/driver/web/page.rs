//! What the page is told: that it is hidden or shown, left, offline or online.

use pusher_protocol::session::Hint;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Document, Event, EventTarget, PageTransitionEvent, VisibilityState};

use super::{
    mailbox::{Mailbox, Message},
    script,
};

/// What the window, or the scope of a worker, is told.
const OF_THE_WINDOW: [&str; 4] = ["online", "offline", "pagehide", "pageshow"];

/// What the document is told. A worker has none.
const OF_THE_DOCUMENT: [&str; 2] = ["visibilitychange", "resume"];

/// Listens, until it is dropped.
pub(super) struct Page {
    listener: Closure<dyn Fn(Event)>,
}

impl Page {
    pub(super) fn listen(mailbox: Mailbox) -> Self {
        let listener = Closure::<dyn Fn(Event)>::new(move |event: Event| {
            if let Some(message) = meaning(&event) {
                mailbox.post(message);
            }
        });
        for (target, event) in targets() {
            let callback = listener.as_ref().unchecked_ref();
            if let Err(exception) = target.add_event_listener_with_callback(event, callback) {
                let said = script::words_of(&exception);
                log::debug!("nothing will be heard of {event}: {said}");
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

/// Whether nobody sees the page. A worker is never hidden.
pub(super) fn is_hidden() -> bool {
    document().is_some_and(|document| document.visibility_state() == VisibilityState::Hidden)
}

fn targets() -> impl Iterator<Item = (EventTarget, &'static str)> {
    let window = OF_THE_WINDOW.map(|event| (script::global_events(), event));
    let document = document().map(|document| {
        OF_THE_DOCUMENT.map(|event| (EventTarget::from(Document::clone(&document)), event))
    });
    window.into_iter().chain(document.into_iter().flatten())
}

fn document() -> Option<Document> {
    js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("document"))
        .ok()?
        .dyn_into()
        .ok()
}

fn meaning(event: &Event) -> Option<Message> {
    let resumed = Message::Hint(Hint::Resumed);
    match &*event.type_() {
        "online" => Some(Message::Hint(Hint::NetworkChanged)),
        "offline" => Some(Message::Offline),
        "pagehide" => Some(Message::PageLeft),
        "resume" => Some(resumed),
        // Every page is shown once; one that comes back from the history has been kept.
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
