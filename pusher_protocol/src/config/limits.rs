use std::time::Duration;

/// Bounds on what may pile up, and on what is sent.
///
/// Write it with `..Limits::default()`: later versions may have more of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client events a second; one more is refused. `None` for servers without such a limit. 10: the hosted service's
    /// limit per connection.
    pub client_events_per_second: Option<u32>,
    /// Client events that may wait in the queue ([`SendMode::Queued`](crate::session::SendMode::Queued)), and channels and
    /// names of which a latest value may wait ([`SendMode::Latest`](crate::session::SendMode::Latest)); one more is refused.
    /// 256: half a minute of the hosted service's rate.
    pub queued_client_events: usize,
    /// The largest data of a client event, in bytes of JSON. 10,240: the hosted service's limit.
    pub client_event_bytes: usize,
    /// The largest message taken from the server, in bytes. 1 MiB: servers allow events of 10 to 100 KB.
    pub inbound_message_bytes: usize,
    /// Bytes that may wait for a server that does not read; beyond them client events are refused. 1 MiB.
    pub outbound_bytes: usize,
    /// Events that may wait for the game's next frame; beyond them the oldest are dropped and counted. 131,072.
    pub waiting_events: usize,
    /// The same, in bytes. 64 MiB.
    pub waiting_bytes: usize,
    /// How long the plugin may hand over events within one frame, the game's observers included; the rest waits for the
    /// next frame. 60 ns of it are set aside for each event, for what its message costs later. 2 ms.
    pub receive_budget: Duration,
    /// Messages of one type that may stay unread while the game's virtual time is paused, which stops Bevy from ageing
    /// them; older ones are dropped and reported. 131,072.
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
