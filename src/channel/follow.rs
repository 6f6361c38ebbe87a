//! Keeps [`Subscribers`] in step with the entities, and the session in step with [`Subscribers`].

use bevy_ecs::{entity_disabling::Disabled, prelude::*, query::Allow};
use pusher_protocol::session::Command;

use crate::{
    channel::{
        PusherChannel, PusherSubscribed, PusherSubscription, PusherSubscriptionChanged,
        extras::{HasExtras, extras_of},
        subscribers::{Change, Standing, Subscribers},
    },
    client::Client,
    presence::PusherMembers,
};

/// What the plugin wrote on an entity.
type Written = (
    Option<&'static PusherSubscription>,
    Has<PusherSubscribed>,
    Option<&'static PusherMembers>,
);

pub(crate) fn follow_insert(
    insert: On<Insert<PusherChannel>>,
    channels: Query<(&PusherChannel, Written), Allow<Disabled>>,
    subscribers: Option<ResMut<Subscribers>>,
    mut commands: Commands,
) {
    let (Some(mut subscribers), Ok((channel, written))) =
        (subscribers, channels.get(insert.entity))
    else {
        return;
    };
    let standing = subscribers.insert(insert.entity, channel.as_ref());
    let is_written = written.0 == Some(&standing.status)
        && written.1 == standing.status.is_subscribed()
        && written.2 == standing.members.as_ref();
    if !is_written {
        let entity = insert.entity;
        commands.queue(move |world: &mut World| write(world, entity, standing));
    }
}

pub(crate) fn follow_discard(
    discard: On<Discard<PusherChannel>>,
    subscribers: Option<ResMut<Subscribers>>,
) {
    if let Some(mut subscribers) = subscribers {
        subscribers.remove(discard.entity);
    }
}

pub(crate) fn follow_remove(remove: On<Remove<PusherChannel>>, mut commands: Commands) {
    // On a despawn the entity is gone by the time of the command, which is as well.
    commands
        .entity(remove.entity)
        .try_remove::<(PusherSubscription, PusherSubscribed, PusherMembers)>();
}

/// Takes in the entities that were there before the plugin, whose insertion no observer has seen.
pub(crate) fn adopt(world: &mut World) {
    let mut found: Vec<(Entity, PusherChannel)> = world
        .query_filtered::<(Entity, &PusherChannel), Allow<Disabled>>()
        .iter(world)
        .map(|(entity, channel)| (entity, channel.clone()))
        .collect();
    found.sort_by_key(|(entity, _)| *entity);
    for (entity, channel) in found {
        if let Some(mut subscribers) = world.get_resource_mut::<Subscribers>() {
            let standing = subscribers.insert(entity, channel.as_ref());
            write(world, entity, standing);
        }
    }
}

/// Tells the session what has come to be wanted or unwanted, and the entities what they did not see come about.
pub(crate) fn reconcile(
    subscribers: Option<ResMut<Subscribers>>,
    client: Option<Res<Client>>,
    extras: HasExtras,
    mut commands: Commands,
) {
    let (Some(mut subscribers), Some(client)) = (subscribers, client) else {
        return;
    };
    if subscribers.is_settled() {
        return;
    }
    let extras_of = |entities: &[Entity]| extras_of(entities, &extras);
    for change in subscribers.changes(client.is_running(), extras_of) {
        client.command(match change {
            Change::Subscribe(channel, extra) => Command::Subscribe { channel, extra },
            Change::Unsubscribe(channel) => Command::Unsubscribe(channel),
            Change::Retry(channel) => Command::Retry(channel),
        });
    }
    let unaware = subscribers.take_unaware();
    if !unaware.is_empty() {
        commands.queue(move |world: &mut World| {
            for entity in unaware {
                announce(world, entity);
            }
        });
    }
}

/// Tells one entity of its present status.
fn announce(world: &mut World, entity: Entity) {
    let Some((channel, standing)) = world
        .get_resource::<Subscribers>()
        .and_then(|subscribers| subscribers.standing_of(entity))
    else {
        return;
    };
    let mut changed = PusherSubscriptionChanged {
        entity,
        channel: channel.into(),
        status: standing.status.clone(),
        gap: None,
    };
    write(world, entity, standing);
    world.trigger_ref(&mut changed);
    world.write_message(changed);
    world.flush();
}

/// Writes on an entity what is known of its channel.
pub(crate) fn write(world: &mut World, entity: Entity, standing: Standing) {
    let Ok(mut entity) = world.get_entity_mut(entity) else {
        return;
    };
    // A command that was queued before this one may have taken the channel away.
    if !entity.contains::<PusherChannel>() {
        return;
    }
    if entity.get::<PusherSubscription>() != Some(&standing.status) {
        entity.insert(standing.status.clone());
    }
    match (
        standing.status.is_subscribed(),
        entity.contains::<PusherSubscribed>(),
    ) {
        (true, false) => {
            entity.insert(PusherSubscribed);
        }
        (false, true) => {
            entity.remove::<PusherSubscribed>();
        }
        (true, true) | (false, false) => {}
    }
    match standing.members {
        Some(members) if entity.get::<PusherMembers>() != Some(&members) => {
            entity.insert(members);
        }
        None if entity.contains::<PusherMembers>() => {
            entity.remove::<PusherMembers>();
        }
        Some(_) | None => {}
    }
}
