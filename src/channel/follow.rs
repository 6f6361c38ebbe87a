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
    presence::{PusherMembers, mirror, restore_members},
    user_code::UserCode,
};

/// On addition and on insertion of a [`PusherChannel`]: between the two, observers of addition run, one of which may panic.
pub(super) fn follow_insert(world: DeferredWorld<'_>, context: HookContext) {
    take_in(world, context.entity);
}

/// Before a [`PusherChannel`] is replaced, removed or despawned.
pub(super) fn follow_discard(mut world: DeferredWorld<'_>, context: HookContext) {
    if let Some(mut subscribers) = world.get_resource_mut::<Subscribers>() {
        subscribers.remove(context.entity);
        // If an observer of the removal panics, the entity keeps its channel; and a command that was queued here might be lost.
        subscribers.suspect(context.entity);
    }
}

/// On removal of a [`PusherChannel`].
pub(super) fn follow_remove(mut world: DeferredWorld<'_>, HookContext { entity, .. }: HookContext) {
    world
        .commands()
        .queue(move |world: &mut World| clear(world, entity));
}

/// Removes what the plugin wrote on an entity that has no channel any more.
fn clear(world: &mut World, entity: Entity) {
    let mut user_code = UserCode::default();
    user_code.run(|| set::<PusherSubscription>(world, entity, None, None));
    user_code.run(|| set::<PusherSubscribed>(world, entity, None, None));
    user_code.run(|| set::<PusherMembers>(world, entity, None, None));
    finish(world, entity, user_code);
}

/// Ends the writing of an entity's components: if user code panicked meanwhile, the entity is looked at again.
pub(crate) fn finish(world: &mut World, entity: Entity, mut user_code: UserCode) {
    // Bevy drops commands that are queued behind one that panics.
    user_code.run(|| world.flush());
    if user_code.has_panicked()
        && let Some(mut subscribers) = world.get_resource_mut::<Subscribers>()
    {
        subscribers.suspect(entity);
    }
    user_code.resume();
}

/// Whether there are entities to look at again.
pub(crate) fn has_suspects(subscribers: Option<Res<Subscribers>>) -> bool {
    subscribers.is_some_and(|subscribers| subscribers.has_suspects())
}

/// Looks at entities again in whose change user code may have panicked, and makes them what they should be. Once: an observer that
/// panics every time gets its way.
pub(crate) fn recheck(world: &mut World) {
    let suspects = take_suspects(world);
    let mut user_code = UserCode::default();
    // A panic may have left commands behind, such as those that despawn members with their channel.
    user_code.run(|| world.flush());
    let mut channels = restore_members(world, &suspects, &mut user_code);
    channels.extend(suspects);
    for entity in channels {
        if world.get_entity(entity).is_err() {
            continue;
        }
        take_in((&mut *world).into(), entity);
        let standing = world
            .get_resource::<Subscribers>()
            .and_then(|subscribers| Some(subscribers.standing_of(entity)?.1));
        user_code.run(|| match standing {
            Some(standing) => write(world, entity, standing),
            None => clear(world, entity),
        });
        user_code.run(|| mirror(world, entity));
    }
    take_suspects(world);
    user_code.resume();
}

fn take_suspects(world: &mut World) -> Vec<Entity> {
    let subscribers = world.get_resource_mut::<Subscribers>();
    subscribers.map_or_else(Vec::new, |mut subscribers| subscribers.take_suspects())
}

/// Makes an entity with a channel a subscriber, unless it is one already.
fn take_in(mut world: DeferredWorld<'_>, entity: Entity) {
    let Some(channel) = world.get::<PusherChannel>(entity).cloned() else {
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
    finish(world, entity, user_code);
}

/// Writes the components of a channel on an entity. A panicking observer of one component does not keep the others from being written.
pub(crate) fn write(world: &mut World, entity: Entity, standing: Standing) {
    let Some(channel) = world.get::<PusherChannel>(entity).cloned() else {
        return;
    };
    let is_subscribed = standing.status.is_subscribed();
    let marker = is_subscribed.then_some(PusherSubscribed);
    let mut user_code = UserCode::default();
    user_code.run(|| set(world, entity, Some(&channel), Some(standing.status)));
    user_code.run(|| set(world, entity, Some(&channel), marker));
    user_code.run(|| set(world, entity, Some(&channel), standing.members));
    finish(world, entity, user_code);
}

/// Inserts or removes a component unless nothing would change. Does nothing if the entity no longer has this channel, or now has one:
/// an observer of another component may just have changed that.
fn set<C: Component + PartialEq>(
    world: &mut World,
    entity: Entity,
    channel: Option<&PusherChannel>,
    wanted: Option<C>,
) {
    let Ok(mut entity) = world.get_entity_mut(entity) else {
        return;
    };
    if entity.get() != channel {
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
