//! Waking an app that sleeps until something happens.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bevy_ecs::prelude::*;

/// Wakes an app that sleeps until something happens. A resource; the plugin calls it from its own thread, once when
/// something came and not again until the app has updated.
///
/// With the feature `winit`, a windowed app has it from the start. Others insert their own before or after the plugin,
/// and remove it to sleep on.
///
/// ```
/// # use bevy::prelude::*;
/// # use bevy_pusher::{PusherWaker, prelude::*};
/// let (wake, _woken) = std::sync::mpsc::sync_channel::<()>(1);
/// App::new().insert_resource(PusherWaker::new(move || {
///     let _ = wake.try_send(());
/// }));
/// ```
#[derive(Resource, Clone)]
pub struct PusherWaker(Arc<dyn Fn() + Send + Sync>);

impl PusherWaker {
    /// Wakes by this function, which must not block.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    pub(crate) fn wake(&self) {
        // It is the game's code, and it runs on the network thread, which has to live on.
        if catch_unwind(AssertUnwindSafe(|| (self.0)())).is_err() {
            log::error!("the PusherWaker panicked");
        }
    }
}

impl fmt::Debug for PusherWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PusherWaker").finish_non_exhaustive()
    }
}

/// Takes the event loop's own waker, if the app has one and nobody brought another.
#[cfg(feature = "winit")]
pub(crate) fn insert_winit_waker(
    event_loop: Option<Res<bevy_winit::EventLoopProxyWrapper>>,
    waker: Option<Res<PusherWaker>>,
    mut commands: Commands,
) {
    if let (Some(event_loop), None) = (event_loop, waker) {
        let event_loop = (**event_loop).clone();
        commands.insert_resource(PusherWaker::new(move || {
            // Fails once the event loop has ended, when there is nobody left to wake.
            let _ = event_loop.send_event(bevy_winit::WinitUserEvent::WakeUp);
        }));
    }
}
