//! The scripted HTTP endpoint.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::authority::TestCertificate;
use crate::http::{Answer, HttpRequest, HttpServer};

/// An HTTP endpoint, such as one that authorizes channels, that answers what a test says and records each request.
///
/// ```
/// use pusher_test_support::{Answer, ScriptedAuth};
/// use serde_json::json;
///
/// // 403 for the first request, an authorization for each later one.
/// let auth = ScriptedAuth::start(|request| match request.number() {
///     0 => Answer::status(403),
///     _ => Answer::json(&json!({"auth": "key:signature"})),
/// });
/// let url = auth.url("/pusher/auth");
/// ```
pub struct ScriptedAuth {
    server: HttpServer,
}

impl ScriptedAuth {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), None, answer)
    }

    /// As [`start`](Self::start), over https.
    pub fn start_tls(
        certificate: &TestCertificate,
        answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), Some(certificate), answer)
    }

    /// As [`start`](Self::start), on another loopback address, over https with a certificate.
    pub fn start_on(
        host: IpAddr,
        certificate: Option<&TestCertificate>,
        answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self {
            server: HttpServer::start(host, certificate, answer),
        }
    }

    /// The same answer to each request.
    pub fn always(answer: Answer) -> Self {
        Self::start(move |_| answer.clone())
    }

    /// One answer after the other; the last one again and again.
    pub fn sequence(answers: Vec<Answer>) -> Self {
        assert!(!answers.is_empty(), "a sequence needs an answer");
        Self::start(move |request| answers[request.number().min(answers.len() - 1)].clone())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// The `http` or `https` URL of a path of it.
    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
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
            .unwrap_or_else(|| {
                panic!(
                    "no further HTTP request within {within:?} ({} so far)",
                    self.requests().len()
                )
            })
    }

    /// Waits that long, and fails if a further request arrives.
    #[track_caller]
    pub fn expect_no_request(&self, during: Duration) {
        if let Some(request) = self.server.next_request(Instant::now() + during) {
            panic!("expected no HTTP request for {during:?}, got {request:?}");
        }
    }

    /// How many TCP connections were made so far.
    pub fn connections_so_far(&self) -> usize {
        self.server.connections_so_far()
    }

    /// How many of them have not ended yet.
    pub fn open_connections(&self) -> usize {
        self.server.open_connections()
    }

    /// Waits until that many connections are open.
    #[track_caller]
    pub fn expect_open_connections(&self, count: usize, within: Duration) {
        let deadline = Instant::now() + within;
        while self.open_connections() != count {
            assert!(
                Instant::now() < deadline,
                "{} HTTP connections are open after {within:?}, expected {count}",
                self.open_connections()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Refuses connections from here on; those that were made stay.
    pub fn stop_listening(&self) {
        self.server.stop_listening();
    }

    /// Listens on the same port again.
    pub fn listen_again(&self) {
        self.server.listen_again();
    }
}
