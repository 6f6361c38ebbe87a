use bevy_ecs::prelude::*;
use bevy_platform::collections::HashMap;
use pusher_protocol::{ChannelName, NameRules, session::SubscriptionError};
use serde_json::{Map, Value};

use crate::{channel::PusherSubscription, presence::PusherMembers};

/// Which entities want which channel, and what is known of each channel: the wanted set that the session is held against.
#[derive(Resource, Default)]
pub(crate) struct Subscribers {
    rules: NameRules,
    channels: HashMap<ChannelName, Channel>,
    names: HashMap<Entity, Name>,
    /// Channels that may have become wanted or unwanted since the last reconciliation.
    dirty: Vec<ChannelName>,
    /// Entities that are to be told of a status that they did not see come about.
    unaware: Vec<Entity>,
    /// Entities whose components may not be what they should be, because user code panicked in the middle of a change.
    suspects: Vec<Entity>,
    inserted_so_far: u64,
    version: u64,
}

/// What a wanted channel is known to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Standing {
    pub(crate) status: PusherSubscription,
    pub(crate) members: Option<PusherMembers>,
}

/// What the session is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Subscribe(ChannelName, Option<Map<String, Value>>),
    Unsubscribe(ChannelName),
    /// All entities of a failed channel went and others came: as good as a new subscription.
    Retry(ChannelName),
}

struct Channel {
    /// In the order in which they subscribed.
    entities: Vec<Entity>,
    standing: Standing,
    /// Whether the session was told to subscribe.
    told: bool,
    /// The extra fields with which it was told so.
    extra: Option<Map<String, Value>>,
    is_dirty: bool,
    /// Whether there was a moment without entities since the last reconciliation.
    was_unwanted: bool,
    /// Whether it had failed then.
    retry: bool,
    order: u64,
}

enum Name {
    Valid(ChannelName),
    Invalid(Box<str>, PusherSubscription),
}

impl Subscribers {
    /// Whether an entity is known to have a channel of this name.
    pub(crate) fn has(&self, entity: Entity, name: &str) -> bool {
        match self.names.get(&entity) {
            Some(Name::Valid(known)) => known.as_str() == name,
            Some(Name::Invalid(known, _)) => &**known == name,
            None => false,
        }
    }

    /// An entity has a channel now.
    pub(crate) fn insert(&mut self, entity: Entity, name: &str) -> Standing {
        self.remove(entity);
        let name = match ChannelName::new(name, self.rules) {
            Ok(name) => name,
            Err(error) => {
                log::warn!("there is no channel of this name: {error}");
                let status = PusherSubscription::Failed {
                    error: error.into(),
                };
                self.names
                    .insert(entity, Name::Invalid(name.into(), status.clone()));
                self.unaware.push(entity);
                return Standing {
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
                entities: Vec::new(),
                standing: Standing::default(),
                told: false,
                extra: None,
                is_dirty: false,
                was_unwanted: false,
                retry: false,
                order,
            });
        if channel.was_unwanted && channel.standing.status.error().is_some() {
            channel.standing.status = PusherSubscription::Pending;
            channel.retry = true;
        }
        channel.entities.push(entity);
        if !channel.is_dirty {
            channel.is_dirty = true;
            self.dirty.push(name);
        }
        if channel.standing.status != PusherSubscription::Pending {
            self.unaware.push(entity);
        }
        channel.standing.clone()
    }

    /// An entity has its channel no more.
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
        if !channel.is_dirty {
            channel.is_dirty = true;
            self.dirty.push(name);
        }
    }

    /// What goes out with the subscription of an entity's channel may be another now.
    pub(crate) fn look_again(&mut self, entity: Entity) {
        if let Some(Name::Valid(name)) = self.names.get(&entity)
            && let Some(channel) = self.channels.get_mut(name)
            && !channel.is_dirty
        {
            channel.is_dirty = true;
            self.dirty.push(name.clone());
        }
    }

    /// The entities that want a channel, the oldest first.
    pub(crate) fn entities(&self, channel: &str) -> &[Entity] {
        self.channels
            .get(channel)
            .map_or(&[], |channel| &channel.entities)
    }

    /// What is known of a channel that the session has. It is kept while no entity wants it, too: another may want it before
    /// the session is told otherwise.
    pub(crate) fn standing_mut(&mut self, channel: &str) -> Option<&mut Standing> {
        let channel = self.channels.get_mut(channel)?;
        Some(&mut channel.standing)
    }

    /// The channel's name and status of an entity.
    pub(crate) fn standing_of(&self, entity: Entity) -> Option<(&str, Standing)> {
        Some(match self.names.get(&entity)? {
            Name::Valid(name) => (name.as_str(), self.channels.get(name)?.standing.clone()),
            Name::Invalid(name, status) => {
                let standing = Standing {
                    status: status.clone(),
                    members: None,
                };
                (name, standing)
            }
        })
    }

    /// Changes whenever who listens does, so that a list of listeners is known to be of the present without looking it up.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// All channels that the session was told to subscribe to.
    pub(crate) fn told(&self) -> impl Iterator<Item = &ChannelName> {
        self.channels
            .iter()
            .filter(|(_, channel)| channel.told)
            .map(|(name, _)| name)
    }

    /// The channels that the game's backend did not authorize.
    pub(crate) fn refused(&self) -> Vec<ChannelName> {
        let is_refused = |channel: &Channel| {
            let error = channel.standing.status.error();
            channel.told && matches!(error, Some(SubscriptionError::Authorization(_)))
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

    /// Whether there is anything to reconcile. Cheap, for every frame asks.
    pub(crate) fn is_settled(&self) -> bool {
        self.dirty.is_empty() && self.unaware.is_empty()
    }

    /// What the session is to be told, if there is one; `extras_of` says with which extra fields the channel of these
    /// entities is to be asked for.
    pub(crate) fn changes(
        &mut self,
        has_session: bool,
        extras_of: impl Fn(&[Entity]) -> Option<Map<String, Value>>,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for name in std::mem::take(&mut self.dirty) {
            let Some(channel) = self.channels.get_mut(&name) else {
                continue;
            };
            channel.is_dirty = false;
            channel.was_unwanted = false;
            let retry = std::mem::take(&mut channel.retry);
            if channel.entities.is_empty() {
                if channel.told {
                    changes.push(Change::Unsubscribe(name.clone()));
                }
                self.channels.remove(&name);
                continue;
            }
            if !has_session {
                continue;
            }
            let extra = extras_of(&channel.entities);
            if !channel.told || channel.extra != extra {
                channel.told = true;
                channel.extra.clone_from(&extra);
                changes.push(Change::Subscribe(name, extra));
            } else if retry {
                changes.push(Change::Retry(name));
            }
        }
        changes
    }

    /// The entities that are to be told of their status.
    /// Has an entity looked at again, see [`Self::suspects`].
    pub(crate) fn suspect(&mut self, entity: Entity) {
        self.suspects.push(entity);
    }

    pub(crate) fn has_suspects(&self) -> bool {
        !self.suspects.is_empty()
    }

    pub(crate) fn take_suspects(&mut self) -> Vec<Entity> {
        std::mem::take(&mut self.suspects)
    }

    pub(crate) fn take_unaware(&mut self) -> Vec<Entity> {
        std::mem::take(&mut self.unaware)
    }

    /// There is another session, or none: it knows of no channel yet.
    pub(crate) fn forget_session(&mut self) {
        let mut names: Vec<_> = self
            .channels
            .iter_mut()
            .map(|(name, channel)| {
                channel.told = false;
                channel.is_dirty = true;
                (channel.order, name.clone())
            })
            .collect();
        names.sort();
        self.dirty = names.into_iter().map(|(_, name)| name).collect();
    }

    /// Goes over to other rules for names. Returns the entities whose standing this may have changed.
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
            if !self.unaware.contains(entity) {
                self.unaware.push(*entity);
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

    /// No entity has extra fields.
    fn none(_: &[Entity]) -> Option<Map<String, Value>> {
        None
    }

    #[test]
    fn two_entities_share_one_subscription_which_ends_with_the_last() {
        let mut subscribers = Subscribers::default();
        subscribers.insert(entity(1), "a");
        subscribers.insert(entity(2), "a");
        assert_eq!(
            subscribers.changes(true, none),
            [Change::Subscribe(name("a"), None)]
        );
        subscribers.remove(entity(1));
        assert_eq!(subscribers.changes(true, none), []);
        assert_eq!(subscribers.entities("a"), [entity(2)]);
        subscribers.remove(entity(2));
        assert_eq!(
            subscribers.changes(true, none),
            [Change::Unsubscribe(name("a"))]
        );
        assert!(subscribers.channels.is_empty() && subscribers.names.is_empty());
    }

    #[test]
    fn inserting_the_same_name_again_makes_no_traffic_unless_it_failed() {
        let mut subscribers = Subscribers::default();
        subscribers.insert(entity(1), "a");
        subscribers.changes(true, none);
        subscribers.standing_mut("a").unwrap().status = PusherSubscription::Subscribed;
        let standing = subscribers.insert(entity(1), "a");
        assert_eq!(standing.status, PusherSubscription::Subscribed);
        assert_eq!(subscribers.changes(true, none), []);
    }

    #[test]
    fn a_failed_channel_that_is_inserted_again_starts_anew() {
        let mut subscribers = Subscribers::default();
        subscribers.insert(entity(1), "a");
        subscribers.changes(true, none);
        let failed = PusherSubscription::Failed {
            error: pusher_protocol::session::SubscriptionError::TimedOut,
        };
        subscribers.standing_mut("a").unwrap().status = failed.clone();
        assert_eq!(subscribers.insert(entity(2), "a").status, failed);
        subscribers.remove(entity(2));
        assert_eq!(
            subscribers.insert(entity(1), "a").status,
            PusherSubscription::Pending
        );
        assert_eq!(subscribers.changes(true, none), [Change::Retry(name("a"))]);
    }

    #[test]
    fn another_session_is_told_everything_in_the_order_of_wanting() {
        let mut subscribers = Subscribers::default();
        for (index, name) in ["c", "a", "b"].iter().enumerate() {
            subscribers.insert(entity(index as u32), name);
        }
        subscribers.changes(false, none);
        assert!(subscribers.is_settled());
        subscribers.forget_session();
        let told: Vec<Change> = ["c", "a", "b"]
            .map(|channel| Change::Subscribe(name(channel), None))
            .into();
        assert_eq!(subscribers.changes(true, none), told);
    }

    #[test]
    fn other_rules_for_names_let_in_and_out() {
        let mut subscribers = Subscribers::default();
        assert!(subscribers.insert(entity(1), "ü").status.error().is_some());
        subscribers.insert(entity(2), "a");
        subscribers.changes(true, none);
        assert_eq!(subscribers.set_rules(NameRules::Relaxed), [entity(1)]);
        let relaxed = ChannelName::new("ü", NameRules::Relaxed).unwrap();
        assert_eq!(
            subscribers.changes(true, none),
            [Change::Subscribe(relaxed.clone(), None)]
        );
        assert_eq!(subscribers.set_rules(NameRules::Strict), [entity(1)]);
        assert_eq!(
            subscribers.changes(true, none),
            [Change::Unsubscribe(relaxed)]
        );
    }

    #[test]
    fn extra_fields_go_with_the_subscription_and_other_ones_make_another() {
        let mut subscribers = Subscribers::default();
        let extra = |number: u32| Some(Map::from_iter([("n".to_owned(), number.into())]));
        subscribers.insert(entity(1), "a");
        let told = |number| [Change::Subscribe(name("a"), extra(number))];
        assert_eq!(subscribers.changes(true, |_| extra(1)), told(1));
        subscribers.look_again(entity(1));
        assert_eq!(subscribers.changes(true, |_| extra(1)), []);
        subscribers.look_again(entity(1));
        assert_eq!(subscribers.changes(true, |_| extra(2)), told(2));
        subscribers.forget_session();
        assert_eq!(subscribers.changes(true, |_| extra(2)), told(2));
    }
}
