//! The game's backend, which publishes the events that clients cannot send: to a user, on a cache channel, on an encrypted channel.
//!
//! A scene acts as its own backend. It publishes directly on its own server, and through Pusher's HTTP API on another one, which
//! requires the app secret as an argument. In a real game the secret stays on the backend, and clients send requests to the
//! backend, as a scene in a page does.

#[cfg(not(target_arch = "wasm32"))]
mod http_api;
mod page_requests;

#[cfg(target_arch = "wasm32")]
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use bevy::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dev_server::DevServer;
use crate::toast::{Toast, ToastKind};

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use http_api::HttpApi;
#[cfg(target_arch = "wasm32")]
use page_requests::PublishRequest;

/// The error of a scene that cannot act as the backend, and what to do.
#[cfg(not(target_arch = "wasm32"))]
const NOT_THE_BACKEND: &str =
    "only the app's backend may publish; to act as the backend, pass --app-id and --app-secret";

#[cfg(target_arch = "wasm32")]
const NOT_THE_BACKEND: &str =
    "only the app's backend may publish, and this page is not connected to one";

/// The backend, if the scene can act as one.
#[derive(Resource)]
pub struct Backend {
    route: Route,
    /// The errors of publishing, from all threads.
    failures: Mutex<Receiver<String>>,
    failed: Sender<String>,
}

/// How the backend publishes.
enum Route {
    Own(Arc<DevServer>),
    #[cfg(not(target_arch = "wasm32"))]
    Http(HttpApi),
    /// Through the scene that serves this page: the requests that are not sent yet.
    #[cfg(target_arch = "wasm32")]
    ServingScene(Mutex<VecDeque<PublishRequest>>),
    Unavailable,
}

/// The receivers of an event.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// All subscribers of a channel.
    Channel(String),
    /// A signed-in user.
    User(String),
}

impl Backend {
    pub(crate) fn own(server: Arc<DevServer>) -> Self {
        Self::new(Route::Own(server))
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn http(api: HttpApi) -> Self {
        Self::new(Route::Http(api))
    }

    #[cfg(target_arch = "wasm32")]
    pub(crate) fn serving_scene() -> Self {
        Self::new(Route::ServingScene(Mutex::default()))
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(Route::Unavailable)
    }

    fn new(route: Route) -> Self {
        let (failed, failures) = channel();
        Self {
            route,
            failures: Mutex::new(failures),
            failed,
        }
    }

    /// Publishes an event without blocking. An error is shown as a toast.
    pub fn publish(&self, to: &To, event: &str, data: &impl Serialize) {
        let result = match (&self.route, to) {
            (Route::Own(server), To::Channel(channel)) => server
                .publish(channel, event, data)
                .map(drop)
                .map_err(|error| error.to_string()),
            (Route::Own(server), To::User(user)) => server
                .publish_to_user(user, event, data)
                .map(drop)
                .map_err(|error| error.to_string()),
            #[cfg(not(target_arch = "wasm32"))]
            (Route::Http(api), to) => serde_json::to_string(data)
                .map(|data| api.publish(to, event, &data, self.failed.clone()))
                .map_err(|error| error.to_string()),
            #[cfg(target_arch = "wasm32")]
            (Route::ServingScene(requests), to) => serde_json::to_value(data)
                .map(|data| {
                    requests
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push_back(PublishRequest {
                            to: to.clone(),
                            event: event.to_owned(),
                            data,
                        });
                })
                .map_err(|error| error.to_string()),
            (Route::Unavailable, _) => Err(NOT_THE_BACKEND.to_owned()),
        };
        if let Err(error) = result {
            self.fail(error);
        }
    }

    fn fail(&self, error: String) {
        // Cannot fail, because `self` owns the receiver.
        let _ = self.failed.send(error);
    }

    /// Takes the next request for the scene that serves this page.
    #[cfg(target_arch = "wasm32")]
    fn next_request(&self) -> Option<PublishRequest> {
        match &self.route {
            Route::ServingScene(requests) => requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front(),
            _ => None,
        }
    }
}

/// The systems of the backend. If `serves` is set, it also publishes what pages request.
pub(crate) struct BackendPlugin {
    pub(crate) serves: bool,
}

impl Plugin for BackendPlugin {
    fn build(&self, app: &mut App) {
        if self.serves || cfg!(target_arch = "wasm32") {
            app.add_plugins(page_requests::plugin);
        }
        app.add_systems(Update, show_failures);
    }
}

/// Shows the errors of publishing as toasts.
fn show_failures(backend: Option<Res<Backend>>, mut toasts: MessageWriter<Toast>) {
    let Some(backend) = backend else {
        return;
    };
    let failures = backend
        .failures
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    for failure in failures.try_iter() {
        let text = format!("Not published: {failure}");
        toasts.write(Toast::new(ToastKind::Bad, text));
    }
}
