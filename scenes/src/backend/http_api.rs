//! A minimal client of Pusher's HTTP API: a signed request that publishes one event.

use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pusher_dev_server::EncryptionMasterKey;
use pusher_protocol::server::AppCredentials;
use serde_json::json;
use ureq::Agent;
use ureq::tls::{TlsConfig, TlsProvider};

use super::To;

/// The timeout of a request, and of the waits in the tests.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An app on a server, with the credentials to publish.
#[derive(Clone)]
pub(crate) struct HttpApi {
    /// Scheme, host and port.
    pub(crate) base: String,
    pub(crate) app_id: String,
    pub(crate) key: String,
    pub(crate) secret: String,
    /// For encrypted channels: the backend encrypts their events before it publishes them.
    pub(crate) master_key: EncryptionMasterKey,
}

impl HttpApi {
    /// Publishes on a new thread, and sends an error to `failed`.
    pub(crate) fn publish(&self, to: &To, event: &str, data: &str, failed: Sender<String>) {
        let api = self.clone();
        let (to, event, data) = (to.clone(), event.to_owned(), data.to_owned());
        let spawn_failed = failed.clone();
        let spawned = std::thread::Builder::new()
            .name("backend".to_owned())
            .spawn(move || {
                if let Err(error) = api.post(&to, &event, &data) {
                    // Fails once the scene has exited, when nothing shows errors any more.
                    let _ = failed.send(error);
                }
            });
        if let Err(error) = spawned {
            let _ = spawn_failed.send(error.to_string());
        }
    }

    fn post(&self, to: &To, event: &str, data: &str) -> Result<(), String> {
        let (channel, data) = match to {
            To::User(user) => (format!("#server-to-user-{user}"), data.to_owned()),
            To::Channel(channel) if channel.starts_with("private-encrypted-") => {
                (channel.clone(), self.seal(channel, data)?)
            }
            To::Channel(channel) => (channel.clone(), data.to_owned()),
        };
        let body = json!({"name": event, "channels": [channel], "data": data}).to_string();
        let response = agent()
            .post(self.signed_url(&body, SystemTime::now())?)
            .header("Content-Type", "application/json")
            .send(body)
            .map_err(|error| error.to_string())?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = response.into_body().read_to_string().unwrap_or_default();
        Err(format!("the server answered {status}: {}", body.trim()))
    }

    fn seal(&self, channel: &str, data: &str) -> Result<String, String> {
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(|error| error.to_string())?;
        self.master_key
            .seal(channel, data, nonce)
            .map_err(|error| error.to_string())
    }

    fn signed_url(&self, body: &str, now: SystemTime) -> Result<String, String> {
        let path = format!("/apps/{}/events", self.app_id);
        let now = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let query = AppCredentials::new(&self.key, &self.secret)
            .sign_request("POST", &path, &[], body.as_bytes(), now)
            .map_err(|error| error.to_string())?;
        Ok(format!("{}{path}?{query}", self.base))
    }
}

fn agent() -> Agent {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::NativeTls)
        .build();
    Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .tls_config(tls)
        .build()
        .new_agent()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use pusher_dev_server::{DevServer, DevServerConfig, ServerEvent};

    use super::*;

    fn api_of(server: &DevServer) -> HttpApi {
        HttpApi {
            base: format!("http://{}", server.address()),
            app_id: server.app_id().to_owned(),
            key: server.app_key().to_owned(),
            secret: server.app_secret().to_owned(),
            master_key: EncryptionMasterKey::default(),
        }
    }

    #[test]
    fn published_event_is_accepted_by_the_server() {
        let server = DevServer::start(DevServerConfig::default()).unwrap();
        let events = server.events();
        let (failed, failures) = channel();
        let api = api_of(&server);
        api.publish(&To::User("ann".to_owned()), "hello", "{}", failed.clone());
        let published = events.wait_for(TIMEOUT, |event| {
            matches!(event, ServerEvent::Published { channel, .. } if channel == "#server-to-user-ann")
        });
        assert!(published.is_some(), "{:?}", failures.try_recv());
    }

    #[test]
    fn wrong_secret_is_reported() {
        let server = DevServer::start(DevServerConfig::default()).unwrap();
        let (failed, failures) = channel();
        let api = HttpApi {
            secret: "wrong".to_owned(),
            ..api_of(&server)
        };
        api.publish(&To::Channel("news".to_owned()), "hello", "{}", failed);
        let failure = failures.recv_timeout(TIMEOUT).unwrap();
        assert!(failure.contains("401"), "{failure}");
    }
}
