//! Keeps [`Subscribers`] in step with the entities, and the session in step with [`Subscribers`].
//!
//! Component hooks follow the entities. Observers would be entities themselves, and a game that despawns all entities to reset a level
//! would despawn them too.

use bevy_ecs::{
    entity_disabling::Disabled, lifecycle::HookContext, prelude::*, query::Allow,
    world::DeferredWorld,
};
use pusher_protocol::session::Command;

use crate::{
    channel::{
        PusherChannel, PusherSubscribed, PusherSubscription, PusherSubscriptionChanged,
        extras::{HasExtras, extras_of},
        subscribers::{Change, Standing, Subscribers},
    },
    client::Client,
    presence::PusherMembers,
    user_code::UserCode,
};

/// On addition and on insertion of a [`PusherChannel`]: between the two, observers of addition run, one of which may panic.
pub(super) fn follow_insert(world: DeferredWorld<'_>, context: HookContext) {
    take_in(world, context.entity);
}

/// Before a [`PusherChannel`] is replaced, removed or despawned.
pub(super) fn follow_discard(
    mut world: DeferredWorld<'_>,
    HookContext { entity, .. }: HookContext,
) {
    if let Some(mut subscribers) = world.get_resource_mut::<Subscribers>() {
        subscribers.remove(entity);
        // If an observer of the removal panics, the entity keeps its channel.
        world
            .commands()
            .queue(move |world: &mut World| take_in(world.into(), entity));
    }
}

/// On removal of a [`PusherChannel`]. If the entity is being despawned, the command finds nothing and does nothing.
pub(super) fn follow_remove(mut world: DeferredWorld<'_>, context: HookContext) {
    world
        .commands()
        .entity(context.entity)
        .try_remove::<(PusherSubscription, PusherSubscribed, PusherMembers)>();
}

/// Makes an entity with a channel a subscriber, unless it is one already.
fn take_in(mut world: DeferredWorld<'_>, entity: Entity) {
    let Ok(Some(channel)) = world
        .get_entity(entity)
        .map(|entity| entity.get::<PusherChannel>().cloned())
    else {
        return;
    };
    let Some(mut subscribers) = world.get_resource_mut::<Subscribers>() else {
        return;
    };
    if subscribers.has(entity, channel.as_ref()) {
        return;
    }
    let standing = subscribers.insert(entity, channel.as_ref());
    let is_written = world.get::<PusherSubscription>(entity) == Some(&standing.status)
        && world.get::<PusherSubscribed>(entity).is_some() == standing.status.is_subscribed()
        && world.get::<PusherMembers>(entity) == standing.members.as_ref();
    if !is_written {
        world
            .commands()
            .queue(move |world: &mut World| write(world, entity, standing));
    }
}

/// Takes in the entities that were there before the plugin.
pub(crate) fn adopt(world: &mut World) {
    let mut channels = world.query_filtered::<Entity, (With<PusherChannel>, Allow<Disabled>)>();
    let mut found: Vec<Entity> = channels.iter(world).collect();
    found.sort_unstable();
    for entity in found {
        take_in((&mut *world).into(), entity);
    }
    world.flush();
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
    for entity in subscribers.take_unaware() {
        commands.queue(move |world: &mut World| announce(world, entity));
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
    let mut user_code = UserCode::default();
    user_code.run(|| write(world, entity, standing));
    user_code.run(|| world.trigger_ref(&mut changed));
    world.write_message(changed);
    user_code.run(|| world.flush());
    user_code.resume();
}

/// Writes the components of a channel on an entity. A panicking observer of one component does not keep the others from being written.
pub(crate) fn write(world: &mut World, entity: Entity, standing: Standing) {
    let Some(channel) = world.get::<PusherChannel>(entity).cloned() else {
        return;
    };
    let is_subscribed = standing.status.is_subscribed();
    let marker = is_subscribed.then_some(PusherSubscribed);
    let mut user_code = UserCode::default();
    user_code.run(|| set(world, entity, &channel, Some(standing.status)));
    user_code.run(|| set(world, entity, &channel, marker));
    user_code.run(|| set(world, entity, &channel, standing.members));
    // Bevy drops commands that are queued behind one that panics.
    user_code.run(|| world.flush());
    user_code.resume();
}

/// Inserts or removes a component unless nothing would change. Does nothing if the entity no longer has this channel: an observer
/// of another component may just have removed or replaced it.
fn set<C: Component + PartialEq>(
    world: &mut World,
    entity: Entity,
    channel: &PusherChannel,
    wanted: Option<C>,
) {
    let Ok(mut entity) = world.get_entity_mut(entity) else {
        return;
    };
    if entity.get() != Some(channel) {
        return;
    }
    match wanted {
        Some(wanted) if entity.get() != Some(&wanted) => {
            entity.insert(wanted);
        }
        None if entity.contains::<C>() => {
            entity.remove::<C>();
        }
        Some(_) | None => {}
    }
}
