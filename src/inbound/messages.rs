//! Bevy messages: writes them, and drops those that stay unread.
//!
//! Bevy drops old messages only after `FixedUpdate` has run, which does not happen while virtual time is paused. Without a limit in the
//! plugin, messages would fill the memory of a paused game.

use bevy_app::App;
use bevy_ecs::prelude::*;

use crate::{event::Losses, inbound::receive::InboundEvent, user_code::drop_value};

/// How many messages of one kind that is not an event of the server are kept.
const MOST_MESSAGES: usize = 4096;

/// Writes events as messages, all at once, because looking up their storage takes longer than writing one.
pub(super) fn write_messages<M: Message>(events: &mut Vec<M>, world: &mut World) {
    if events.is_empty() {
        return;
    }
    match world.get_resource_mut::<Messages<M>>() {
        Some(mut messages) => {
            messages.write_batch(events.drain(..));
        }
        None => events.drain(..).for_each(drop_value),
    }
}

/// Drops the older half of the messages if there are more than `limit`, and counts them.
pub(super) fn drop_excess_events<E: InboundEvent>(
    world: &mut World,
    limit: usize,
    losses: &mut Losses,
) {
    drop_excess::<E>(world, limit, |event| {
        losses.add(event.target(), 1);
        drop_value(event);
    });
}

/// Bevy keeps messages in two halves, of which an update drops the older one.
fn drop_excess<M: Message>(world: &mut World, limit: usize, dropped: impl FnMut(M)) {
    if let Some(mut messages) = world.get_resource_mut::<Messages<M>>()
        && messages.iter_current_update_messages().len() > limit / 2
    {
        messages.update_drain().for_each(dropped);
    }
}

/// The kinds of messages that are not events of the server.
#[derive(Resource, Default)]
pub(crate) struct PluginMessages(Vec<fn(&mut World, usize)>);

impl PluginMessages {
    pub(crate) fn add<M: Message>(&mut self, app: &mut App) {
        app.add_message::<M>();
        self.0
            .push(|world, limit| drop_excess::<M>(world, limit, drop_value));
    }

    /// Drops messages of each kind beyond the limits. They are not counted, because a game that is paused for that long reads the current
    /// state from resources and components.
    pub(super) fn drop_excess(world: &mut World, limit: usize) {
        world.try_resource_scope(|world, kinds: Mut<Self>| {
            for drop_excess in &kinds.0 {
                drop_excess(world, limit.min(MOST_MESSAGES));
            }
        });
    }
}
