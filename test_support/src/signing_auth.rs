//! An HTTP endpoint that signs authorizations like a game's backend.

use std::ops::Deref;

use serde_json::{Map, Value, json};

use crate::credentials::AppCredentials;
use crate::http::{Answer, HttpRequest};
use crate::scripted_auth::ScriptedAuth;

/// A [`ScriptedAuth`] that signs authorizations like a game's backend.
///
/// `/pusher/auth` expects a form with `socket_id` and `channel_name`, `/pusher/user-auth` one with `socket_id`. Optional fields describe
/// the user: `user_id` (default `user-1`), `user_info` (JSON) and, for the sign-in, `watchlist` (ids, separated by commas).
pub struct SigningAuth {
    endpoint: ScriptedAuth,
}

impl SigningAuth {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(credentials: &AppCredentials) -> Self {
        let credentials = credentials.clone();
        let endpoint = ScriptedAuth::start(move |request| {
            // Allows pages of another origin to read the response. Simple forms need no CORS preflight.
            answer(&credentials, request).with_header("Access-Control-Allow-Origin", "*")
        });
        Self { endpoint }
    }

    /// Returns the URL that authorizes channels.
    pub fn channel_url(&self) -> String {
        self.url("/pusher/auth")
    }

    /// Returns the URL that authenticates users.
    pub fn user_url(&self) -> String {
        self.url("/pusher/user-auth")
    }
}

impl Deref for SigningAuth {
    type Target = ScriptedAuth;

    fn deref(&self) -> &ScriptedAuth {
        &self.endpoint
    }
}

fn answer(credentials: &AppCredentials, request: &HttpRequest) -> Answer {
    if request.method() != "POST" {
        return Answer::status(405);
    }
    let Some(socket_id) = request.field("socket_id") else {
        return Answer::status(400).with_body("no socket_id");
    };
    let signer = credentials.signer();
    let answer = match request.path() {
        "/pusher/auth" => {
            let Some(channel) = request.field("channel_name") else {
                return Answer::status(400).with_body("no channel_name");
            };
            let is_presence = channel.starts_with("presence-");
            let data = is_presence.then(|| Value::Object(user(request, "user_id")).to_string());
            let auth = signer.authorize_channel(&socket_id, &channel, data.as_deref());
            auth.map(|auth| {
                let mut answer = json!({"auth": auth});
                if let Some(data) = data {
                    answer["channel_data"] = data.into();
                }
                if channel.starts_with("private-encrypted-") {
                    answer["shared_secret"] = credentials.shared_secret(&channel).into();
                }
                answer
            })
        }
        "/pusher/user-auth" => {
            let mut user = user(request, "id");
            if let Some(watchlist) = request.field("watchlist") {
                user.insert("watchlist".into(), watchlist.split(',').collect());
            }
            let data = Value::Object(user).to_string();
            let auth = signer.authenticate_user(&socket_id, &data);
            auth.map(|auth| json!({"auth": auth, "user_data": data}))
        }
        _ => return Answer::status(404),
    };
    match answer {
        Ok(answer) => Answer::json(&answer),
        Err(error) => Answer::status(400).with_body(error.to_string()),
    }
}

/// Returns the user that the fields of the request describe.
fn user(request: &HttpRequest, id_key: &str) -> Map<String, Value> {
    let mut user = Map::new();
    if let Some(info) = request.field("user_info") {
        let info = serde_json::from_str(&info).expect("the field user_info is JSON");
        user.insert("user_info".into(), info);
    }
    let id = request.field("user_id");
    user.insert(id_key.into(), id.unwrap_or_else(|| "user-1".into()).into());
    user
}
