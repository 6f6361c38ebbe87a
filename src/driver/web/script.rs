//! The little that is needed of JavaScript everywhere.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{EventTarget, Window};

/// What is global: a page's window, or the scope of a worker. Of the window's methods only those may be called that a
/// worker has as well: timers and `fetch`.
pub(super) fn global() -> Window {
    js_sys::global().unchecked_into()
}

/// The same, as what events are told to.
pub(super) fn global_events() -> EventTarget {
    js_sys::global().unchecked_into()
}

/// What an exception says.
pub(super) fn words_of(exception: &JsValue) -> String {
    match exception.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => format!("{exception:?}"),
    }
}
