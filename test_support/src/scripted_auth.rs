//! The scripted HTTP endpoint: records requests and sends the responses of a test.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::authority::TestCertificate;
use crate::http::{Answer, HttpRequest};
use crate::listener::SocketListener;
use crate::server_socket::{ServerSocket, SocketStream};
use crate::watched::Watched;

const TLS_HANDSHAKE: Duration = Duration::from_secs(30);

/// An HTTP endpoint, such as one that authorizes channels. It records each request and sends the response that a test chooses. Uses
/// persistent connections (HTTP/1.1 keep-alive).
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
    scheme: &'static str,
    listener: SocketListener,
    requests: Arc<Watched<Requests>>,
}

#[derive(Default)]
struct Requests {
    all: Vec<HttpRequest>,
    /// How many of them an expectation has returned.
    read: usize,
}

impl ScriptedAuth {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), None, answer)
    }

    /// Like [`start`](Self::start), over HTTPS.
    pub fn start_tls(
        certificate: &TestCertificate,
        answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), Some(certificate), answer)
    }

    /// Like [`start`](Self::start), on another loopback address, and over HTTPS if there is a certificate.
    pub fn start_on(
        host: IpAddr,
        certificate: Option<&TestCertificate>,
        answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let acceptor = certificate.map(TestCertificate::acceptor);
        let scheme = acceptor.as_ref().map_or("http", |_| "https");
        let (requests, answer) = (Arc::<Watched<Requests>>::default(), Arc::new(answer));
        let recorded = requests.clone();
        let serve = move |socket: Arc<ServerSocket>| {
            let (acceptor, recorded) = (acceptor.clone(), recorded.clone());
            let answer = answer.clone();
            thread::spawn(move || {
                let is_ready = acceptor.is_none_or(|acceptor| {
                    let deadline = Instant::now() + TLS_HANDSHAKE;
                    socket.secure(&acceptor, deadline).is_ok()
                });
                if is_ready {
                    serve(&socket, &recorded, &*answer);
                }
                socket.close();
            });
        };
        Self {
            scheme,
            listener: SocketListener::start(host, None, Some(serve)),
            requests,
        }
    }

    /// Sends the same response to each request.
    pub fn always(answer: Answer) -> Self {
        Self::start(move |_| answer.clone())
    }

    /// Sends these responses in order, and repeats the last one.
    pub fn sequence(answers: Vec<Answer>) -> Self {
        assert!(!answers.is_empty(), "a sequence needs an answer");
        Self::start(move |request| answers[request.number().min(answers.len() - 1)].clone())
    }

    /// Returns the `http` or `https` URL of a path of this endpoint.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address())
    }

    /// Returns all requests received so far.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.requests.read(|requests| requests.all.clone())
    }

    /// Waits for the next request that no earlier call has returned.
    #[track_caller]
    pub fn expect_request(&self, within: Duration) -> HttpRequest {
        self.next_request(within).unwrap_or_else(|| {
            panic!(
                "no further HTTP request within {within:?} ({} so far)",
                self.requests().len()
            )
        })
    }

    /// Waits for this time, and fails if a request arrives.
    #[track_caller]
    pub fn expect_no_request(&self, during: Duration) {
        if let Some(request) = self.next_request(during) {
            panic!("expected no HTTP request for {during:?}, got {request:?}");
        }
    }

    fn next_request(&self, within: Duration) -> Option<HttpRequest> {
        self.requests
            .wait(Some(Instant::now() + within), |requests| {
                let request = requests.all.get(requests.read).cloned()?;
                requests.read += 1;
                Some(request)
            })
    }
}

impl Deref for ScriptedAuth {
    type Target = SocketListener;

    fn deref(&self) -> &SocketListener {
        &self.listener
    }
}

/// Serves one connection until either side closes it.
fn serve(
    socket: &Arc<ServerSocket>,
    recorded: &Watched<Requests>,
    answer: &dyn Fn(&HttpRequest) -> Answer,
) {
    let mut stream = SocketStream {
        socket: socket.clone(),
        deadline: None,
    };
    while let Ok(mut request) = HttpRequest::read(&mut stream) {
        recorded.update(|requests| {
            request.number = requests.all.len();
            requests.all.push(request.clone());
        });
        if !answer(&request).perform(socket) {
            return;
        }
    }
}
