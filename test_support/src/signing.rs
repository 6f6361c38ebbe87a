//! Signs what a server of the protocol checks. Written without a look at the client's crates, so that an error in
//! either shows.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::authority::TestCertificate;
use crate::http::{Answer, HttpRequest, HttpServer};

/// An app's key and secrets.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// The public key.
    pub key: String,
    /// The secret that signs.
    pub secret: String,
    /// The master key of encrypted channels: 32 bytes.
    pub master_key: [u8; 32],
}

impl AppCredentials {
    /// Those of the app that [`Sockudo`](crate::Sockudo) is started with.
    pub fn for_tests() -> Self {
        Self {
            key: "app-key".into(),
            secret: "app-secret".into(),
            master_key: *b"a master key of 32 bytes for it.",
        }
    }

    /// HMAC-SHA256 with the secret, in hexadecimal digits.
    pub fn sign(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// The `auth` of a private, encrypted or presence channel.
    pub fn channel_auth(
        &self,
        socket_id: &str,
        channel: &str,
        channel_data: Option<&str>,
    ) -> String {
        let text = match channel_data {
            Some(data) => format!("{socket_id}:{channel}:{data}"),
            None => format!("{socket_id}:{channel}"),
        };
        format!("{}:{}", self.key, self.sign(&text))
    }

    /// The `auth` of a sign-in.
    pub fn user_auth(&self, socket_id: &str, user_data: &str) -> String {
        let signature = self.sign(&format!("{socket_id}::user::{user_data}"));
        format!("{}:{signature}", self.key)
    }

    /// The key of an encrypted channel, in Base64.
    pub fn shared_secret(&self, channel: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(channel.as_bytes());
        hash.update(self.master_key);
        BASE64.encode(hash.finalize())
    }

    /// The master key, in Base64, as server libraries want it.
    pub fn master_key_base64(&self) -> String {
        BASE64.encode(self.master_key)
    }
}

/// An HTTP endpoint that authorizes as a game's backend would.
///
/// `/pusher/auth` answers a form with `socket_id` and `channel_name`, `/pusher/user-auth` one with `socket_id`. Who
/// asks is told by further fields: `user_id` (default `user-1`), `user_info` (JSON) and, for the sign-in,
/// `watchlist` (ids with commas between).
pub struct SigningAuth {
    server: HttpServer,
}

impl SigningAuth {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(credentials: &AppCredentials) -> Self {
        Self::start_with(credentials, None)
    }

    /// As [`start`](Self::start), over https.
    pub fn start_tls(credentials: &AppCredentials, certificate: &TestCertificate) -> Self {
        Self::start_with(credentials, Some(certificate))
    }

    fn start_with(credentials: &AppCredentials, certificate: Option<&TestCertificate>) -> Self {
        let credentials = credentials.clone();
        let host = std::net::Ipv4Addr::LOCALHOST.into();
        Self {
            server: HttpServer::start(host, certificate, move |request| {
                answer(&credentials, request)
            }),
        }
    }

    /// Where channels are authorized.
    pub fn channel_url(&self) -> String {
        self.server.url("/pusher/auth")
    }

    /// Where users are authenticated.
    pub fn user_url(&self) -> String {
        self.server.url("/pusher/user-auth")
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.server.requests()
    }

    /// The next request that no `expect_request` has returned yet.
    #[track_caller]
    pub fn expect_request(&self, within: Duration) -> HttpRequest {
        self.server
            .next_request(Instant::now() + within)
            .unwrap_or_else(|| panic!("no further HTTP request within {within:?}"))
    }
}

/// Also to pages of another origin: forms like these take no preflight.
fn answer(credentials: &AppCredentials, request: &HttpRequest) -> Answer {
    sign(credentials, request).with_header("Access-Control-Allow-Origin", "*")
}

fn sign(credentials: &AppCredentials, request: &HttpRequest) -> Answer {
    if request.method() != "POST" {
        return Answer::status(405);
    }
    let Some(socket_id) = request.field("socket_id") else {
        return Answer::status(400).with_body("no socket_id");
    };
    match request.path() {
        "/pusher/auth" => match request.field("channel_name") {
            Some(channel) => authorize(credentials, request, &socket_id, &channel),
            None => Answer::status(400).with_body("no channel_name"),
        },
        "/pusher/user-auth" => {
            let mut user = identity(request, "id");
            if let Some(watchlist) = request.field("watchlist") {
                user.insert("watchlist".into(), watchlist.split(',').collect());
            }
            let user_data = Value::Object(user).to_string();
            let auth = credentials.user_auth(&socket_id, &user_data);
            Answer::json(&json!({"auth": auth, "user_data": user_data}))
        }
        _ => Answer::status(404),
    }
}

fn authorize(
    credentials: &AppCredentials,
    request: &HttpRequest,
    socket_id: &str,
    channel: &str,
) -> Answer {
    if channel.starts_with("presence-") {
        let channel_data = Value::Object(identity(request, "user_id")).to_string();
        let auth = credentials.channel_auth(socket_id, channel, Some(&channel_data));
        return Answer::json(&json!({"auth": auth, "channel_data": channel_data}));
    }
    let auth = credentials.channel_auth(socket_id, channel, None);
    if channel.starts_with("private-encrypted-") {
        let shared_secret = credentials.shared_secret(channel);
        return Answer::json(&json!({"auth": auth, "shared_secret": shared_secret}));
    }
    Answer::json(&json!({"auth": auth}))
}

fn identity(request: &HttpRequest, id_key: &str) -> Map<String, Value> {
    let id = request
        .field("user_id")
        .unwrap_or_else(|| "user-1".to_owned());
    let mut identity = Map::new();
    if let Some(info) = request.field("user_info") {
        let info = serde_json::from_str(&info).expect("the field user_info is JSON");
        identity.insert("user_info".into(), info);
    }
    identity.insert(id_key.into(), id.into());
    identity
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Pusher's documentation of signatures. For presence it signs another name than it prints.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let credentials = AppCredentials {
            key: "278d425bdf160c739803".into(),
            secret: "7ad3773142a6692b25b8".into(),
            master_key: [0; 32],
        };
        assert_eq!(
            credentials.channel_auth("1234.1234", "private-foobar", None),
            "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
        );
        assert_eq!(
            credentials.channel_auth(
                "1234.1234",
                "presence-foobar",
                Some(r#"{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#)
            ),
            "278d425bdf160c739803:afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"
        );
        assert_eq!(
            credentials.user_auth("1234.1234", r#"{"id":"12345"}"#),
            "278d425bdf160c739803:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
        );
    }
}
