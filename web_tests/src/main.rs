//! A small app in a page. A test controls it through the function `window.game`, which takes a
//! [`Request`](pusher_web_tests::Request) and returns the [`State`](pusher_web_tests::State), both as JSON.

#[cfg(target_arch = "wasm32")]
mod page;

fn main() {
    #[cfg(target_arch = "wasm32")]
    page::run();
}
