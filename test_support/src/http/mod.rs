//! The requests and responses of [`ScriptedAuth`](crate::ScriptedAuth): recorded requests, and responses that may be malformed.

mod answer;
mod request;

pub use answer::Answer;
pub use request::HttpRequest;
pub(crate) use request::read_head;
