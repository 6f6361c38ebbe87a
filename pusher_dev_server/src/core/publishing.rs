//! Publishes events, from code or for the HTTP API, and caches the last event of each cache channel.

use std::sync::Arc;
use std::time::Duration;

use super::frame;
use super::name::{
    ChannelKind, USER_CHANNEL_PREFIX, check_event_name, is_cache_channel, is_user_id,
};
use super::{PublishError, ServerCore, ServerEvent};

/// Expired events are removed when this many are cached, and when they are looked up.
const CACHED_EVENTS_BEFORE_CLEANING: usize = 1_024;

#[derive(Debug)]
pub(crate) struct CachedEvent {
    frame: Arc<str>,
    published: Duration,
}

impl ServerCore {
    /// Publishes an event; `data` is a string, usually JSON. On an encrypted channel it is encrypted first. The connection
    /// with the socket id `except` does not receive it. Returns the number of receivers.
    ///
    /// # Errors
    /// The channel name or the event name is invalid, or the data is too large.
    pub fn publish(
        &mut self,
        channel: &str,
        event: &str,
        data: &str,
        except: Option<&str>,
        now: Duration,
    ) -> Result<usize, PublishError> {
        self.check_event(channel, event, data)?;
        if ChannelKind::of(channel) == Some(ChannelKind::Encrypted) {
            let nonce = self.random.nonce();
            let sealed = self
                .config
                .encryption_master_key
                .seal(channel, data, nonce)?;
            return Ok(self.deliver(channel, event, &sealed, except, now));
        }
        Ok(self.deliver(channel, event, data, except, now))
    }

    /// Publishes an event without encrypting its data, because publishers that use the HTTP API encrypt it themselves.
    ///
    /// # Errors
    /// The channel name or the event name is invalid, or the data is too large.
    pub fn publish_sealed(
        &mut self,
        channel: &str,
        event: &str,
        data: &str,
        except: Option<&str>,
        now: Duration,
    ) -> Result<usize, PublishError> {
        self.check_event(channel, event, data)?;
        Ok(self.deliver(channel, event, data, except, now))
    }

    /// Publishes an event to all connections that are signed in as this user.
    ///
    /// # Errors
    /// The user id or the event name is invalid, or the data is too large.
    pub fn publish_to_user(
        &mut self,
        user_id: &str,
        event: &str,
        data: &str,
        now: Duration,
    ) -> Result<usize, PublishError> {
        if !is_user_id(user_id) {
            return Err(PublishError::InvalidUserId(user_id.to_owned()));
        }
        self.publish(
            &format!("{USER_CHANNEL_PREFIX}{user_id}"),
            event,
            data,
            None,
            now,
        )
    }

    /// Checks the channel name, the event name and the size of the data.
    pub(crate) fn check_event(
        &self,
        channel: &str,
        event: &str,
        data: &str,
    ) -> Result<(), PublishError> {
        if ChannelKind::of(channel).is_none() {
            return Err(PublishError::InvalidChannel(channel.to_owned()));
        }
        check_event_name(event)?;
        let limit = self.config.limits.event_bytes;
        if data.len() > limit {
            return Err(PublishError::DataTooLarge {
                bytes: data.len(),
                limit,
            });
        }
        Ok(())
    }

    fn deliver(
        &mut self,
        channel: &str,
        event: &str,
        data: &str,
        except: Option<&str>,
        now: Duration,
    ) -> usize {
        let frame: Arc<str> = frame::channel_event(channel, event, data, None).into();
        // Cached even without subscribers: later ones get it.
        if is_cache_channel(channel) {
            self.cache(channel, Arc::clone(&frame), now);
        }
        let except = except.and_then(|socket_id| self.connection(socket_id));
        let reached = self.send_to_channel(channel, frame, except);
        self.emit(ServerEvent::Published {
            channel: channel.to_owned(),
            event: event.to_owned(),
            data: data.to_owned(),
            reached,
        });
        reached
    }

    fn cache(&mut self, channel: &str, frame: Arc<str>, now: Duration) {
        let age = self.config.limits.cached_event_age;
        if self.cached_events.len() >= CACHED_EVENTS_BEFORE_CLEANING {
            self.cached_events
                .retain(|_, cached| now.saturating_sub(cached.published) < age);
        }
        let cached = CachedEvent {
            frame,
            published: now,
        };
        self.cached_events.insert(channel.to_owned(), cached);
    }

    pub(super) fn cached_frame(&mut self, channel: &str, now: Duration) -> Option<Arc<str>> {
        let cached = self.cached_events.get(channel)?;
        if now.saturating_sub(cached.published) >= self.config.limits.cached_event_age {
            self.cached_events.remove(channel);
            return None;
        }
        Some(Arc::clone(&cached.frame))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::core::PublishError;
    use crate::core::test_support::TestCore;

    #[test]
    fn event_reaches_all_subscribers_except_the_excluded_one() {
        let mut server = TestCore::new();
        let clients = [server.connected(), server.connected()];
        for client in clients {
            server.subscribed(client, "news");
        }
        let excepted = server.socket_id(clients[0]);
        let reached = server.core.publish(
            "news",
            "headline",
            r#"{"a":1}"#,
            Some(&excepted),
            Duration::ZERO,
        );
        assert_eq!(reached, Ok(1));
        assert!(server.frames(clients[0]).is_empty());
        assert_eq!(
            server.frame(clients[1]),
            json!({"event": "headline", "channel": "news", "data": r#"{"a":1}"#})
        );
    }

    #[test]
    fn reserved_events_and_invalid_channels_cannot_be_published() {
        let mut server = TestCore::new();
        let mut publish = |channel: &str, event: &str| {
            server
                .core
                .publish(channel, event, "{}", None, Duration::ZERO)
        };
        for event in ["pusher:error", "pusher_internal:member_added", ""] {
            assert!(matches!(
                publish("news", event),
                Err(PublishError::InvalidEventName(_))
            ));
        }
        assert!(matches!(
            publish("a b", "headline"),
            Err(PublishError::InvalidChannel(_))
        ));
        let data = "x".repeat(10_241);
        let too_large = server
            .core
            .publish("news", "headline", &data, None, Duration::ZERO);
        assert!(matches!(too_large, Err(PublishError::DataTooLarge { .. })));
    }

    #[test]
    fn each_encrypted_event_gets_a_new_nonce() {
        let mut server = TestCore::new();
        let client = server.connected();
        server.subscribed(client, "private-encrypted-a");
        server.publish("private-encrypted-a", "secret", r#"{"a":1}"#);
        server.publish("private-encrypted-a", "secret", r#"{"a":1}"#);
        let sealed: Vec<Value> = server
            .frames(client)
            .iter()
            .map(|frame| serde_json::from_str(frame["data"].as_str().unwrap()).unwrap())
            .collect();
        assert_eq!(sealed.len(), 2);
        assert_ne!(sealed[0]["nonce"], sealed[1]["nonce"]);
        assert_ne!(sealed[0]["ciphertext"], sealed[1]["ciphertext"]);
    }

    #[test]
    fn a_late_subscriber_of_a_cache_channel_gets_the_last_event() {
        let mut server = TestCore::new();
        let early = server.connected();
        server.subscribe(early, "cache-a");
        let frames = server.frames(early);
        assert_eq!(
            frames[1],
            json!({"event": "pusher:cache_miss", "channel": "cache-a", "data": "{}"})
        );
        server.publish("cache-a", "first", "1");
        server.publish("cache-a", "last", "2");
        server.disconnect(early);

        let late = server.connected();
        server.subscribe(late, "cache-a");
        let frames = server.frames(late);
        assert_eq!(frames.len(), 2);
        assert_eq!(
            frames[1],
            json!({"event": "last", "channel": "cache-a", "data": "2"})
        );
    }

    #[test]
    fn cached_event_expires() {
        let mut server = TestCore::new();
        server.publish("cache-a", "old", "1");
        server.now += Duration::from_secs(30 * 60);
        let client = server.connected();
        server.subscribe(client, "cache-a");
        assert_eq!(server.frames(client)[1]["event"], "pusher:cache_miss");
    }

    #[test]
    fn client_events_are_not_cached() {
        let mut server = TestCore::new();
        let client = server.connected();
        server.subscribed(client, "private-cache-a");
        server.text(
            client,
            r#"{"event":"client-a","channel":"private-cache-a","data":{}}"#,
        );
        let late = server.connected();
        server.subscribe(late, "private-cache-a");
        assert_eq!(server.frames(late)[1]["event"], "pusher:cache_miss");
    }
}
