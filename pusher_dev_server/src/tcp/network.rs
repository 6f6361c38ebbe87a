//! The server thread: it owns the listener and every socket, so that stopping it closes all of them.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use tokio::runtime;
use tokio::sync::oneshot;

use super::error::ServerError;
use super::shared::Shared;
use super::{auth_endpoint, http_api, socket};

/// The largest request body. A batch of ten events of the largest size fits easily.
const BODY_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Network {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Network {
    pub(crate) fn start(listener: TcpListener, shared: Arc<Shared>) -> Result<Self, ServerError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(ServerError::Thread)?;
        // Tokio requires nonblocking sockets.
        listener
            .set_nonblocking(true)
            .map_err(ServerError::Thread)?;
        let listener = {
            let _context = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(ServerError::Thread)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("pusher-dev-server".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        () = serve(listener, shared) => {}
                    }
                });
                // Dropping the runtime drops its tasks, and with them every socket.
                drop(runtime);
            })
            .map_err(ServerError::Thread)?;
        Ok(Self { stop, thread })
    }

    /// Stops the thread. Returns once all sockets are closed.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

async fn serve(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let listener = listener.tap_io(|stream| {
        // Without this, Nagle's algorithm delays small frames.
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new()
        .route("/up", get(|| async { "OK" }))
        .route("/pusher/auth", post(auth_endpoint::authorize_channel))
        .route("/pusher/user-auth", post(auth_endpoint::authenticate_user))
        .route(
            "/apps/{app_id}/{*rest}",
            get(http_api::read).post(http_api::write),
        )
        // The WebSocket path has a configurable prefix, so it cannot be a route.
        .fallback(socket::upgrade)
        .layer(middleware::from_fn(allow_all_origins))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(shared);
    // Ends only when it is dropped: `axum::serve` retries accept errors itself.
    let _ = axum::serve(listener, router).await;
}

/// Adds CORS headers: pages in a browser have another origin than this server and may send cookies.
async fn allow_all_origins(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let requested_headers = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .cloned()
        .unwrap_or(HeaderValue::from_static("*"));
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, OPTIONS"),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, requested_headers);
    response
}
