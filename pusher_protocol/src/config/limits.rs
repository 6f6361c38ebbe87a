//! [`Limits`]: bounds of queues, sizes and rates.

use std::time::Duration;

/// Limits on queues, message sizes and send rates.
///
/// Construct it with `..Limits::default()`: later versions may add fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client events per second and connection; more are rejected, or wait if their
    /// [`SendMode`](crate::session::SendMode) allows it. `None` for servers without such a limit. Default 10, the
    /// limit of the hosted service.
    pub client_events_per_second: Option<u32>,
    /// Length of the queue of client events ([`SendMode::Queued`](crate::session::SendMode::Queued)), and number of pending
    /// latest values, one per channel and event name ([`SendMode::Latest`](crate::session::SendMode::Latest)); more are
    /// rejected. Default 256, about half a minute at the hosted service's rate.
    pub queued_client_events: usize,
    /// The largest data of a client event, in bytes of JSON. Default 10,240, the limit of the hosted service.
    pub client_event_bytes: usize,
    /// The largest message accepted from the server, in bytes. Default 1 MiB; servers allow events of 10 to 100 KB.
    pub inbound_message_bytes: usize,
    /// Bytes queued for a server that does not read; above that, client events are rejected. Default 1 MiB.
    pub outbound_bytes: usize,
    /// Events queued for the game's next frame; above that, the oldest are dropped and counted. Default 131,072.
    pub waiting_events: usize,
    /// Bytes of events queued for the game's next frame; above that, the oldest are dropped and counted. Default 64 MiB.
    pub waiting_bytes: usize,
    /// How long the plugin may dispatch events within one frame of the game, including the game's observers; the rest is
    /// dispatched in the next frame. Of this budget 60 ns are reserved per event, for the later cost of its message. Default
    /// 2 ms.
    pub receive_budget: Duration,
    /// Messages of one type of event that are kept while the game's virtual time is paused, which stops Bevy from dropping old
    /// ones; the oldest are dropped and reported. Default 131,072. Of each type that reports something else, such as a member who
    /// joined, at most 4,096 are kept, and dropped ones are not reported.
    pub unread_messages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            client_events_per_second: Some(10),
            queued_client_events: 256,
            client_event_bytes: 10_240,
            inbound_message_bytes: 1 << 20,
            outbound_bytes: 1 << 20,
            waiting_events: 131_072,
            waiting_bytes: 64 << 20,
            receive_budget: Duration::from_millis(2),
            unread_messages: 131_072,
        }
    }
}
