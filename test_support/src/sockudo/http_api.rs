//! Pusher's HTTP API for servers, signed as its reference says.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::signing::{AppCredentials, hex};

pub(super) struct HttpApi {
    agent: Agent,
    base: String,
    credentials: AppCredentials,
}

impl HttpApi {
    pub(super) fn new(port: u16, authority: Option<String>, credentials: AppCredentials) -> Self {
        let scheme = if authority.is_some() { "https" } else { "http" };
        let mut tls = TlsConfig::builder().provider(TlsProvider::NativeTls);
        if let Some(pem) = authority {
            let root = Certificate::from_pem(pem.as_bytes()).expect("an authority is PEM");
            tls = tls.root_certs(RootCerts::new_with_certs(&[root]));
        }
        let agent = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .proxy(None)
            .tls_config(tls.build())
            .build()
            .new_agent();
        Self {
            agent,
            base: format!("{scheme}://127.0.0.1:{port}"),
            credentials,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.agent
            .get(format!("{}/up", self.base))
            .call()
            .is_ok_and(|response| response.status().is_success())
    }

    #[track_caller]
    pub(super) fn publish(
        &self,
        channels: &[&str],
        event: &str,
        data: &Value,
        except: Option<&str>,
    ) {
        let mut body = Map::new();
        body.insert("name".into(), event.into());
        body.insert("channels".into(), json!(channels));
        body.insert("data".into(), as_text(data));
        if let Some(socket_id) = except {
            body.insert("socket_id".into(), socket_id.into());
        }
        self.post("/events", &Value::Object(body));
    }

    #[track_caller]
    pub(super) fn publish_batch(&self, events: &[(&str, &str, Value)]) {
        let batch: Vec<_> = events
            .iter()
            .map(|(channel, event, data)| {
                json!({"channel": channel, "name": event, "data": as_text(data)})
            })
            .collect();
        self.post("/batch_events", &json!({"batch": batch}));
    }

    #[track_caller]
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let url = self.signed_url("GET", path, query, None);
        understand("GET", path, self.agent.get(url).call())
    }

    #[track_caller]
    pub(super) fn post(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let url = self.signed_url("POST", path, &[], Some(&body));
        let answer = self
            .agent
            .post(url)
            .header("Content-Type", "application/json")
            .send(&body);
        understand("POST", path, answer)
    }

    fn signed_url(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&str>,
    ) -> String {
        let path = format!("/apps/app-id{path}");
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is past 1970")
            .as_secs();
        let mut parameters: BTreeMap<&str, String> = query
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        parameters.insert("auth_key", self.credentials.key.clone());
        parameters.insert("auth_timestamp", now.to_string());
        parameters.insert("auth_version", "1.0".into());
        if let Some(body) = body {
            parameters.insert("body_md5", hex(&Md5::digest(body)));
        }
        let query = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&");
        let signature = self.credentials.sign(&format!("{method}\n{path}\n{query}"));
        format!("{}{path}?{query}&auth_signature={signature}", self.base)
    }
}

fn as_text(data: &Value) -> Value {
    match data {
        Value::String(text) => text.clone().into(),
        other => other.to_string().into(),
    }
}

#[track_caller]
fn understand(
    method: &str,
    path: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Value {
    let mut response =
        answer.unwrap_or_else(|error| panic!("{method} {path} of the HTTP API failed: {error}"));
    let text = response.body_mut().read_to_string().unwrap_or_default();
    assert!(
        response.status().is_success(),
        "{method} {path} of the HTTP API was answered {}: {text}",
        response.status()
    );
    serde_json::from_str(&text).unwrap_or_default()
}
