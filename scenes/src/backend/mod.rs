//! The game's own backend, which publishes what no client may: to a user, on a cache channel, on an encrypted channel.
//!
//! A scene plays it itself: on its own server at once, on another through Pusher's HTTP API, for which it is told the app's
//! secret. In a game the secret stays on the backend, and clients ask that; so does a scene in a page.

mod beside;
#[cfg(not(target_arch = "wasm32"))]
mod http_api;

#[cfg(target_arch = "wasm32")]
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dev_server::DevServer;
use crate::toast::{Toast, ToastKind};

#[cfg(target_arch = "wasm32")]
use beside::Wanted;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use http_api::HttpApi;

/// What to do about a scene that is not.
#[cfg(not(target_arch = "wasm32"))]
const NOT_THE_BACKEND: &str =
    "only the app's backend may do that: give --app-id and --app-secret to play it";

#[cfg(target_arch = "wasm32")]
const NOT_THE_BACKEND: &str =
    "only the app's backend may do that, and it knows nothing of this page";

/// The backend, if the scene can play it.
#[derive(Resource)]
pub struct Backend {
    way: Way,
    /// What could not be published, from whichever thread.
    failures: Mutex<Receiver<String>>,
    failed: Sender<String>,
}

/// How it reaches the server.
enum Way {
    Own(Arc<DevServer>),
    #[cfg(not(target_arch = "wasm32"))]
    Http(HttpApi),
    /// The scene that serves this page does it; here is what it will be asked for.
    #[cfg(target_arch = "wasm32")]
    Beside(Mutex<VecDeque<Wanted>>),
    Nowhere,
}

/// To whom an event goes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// To all on a channel.
    Channel(String),
    /// To a signed-in user.
    User(String),
}

impl Backend {
    pub(crate) fn own(server: Arc<DevServer>) -> Self {
        Self::new(Way::Own(server))
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn http(api: HttpApi) -> Self {
        Self::new(Way::Http(api))
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn beside() -> Self {
        Self::new(Way::Beside(Mutex::default()))
    }

    pub(crate) fn nowhere() -> Self {
        Self::new(Way::Nowhere)
    }

    fn new(way: Way) -> Self {
        let (failed, failures) = channel();
        Self {
            way,
            failures: Mutex::new(failures),
            failed,
        }
    }

    /// Publishes an event. Does not wait; what goes wrong becomes a toast.
    pub fn publish(&self, to: &To, event: &str, data: &impl Serialize) {
        let result = match (&self.way, to) {
            (Way::Own(server), To::Channel(channel)) => server
                .publish(channel, event, data)
                .map(drop)
                .map_err(|error| error.to_string()),
            (Way::Own(server), To::User(user)) => server
                .publish_to_user(user, event, data)
                .map(drop)
                .map_err(|error| error.to_string()),
            #[cfg(not(target_arch = "wasm32"))]
            (Way::Http(api), to) => serde_json::to_string(data)
                .map(|data| api.publish(to, event, &data, self.failed.clone()))
                .map_err(|error| error.to_string()),
            #[cfg(target_arch = "wasm32")]
            (Way::Beside(wanted), to) => serde_json::to_value(data)
                .map(|data| {
                    wanted
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push_back(Wanted {
                            to: to.clone(),
                            event: event.to_owned(),
                            data,
                        });
                })
                .map_err(|error| error.to_string()),
            (Way::Nowhere, _) => Err(NOT_THE_BACKEND.to_owned()),
        };
        if let Err(error) = result {
            self.fail(error);
        }
    }

    fn fail(&self, error: String) {
        // The receiver is in the same place.
        let _ = self.failed.send(error);
    }

    /// What the scene beside this page is to be asked for.
    #[cfg(target_arch = "wasm32")]
    fn next_wanted(&self) -> Option<Wanted> {
        match &self.way {
            Way::Beside(wanted) => wanted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front(),
            _ => None,
        }
    }
}

/// The systems of a backend; one that serves does what pages ask.
pub(crate) struct BackendPlugin {
    pub(crate) serves: bool,
}

impl Plugin for BackendPlugin {
    fn build(&self, app: &mut App) {
        if self.serves || cfg!(target_arch = "wasm32") {
            app.add_plugins(beside::plugin);
        }
        app.add_systems(Update, show_failures);
    }
}

/// Tells what the backend could not do.
fn show_failures(backend: Option<Res<Backend>>, mut toasts: MessageWriter<Toast>) {
    let Some(backend) = backend else {
        return;
    };
    let failures = backend
        .failures
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    for failure in failures.try_iter() {
        let words = format!("Not published: {failure}");
        toasts.write(Toast::new(ToastKind::Bad, words));
    }
}
