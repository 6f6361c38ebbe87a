//! Members as entities, for games that would rather query a roster than read it.

use std::collections::{BTreeSet, HashMap, HashSet};

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_reflect::prelude::*;
use pusher_protocol::protocol::Member;
use serde::de::DeserializeOwned;

use crate::{
    presence::PusherMembers,
    user_code::{Rechecks, UserCode, finish},
};

/// Keeps an entity for each member of the presence channel on the same entity, beside [`PusherMembers`].
///
/// Each has a [`PusherMember`] and is related to the channel by [`PusherMemberOf`]; a game adds what it draws to them. They
/// are spawned when their member comes, before the observers of [`PusherMemberJoined`](crate::PusherMemberJoined) run, and
/// despawned when it leaves, when the channel or this component is removed, and with the channel's entity. While the
/// connection is lost they stay, as the roster does.
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

/// A member of a presence channel, on an entity of its own. Written by the plugin alone; other information about the same
/// member inserts it anew.
#[derive(Component, Clone, Debug, PartialEq, Eq, Reflect)]
#[component(immutable, on_discard = recheck_member)]
#[reflect(opaque)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct PusherMember {
    member: Member,
    is_me: bool,
}

impl PusherMember {
    /// The user's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.member.id()
    }

    /// What the backend says about the user, as JSON; `null` where it says nothing.
    #[must_use]
    pub fn info_json(&self) -> &str {
        self.member.info_json()
    }

    /// The same, decoded.
    pub fn info<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.member.info()
    }

    /// Whether it is this client's own user.
    #[must_use]
    pub fn is_me(&self) -> bool {
        self.is_me
    }
}

/// Relates a member's entity to that of its channel.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq, Reflect)]
#[relationship(relationship_target = PusherMemberEntities)]
#[reflect(Component, Debug, Clone, PartialEq)]
pub struct PusherMemberOf(Entity);

impl PusherMemberOf {
    /// The channel's entity.
    #[must_use]
    pub fn channel(&self) -> Entity {
        self.0
    }
}

/// The members' entities, on the entity of a channel with [`PusherSpawnMembers`].
#[derive(Component, Debug, Default, Reflect)]
#[relationship_target(relationship = PusherMemberOf, linked_spawn)]
#[reflect(Component, Debug)]
pub struct PusherMemberEntities(Vec<Entity>);

impl PusherMemberEntities {
    /// All of them, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entity> {
        self.0.iter().copied()
    }
}

/// On insertion and removal of [`PusherMembers`], and on addition and removal of [`PusherSpawnMembers`], in whichever order they come.
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

/// Before a [`PusherMember`] is replaced, removed or despawned: if an observer panics then, Bevy no longer lists the entity with its
/// channel.
fn recheck_member(mut world: DeferredWorld<'_>, context: HookContext) {
    if let Some(mut rechecks) = world.get_resource_mut::<Rechecks>() {
        rechecks.add(context.entity);
    }
}

/// Those of the entities that are members of a channel are listed with it again, or despawned if the channel is gone. Returns the
/// channels.
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

/// How often a roster may change by what the game's observers of its members do, before the rest is left to the next change.
const MOST_CHANGES: usize = 8;

/// Brings the entities in line with the roster. A panicking observer of one member does not keep the others from being updated.
pub(crate) fn mirror(world: &mut World, channel: Entity) {
    let mut user_code = UserCode::default();
    for _ in 0..MOST_CHANGES {
        if mirror_once(world, channel, &mut user_code) {
            break;
        }
    }
    finish(world, channel, user_code);
}

/// The roster that a channel's entities are to follow.
fn wanted(world: &World, channel: Entity) -> Option<&PusherMembers> {
    world.get::<PusherSpawnMembers>(channel)?;
    world.get(channel)
}

/// Returns whether the roster is still the same in the end: observers of a member may take the channel away, or go to another.
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
        // Observers of the addition run before Bevy enters the entity in the channel's list, those of the insertion after that.
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

/// A second time, if an observer panics. If that one panics, too, the entity is looked at again later, for it is a suspect.
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
