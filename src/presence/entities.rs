//! Members as entities, for games that would rather query a roster than read it.

use std::collections::HashMap;

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_reflect::prelude::*;
use pusher_protocol::protocol::Member;
use serde::de::DeserializeOwned;

use crate::{PusherMembers, user_code::UserCode};

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
#[component(on_add = update_members, on_insert = update_members, on_remove = update_members)]
#[reflect(Component, Default, Debug, Clone, PartialEq)]
pub struct PusherSpawnMembers;

/// A member of a presence channel, on an entity of its own. Written by the plugin alone; other information about the same
/// member inserts it anew.
#[derive(Component, Clone, Debug, PartialEq, Eq, Reflect)]
#[component(immutable)]
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

/// On addition, insertion and removal of [`PusherMembers`] and of [`PusherSpawnMembers`], in whichever order they come.
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

/// Brings the entities in line with the roster. A panicking observer of one member does not keep the others from being updated.
fn mirror(world: &mut World, channel: Entity) {
    let Ok(entity) = world.get_entity(channel) else {
        return;
    };
    let is_wanted = entity.contains::<PusherSpawnMembers>();
    let roster = entity.get::<PusherMembers>().filter(|_| is_wanted);
    let roster = roster.cloned().unwrap_or_default();
    let mut there = HashMap::new();
    for entity in entity
        .get::<PusherMemberEntities>()
        .into_iter()
        .flat_map(PusherMemberEntities::iter)
    {
        if let Some(member) = world.get::<PusherMember>(entity) {
            there.insert(member.id().to_owned(), (entity, member.clone()));
        }
    }
    let me = roster.me().map(Member::id);
    let mut user_code = UserCode::default();
    for member in roster.iter() {
        let now = PusherMember {
            member: member.clone(),
            is_me: me == Some(member.id()),
        };
        let entity = match there.remove(member.id()) {
            Some((_, before)) if before == now => continue,
            Some((entity, _)) => entity,
            // An observer of another member may have despawned the channel.
            None if world.get_entity(channel).is_err() => break,
            None => {
                let entity = world.spawn_empty().id();
                relate(world, &mut user_code, entity, channel);
                entity
            }
        };
        if let Ok(mut entity) = world.get_entity_mut(entity) {
            user_code.run(|| {
                entity.insert(now);
            });
        }
    }
    for (entity, _) in there.into_values() {
        let is_despawned = user_code.run(|| {
            world.despawn(entity);
        });
        if !is_despawned && world.get_entity(entity).is_ok() {
            // Bevy has already taken it out of the channel's entities. So that it is tried again:
            relate(world, &mut user_code, entity, channel);
        }
    }
    // Bevy drops commands that are queued behind one that panics.
    user_code.run(|| world.flush());
    user_code.resume();
}

/// Relates a member's entity to its channel. Observers of the relation's addition run before Bevy enters it in the channel's
/// entities, so after a panic of theirs it is inserted again.
fn relate(world: &mut World, user_code: &mut UserCode, member: Entity, channel: Entity) {
    let mut insert = || {
        if let Ok(mut member) = world.get_entity_mut(member) {
            member.insert(PusherMemberOf(channel));
        }
    };
    if !user_code.run(&mut insert) {
        user_code.run(insert);
    }
}
