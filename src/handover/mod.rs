//! From the driver's thread to the frame: what the session tells, in its order, bounded.
//!
//! The driver's thread fills a [`Batch`] of its own and moves it into the [`Mailbox`] at the end of each burst; the frame
//! swaps the mailbox's batch for an empty one. So the lock is held for a swap or for moving rows, memory goes back and
//! forth instead of being freed, and what a game does not take piles up in one place, where it can be bounded.
//!
//! Payloads travel in columns: all of one type lie side by side, decoded, and the order of events only says how many rows
//! of which stream come next.

mod batch;
mod column;
mod digest;
mod mailbox;
mod meter;
mod sink;
mod streams;
mod types;

pub(crate) use batch::{Batch, Entry};
pub(crate) use column::{age_messages, write_messages};
pub(crate) use mailbox::Mailbox;
pub(crate) use sink::HandoverSink;
pub(crate) use types::EventTypes;
