//! Formats a [`ServerEvent`] as one line of the program's log.

use pusher_dev_server::{DisconnectCause, ServerEvent};

/// The log shows at most this many characters of an event's data.
const DATA_CHARACTERS: usize = 200;

/// The text of a log line and the tone that decides its colour.
pub(crate) struct LogLine {
    tone: Tone,
    text: String,
}

#[derive(Clone, Copy)]
enum Tone {
    /// Connections, subscriptions and sign-ins.
    Lifecycle,
    /// Events, pings and frames.
    Traffic,
    /// Errors and refusals.
    Problem,
}

impl LogLine {
    /// Returns `None` for an event that another line covers already: an error is logged once, when it is sent.
    pub(crate) fn of(event: &ServerEvent) -> Option<Self> {
        use Tone::{Lifecycle, Problem, Traffic};
        let (tone, text) = match event {
            ServerEvent::Connected { socket_id } => (Lifecycle, format!("{socket_id} connected")),
            ServerEvent::ConnectionRefused { code, reason } => (
                Problem,
                format!("a client was refused with {code}: {}", escaped(reason)),
            ),
            ServerEvent::Subscribed {
                socket_id,
                channel,
                user_id,
            } => (
                Lifecycle,
                format!(
                    "{socket_id} subscribed to {}{}",
                    escaped(channel),
                    as_user(user_id)
                ),
            ),
            ServerEvent::SubscriptionRefused {
                socket_id,
                channel,
                reason,
            } => (
                Problem,
                format!(
                    "{socket_id} may not subscribe to {}: {}",
                    escaped(channel),
                    escaped(reason)
                ),
            ),
            ServerEvent::Unsubscribed { socket_id, channel } => (
                Lifecycle,
                format!("{socket_id} unsubscribed from {}", escaped(channel)),
            ),
            ServerEvent::ClientEvent {
                socket_id,
                channel,
                event,
                data,
                user_id,
            } => (
                Traffic,
                format!(
                    "{socket_id}{} sent {} on {}: {}",
                    as_user(user_id),
                    escaped(event),
                    escaped(channel),
                    escaped(data)
                ),
            ),
            ServerEvent::SignedIn { socket_id, user_id } => (
                Lifecycle,
                format!("{socket_id} signed in as {}", escaped(user_id)),
            ),
            ServerEvent::PingReceived { socket_id } => (Traffic, format!("{socket_id} pinged")),
            ServerEvent::PongReceived { socket_id } => {
                (Traffic, format!("{socket_id} answered a ping"))
            }
            ServerEvent::ErrorSent {
                socket_id,
                code,
                message,
            } => {
                let code = code.map(|code| format!(" {code}")).unwrap_or_default();
                (
                    Problem,
                    format!("{socket_id} got error{code}: {}", escaped(message)),
                )
            }
            ServerEvent::FrameReceived { socket_id, text } => {
                (Traffic, format!("{socket_id} > {}", escaped(text)))
            }
            ServerEvent::Published {
                channel,
                event,
                reached,
                ..
            } => (
                Traffic,
                format!(
                    "{} was published on {}, connections reached: {reached}",
                    escaped(event),
                    escaped(channel)
                ),
            ),
            ServerEvent::AuthorizationAnswered(record) => {
                let tone = if record.status == 200 {
                    Traffic
                } else {
                    Problem
                };
                let what = match &record.channel {
                    Some(channel) => format!("authorization for {}", escaped(channel)),
                    None => "sign-in".to_owned(),
                };
                let text = format!(
                    "{} asked for {what}: status {}",
                    escaped(&record.socket_id),
                    record.status
                );
                (tone, text)
            }
            ServerEvent::Disconnected { socket_id, cause } => match cause {
                DisconnectCause::Client => (Lifecycle, format!("{socket_id} disconnected")),
                DisconnectCause::Server { code, reason } => (
                    Lifecycle,
                    format!("{socket_id} was closed with {code}: {}", escaped(reason)),
                ),
                DisconnectCause::TooSlow => (
                    Problem,
                    format!("{socket_id} was disconnected: it reads too slowly"),
                ),
                _ => (Lifecycle, format!("{socket_id} lost its connection")),
            },
            _ => return None,
        };
        Some(Self { tone, text })
    }

    /// Formats the line, prefixed with the seconds since the start. Only a terminal gets colour codes.
    pub(crate) fn formatted(&self, seconds: f64, is_coloured: bool) -> String {
        let text = &self.text;
        if !is_coloured {
            return format!("{seconds:9.3} {text}");
        }
        let colour = match self.tone {
            Tone::Lifecycle => 32,
            Tone::Traffic => 39,
            Tone::Problem => 33,
        };
        format!("\u{1b}[2m{seconds:9.3}\u{1b}[0m \u{1b}[{colour}m{text}\u{1b}[0m")
    }
}

fn as_user(user_id: &Option<String>) -> String {
    user_id
        .as_ref()
        .map(|id| format!(" as {}", escaped(id)))
        .unwrap_or_default()
}

/// Replaces control characters: text from clients must neither break the line nor send escape codes to the terminal.
fn escaped(text: &str) -> String {
    let mut cleaned: String = text
        .chars()
        .take(DATA_CHARACTERS)
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(DATA_CHARACTERS).is_some() {
        cleaned.push('…');
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_event(data: &str) -> ServerEvent {
        ServerEvent::ClientEvent {
            socket_id: "1.2".to_owned(),
            channel: "private-a".to_owned(),
            event: "client-a".to_owned(),
            data: data.to_owned(),
            user_id: None,
        }
    }

    #[test]
    fn log_line_escapes_control_codes_sent_by_a_client() {
        let line = LogLine::of(&client_event("\u{1b}[31m red \r\n two lines")).unwrap();
        let formatted = line.formatted(1.5, false);
        assert!(!formatted.contains('\u{1b}'), "{formatted}");
        assert_eq!(formatted.lines().count(), 1);
        assert!(
            formatted.starts_with("    1.500 1.2 sent client-a on private-a:"),
            "{formatted}"
        );
    }

    #[test]
    fn long_data_is_truncated_in_the_log() {
        let line = LogLine::of(&client_event(&"é".repeat(5_000))).unwrap();
        assert!(line.formatted(0.0, false).chars().count() < 300);
    }
}
