//! Responses of the game's backend: channel authorizations, user authentications, and their errors.

use std::fmt;

use serde_json::{Map, Value};

use crate::protocol::redaction::redacted_excerpt;

/// The response of the game's backend that authorizes a private or presence channel.
///
/// `Debug` omits signatures and secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelAuthorization {
    /// `APP_KEY:SIGNATURE`, exactly as the backend sent it.
    pub auth: String,
    /// On presence channels: the member's data, exactly as it was signed.
    pub channel_data: Option<String>,
    /// On encrypted channels: the channel's key, in base64. It is never sent to the Pusher server.
    pub shared_secret: Option<String>,
}

impl ChannelAuthorization {
    /// Creates an authorization of a private channel.
    #[must_use]
    pub fn new(auth: impl Into<String>) -> Self {
        Self {
            auth: auth.into(),
            channel_data: None,
            shared_secret: None,
        }
    }

    /// Adds the member's data, exactly as it was signed.
    #[must_use]
    pub fn with_channel_data(mut self, channel_data: impl Into<String>) -> Self {
        self.channel_data = Some(channel_data.into());
        self
    }

    /// Adds the key of an encrypted channel, in base64.
    #[must_use]
    pub fn with_shared_secret(mut self, shared_secret: impl Into<String>) -> Self {
        self.shared_secret = Some(shared_secret.into());
        self
    }

    /// Parses the body of a successful response: `{"auth":"KEY:SIGNATURE","channel_data":"…","shared_secret":"…"}`.
    ///
    /// # Errors
    ///
    /// Fails if the body is not a JSON object, or if a field is missing or not a string.
    pub fn from_json(body: &str) -> Result<Self, AuthError> {
        let fields = Fields::parse(body)?;
        Ok(Self {
            auth: fields.required("auth")?,
            channel_data: fields.optional("channel_data")?,
            shared_secret: fields.optional("shared_secret")?,
        })
    }
}

impl fmt::Debug for ChannelAuthorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelAuthorization")
            .field("channel_data", &self.channel_data.is_some())
            .field("shared_secret", &self.shared_secret.is_some())
            .finish_non_exhaustive()
    }
}

/// The response of the game's backend that authenticates a user.
///
/// `Debug` omits all of it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserAuthentication {
    /// `APP_KEY:SIGNATURE`, exactly as the backend sent it.
    pub auth: String,
    /// The user's data, exactly as it was signed.
    pub user_data: String,
}

impl UserAuthentication {
    /// Creates an authentication from its two fields.
    #[must_use]
    pub fn new(auth: impl Into<String>, user_data: impl Into<String>) -> Self {
        Self {
            auth: auth.into(),
            user_data: user_data.into(),
        }
    }

    /// Parses the body of a successful response: `{"auth":"KEY:SIGNATURE","user_data":"…"}`.
    ///
    /// # Errors
    ///
    /// Fails if the body is not a JSON object, or if a field is missing or not a string.
    pub fn from_json(body: &str) -> Result<Self, AuthError> {
        let fields = Fields::parse(body)?;
        Ok(Self {
            auth: fields.required("auth")?,
            user_data: fields.required("user_data")?,
        })
    }
}

impl fmt::Debug for UserAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAuthentication").finish_non_exhaustive()
    }
}

/// The top level of a backend's response.
struct Fields(Map<String, Value>);

impl Fields {
    fn parse(body: &str) -> Result<Self, AuthError> {
        // Some frameworks put a byte order mark before their JSON.
        let body = body.strip_prefix('\u{feff}').unwrap_or(body);
        match serde_json::from_str(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(AuthError::NotJson {
                body: "JSON, but not an object".into(),
            }),
            Err(_) => Err(AuthError::not_json(body)),
        }
    }

    fn optional(&self, field: &'static str) -> Result<Option<String>, AuthError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(AuthError::InvalidField { field }),
        }
    }

    fn required(&self, field: &'static str) -> Result<String, AuthError> {
        self.optional(field)?
            // Some backends send an empty string instead of an error.
            .filter(|text| !text.is_empty())
            .ok_or(AuthError::MissingField { field })
    }
}

/// A failed channel authorization or user authentication.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Neither an endpoint nor an authorizer is configured.
    #[error(
        "nothing is configured to answer the request: set an auth endpoint or an authorizer (for a sign-in, a user auth endpoint or an authenticator)"
    )]
    NoAuthorizer,
    /// The endpoint responded with a status other than 2xx.
    #[error("the auth endpoint answered {status}{}: {body}", status_advice(*.status))]
    Http {
        /// The HTTP status.
        status: u16,
        /// The first characters of the body, with likely secrets redacted.
        body: String,
    },
    /// No response within [`Timing::authorization_timeout`](crate::config::Timing::authorization_timeout).
    #[error("the auth endpoint or authorizer did not respond in time")]
    TimedOut,
    /// The endpoint could not be reached.
    #[error("failed to reach the auth endpoint: {0}")]
    Unreachable(String),
    /// The TLS handshake with the endpoint failed.
    #[error("the TLS handshake with the auth endpoint failed: {0}")]
    Tls(String),
    /// The endpoint's URL is invalid.
    #[error("invalid auth endpoint: {0}")]
    InvalidEndpoint(String),
    /// The endpoint uses plain HTTP on another machine, which is not allowed by default.
    #[error(
        "the auth endpoint uses plain http on another machine, which exposes credentials: use https, or call \
         `allow_insecure`"
    )]
    Insecure,
    /// The response is not a JSON object.
    #[error("the auth endpoint's response is not a JSON object (a login page?): {body}")]
    NotJson {
        /// The first characters of the body, with likely secrets redacted.
        body: String,
    },
    /// A field of the response is missing.
    #[error("the auth response has no {field:?}")]
    MissingField {
        /// The field's name.
        field: &'static str,
    },
    /// A field of the response has the wrong type or an invalid value.
    #[error("invalid {field:?} in the auth response")]
    InvalidField {
        /// The field's name.
        field: &'static str,
    },
    /// The response is larger than the limit.
    #[error("the auth endpoint's response is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A custom authorizer refused.
    #[error("{message}")]
    Refused {
        /// The authorizer's message.
        message: String,
        /// The HTTP status, if the authorizer has one.
        status: Option<u16>,
    },
    /// A custom authorizer dropped the request without a response.
    #[error("the authorizer dropped its reply without sending an answer")]
    Dropped,
    /// The authorizer, the authenticator, or a provider of headers or parameters panicked.
    #[error("the authorizer, or a provider of headers or parameters, panicked")]
    Panicked,
}

impl AuthError {
    /// Creates an error for a response with a status other than 2xx. It contains the first characters of the body; anything that
    /// looks like a signature, a key or a token is redacted.
    #[must_use]
    pub fn http(status: u16, body: &str) -> Self {
        Self::Http {
            status,
            body: redacted_excerpt(body),
        }
    }

    fn not_json(body: &str) -> Self {
        Self::NotJson {
            body: redacted_excerpt(body),
        }
    }

    /// Returns the HTTP status of a refusal, if there is one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Http { status, .. } => Some(*status),
            Self::Refused { status, .. } => *status,
            _ => None,
        }
    }

    /// Whether the same request may succeed later without a change: a timeout, an unreachable endpoint, status 429 or 5xx.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut | Self::Unreachable(_) => true,
            _ => self
                .status()
                .is_some_and(|status| status == 429 || status >= 500),
        }
    }
}

fn status_advice(status: u16) -> &'static str {
    match status {
        300..=399 => " (a redirect, which is not followed; to a login page?)",
        401 => " (the credentials are missing or expired)",
        403 => " (this user is not allowed)",
        404 => " (check the URL)",
        419 => " (a missing or expired CSRF token)",
        429 => " (too many requests)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_response_is_kept_byte_for_byte() {
        let body = r#"{"auth":"k:s","channel_data":"{\"user_id\": 10,\"user_info\":{\"name\":\"Zo\u00eb\"}}","shared_secret":null}"#;
        let authorization = ChannelAuthorization::from_json(body).unwrap();
        assert_eq!(authorization.auth, "k:s");
        assert_eq!(
            authorization.channel_data.as_deref(),
            Some(r#"{"user_id": 10,"user_info":{"name":"Zoë"}}"#)
        );
        assert_eq!(authorization.shared_secret, None);
        assert!(ChannelAuthorization::from_json("\u{feff}{\"auth\":\"k:s\"}").is_ok());
    }

    #[test]
    fn an_invalid_response_names_the_problem() {
        let missing = AuthError::MissingField { field: "auth" };
        for (body, expected) in [
            (
                "",
                AuthError::NotJson {
                    body: "an empty body".into(),
                },
            ),
            (
                "<!doctype html>\n<title>Login</title>",
                AuthError::NotJson {
                    body: "<!doctype html> <title>Login</title>".into(),
                },
            ),
            (
                "null",
                AuthError::NotJson {
                    body: "JSON, but not an object".into(),
                },
            ),
            ("{}", missing.clone()),
            (r#"{"auth":null}"#, missing.clone()),
            (r#"{"auth":""}"#, missing),
            (r#"{"auth":5}"#, AuthError::InvalidField { field: "auth" }),
            (
                r#"{"auth":"k:s","channel_data":{"user_id":"1"}}"#,
                AuthError::InvalidField {
                    field: "channel_data",
                },
            ),
        ] {
            assert_eq!(
                ChannelAuthorization::from_json(body),
                Err(expected),
                "{body}"
            );
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let authorization = ChannelAuthorization::new("key:signature-4711")
            .with_channel_data("private-4711")
            .with_shared_secret("secret-4711");
        let user = UserAuthentication::new("key:signature-4711", "data-4711");
        assert!(!format!("{authorization:?}{user:?}").contains("4711"));
    }
}
