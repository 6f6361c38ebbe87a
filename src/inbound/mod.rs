//! From the driver to the game: a bounded queue, and the system that delivers what is in it.
//!
//! ```text
//! driver's thread: session → QueueSink → Batch ──flush──▶ InboundQueue ──take──▶ receive → observers, components, messages  (frame)
//! ```
//!
//! The driver's thread fills a [`Batch`](batch::Batch) of its own and appends it to the [`InboundQueue`] at the end of each burst. The
//! frame swaps the queue's batch for an empty one. So the lock is held only for a swap or for moving rows, the memory is used again, and
//! what a game does not take waits in one place, where it is bounded.
//!
//! Decoded payloads travel in columns: all payloads of one type lie side by side, and the order of events only says how many rows of which
//! kind of event come next. That costs less than a box per event.

mod batch;
mod budget;
mod column;
mod messages;
mod notices;
mod overflow;
mod queue;
mod receive;
mod registry;

pub(crate) use messages::PluginMessages;
pub(crate) use queue::InboundQueue;
pub(crate) use receive::{Inbound, receive};
pub(crate) use registry::EventTypes;
