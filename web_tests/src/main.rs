//! A small game in a page. A test drives it by the function `game` of the page's window, which takes a
//! [`Request`](pusher_web_tests::Request) and answers with the [`State`](pusher_web_tests::State), both as JSON.

#[cfg(target_arch = "wasm32")]
mod page;

fn main() {
    #[cfg(target_arch = "wasm32")]
    page::run();
}
