//! The global scope of JavaScript, and its exceptions.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::Window;

/// Returns the global scope: the window of a page, or the scope of a worker. Only methods may be called that a worker has, too: timers and
/// `fetch`.
pub(super) fn global() -> Window {
    js_sys::global().unchecked_into()
}

/// Returns the message of an exception.
pub(super) fn error_message(exception: &JsValue) -> String {
    match exception.dyn_ref::<js_sys::Error>() {
        Some(error) => error.message().into(),
        None => format!("{exception:?}"),
    }
}
