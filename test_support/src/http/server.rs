//! Serves requests and records them.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use native_tls::TlsAcceptor;

use super::answer::{Action, Answer};
use super::request::HttpRequest;
use crate::authority::TestCertificate;
use crate::listener::Listener;
use crate::watched::Watched;
use crate::wire::Wire;

const TLS_HANDSHAKE: Duration = Duration::from_secs(30);

/// Answers each request with what a closure says; keeps connections alive as HTTP/1.1 does.
pub(crate) struct HttpServer {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    acceptor: Option<TlsAcceptor>,
    answer: Box<dyn Fn(&HttpRequest) -> Answer + Send + Sync>,
    log: Watched<Log>,
}

#[derive(Default)]
struct Log {
    requests: Vec<HttpRequest>,
    read: usize,
    connections: Vec<Weak<Wire>>,
}

impl HttpServer {
    pub(crate) fn start(
        host: IpAddr,
        certificate: Option<&TestCertificate>,
        answer: impl Fn(&HttpRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            acceptor: certificate.map(TestCertificate::acceptor),
            answer: Box::new(answer),
            log: Watched::default(),
        });
        let serving = shared.clone();
        let listener = Listener::start(host, None, move |stream| {
            let wire = Arc::new(Wire::new(stream));
            serving
                .log
                .update(|log| log.connections.push(Arc::downgrade(&wire)));
            let shared = serving.clone();
            thread::spawn(move || shared.serve(&wire));
        });
        Self { listener, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = match self.shared.acceptor {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{}{path}", self.address())
    }

    pub(crate) fn requests(&self) -> Vec<HttpRequest> {
        self.shared.log.read(|log| log.requests.clone())
    }

    pub(crate) fn connections_so_far(&self) -> usize {
        self.shared.log.read(|log| log.connections.len())
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.shared.log.read(|log| {
            let open =
                |wire: &&Weak<Wire>| wire.upgrade().is_some_and(|wire| wire.ended().is_none());
            log.connections.iter().filter(open).count()
        })
    }

    /// The next request that was not looked at yet.
    pub(crate) fn next_request(&self, deadline: Instant) -> Option<HttpRequest> {
        self.shared.log.wait(Some(deadline), |log| {
            let request = log.requests.get(log.read).cloned()?;
            log.read += 1;
            Some(request)
        })
    }

    pub(crate) fn stop_listening(&self) {
        self.listener.stop();
    }

    pub(crate) fn listen_again(&self) {
        self.listener.resume();
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.listener.stop();
        let connections = self
            .shared
            .log
            .update(|log| std::mem::take(&mut log.connections));
        for wire in connections.iter().filter_map(Weak::upgrade) {
            wire.close();
        }
    }
}

impl Shared {
    fn serve(&self, wire: &Wire) {
        if let Some(acceptor) = &self.acceptor
            && wire
                .secure(acceptor, Instant::now() + TLS_HANDSHAKE)
                .is_err()
        {
            wire.close();
            return;
        }
        while let Ok(Some(request)) = HttpRequest::read(wire) {
            let request = self.log.update(|log| {
                let request = request.numbered(log.requests.len());
                log.requests.push(request.clone());
                request
            });
            if !perform(wire, &(self.answer)(&request)) {
                break;
            }
        }
        wire.close();
    }
}

/// Returns whether the connection may carry another request.
fn perform(wire: &Wire, answer: &Answer) -> bool {
    if !answer.delay.is_zero() && wire.wait_for_end(Instant::now() + answer.delay).is_some() {
        return false;
    }
    match &answer.action {
        Action::Respond(response) => wire.write(&response.encode()).is_ok(),
        Action::Raw(bytes) => {
            let _ = wire.write(bytes);
            wire.finish_writing();
            wire.wait_for_end(Instant::now() + Duration::from_secs(1));
            false
        }
        Action::Drip(bytes, interval) => bytes.iter().all(|byte| {
            wire.write(&[*byte]).is_ok() && wire.wait_for_end(Instant::now() + *interval).is_none()
        }),
        Action::Never => {
            wire.wait_for_end_for_ever();
            false
        }
        Action::Reset => {
            wire.reset();
            false
        }
        Action::Close => false,
    }
}
