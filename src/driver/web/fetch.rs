//! HTTP requests to the game's backend, by the browser's `fetch`.

use std::net::Ipv4Addr;

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Headers, ReadableStreamDefaultReader, Request, RequestCache, RequestCredentials,
    RequestInit, RequestRedirect, Response, ResponseType, Url,
};

use super::js;
use crate::{
    auth::{AuthError, Credentials},
    driver::authorizing::{BODY_LIMIT, EndpointRequest, REFUSAL_LIMIT},
};

/// Sends a request, and returns the body of a success. Calls the endpoint's providers.
pub(super) async fn post(
    request: &EndpointRequest,
    signal: &AbortSignal,
) -> Result<String, AuthError> {
    let request = to_js(request, signal)?;
    let response = JsFuture::from(js::global().fetch_with_request(&request)).await;
    let response: Response = response
        .map_err(|exception| {
            let message = js::error_message(&exception);
            AuthError::Unreachable(format!(
                "{message} (or the endpoint does not allow this page's origin, see CORS; the browser's console has the cause)"
            ))
        })?
        .unchecked_into();
    read(&response).await
}

fn to_js(request: &EndpointRequest, signal: &AbortSignal) -> Result<Request, AuthError> {
    let endpoint = &request.endpoint;
    let headers = Headers::new().map_err(|_| invalid("the browser has no headers".into()))?;
    let mut names = Vec::new();
    request.for_each_header(|name, value| {
        names.push(name.to_owned());
        headers
            .set(name, value)
            .map_err(|_| invalid(format!("the header {name:?} cannot be sent")))
    })?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(&request.body()));
    init.set_cache(RequestCache::NoStore);
    init.set_credentials(match endpoint.credentials {
        Credentials::Omit => RequestCredentials::Omit,
        Credentials::SameOrigin => RequestCredentials::SameOrigin,
        Credentials::Include => RequestCredentials::Include,
    });
    // A login page at the end of a redirect is not an authorization.
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(signal));
    let js = Request::new_with_str_and_init(&endpoint.url, &init)
        .map_err(|_| invalid("its URL cannot be requested".into()))?;
    check(&js.url(), endpoint.allow_insecure)?;
    // The browser silently drops headers that are reserved for it.
    for name in names {
        if !js.headers().has(&name).unwrap_or(false) {
            return Err(invalid(format!(
                "the header {name} is reserved for the browser"
            )));
        }
    }
    Ok(js)
}

/// Checks whether credentials may be sent to this URL, which the browser has resolved against the page's URL.
fn check(url: &str, allow_insecure: bool) -> Result<(), AuthError> {
    let url = Url::new(url).map_err(|_| invalid("its URL is invalid".into()))?;
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
            "it responded with a redirect, which is not followed: a login page is not an authorization".into(),
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
    end.map_err(|exception| AuthError::Unreachable(js::error_message(&exception)))?;
    Ok(text.into_owned())
}

/// Reads a body until it ends, fails or exceeds the limit.
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
    // Only saves traffic, so a failure does not matter.
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
