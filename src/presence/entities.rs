//! Members as entities, for games that query members instead of reading [`PusherMembers`]. Keeps the entities in sync with it.

use std::collections::{BTreeSet, HashMap, HashSet};

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_reflect::prelude::*;
use pusher_protocol::protocol::Member;
use serde::de::DeserializeOwned;

use crate::{
    presence::PusherMembers,
    user_code::{Rechecks, UserCode, finish},
};

/// Spawns an entity for each member of the presence channel. Insert it on the channel's entity.
///
/// Each member's entity has a [`PusherMember`] and is related to the channel's entity by [`PusherMemberOf`]. A game can add its own
/// components, such as what it draws.
///
/// # Lifecycle
/// - An entity is spawned when its member joins, before observers of [`PusherMemberJoined`](crate::PusherMemberJoined) run.
/// - It is despawned when the member leaves, when the channel or this component is removed, and when the channel's entity is
///   despawned.
/// - While the connection is lost, the entities stay, as [`PusherMembers`] does.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::prelude::*;
/// # use bevy_pusher::{PusherMember, PusherMemberOf, PusherSpawnMembers};
/// # #[derive(serde::Deserialize)] struct Player { name: String }
/// fn enter(mut commands: Commands) {
///     commands.spawn((PusherChannel::new("presence-lobby"), PusherSpawnMembers));
/// }
///
/// fn name_tags(newcomers: Query<(Entity, &PusherMember), Added<PusherMember>>, mut commands: Commands) {
///     for (entity, member) in &newcomers {
///         let name = member.info::<Player>().map_or_else(|_| member.id().to_owned(), |player| player.name);
///         commands.entity(entity).insert(Name::new(name));
///     }
/// }
/// # App::new().add_systems(Startup, enter).add_systems(Update, name_tags);
/// ```
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq, Reflect)]
#[component(on_add = update_members, on_remove = update_members)]
#[reflect(Component, Default, Debug, Clone, PartialEq)]
pub struct PusherSpawnMembers;

/// A member of a presence channel, on the member's entity. Only the plugin writes it; if the information about the member changes,
/// the component is inserted again.
#[derive(Component, Clone, Debug, PartialEq, Eq, Reflect)]
#[component(immutable, on_discard = recheck_member)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct PusherMember {
    member: Member,
    is_me: bool,
}

impl PusherMember {
    /// Returns the user's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.member.id()
    }

    /// Returns the backend's information about the user as JSON, `null` if there is none.
    #[must_use]
    pub fn info_json(&self) -> &str {
        self.member.info_json()
    }

    /// Returns the backend's information about the user, decoded.
    ///
    /// # Errors
    /// Returns the error of `serde_json` if the JSON does not fit the type.
    pub fn info<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.member.info()
    }

    /// Whether it is this client's own user.
    #[must_use]
    pub fn is_me(&self) -> bool {
        self.is_me
    }
}

/// Relates a member's entity to the channel's entity. A Bevy relationship; [`PusherMemberEntities`] is its target.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[relationship(relationship_target = PusherMemberEntities)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct PusherMemberOf(Entity);

impl PusherMemberOf {
    /// Returns the channel's entity.
    #[must_use]
    pub fn channel(&self) -> Entity {
        self.0
    }
}

/// The members' entities, on the channel's entity with [`PusherSpawnMembers`].
#[derive(Component, Debug, Default, Reflect)]
#[relationship_target(relationship = PusherMemberOf, linked_spawn)]
#[reflect(Component, Debug)]
pub struct PusherMemberEntities(Vec<Entity>);

impl PusherMemberEntities {
    /// Returns all entities, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entity> {
        self.0.iter().copied()
    }
}

/// Runs when [`PusherMembers`] is inserted or removed, and when [`PusherSpawnMembers`] is added or removed. The two may come in either
/// order.
pub(super) fn update_members(mut world: DeferredWorld<'_>, context: HookContext) {
    let channel = context.entity;
    let concerns_entities = world.get::<PusherSpawnMembers>(channel).is_some()
        || world.get::<PusherMemberEntities>(channel).is_some();
    if concerns_entities {
        world
            .commands()
            .queue(move |world: &mut World| mirror(world, channel));
    }
}

/// Runs before a [`PusherMember`] is replaced, removed or despawned. If an observer then panics, Bevy no longer lists the entity with its
/// channel, so the entity is rechecked.
fn recheck_member(mut world: DeferredWorld<'_>, context: HookContext) {
    if let Some(mut rechecks) = world.get_resource_mut::<Rechecks>() {
        rechecks.add(context.entity);
    }
}

/// Repairs those of the rechecked entities that are members: lists them with their channel again, or despawns them if the channel's entity
/// no longer exists. Returns the channels' entities.
pub(crate) fn restore_members(
    world: &mut World,
    rechecked: &[Entity],
    user_code: &mut UserCode,
) -> BTreeSet<Entity> {
    let members: Vec<(Entity, Option<Entity>)> = rechecked
        .iter()
        .filter(|member| world.get::<PusherMember>(**member).is_some())
        .map(|member| (*member, world.get(*member).map(PusherMemberOf::channel)))
        .collect();
    let channels: BTreeSet<Entity> = members.iter().filter_map(|(_, channel)| *channel).collect();
    let lists = channels
        .iter()
        .filter_map(|channel| world.get::<PusherMemberEntities>(*channel));
    let listed: HashSet<Entity> = lists.flat_map(PusherMemberEntities::iter).collect();
    for (member, channel) in members {
        match channel {
            Some(channel) if world.get_entity(channel).is_ok() => {
                if !listed.contains(&member) {
                    user_code.run(|| insert(world, member, PusherMemberOf(channel)));
                }
            }
            Some(_) | None => despawn(world, member, user_code),
        }
    }
    channels
}

/// How often observers of members may change the roster while it is mirrored. Beyond that, the next change of the roster mirrors the rest.
/// Observers that change it each time would otherwise never end.
const MOST_CHANGES: usize = 8;

/// Spawns, updates and despawns entities until they match the roster. If an observer of one member panics, the others are still updated.
pub(crate) fn mirror(world: &mut World, channel: Entity) {
    let mut user_code = UserCode::default();
    for _ in 0..MOST_CHANGES {
        if mirror_once(world, channel, &mut user_code) {
            break;
        }
    }
    finish(world, channel, user_code);
}

/// Returns the members that should have entities.
fn wanted(world: &World, channel: Entity) -> Option<&PusherMembers> {
    world.get::<PusherSpawnMembers>(channel)?;
    world.get(channel)
}

/// Mirrors the roster once. Returns whether it is still the same afterwards: observers of a member may remove or replace the channel.
fn mirror_once(world: &mut World, channel: Entity, user_code: &mut UserCode) -> bool {
    let wanted_now = wanted(world, channel).cloned();
    let roster = wanted_now.clone().unwrap_or_default();
    let mut there = HashMap::new();
    let entities = world.get::<PusherMemberEntities>(channel);
    for entity in entities.into_iter().flat_map(PusherMemberEntities::iter) {
        if let Some(member) = world.get::<PusherMember>(entity) {
            there.insert(member.id().to_owned(), (entity, member.clone()));
        }
    }
    let is_current = |world: &World| match (wanted(world, channel), &wanted_now) {
        (Some(now), Some(then)) => now.is_same(then),
        (now, then) => now.is_none() && then.is_none(),
    };
    let me = roster.me().map(Member::id);
    for member in roster.iter() {
        let now = PusherMember {
            member: member.clone(),
            is_me: me == Some(member.id()),
        };
        match there.remove(member.id()) {
            Some((_, before)) if before == now => continue,
            Some((entity, _)) => {
                user_code.run(|| insert(world, entity, now));
            }
            None => spawn(world, channel, now, user_code),
        }
        if !is_current(world) {
            return false;
        }
    }
    for (entity, _) in there.into_values() {
        despawn(world, entity, user_code);
    }
    is_current(world)
}

fn spawn(world: &mut World, channel: Entity, member: PusherMember, user_code: &mut UserCode) {
    let entity = world.spawn_empty().id();
    let bundle = (member, PusherMemberOf(channel));
    if !user_code.run(|| insert(world, entity, bundle.clone())) {
        // If an observer of the addition panicked, Bevy has not listed the entity with the channel yet, so it is inserted again.
        user_code.run(|| world.flush());
        let entities = world.get::<PusherMemberEntities>(channel);
        if !entities.is_some_and(|entities| entities.0.contains(&entity)) {
            user_code.run(|| insert(world, entity, bundle));
        }
    }
    if world.get_entity(channel).is_err() {
        despawn(world, entity, user_code);
    }
}

fn insert(world: &mut World, entity: Entity, bundle: impl Bundle) {
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert(bundle);
    }
}

/// Despawns an entity. Tries a second time if an observer panics. If that panics too, the entity has been recorded for a recheck.
fn despawn(world: &mut World, entity: Entity, user_code: &mut UserCode) {
    for _ in 0..2 {
        let is_despawned = user_code.run(|| {
            world.try_despawn(entity).ok();
        });
        if is_despawned {
            return;
        }
    }
}
