//! A request to the game's backend.

use ureq::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
};

use super::{
    super::headers::{self, RefusedHeader},
    http::invalid,
    transport::peer,
};
use crate::{
    auth::{AuthEndpoint, AuthError},
    driver::form,
};

/// The request with these fields and the endpoint's own. Calls the game's providers.
pub(super) fn request(
    endpoint: &AuthEndpoint,
    own: &[(&str, &str)],
) -> Result<Request<String>, AuthError> {
    let url = url(endpoint)?;
    let headers = headers(endpoint)?;
    let provided = endpoint.param_provider.as_ref().map(|provide| provide());
    let more = endpoint.params.iter().chain(provided.iter().flatten());
    let more = more.map(|(name, value)| (name.as_str(), value.as_str()));
    let mut request = Request::new(form::encode(own.iter().copied().chain(more)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url;
    *request.headers_mut() = headers;
    Ok(request)
}

fn url(endpoint: &AuthEndpoint) -> Result<Uri, AuthError> {
    let no_url = || {
        let words =
            "its URL must start with https:// (http:// on this machine) and the name of a host";
        invalid(words.into())
    };
    let url: Uri = endpoint.url.parse().map_err(|_| no_url())?;
    let peer = peer(&url).ok_or_else(no_url)?;
    if !peer.tls && !endpoint.allow_insecure && !peer.is_loopback() {
        return Err(AuthError::Insecure);
    }
    Ok(url)
}

fn headers(endpoint: &AuthEndpoint) -> Result<HeaderMap, AuthError> {
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let provided = endpoint.header_provider.as_ref().map(|provide| provide());
    let own = endpoint.headers.iter().chain(provided.iter().flatten());
    let is_reserved = |name: &HeaderName| [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name);
    headers::set(&mut headers, own, is_reserved).map_err(|refused| {
        let RefusedHeader { name, reason } = refused;
        invalid(format!("the header {name:?} cannot be sent: {reason}"))
    })?;
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_refused_without_a_panic_and_without_its_value() {
        let secret = "secret-4711\n";
        let at = |url: &str| AuthEndpoint::new(url);
        for endpoint in [
            at(""),
            at("game.example.com/auth"),
            at("/auth"),
            at("ftp://game.example.com/"),
            at("https:///auth"),
            at("https://a b/?secret-4711"),
            at("https://h/").with_header("a b", secret),
            at("https://h/").with_header("", secret),
            at("https://h/").with_header("x", secret),
            at("https://h/").with_header("Content-Length", "4711"),
            at("https://h/").with_header("Transfer-Encoding", "chunked"),
        ] {
            let error = request(&endpoint, &[]).unwrap_err();
            assert!(matches!(error, AuthError::InvalidEndpoint(_)), "{error}");
            assert!(!error.to_string().contains("4711"), "{error}");
            let is_urls_fault = endpoint.headers.is_empty();
            assert_eq!(error.to_string().contains("https://"), is_urls_fault);
        }
    }

    #[test]
    fn plain_http_to_another_machine_takes_a_permission() {
        for (url, is_insecure) in [
            ("http://game.example.com/", true),
            ("http://192.168.1.1/", true),
            ("http://localhost.example.com/", true),
            ("http://localhost:1/", false),
            ("http://127.9.9.9:1/", false),
            ("http://[::1]:1/", false),
            ("https://game.example.com/", false),
        ] {
            let outcome = super::url(&AuthEndpoint::new(url));
            assert_eq!(outcome == Err(AuthError::Insecure), is_insecure, "{url}");
            assert!(super::url(&AuthEndpoint::new(url).allow_insecure()).is_ok());
        }
    }
}
