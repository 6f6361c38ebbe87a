//! One line of the program's log for each thing that clients and publishers do.

use pusher_dev_server::{DisconnectCause, ServerEvent};

/// Longer data is cut in the log.
const DATA_CHARACTERS: usize = 200;

/// What happened, in words, and how it is to be taken.
pub(crate) struct LogLine {
    tone: Tone,
    text: String,
}

#[derive(Clone, Copy)]
enum Tone {
    /// Somebody came or went.
    Coming,
    /// Events, pings.
    Traffic,
    /// The client did something wrong, or was told so.
    Trouble,
}

impl LogLine {
    /// `None` for what needs no line: an error is logged once, where it is sent.
    pub(crate) fn of(event: &ServerEvent) -> Option<Self> {
        use Tone::{Coming, Traffic, Trouble};
        let (tone, text) = match event {
            ServerEvent::Connected { socket_id } => (Coming, format!("{socket_id} connected")),
            ServerEvent::ConnectionRefused { code, reason } => (
                Trouble,
                format!("a client was refused with {code}: {}", clean(reason)),
            ),
            ServerEvent::Subscribed {
                socket_id,
                channel,
                user_id,
            } => (
                Coming,
                format!(
                    "{socket_id} subscribed to {}{}",
                    clean(channel),
                    as_user(user_id)
                ),
            ),
            ServerEvent::SubscriptionRefused {
                socket_id,
                channel,
                reason,
            } => (
                Trouble,
                format!(
                    "{socket_id} may not subscribe to {}: {}",
                    clean(channel),
                    clean(reason)
                ),
            ),
            ServerEvent::Unsubscribed { socket_id, channel } => (
                Coming,
                format!("{socket_id} unsubscribed from {}", clean(channel)),
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
                    clean(event),
                    clean(channel),
                    clean(data)
                ),
            ),
            ServerEvent::SignedIn { socket_id, user_id } => (
                Coming,
                format!("{socket_id} signed in as {}", clean(user_id)),
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
                    Trouble,
                    format!("{socket_id} got error{code}: {}", clean(message)),
                )
            }
            ServerEvent::FrameReceived { socket_id, text } => {
                (Traffic, format!("{socket_id} > {}", clean(text)))
            }
            ServerEvent::Published {
                channel,
                event,
                reached,
                ..
            } => (
                Traffic,
                format!(
                    "{} was published on {} to {reached}",
                    clean(event),
                    clean(channel)
                ),
            ),
            ServerEvent::AuthorizationAnswered(record) => {
                let tone = if record.status == 200 {
                    Traffic
                } else {
                    Trouble
                };
                let what = match &record.channel {
                    Some(channel) => format!("authorization for {}", clean(channel)),
                    None => "sign-in".to_owned(),
                };
                let text = format!(
                    "{} asked for {what}: status {}",
                    clean(&record.socket_id),
                    record.status
                );
                (tone, text)
            }
            ServerEvent::Disconnected { socket_id, cause } => match cause {
                DisconnectCause::Client => (Coming, format!("{socket_id} is gone")),
                DisconnectCause::Server { code, reason } => (
                    Coming,
                    format!("{socket_id} was closed with {code}: {}", clean(reason)),
                ),
                DisconnectCause::TooSlow => {
                    (Trouble, format!("{socket_id} was cut: it reads too slowly"))
                }
                _ => (Coming, format!("{socket_id} lost its network")),
            },
            _ => return None,
        };
        Some(Self { tone, text })
    }

    /// With the seconds since the start before it. Colour is for terminals only.
    pub(crate) fn written(&self, seconds: f64, is_coloured: bool) -> String {
        let text = &self.text;
        if !is_coloured {
            return format!("{seconds:9.3} {text}");
        }
        let colour = match self.tone {
            Tone::Coming => 32,
            Tone::Traffic => 39,
            Tone::Trouble => 33,
        };
        format!("\u{1b}[2m{seconds:9.3}\u{1b}[0m \u{1b}[{colour}m{text}\u{1b}[0m")
    }
}

fn as_user(user_id: &Option<String>) -> String {
    user_id
        .as_ref()
        .map(|id| format!(" as {}", clean(id)))
        .unwrap_or_default()
}

/// What comes from clients must neither break the line nor speak to the terminal.
fn clean(text: &str) -> String {
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
    fn without_a_terminal_no_escape_code_is_written_whatever_a_client_sends() {
        let line = LogLine::of(&client_event("\u{1b}[31m red \r\n two lines")).unwrap();
        let written = line.written(1.5, false);
        assert!(!written.contains('\u{1b}'), "{written}");
        assert_eq!(written.lines().count(), 1);
        assert!(
            written.starts_with("    1.500 1.2 sent client-a on private-a:"),
            "{written}"
        );
    }

    #[test]
    fn long_data_is_cut() {
        let line = LogLine::of(&client_event(&"é".repeat(5_000))).unwrap();
        assert!(line.written(0.0, false).chars().count() < 300);
    }
}
