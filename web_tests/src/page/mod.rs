//! Runs the app in the page: its frames, and the function that a test calls.

mod callback_auth;
mod custom_transport;
mod game;
mod unavailable_options;

use std::{cell::RefCell, rc::Rc};

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::Window;

use game::Game;

/// Creates the app, and runs its frames as long as the page exists.
pub(crate) fn run() {
    let game = Rc::new(RefCell::new(Game::new()));
    let window: Window = js_sys::global().unchecked_into();
    let answer = Closure::<dyn Fn(JsValue) -> JsValue>::new({
        let game = game.clone();
        move |request: JsValue| JsValue::from(answer(&mut game.borrow_mut(), &request))
    });
    let called = Reflect::set(&window, &"game".into(), &answer.into_js_value());
    debug_assert!(called.is_ok(), "properties of a window can be set");
    let frame = Rc::new(RefCell::new(None::<Closure<dyn Fn()>>));
    let next = frame.clone();
    *frame.borrow_mut() = Some(Closure::new(move || {
        game.borrow_mut().update();
        request_frame(&next);
    }));
    request_frame(&frame);
}

fn answer(game: &mut Game, request: &JsValue) -> String {
    let request = request.as_string().unwrap_or_default();
    let answer = serde_json::from_str(&request)
        .map_err(|error| error.to_string())
        .and_then(|request| game.handle(request))
        .and_then(|state| serde_json::to_string(&state).map_err(|error| error.to_string()));
    answer.unwrap_or_else(|error| format!("error: {error}"))
}

/// Like a real app, gets its frames from `requestAnimationFrame`, which a hidden tab does not call.
fn request_frame(frame: &Rc<RefCell<Option<Closure<dyn Fn()>>>>) {
    let window: Window = js_sys::global().unchecked_into();
    if let Some(frame) = &*frame.borrow() {
        let _ = window.request_animation_frame(frame.as_ref().unchecked_ref());
    }
}
