//! [`Subscribers`]: which entities want which channel, and the status and members of each channel. It knows no `World`; that is in
//! `follow`.

use bevy_ecs::prelude::*;
use bevy_platform::collections::HashMap;
use pusher_protocol::{
    ChannelName, NameRules,
    session::{Command, SubscriptionError},
};
use serde_json::{Map, Value};

use crate::{channel::PusherSubscription, presence::PusherMembers};

/// Which entities want which channel, and the status and members of each channel. The session's subscriptions are derived from this set.
#[derive(Resource, Default)]
pub(crate) struct Subscribers {
    rules: NameRules,
    channels: HashMap<ChannelName, Channel>,
    names: HashMap<Entity, Name>,
    /// Channels that may have become wanted or unwanted since the last reconciliation.
    dirty: Vec<ChannelName>,
    /// Entities to which a status must be announced, because they were added after it changed.
    unannounced: Vec<Entity>,
    inserted_so_far: u64,
    version: u64,
}

/// The status and members of a wanted channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ChannelSnapshot {
    pub(crate) status: PusherSubscription,
    pub(crate) members: Option<PusherMembers>,
}

#[derive(Default)]
struct Channel {
    /// In the order in which they subscribed.
    entities: Vec<Entity>,
    snapshot: ChannelSnapshot,
    /// Whether the session was asked to subscribe.
    is_subscribed: bool,
    /// The extra fields of that subscription.
    extra: Option<Map<String, Value>>,
    is_dirty: bool,
    /// Whether it had no entities at some moment since the last reconciliation.
    was_unwanted: bool,
    /// Whether it had failed and was then wanted again. The next reconciliation retries it.
    retry: bool,
    order: u64,
}

enum Name {
    Valid(ChannelName),
    Invalid(Box<str>, PusherSubscription),
}

impl Channel {
    /// Marks it for the next reconciliation.
    fn mark_dirty(&mut self, name: &ChannelName, dirty: &mut Vec<ChannelName>) {
        if !std::mem::replace(&mut self.is_dirty, true) {
            dirty.push(name.clone());
        }
    }
}

impl Subscribers {
    /// Whether the entity is recorded with a channel of this name.
    pub(crate) fn has(&self, entity: Entity, name: &str) -> bool {
        match self.names.get(&entity) {
            Some(Name::Valid(known)) => known.as_str() == name,
            Some(Name::Invalid(known, _)) => &**known == name,
            None => false,
        }
    }

    /// Adds an entity with a channel, in place of its former channel. Returns the snapshot to write on the entity.
    pub(crate) fn insert(&mut self, entity: Entity, name: &str) -> ChannelSnapshot {
        self.remove(entity);
        let name = match ChannelName::new(name, self.rules) {
            Ok(name) => name,
            Err(error) => {
                log::warn!("invalid channel name {name:?}: {error}");
                let status = PusherSubscription::Failed {
                    error: error.into(),
                };
                self.names
                    .insert(entity, Name::Invalid(name.into(), status.clone()));
                self.unannounced.push(entity);
                return ChannelSnapshot {
                    status,
                    members: None,
                };
            }
        };
        self.names.insert(entity, Name::Valid(name.clone()));
        self.version += 1;
        self.inserted_so_far += 1;
        let order = self.inserted_so_far;
        let channel = self
            .channels
            .entry(name.clone())
            .or_insert_with(|| Channel {
                order,
                ..Channel::default()
            });
        if channel.was_unwanted && channel.snapshot.status.error().is_some() {
            channel.snapshot.status = PusherSubscription::Pending;
            channel.retry = true;
        }
        channel.entities.push(entity);
        channel.mark_dirty(&name, &mut self.dirty);
        if channel.snapshot.status != PusherSubscription::Pending {
            self.unannounced.push(entity);
        }
        channel.snapshot.clone()
    }

    /// Removes an entity.
    pub(crate) fn remove(&mut self, entity: Entity) {
        let Some(Name::Valid(name)) = self.names.remove(&entity) else {
            return;
        };
        self.version += 1;
        let Some(channel) = self.channels.get_mut(&name) else {
            return;
        };
        channel.entities.retain(|other| *other != entity);
        if channel.entities.is_empty() {
            channel.was_unwanted = true;
        }
        channel.mark_dirty(&name, &mut self.dirty);
    }

    /// Marks the channel of an entity whose extra fields may have changed.
    pub(crate) fn mark_dirty(&mut self, entity: Entity) {
        if let Some(Name::Valid(name)) = self.names.get(&entity)
            && let Some(channel) = self.channels.get_mut(name)
        {
            channel.mark_dirty(name, &mut self.dirty);
        }
    }

    /// Returns the entities that want a channel, the oldest first.
    pub(crate) fn entities(&self, channel: &str) -> &[Entity] {
        self.channels
            .get(channel)
            .map_or(&[], |channel| &channel.entities)
    }

    /// Returns the snapshot of a channel. It is kept until the next reconciliation even if no entity wants the channel, because another
    /// entity may want it by then.
    pub(crate) fn snapshot_mut(&mut self, channel: &str) -> Option<&mut ChannelSnapshot> {
        let channel = self.channels.get_mut(channel)?;
        Some(&mut channel.snapshot)
    }

    /// Returns the name of an entity's channel, and its snapshot.
    pub(crate) fn snapshot_of(&self, entity: Entity) -> Option<(&str, ChannelSnapshot)> {
        Some(match self.names.get(&entity)? {
            Name::Valid(name) => (name.as_str(), self.channels.get(name)?.snapshot.clone()),
            Name::Invalid(name, status) => {
                let snapshot = ChannelSnapshot {
                    status: status.clone(),
                    members: None,
                };
                (name, snapshot)
            }
        })
    }

    /// Changes whenever an entity is added or removed, so that a cached list of entities can be checked without a lookup.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Returns the channels that the session was asked to subscribe to.
    pub(crate) fn subscribed(&self) -> impl Iterator<Item = &ChannelName> {
        self.channels
            .iter()
            .filter(|(_, channel)| channel.is_subscribed)
            .map(|(name, _)| name)
    }

    /// Returns the channels that the game's backend has refused to authorize.
    pub(crate) fn refused(&self) -> Vec<ChannelName> {
        let is_refused = |channel: &Channel| {
            let error = channel.snapshot.status.error();
            channel.is_subscribed && matches!(error, Some(SubscriptionError::Authorization(_)))
        };
        let mut refused: Vec<_> = self
            .channels
            .iter()
            .filter(|(_, channel)| is_refused(channel))
            .map(|(name, channel)| (channel.order, name.clone()))
            .collect();
        refused.sort_unstable();
        refused.into_iter().map(|(_, name)| name).collect()
    }

    /// Whether there is nothing to reconcile. Cheap, because it is called in every frame.
    pub(crate) fn is_settled(&self) -> bool {
        self.dirty.is_empty() && self.unannounced.is_empty()
    }

    /// Returns the commands that make the session's subscriptions match the wanted channels. `extras_of` returns the additional fields for
    /// a channel of these entities.
    pub(crate) fn reconcile(
        &mut self,
        has_session: bool,
        extras_of: impl Fn(&[Entity]) -> Option<Map<String, Value>>,
    ) -> Vec<Command> {
        let mut commands = Vec::new();
        for name in std::mem::take(&mut self.dirty) {
            let Some(channel) = self.channels.get_mut(&name) else {
                continue;
            };
            channel.is_dirty = false;
            channel.was_unwanted = false;
            let retry = std::mem::take(&mut channel.retry);
            if channel.entities.is_empty() {
                if channel.is_subscribed {
                    commands.push(Command::Unsubscribe(name.clone()));
                }
                self.channels.remove(&name);
                continue;
            }
            if !has_session {
                continue;
            }
            let extra = extras_of(&channel.entities);
            if !channel.is_subscribed || channel.extra != extra {
                channel.is_subscribed = true;
                channel.extra.clone_from(&extra);
                commands.push(Command::Subscribe {
                    channel: name,
                    extra,
                });
            } else if retry {
                commands.push(Command::Retry(name));
            }
        }
        commands
    }

    /// Takes the entities to which their status must be announced.
    pub(crate) fn take_unannounced(&mut self) -> Vec<Entity> {
        std::mem::take(&mut self.unannounced)
    }

    /// Marks all channels as not subscribed, because the session has ended.
    pub(crate) fn forget_session(&mut self) {
        let mut names: Vec<_> = self
            .channels
            .iter_mut()
            .map(|(name, channel)| {
                channel.is_subscribed = false;
                channel.is_dirty = true;
                (channel.order, name.clone())
            })
            .collect();
        names.sort();
        self.dirty = names.into_iter().map(|(_, name)| name).collect();
    }

    /// Changes the rules for names. Returns the entities whose channel became valid or invalid.
    pub(crate) fn set_rules(&mut self, rules: NameRules) -> Vec<Entity> {
        if rules == self.rules {
            return Vec::new();
        }
        self.rules = rules;
        let mut changed: Vec<(Entity, Box<str>)> = self
            .names
            .iter()
            .filter_map(|(entity, name)| match name {
                Name::Valid(name) => ChannelName::new(name, rules)
                    .is_err()
                    .then(|| (*entity, name.as_str().into())),
                Name::Invalid(name, _) => ChannelName::new(name, rules)
                    .is_ok()
                    .then(|| (*entity, name.clone())),
            })
            .collect();
        changed.sort();
        for (entity, name) in &changed {
            self.insert(*entity, name);
            if !self.unannounced.contains(entity) {
                self.unannounced.push(*entity);
            }
        }
        changed.into_iter().map(|(entity, _)| entity).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(index: u32) -> Entity {
        Entity::from_raw_u32(index).unwrap()
    }

    fn name(name: &str) -> ChannelName {
        ChannelName::new(name, NameRules::Strict).unwrap()
    }

    fn subscribe(channel: ChannelName, extra: Option<Map<String, Value>>) -> String {
        format!("{:?}", Command::Subscribe { channel, extra })
    }

    fn unsubscribe(channel: ChannelName) -> String {
        format!("{:?}", Command::Unsubscribe(channel))
    }

    /// Reconciles with a session, and returns the commands.
    fn reconcile(
        subscribers: &mut Subscribers,
        extras_of: impl Fn(&[Entity]) -> Option<Map<String, Value>>,
    ) -> Vec<String> {
        let commands = subscribers.reconcile(true, extras_of).into_iter();
        commands.map(|command| format!("{command:?}")).collect()
    }

    /// No entity has extra fields.
    fn none(_: &[Entity]) -> Option<Map<String, Value>> {
        None
    }

    #[test]
    fn failed_channel_inserted_again_is_retried() {
        let mut subscribers = Subscribers::default();
        subscribers.insert(entity(1), "a");
        reconcile(&mut subscribers, none);
        let failed = PusherSubscription::Failed {
            error: SubscriptionError::TimedOut,
        };
        subscribers.snapshot_mut("a").unwrap().status = failed.clone();
        assert_eq!(subscribers.insert(entity(2), "a").status, failed);
        subscribers.remove(entity(2));
        assert_eq!(
            subscribers.insert(entity(1), "a").status,
            PusherSubscription::Pending
        );
        assert_eq!(
            reconcile(&mut subscribers, none),
            [format!("{:?}", Command::Retry(name("a")))]
        );
    }

    #[test]
    fn new_session_gets_all_channels_in_request_order() {
        let mut subscribers = Subscribers::default();
        for (index, name) in ["c", "a", "b"].iter().enumerate() {
            subscribers.insert(entity(index as u32), name);
        }
        let extra = Some(Map::from_iter([("n".to_owned(), 1.into())]));
        let commands = ["c", "a", "b"].map(|channel| subscribe(name(channel), extra.clone()));
        subscribers.reconcile(false, |_| extra.clone());
        for _ in 0..2 {
            assert!(subscribers.is_settled());
            subscribers.forget_session();
            assert_eq!(reconcile(&mut subscribers, |_| extra.clone()), commands);
        }
    }

    #[test]
    fn changed_name_rules_accept_and_refuse_channels() {
        let mut subscribers = Subscribers::default();
        assert!(subscribers.insert(entity(1), "ü").status.error().is_some());
        subscribers.insert(entity(2), "a");
        reconcile(&mut subscribers, none);
        assert_eq!(subscribers.set_rules(NameRules::Relaxed), [entity(1)]);
        let relaxed = ChannelName::new("ü", NameRules::Relaxed).unwrap();
        assert_eq!(
            reconcile(&mut subscribers, none),
            [subscribe(relaxed.clone(), None)]
        );
        assert_eq!(subscribers.set_rules(NameRules::Strict), [entity(1)]);
        assert_eq!(reconcile(&mut subscribers, none), [unsubscribe(relaxed)]);
        subscribers.remove(entity(1));
        subscribers.remove(entity(2));
        assert_eq!(reconcile(&mut subscribers, none), [unsubscribe(name("a"))]);
        assert!(subscribers.channels.is_empty() && subscribers.names.is_empty());
    }
}
