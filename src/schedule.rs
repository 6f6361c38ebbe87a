//! [`PusherSystems`]: the system sets of the plugin, to order other systems by.

#[cfg(doc)]
use bevy_app::{PostUpdate, PreUpdate};
use bevy_ecs::prelude::*;

/// The system sets of the plugin.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PusherSystems {
    /// In [`PreUpdate`]: delivers what was received. Systems that read messages should run after it, as all systems in `Update` do.
    Receive,
    /// In [`PostUpdate`]: subscribes and unsubscribes according to the frame's changes of entities. All other commands are sent at once.
    Send,
}
