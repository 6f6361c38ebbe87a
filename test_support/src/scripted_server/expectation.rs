//! What a test expects of the client on a connection.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::connection::ScriptedConnection;
use super::frame::{ClientFrame, CloseSeen, Received};
use crate::wire::Ended;

/// What the client said.
impl ScriptedConnection {
    /// Everything received so far, looked at or not.
    pub fn received(&self) -> Vec<Received> {
        self.shared.log.read(|log| log.received.clone())
    }

    /// All text frames received so far.
    pub fn received_texts(&self) -> Vec<String> {
        let text = |received: Received| match received.frame {
            ClientFrame::Text(text) => Some(text),
            _ => None,
        };
        self.received().into_iter().filter_map(text).collect()
    }

    /// How the connection ended, if it did.
    pub fn ended(&self) -> Option<Ended> {
        self.wire.0.ended()
    }

    /// The next thing, whatever it is.
    #[track_caller]
    pub fn expect_any(&self, within: Duration) -> Received {
        self.find("anything from the client", within, |_| Verdict::Take)
    }

    /// The next text frame. WebSocket pings and pongs before it are passed over; anything else fails the test.
    #[track_caller]
    pub fn expect_text(&self, within: Duration) -> String {
        let received = self.find("a text frame", within, text_next);
        match received.frame {
            ClientFrame::Text(text) => text,
            other => panic!("expected a text frame, got {other:?}"),
        }
    }

    /// The next text frame, as JSON.
    #[track_caller]
    pub fn expect_json(&self, within: Duration) -> Value {
        let text = self.expect_text(within);
        parse(&text).unwrap_or_else(|| panic!("expected JSON, got {text:?}"))
    }

    /// The next text frame, which must be the event of that name.
    #[track_caller]
    pub fn expect_event(&self, name: &str, within: Duration) -> Value {
        let what = format!("the event {name:?}");
        let received = self.find(&what, within, |frame| match frame {
            ClientFrame::Text(text) if is_event(text, name) => Verdict::Take,
            other => text_next(other).or_wrong_if_taken(),
        });
        match received.frame {
            ClientFrame::Text(text) => parse(&text).unwrap_or_default(),
            other => panic!("expected {what}, got {other:?}"),
        }
    }

    /// The next event of that name; other frames before it are passed over.
    #[track_caller]
    pub fn find_event(&self, name: &str, within: Duration) -> Value {
        let what = format!("the event {name:?}");
        let received = self.find(&what, within, |frame| match frame {
            ClientFrame::Text(text) if is_event(text, name) => Verdict::Take,
            ClientFrame::Broken(_) | ClientFrame::Ended(_) => Verdict::Wrong,
            _ => Verdict::PassOver,
        });
        match received.frame {
            ClientFrame::Text(text) => parse(&text).unwrap_or_default(),
            other => panic!("expected {what}, got {other:?}"),
        }
    }

    /// The next text frames, as JSON, in the order in which they came.
    #[track_caller]
    pub fn expect_jsons(&self, count: usize, within: Duration) -> Vec<Value> {
        let deadline = Instant::now() + within;
        let left = || deadline.saturating_duration_since(Instant::now());
        (0..count).map(|_| self.expect_json(left())).collect()
    }

    /// The next WebSocket ping; other frames before it are passed over.
    #[track_caller]
    pub fn expect_ping(&self, within: Duration) -> Vec<u8> {
        let is_ping = |frame: &ClientFrame| matches!(frame, ClientFrame::Ping(_));
        match self.find_frame("a WebSocket ping", within, is_ping) {
            ClientFrame::Ping(payload) => payload,
            other => panic!("expected a WebSocket ping, got {other:?}"),
        }
    }

    /// The next WebSocket pong; other frames before it are passed over.
    #[track_caller]
    pub fn expect_pong(&self, within: Duration) -> Vec<u8> {
        let is_pong = |frame: &ClientFrame| matches!(frame, ClientFrame::Pong(_));
        match self.find_frame("a WebSocket pong", within, is_pong) {
            ClientFrame::Pong(payload) => payload,
            other => panic!("expected a WebSocket pong, got {other:?}"),
        }
    }

    /// The client's close frame; other frames before it are passed over.
    #[track_caller]
    pub fn expect_close(&self, within: Duration) -> CloseSeen {
        let is_close = |frame: &ClientFrame| matches!(frame, ClientFrame::Close(_));
        match self.find_frame("a close frame", within, is_close) {
            ClientFrame::Close(seen) => seen,
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    /// Waits for the end of the connection, with or without a close frame.
    #[track_caller]
    pub fn expect_end(&self, within: Duration) -> Ended {
        self.wire
            .0
            .wait_for_end(Instant::now() + within)
            .unwrap_or_else(|| panic!("the client did not end the connection within {within:?}"))
    }

    /// Waits that long, and fails if the client does anything meanwhile.
    #[track_caller]
    pub fn expect_nothing(&self, during: Duration) {
        let deadline = Some(Instant::now() + during);
        let came = self
            .shared
            .log
            .wait(deadline, |log| log.received.get(log.read).cloned());
        if let Some(received) = came {
            panic!("expected nothing for {during:?}, got {:?}", received.frame);
        }
    }

    #[track_caller]
    fn find_frame(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&ClientFrame) -> bool,
    ) -> ClientFrame {
        self.find(what, within, |frame| match frame {
            frame if wanted(frame) => Verdict::Take,
            ClientFrame::Broken(_) | ClientFrame::Ended(_) => Verdict::Wrong,
            _ => Verdict::PassOver,
        })
        .frame
    }

    #[track_caller]
    fn find(
        &self,
        what: &str,
        within: Duration,
        judge: impl Fn(&ClientFrame) -> Verdict,
    ) -> Received {
        let found = self.shared.log.wait(Some(Instant::now() + within), |log| {
            while let Some(received) = log.received.get(log.read).cloned() {
                match judge(&received.frame) {
                    Verdict::PassOver => log.read += 1,
                    Verdict::Take => {
                        log.read += 1;
                        return Some(Ok(received));
                    }
                    Verdict::Wrong => return Some(Err(received)),
                }
            }
            None
        });
        match found {
            Some(Ok(received)) => received,
            Some(Err(wrong)) => panic!("expected {what}, got {:?}", wrong.frame),
            None => panic!(
                "no sign of {what} within {within:?}; received so far: {:?}",
                self.received_texts()
            ),
        }
    }
}

enum Verdict {
    Take,
    PassOver,
    Wrong,
}

impl Verdict {
    fn or_wrong_if_taken(self) -> Self {
        match self {
            Self::Take => Self::Wrong,
            other => other,
        }
    }
}

fn text_next(frame: &ClientFrame) -> Verdict {
    match frame {
        ClientFrame::Text(_) => Verdict::Take,
        ClientFrame::Ping(_) | ClientFrame::Pong(_) => Verdict::PassOver,
        _ => Verdict::Wrong,
    }
}

pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn is_event(text: &str, name: &str) -> bool {
    parse(text).is_some_and(|frame| frame["event"] == name)
}
