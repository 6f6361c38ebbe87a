//! The HTTP API that backends use to publish and query. Requests are signed like those of the official server libraries;
//! unsigned requests are accepted only if the configuration allows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use md5::{Digest as _, Md5};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::shared::Shared;
use crate::core::{PublishError, ServerCore};

/// How far the clock of a publisher may differ from the server's.
const TIMESTAMP_TOLERANCE_SECONDS: u64 = 600;
/// The most channels in one request (documented by the hosted service).
const CHANNELS_PER_EVENT: usize = 100;
/// The most events in one batch (documented by the hosted service).
const EVENTS_PER_BATCH: usize = 10;

pub(crate) async fn read(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Response {
    respond(read_checked(&shared, &uri, &query.unwrap_or_default()))
}

pub(crate) async fn write(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    respond(write_checked(
        &shared,
        &uri,
        &query.unwrap_or_default(),
        &body,
    ))
}

/// A refusal: the status and the message.
type Refusal = (StatusCode, String);

fn respond(result: Result<Value, Refusal>) -> Response {
    match result {
        Ok(value) => {
            let headers = [(header::CONTENT_TYPE, "application/json")];
            (headers, value.to_string()).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn read_checked(shared: &Shared, uri: &Uri, query: &str) -> Result<Value, Refusal> {
    let params = check_request(shared, &Method::GET, uri.path(), query, b"")?;
    let info = Info::parse(params.get("info").map(String::as_str));
    let segments = segments(uri);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    shared.with_core(|core, _| match segments.as_slice() {
        ["channels"] => {
            let prefix = params
                .get("filter_by_prefix")
                .map(String::as_str)
                .unwrap_or_default();
            let channels: Map<String, Value> = core
                .channels()
                .into_iter()
                .filter(|name| name.starts_with(prefix))
                .map(|name| {
                    let attributes = info.attributes(core, &name);
                    (name, attributes.into())
                })
                .collect();
            Ok(json!({ "channels": channels }))
        }
        ["channels", name] => {
            let mut attributes = info.attributes(core, name);
            let is_occupied = core.subscriber_count(name) > 0;
            attributes.insert("occupied".to_owned(), is_occupied.into());
            Ok(attributes.into())
        }
        ["channels", name, "users"] if name.starts_with("presence-") => {
            let users: Vec<Value> = core
                .members(name)
                .into_iter()
                .map(|id| json!({ "id": id }))
                .collect();
            Ok(json!({ "users": users }))
        }
        ["channels", _, "users"] => Err(bad_request(
            "Users can be queried on presence channels only",
        )),
        _ => Err(not_found()),
    })
}

fn write_checked(shared: &Shared, uri: &Uri, query: &str, body: &[u8]) -> Result<Value, Refusal> {
    check_request(shared, &Method::POST, uri.path(), query, body)?;
    let segments = segments(uri);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["events"] => publish(shared, parse(body)?),
        ["batch_events"] => publish_batch(shared, parse(body)?),
        ["users", user_id, "terminate_connections"] => {
            shared.with_core(|core, _| core.terminate_user(user_id));
            Ok(json!({}))
        }
        _ => Err(not_found()),
    }
}

/// An event: the body of `POST /apps/{id}/events`, or an element of a batch.
#[derive(Deserialize)]
struct Event {
    name: String,
    data: Value,
    #[serde(default)]
    channels: Vec<String>,
    channel: Option<String>,
    socket_id: Option<String>,
    info: Option<String>,
}

#[derive(Deserialize)]
struct Batch {
    batch: Vec<Event>,
}

impl Event {
    fn channels(&self) -> impl Iterator<Item = &String> {
        self.channel.iter().chain(&self.channels)
    }

    /// Returns the data as sent to clients. Server libraries send it as a string already.
    fn data(&self) -> String {
        match &self.data {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }

    fn check(&self, core: &ServerCore) -> Result<(), Refusal> {
        let count = self.channels().count();
        if count == 0 || count > CHANNELS_PER_EVENT {
            return Err(bad_request("An event needs 1 to 100 channels"));
        }
        let data = self.data();
        for channel in self.channels() {
            core.check_event(channel, &self.name, &data)
                .map_err(refusal)?;
        }
        Ok(())
    }

    /// Publishes the event on each of its channels; returns the requested attributes of each channel.
    fn publish(
        &self,
        core: &mut ServerCore,
        now: std::time::Duration,
    ) -> Result<Map<String, Value>, Refusal> {
        let info = Info::parse(self.info.as_deref());
        let data = self.data();
        let except = self.socket_id.as_deref();
        let mut attributes = Map::new();
        for channel in self.channels() {
            core.publish_sealed(channel, &self.name, &data, except, now)
                .map_err(refusal)?;
            attributes.insert(channel.clone(), info.attributes(core, channel).into());
        }
        Ok(attributes)
    }
}

fn publish(shared: &Shared, event: Event) -> Result<Value, Refusal> {
    shared.with_core(|core, now| {
        event.check(core)?;
        let attributes = event.publish(core, now)?;
        Ok(match event.info {
            Some(_) => json!({ "channels": attributes }),
            None => json!({}),
        })
    })
}

fn publish_batch(shared: &Shared, batch: Batch) -> Result<Value, Refusal> {
    if batch.batch.len() > EVENTS_PER_BATCH {
        return Err(bad_request("A batch holds at most 10 events"));
    }
    shared.with_core(|core, now| {
        // All events are checked before the first is published, so that a refused batch publishes nothing.
        for event in &batch.batch {
            event.check(core)?;
        }
        let mut attributes = Vec::new();
        for event in &batch.batch {
            attributes.extend(
                event
                    .publish(core, now)?
                    .into_iter()
                    .map(|(_, value)| value),
            );
        }
        let has_info = batch.batch.iter().any(|event| event.info.is_some());
        Ok(if has_info {
            json!({ "batch": attributes })
        } else {
            json!({})
        })
    })
}

/// The channel attributes that a request asks for: `info=user_count,subscription_count`.
#[derive(Clone, Copy)]
struct Info {
    user_count: bool,
    subscription_count: bool,
}

impl Info {
    fn parse(text: Option<&str>) -> Self {
        let has = |name: &str| {
            text.unwrap_or_default()
                .split(',')
                .any(|wanted| wanted.trim() == name)
        };
        Self {
            user_count: has("user_count"),
            subscription_count: has("subscription_count"),
        }
    }

    fn attributes(self, core: &ServerCore, channel: &str) -> Map<String, Value> {
        let mut attributes = Map::new();
        if self.user_count && channel.starts_with("presence-") {
            attributes.insert("user_count".to_owned(), core.members(channel).len().into());
        }
        if self.subscription_count {
            attributes.insert(
                "subscription_count".to_owned(),
                core.subscriber_count(channel).into(),
            );
        }
        attributes
    }
}

/// Checks the app, the timestamp, the body hash and the signature of a request; returns its parameters.
fn check_request(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: &str,
    body: &[u8],
) -> Result<BTreeMap<String, String>, Refusal> {
    let app = &shared.app;
    let is_ours = path
        .strip_prefix("/apps/")
        .and_then(|rest| rest.strip_prefix(app.id.as_str()))
        .is_some_and(|rest| rest.starts_with('/'));
    if !is_ours {
        return Err((StatusCode::NOT_FOUND, "There is no such app".to_owned()));
    }
    // The signature covers the parameters with lower-case names in sorted order.
    let params: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (name.to_lowercase(), value.into_owned()))
        .collect();
    // A request with a signature is always checked, so that a wrong secret is noticed.
    if shared.unsigned_requests && !params.contains_key("auth_signature") {
        return Ok(params);
    }
    let param = |name: &str| params.get(name).map(String::as_str).unwrap_or_default();
    if param("auth_key") != app.key {
        return Err(unauthorized(
            "`auth_key` is missing or not the key of this app (requests must be signed)",
        ));
    }
    let timestamp = param("auth_timestamp").parse::<u64>();
    let is_now = timestamp
        .is_ok_and(|then| then.abs_diff(seconds_since_epoch()) <= TIMESTAMP_TOLERANCE_SECONDS);
    if !is_now {
        return Err(unauthorized(
            "`auth_timestamp` is missing, or more than 600 seconds from the server's time",
        ));
    }
    if !body.is_empty() && param("body_md5") != hex::encode(Md5::digest(body)) {
        return Err(unauthorized("`body_md5` is not the MD5 of the body"));
    }
    let signed_params: Vec<String> = params
        .iter()
        .filter(|(name, _)| *name != "auth_signature")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let text = format!("{method}\n{path}\n{}", signed_params.join("&"));
    if !app.accepts_signature(param("auth_signature"), &text) {
        return Err(unauthorized("`auth_signature` is wrong"));
    }
    Ok(params)
}

/// Returns the decoded path segments after `/apps/{id}/`.
fn segments(uri: &Uri) -> Vec<String> {
    uri.path().split('/').skip(3).map(decode_percent).collect()
}

/// Decodes percent escapes. Unlike in a form, a plus sign in a path stands for itself.
fn decode_percent(text: &str) -> String {
    let form = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn seconds_since_epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| (StatusCode::BAD_REQUEST, format!("Invalid body: {error}")))
}

fn refusal(error: PublishError) -> Refusal {
    let status = match error {
        PublishError::DataTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, error.to_string())
}

fn bad_request(message: &str) -> Refusal {
    (StatusCode::BAD_REQUEST, message.to_owned())
}

fn unauthorized(message: &str) -> Refusal {
    (StatusCode::UNAUTHORIZED, message.to_owned())
}

fn not_found() -> Refusal {
    (
        StatusCode::NOT_FOUND,
        "There is no such resource".to_owned(),
    )
}
