//! Extra fields of a subscribe request.

use bevy_ecs::{
    entity_disabling::Disabled, lifecycle::HookContext, prelude::*, query::Allow,
    world::DeferredWorld,
};
use bevy_reflect::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::channel::Subscribers;

/// Fields beside Pusher's own in the subscribe request of a [`PusherChannel`](crate::PusherChannel), for servers that have
/// more: a filter by tags, how far to rewind.
///
/// # Lifecycle
/// - Put beside the channel, it goes out with every subscription of it.
/// - Inserting another one, or removing it, subscribes anew. What was published in between is told as a
///   [gap](crate::PusherSubscriptionChanged::gap).
/// - Of several entities on one channel, the one that subscribed first and has it decides.
///
/// The fields `channel`, `auth` and `channel_data` are Pusher's and are left out.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::{PusherSubscribeExtras, prelude::*};
/// # use serde_json::json;
/// fn follow_goals(mut commands: Commands) {
///     commands.spawn((
///         PusherChannel::new("match-7"),
///         PusherSubscribeExtras::new().with("filter", json!({"key": "kind", "cmp": "eq", "val": "goal"})),
///     ));
/// }
/// # App::new().add_systems(Startup, follow_goals);
/// ```
#[derive(Component, Clone, Debug, Default, PartialEq, Reflect, Serialize, Deserialize)]
#[component(immutable, on_add = follow_extras, on_discard = follow_extras)]
#[reflect(opaque)]
#[reflect(Component, Default, Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PusherSubscribeExtras(pub Map<String, Value>);

impl PusherSubscribeExtras {
    /// No fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(field.into(), value.into());
        self
    }
}

/// All entities that have extras.
pub(crate) type HasExtras<'w, 's> = Query<'w, 's, &'static PusherSubscribeExtras, Allow<Disabled>>;

/// What a channel of these entities, the oldest first, is asked for with.
pub(super) fn extras_of(
    entities: &[Entity],
    extras: &HasExtras<'_, '_>,
) -> Option<Map<String, Value>> {
    let first = entities
        .iter()
        .find_map(|entity| extras.get(*entity).ok())?;
    (!first.0.is_empty()).then(|| first.0.clone())
}

/// On addition, and before every replacement and removal, of [`PusherSubscribeExtras`].
fn follow_extras(mut world: DeferredWorld<'_>, context: HookContext) {
    if let Some(mut subscribers) = world.get_resource_mut::<Subscribers>() {
        subscribers.mark_dirty(context.entity);
    }
}
