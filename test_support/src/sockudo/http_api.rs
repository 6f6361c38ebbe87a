//! Signed requests to Pusher's HTTP API.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::credentials::AppCredentials;

pub(super) struct HttpApi {
    agent: Agent,
    base: String,
}

impl HttpApi {
    pub(super) fn new(port: u16, authority: Option<String>) -> Self {
        let scheme = if authority.is_some() { "https" } else { "http" };
        let mut tls = TlsConfig::builder().provider(TlsProvider::NativeTls);
        if let Some(pem) = authority {
            let root = Certificate::from_pem(pem.as_bytes()).expect("an authority is PEM");
            tls = tls.root_certs(RootCerts::new_with_certs(&[root]));
        }
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .proxy(None)
            .tls_config(tls.build());
        Self {
            agent: config.build().new_agent(),
            base: format!("{scheme}://127.0.0.1:{port}"),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        let answer = self.agent.get(format!("{}/up", self.base)).call();
        answer.is_ok_and(|response| response.status().is_success())
    }

    /// Sends a `GET` to a path below the app's path, or a `POST` if there is a body.
    #[track_caller]
    pub(super) fn call(&self, path: &str, query: &[(&str, &str)], body: Option<&Value>) -> Value {
        let method = if body.is_some() { "POST" } else { "GET" };
        let body = body.map(Value::to_string);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since_1970.expect("the clock is past 1970").as_secs();
        let full_path = format!("/apps/app-id{path}");
        let query = AppCredentials::for_tests()
            .signer()
            .sign_request(
                method,
                &full_path,
                query,
                body.as_deref().unwrap_or_default().as_bytes(),
                now,
            )
            .unwrap_or_else(|error| panic!("{method} {path} cannot be signed: {error}"));
        let url = format!("{}{full_path}?{query}", self.base);
        let answer = match body {
            Some(body) => {
                let post = self.agent.post(url);
                post.header("Content-Type", "application/json").send(body)
            }
            None => self.agent.get(url).call(),
        };
        let mut response = answer
            .unwrap_or_else(|error| panic!("{method} {path} of the HTTP API failed: {error}"));
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let status = response.status();
        assert!(
            status.is_success(),
            "{method} {path} of the HTTP API was answered with {status}: {text}"
        );
        serde_json::from_str(&text).unwrap_or_default()
    }
}
