//! [`PusherWaker`]: wakes an app that sleeps until something happens, and with the feature `winit` a window.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bevy_ecs::prelude::*;

use crate::sync::Shared;

/// Wakes an app that sleeps until something happens. A resource with a callback. The plugin calls it when something has
/// arrived, and then not again until the app has updated.
///
/// With the feature `winit`, the plugin inserts it in windowed apps, unless there is one. Other apps insert their own, before or after
/// the plugin is added. Without it, the app is not woken.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::{PusherWaker, prelude::*};
/// let (wake, _woken) = std::sync::mpsc::sync_channel::<()>(1);
/// App::new().insert_resource(PusherWaker::new(move || {
///     let _ = wake.try_send(());
/// }));
/// ```
#[derive(Resource, Clone, Debug)]
pub struct PusherWaker(Shared<dyn Fn() + Send + Sync>);

impl PusherWaker {
    /// Creates a waker from a function. It may run on any thread and must not block.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Shared(Arc::new(wake)))
    }

    pub(crate) fn wake(&self) {
        // User code, often on the network thread: a panic must not end the thread.
        if catch_unwind(AssertUnwindSafe(|| (self.0.0)())).is_err() {
            log::error!("the PusherWaker panicked");
        }
    }
}

/// Inserts a waker for winit's event loop, if the app has one and no other waker.
#[cfg(feature = "winit")]
pub(crate) fn insert_winit_waker(
    event_loop: Option<Res<bevy_winit::EventLoopProxyWrapper>>,
    waker: Option<Res<PusherWaker>>,
    mut commands: Commands,
) {
    if let (Some(event_loop), None) = (event_loop, waker) {
        let event_loop = (**event_loop).clone();
        commands.insert_resource(PusherWaker::new(move || {
            // Fails only after the event loop has ended. Then there is nothing to wake.
            let _ = event_loop.send_event(bevy_winit::WinitUserEvent::WakeUp);
        }));
    }
}
