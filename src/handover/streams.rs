use std::sync::Arc;

use bevy_platform::collections::{HashMap, HashSet};
use pusher_protocol::{ChannelName, session::EventTarget};

use crate::event::{Audience, Stream};

/// How many names are remembered. A server that makes up new ones all the time costs memory for this many, and after that
/// only the time to start over.
const REMEMBERED: usize = 4096;

/// The streams by their names, so that an event takes a look-up and no new texts.
#[derive(Default)]
pub(super) struct Streams {
    channels: HashMap<ChannelName, Named>,
    user: Named,
    connection: Named,
    count: usize,
    last: Option<Arc<Stream>>,
    user_ids: HashSet<Arc<str>>,
}

type Named = HashMap<Arc<str>, Arc<Stream>>;

impl Streams {
    /// The stream of an event, made by `make` if it is new.
    pub(super) fn of(
        &mut self,
        target: &EventTarget,
        event: &str,
        make: impl FnOnce(Audience, Arc<str>) -> Stream,
    ) -> &Arc<Stream> {
        let is_last = self
            .last
            .as_ref()
            .is_some_and(|last| &*last.event == event && is_same(&last.audience, target));
        if !is_last {
            self.last = Some(self.look_up(target, event, make));
        }
        let Some(last) = &self.last else {
            unreachable!("it was set just now")
        };
        last
    }

    fn look_up(
        &mut self,
        target: &EventTarget,
        event: &str,
        make: impl FnOnce(Audience, Arc<str>) -> Stream,
    ) -> Arc<Stream> {
        if self.count >= REMEMBERED {
            self.forget();
        }
        let named = match target {
            EventTarget::Channel(channel) => match self.channels.get_mut(channel) {
                Some(named) => named,
                None => self.channels.entry(channel.clone()).or_default(),
            },
            EventTarget::User => &mut self.user,
            EventTarget::Connection => &mut self.connection,
        };
        if let Some(stream) = named.get(event) {
            return stream.clone();
        }
        let event: Arc<str> = event.into();
        let stream = Arc::new(make(target.into(), event.clone()));
        named.insert(event, stream.clone());
        self.count += 1;
        stream
    }

    /// The shared text of a user's id.
    pub(super) fn user_id(&mut self, id: &str) -> Arc<str> {
        if let Some(id) = self.user_ids.get(id) {
            return id.clone();
        }
        if self.user_ids.len() >= REMEMBERED {
            self.user_ids.clear();
        }
        let id: Arc<str> = id.into();
        self.user_ids.insert(id.clone());
        id
    }

    /// Forgets all streams, as when what becomes of them has changed.
    pub(super) fn forget(&mut self) {
        self.channels.clear();
        self.user.clear();
        self.connection.clear();
        self.count = 0;
        self.last = None;
    }
}

fn is_same(audience: &Audience, target: &EventTarget) -> bool {
    match (audience, target) {
        (Audience::Channel(one), EventTarget::Channel(other)) => {
            Arc::ptr_eq(one.as_shared(), other.as_shared()) || one == other
        }
        (Audience::User, EventTarget::User) | (Audience::Connection, EventTarget::Connection) => {
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_new_names_are_remembered_only_so_far() {
        let mut streams = Streams::default();
        for number in 0..3 * REMEMBERED {
            let stream = streams.of(
                &EventTarget::Connection,
                &format!("event-{number}"),
                |audience, event| Stream {
                    audience,
                    event,
                    keeps_raw: true,
                    columns: Box::default(),
                },
            );
            assert_eq!(&*stream.event, format!("event-{number}"));
            streams.user_id(&number.to_string());
        }
        assert!(streams.connection.len() <= REMEMBERED);
        assert!(streams.user_ids.len() <= REMEMBERED);
    }
}
