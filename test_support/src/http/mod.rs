//! A small HTTP/1.1 server, good enough to misbehave.

mod answer;
mod request;
mod server;

pub use answer::Answer;
pub use request::HttpRequest;
pub(crate) use server::HttpServer;
