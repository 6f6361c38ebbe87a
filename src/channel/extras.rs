//! [`PusherSubscribeExtras`]: additional fields of a subscribe request.

use bevy_ecs::{
    entity_disabling::Disabled, lifecycle::HookContext, prelude::*, query::Allow,
    world::DeferredWorld,
};
use bevy_reflect::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::channel::Subscribers;

/// Additional fields in the subscribe request of a [`PusherChannel`](crate::PusherChannel), for servers with extensions such as
/// filters by tags or rewinding.
///
/// # Lifecycle
/// - Insert it on the entity of the channel. Every subscription of the channel then sends the fields.
/// - Replacing it with other fields, or removing it, subscribes again. Events that are published in between are missed; the
///   [gap](crate::PusherSubscriptionChanged::gap) is reported.
/// - If several entities have the same channel, the fields of the entity that subscribed first are used, among those that have
///   this component.
///
/// The fields `channel`, `auth` and `channel_data` belong to the protocol and are ignored here.
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
    /// Creates the component without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(field.into(), value.into());
        self
    }
}

/// All entities with additional fields.
pub(crate) type HasExtras<'w, 's> = Query<'w, 's, &'static PusherSubscribeExtras, Allow<Disabled>>;

/// Returns the additional fields for a channel of these entities, which are in the order in which they subscribed.
pub(super) fn extras_of(
    entities: &[Entity],
    extras: &HasExtras<'_, '_>,
) -> Option<Map<String, Value>> {
    let first = entities
        .iter()
        .find_map(|entity| extras.get(*entity).ok())?;
    (!first.0.is_empty()).then(|| first.0.clone())
}

/// Runs when [`PusherSubscribeExtras`] is added, and before it is replaced or removed.
fn follow_extras(mut world: DeferredWorld<'_>, context: HookContext) {
    if let Some(mut subscribers) = world.get_resource_mut::<Subscribers>() {
        subscribers.mark_dirty(context.entity);
    }
}
