//! Keeps [`Subscribers`] in sync with the entities, and the session in sync with [`Subscribers`]. Writes the status components of
//! channels.
//!
//! Component hooks follow the entities. Observers would not do: they are entities themselves, and a game that despawns all entities to
//! reset a level would despawn them too.
//!
//! | what happens to a [`PusherChannel`] | hooks that run |
//! |---|---|
//! | it is added | `follow_insert`, twice |
//! | it is replaced by another | `follow_discard`, `follow_insert` |
//! | it is removed, or its entity is despawned | `follow_discard`, `follow_remove` |

use bevy_ecs::{
    entity_disabling::Disabled, lifecycle::HookContext, prelude::*, query::Allow,
    world::DeferredWorld,
};

use crate::{
    channel::{
        PusherChannel, PusherSubscribed, PusherSubscription, PusherSubscriptionChanged,
        extras::{HasExtras, extras_of},
        subscribers::{ChannelSnapshot, Subscribers},
    },
    client::Client,
    presence::{PusherMembers, mirror, restore_members},
    user_code::{Rechecks, UserCode, finish},
};

/// The hook of the addition and of the insertion. If an observer of the addition panics, Bevy skips the insertion hook. So both call this,
/// and the second call does nothing.
pub(super) fn follow_insert(world: DeferredWorld<'_>, context: HookContext) {
    add(world, context.entity);
}

/// The hook before a replacement, a removal or a despawn.
pub(super) fn follow_discard(mut world: DeferredWorld<'_>, context: HookContext) {
    if let Some(mut subscribers) = world.get_resource_mut::<Subscribers>() {
        subscribers.remove(context.entity);
    }
    // If an observer of the removal panics, the entity keeps its channel, or the command of `follow_remove` is lost. Whether that will happen
    // is not known yet, so the entity is always rechecked.
    if let Some(mut rechecks) = world.get_resource_mut::<Rechecks>() {
        rechecks.add(context.entity);
    }
}

/// The hook of a removal.
pub(super) fn follow_remove(mut world: DeferredWorld<'_>, HookContext { entity, .. }: HookContext) {
    world
        .commands()
        .queue(move |world: &mut World| clear(world, entity));
}

/// Removes what the plugin wrote on an entity that has no channel any more.
fn clear(world: &mut World, entity: Entity) {
    write_components(world, entity, None, None, None);
}

/// Whether there are entities to recheck.
pub(crate) fn has_rechecks(rechecks: Option<Res<Rechecks>>) -> bool {
    rechecks.is_some_and(|rechecks| !rechecks.is_empty())
}

/// Repairs entities whose change a panic may have interrupted. Each is rechecked only once: otherwise an observer that always panics would
/// run in every frame.
pub(crate) fn recheck(world: &mut World) {
    let entities = Rechecks::take(world);
    let mut user_code = UserCode::default();
    // A panic may have left commands behind, such as those that despawn members with their channel.
    user_code.run(|| world.flush());
    let mut channels = restore_members(world, &entities, &mut user_code);
    channels.extend(entities);
    for entity in channels {
        if world.get_entity(entity).is_err() {
            continue;
        }
        add(DeferredWorld::from(&mut *world), entity);
        let snapshot = world
            .get_resource::<Subscribers>()
            .and_then(|subscribers| subscribers.snapshot_of(entity))
            .map(|(_, snapshot)| snapshot);
        user_code.run(|| match snapshot {
            Some(snapshot) => write(world, entity, snapshot),
            None => clear(world, entity),
        });
        user_code.run(|| mirror(world, entity));
    }
    // Discards what was recorded in the meantime, since each entity is rechecked once.
    Rechecks::take(world);
    user_code.resume();
}

/// Adds an entity with a channel to the subscribers, unless it is one already.
fn add(mut world: DeferredWorld<'_>, entity: Entity) {
    let Some(channel) = world.get::<PusherChannel>(entity).cloned() else {
        return;
    };
    let Some(mut subscribers) = world.get_resource_mut::<Subscribers>() else {
        return;
    };
    if subscribers.has(entity, channel.as_ref()) {
        return;
    }
    let snapshot = subscribers.insert(entity, channel.as_ref());
    // The required components of a new channel are often right already.
    let is_written = world.get::<PusherSubscription>(entity) == Some(&snapshot.status)
        && world.get::<PusherSubscribed>(entity).is_some() == snapshot.status.is_subscribed()
        && world.get::<PusherMembers>(entity) == snapshot.members.as_ref();
    if !is_written {
        world
            .commands()
            .queue(move |world: &mut World| write(world, entity, snapshot));
    }
}

/// Adds the entities that were spawned before the plugin was added.
pub(crate) fn adopt(world: &mut World) {
    let mut channels = world.query_filtered::<Entity, (With<PusherChannel>, Allow<Disabled>)>();
    let mut found: Vec<Entity> = channels.iter(world).collect();
    found.sort_unstable();
    for entity in found {
        add(DeferredWorld::from(&mut *world), entity);
    }
    world.flush();
}

/// Sends the session the subscriptions that the entities want, and announces the status to entities that were added after it changed.
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
    for command in subscribers.reconcile(client.is_running(), extras_of) {
        client.send(command);
    }
    for entity in subscribers.take_unannounced() {
        commands.queue(move |world: &mut World| announce(world, entity));
    }
}

/// Announces the current status of its channel to an entity.
fn announce(world: &mut World, entity: Entity) {
    let Some((channel, snapshot)) = world
        .get_resource::<Subscribers>()
        .and_then(|subscribers| subscribers.snapshot_of(entity))
    else {
        return;
    };
    let mut changed = PusherSubscriptionChanged {
        entity,
        channel: channel.into(),
        status: snapshot.status.clone(),
        gap: None,
    };
    let mut user_code = UserCode::default();
    user_code.run(|| write(world, entity, snapshot));
    user_code.run(|| world.trigger_ref(&mut changed));
    world.write_message(changed);
    finish(world, entity, user_code);
}

/// Writes the status components of a channel on an entity. If an observer of one component panics, the others are still written.
pub(crate) fn write(world: &mut World, entity: Entity, snapshot: ChannelSnapshot) {
    let Some(channel) = world.get::<PusherChannel>(entity).cloned() else {
        return;
    };
    let (status, members) = (Some(snapshot.status), snapshot.members);
    write_components(world, entity, Some(&channel), status, members);
}

fn write_components(
    world: &mut World,
    entity: Entity,
    channel: Option<&PusherChannel>,
    status: Option<PusherSubscription>,
    members: Option<PusherMembers>,
) {
    let is_subscribed = status
        .as_ref()
        .is_some_and(PusherSubscription::is_subscribed);
    let marker = is_subscribed.then_some(PusherSubscribed);
    let mut user_code = UserCode::default();
    user_code.run(|| set(world, entity, channel, status));
    user_code.run(|| set(world, entity, channel, marker));
    user_code.run(|| set(world, entity, channel, members));
    finish(world, entity, user_code);
}

/// Inserts or removes a component, unless nothing would change. Does nothing if the entity's channel is no longer `channel`, because an
/// observer of another component may have changed it since.
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
