//! What HTTP endpoints take and give: a recorded request, and an answer that may be wrong. [`ScriptedAuth`](crate::ScriptedAuth) serves
//! them.

mod answer;
mod request;

pub use answer::Answer;
pub use request::HttpRequest;
pub(crate) use request::read_head;
