//! A question to the game's backend by HTTP, and what its answer means.

use std::{net::Ipv4Addr, sync::Arc};

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Headers, ReadableStreamDefaultReader, Request, RequestCache, RequestCredentials,
    RequestInit, RequestRedirect, Response, ResponseType, Url,
};

use super::script;
use crate::{
    auth::{AuthEndpoint, AuthError, Credentials},
    driver::form,
};

/// The largest answer that is read, in bytes: authorizations have hundreds, with a large `channel_data` thousands.
const BODY_LIMIT: usize = 64 << 10;

/// How much of an answer that is no success is read, for its error to show.
const REFUSAL_LIMIT: usize = 4 << 10;

/// Posts these fields and the endpoint's own, and hands out the body of a success. Calls the game's providers.
pub(super) async fn ask(
    endpoint: &AuthEndpoint,
    fields: &[(&'static str, Arc<str>)],
    signal: &AbortSignal,
) -> Result<String, AuthError> {
    let request = request(endpoint, fields, signal)?;
    let response = JsFuture::from(script::global().fetch_with_request(&request)).await;
    let response: Response = response
        .map_err(|exception| {
            let said = script::words_of(&exception);
            AuthError::Unreachable(format!(
                "{said} (it may also be that its answers do not allow this page's origin, CORS: the browser's console \
                 tells which)"
            ))
        })?
        .unchecked_into();
    read(&response).await
}

fn request(
    endpoint: &AuthEndpoint,
    own: &[(&'static str, Arc<str>)],
    signal: &AbortSignal,
) -> Result<Request, AuthError> {
    let (headers, names) = headers(endpoint)?;
    let provided = endpoint.param_provider.as_ref().map(|provide| provide());
    let more = endpoint.params.iter().chain(provided.iter().flatten());
    let more = more.map(|(name, value)| (name.as_str(), value.as_str()));
    let own = own.iter().map(|(name, value)| (*name, &**value));
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(&form::encode(own.chain(more))));
    init.set_cache(RequestCache::NoStore);
    init.set_credentials(match endpoint.credentials {
        Credentials::Omit => RequestCredentials::Omit,
        Credentials::SameOrigin => RequestCredentials::SameOrigin,
        Credentials::Include => RequestCredentials::Include,
    });
    // A login page at the end of a redirect is no authorization.
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(signal));
    let request = Request::new_with_str_and_init(&endpoint.url, &init)
        .map_err(|_| invalid("its URL cannot be requested".into()))?;
    check(&request.url(), endpoint.allow_insecure)?;
    // Some are the browser's own, and left out without a word.
    for name in names {
        if !request.headers().has(&name).unwrap_or(false) {
            return Err(invalid(format!(
                "in a browser the header {name} is not the game's to set"
            )));
        }
    }
    Ok(request)
}

/// The headers, and their names.
fn headers(endpoint: &AuthEndpoint) -> Result<(Headers, Vec<String>), AuthError> {
    let headers = Headers::new().map_err(|_| invalid("the browser has no headers".into()))?;
    let provided = endpoint.header_provider.as_ref().map(|provide| provide());
    let all = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Accept", "application/json"),
    ]
    .into_iter()
    .chain(
        endpoint
            .headers
            .iter()
            .chain(provided.iter().flatten())
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let mut names = Vec::new();
    for (name, value) in all {
        headers
            .set(name, value)
            .map_err(|_| invalid(format!("the header {name:?} cannot be sent")))?;
        names.push(name.to_owned());
    }
    Ok((headers, names))
}

/// Whether credentials may be sent to this URL, which the browser has completed by the page's own.
fn check(url: &str, allow_insecure: bool) -> Result<(), AuthError> {
    let url = Url::new(url).map_err(|_| invalid("its URL cannot be read".into()))?;
    match &*url.protocol() {
        "https:" => Ok(()),
        "http:" if allow_insecure || is_loopback(&url.hostname()) => Ok(()),
        "http:" => Err(AuthError::Insecure),
        _ => Err(invalid("its URL must start with https://".into())),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|host| host.is_loopback())
}

async fn read(response: &Response) -> Result<String, AuthError> {
    if response.type_() == ResponseType::Opaqueredirect {
        return Err(invalid(
            "it answers with a redirect, and a login page at its end is no authorization".into(),
        ));
    }
    let limit = if response.ok() {
        BODY_LIMIT
    } else {
        REFUSAL_LIMIT
    };
    let (body, end) = read_body(response, limit).await;
    let text = String::from_utf8_lossy(&body);
    if !response.ok() {
        return Err(AuthError::http(response.status(), &text));
    }
    if body.len() > limit {
        return Err(AuthError::TooLarge { limit });
    }
    end.map_err(|exception| AuthError::Unreachable(script::words_of(&exception)))?;
    Ok(text.into_owned())
}

/// Reads a body until it ends, breaks, or shows to be larger than allowed.
async fn read_body(response: &Response, limit: usize) -> (Vec<u8>, Result<(), JsValue>) {
    let mut body = Vec::new();
    let Some(stream) = response.body() else {
        return (body, Ok(()));
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    while body.len() <= limit {
        match read_chunk(&reader).await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk.to_vec()),
            Ok(None) => return (body, Ok(())),
            Err(exception) => return (body, Err(exception)),
        }
    }
    // Whether it can be told to stop makes no difference here.
    let _ = JsFuture::from(reader.cancel()).await;
    (body, Ok(()))
}

async fn read_chunk(reader: &ReadableStreamDefaultReader) -> Result<Option<Uint8Array>, JsValue> {
    let read = JsFuture::from(reader.read()).await?;
    if Reflect::get(&read, &"done".into())?.is_truthy() {
        return Ok(None);
    }
    Reflect::get(&read, &"value".into())?.dyn_into().map(Some)
}

fn invalid(reason: String) -> AuthError {
    AuthError::InvalidEndpoint(reason)
}
