//! What the plugin tells a game beside the events of the wire.

use bevy_app::App;
use bevy_ecs::prelude::*;

/// How many messages of a kind are kept while Bevy does not age them.
const MOST_REPORTS: usize = 4096;

/// All kinds of them, each by what ages its messages.
#[derive(Resource, Default)]
pub(crate) struct Reports(Vec<fn(&mut World, usize)>);

impl Reports {
    pub(crate) fn add<M: Message>(&mut self, app: &mut App) {
        app.add_message::<M>();
        self.0.push(age::<M>);
    }

    /// Keeps no more of each kind than `limit`, and no more than a game can have a use for.
    pub(super) fn age(world: &mut World, limit: usize) {
        world.try_resource_scope(|world, reports: Mut<Self>| {
            for age in &reports.0 {
                age(world, limit.min(MOST_REPORTS));
            }
        });
    }
}

/// What is said last says how things are.
fn age<M: Message>(world: &mut World, limit: usize) {
    let Some(mut messages) = world.get_resource_mut::<Messages<M>>() else {
        return;
    };
    if messages.iter_current_update_messages().len() > limit / 2 {
        messages.update();
    }
}
