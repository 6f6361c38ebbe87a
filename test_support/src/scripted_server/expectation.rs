//! Waits for the client's frames on a connection and checks them.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::connection::ScriptedConnection;
use super::received::{ClientFrame, CloseSeen, Received};

/// Frames that the client has sent.
impl ScriptedConnection {
    /// Returns everything received so far, including what an expectation has consumed.
    pub fn received(&self) -> Vec<Received> {
        self.shared.log.read(|log| log.received.clone())
    }

    /// Returns all text frames received so far.
    pub fn received_texts(&self) -> Vec<String> {
        let text = |received: Received| match received.frame {
            ClientFrame::Text(text) => Some(text),
            _ => None,
        };
        self.received().into_iter().filter_map(text).collect()
    }

    /// Waits for the next text frame. Skips WebSocket pings and pongs before it; anything else fails the test.
    #[track_caller]
    pub fn expect_text(&self, within: Duration) -> String {
        self.next_text("a text frame", within, |text| Some(text.to_owned()))
    }

    /// Waits for the next text frame, and parses it as JSON.
    #[track_caller]
    pub fn expect_json(&self, within: Duration) -> Value {
        self.next_text("JSON", within, parse)
    }

    /// Waits for the next text frame, which must be an event with this name.
    #[track_caller]
    pub fn expect_event(&self, name: &str, within: Duration) -> Value {
        self.next_text(&format!("the event {name:?}"), within, |text| {
            parse_event(text, name)
        })
    }

    /// Waits for the next event with this name, and skips other frames before it.
    #[track_caller]
    pub fn find_event(&self, name: &str, within: Duration) -> Value {
        self.search(
            &format!("the event {name:?}"),
            within,
            |frame| match frame {
                ClientFrame::Text(text) => parse_event(text, name),
                _ => None,
            },
        )
    }

    /// Waits for the next text frames, and parses them as JSON.
    #[track_caller]
    pub fn expect_jsons(&self, count: usize, within: Duration) -> Vec<Value> {
        let deadline = Instant::now() + within;
        let left = || deadline.saturating_duration_since(Instant::now());
        (0..count).map(|_| self.expect_json(left())).collect()
    }

    /// Waits for the next WebSocket pong, and skips other frames before it.
    #[track_caller]
    pub fn expect_pong(&self, within: Duration) -> Vec<u8> {
        self.search("a WebSocket pong", within, |frame| match frame {
            ClientFrame::Pong(payload) => Some(payload.clone()),
            _ => None,
        })
    }

    /// Waits for the client's close frame, and skips other frames before it.
    #[track_caller]
    pub fn expect_close(&self, within: Duration) -> CloseSeen {
        self.search("a close frame", within, |frame| match frame {
            ClientFrame::Close(seen) => Some(seen.clone()),
            _ => None,
        })
    }

    /// Waits for this time, and fails if the client sends anything or disconnects.
    #[track_caller]
    pub fn expect_nothing(&self, during: Duration) {
        let deadline = Some(Instant::now() + during);
        let next = self
            .shared
            .log
            .wait(deadline, |log| log.received.get(log.read).cloned());
        if let Some(received) = next {
            panic!("expected nothing for {during:?}, got {:?}", received.frame);
        }
    }

    /// Waits for the next text frame, which `wanted` must accept.
    #[track_caller]
    fn next_text<T>(&self, what: &str, within: Duration, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.find(what, within, |frame| match frame {
            ClientFrame::Text(text) => wanted(text).map_or(Verdict::Wrong, Verdict::Take),
            ClientFrame::Ping(_) | ClientFrame::Pong(_) => Verdict::PassOver,
            _ => Verdict::Wrong,
        })
    }

    /// Waits for the next frame that `wanted` accepts, and skips others before it.
    #[track_caller]
    fn search<T>(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&ClientFrame) -> Option<T>,
    ) -> T {
        self.find(what, within, |frame| match (wanted(frame), frame) {
            (Some(found), _) => Verdict::Take(found),
            (None, ClientFrame::Broken(_) | ClientFrame::Ended(_)) => Verdict::Wrong,
            _ => Verdict::PassOver,
        })
    }

    #[track_caller]
    fn find<T>(
        &self,
        what: &str,
        within: Duration,
        judge: impl Fn(&ClientFrame) -> Verdict<T>,
    ) -> T {
        let found = self.shared.log.wait(Some(Instant::now() + within), |log| {
            while let Some(received) = log.received.get(log.read) {
                match judge(&received.frame) {
                    Verdict::PassOver => log.read += 1,
                    Verdict::Take(found) => {
                        log.read += 1;
                        return Some(Ok(found));
                    }
                    Verdict::Wrong => return Some(Err(received.frame.clone())),
                }
            }
            None
        });
        match found {
            Some(Ok(found)) => found,
            Some(Err(wrong)) => panic!("expected {what}, got {wrong:?}"),
            None => panic!(
                "did not receive {what} within {within:?}; received so far: {:?}",
                self.received_texts()
            ),
        }
    }
}

/// How an expectation handles a frame.
enum Verdict<T> {
    Take(T),
    PassOver,
    Wrong,
}

pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn parse_event(text: &str, name: &str) -> Option<Value> {
    parse(text).filter(|frame| frame["event"] == name)
}
