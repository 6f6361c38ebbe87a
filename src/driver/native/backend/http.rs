//! A question to the game's backend by HTTP, and what its answer means.

use std::{io::Read, sync::Arc, time::Instant};

use ureq::{Agent, Body, Error, http::Response};

use super::{
    super::{
        cutoff::{Cut, Cutoff},
        network::Network,
    },
    request::request,
    transport::{NoResolver, OwnConnector, is_timeout},
};
use crate::auth::{AuthEndpoint, AuthError};

/// The largest answer that is read, in bytes: authorizations have hundreds, with a large `channel_data` thousands.
const BODY_LIMIT: usize = 64 << 10;

/// How much of an answer that is no success is read, for its error to show.
const REFUSAL_LIMIT: usize = 4 << 10;

/// Of a request's and an answer's header, in bytes: a token or two fit.
const HEADER_BYTES: usize = 32 << 10;

/// HTTP on behalf of one connection to the Pusher server. When that is lost, whatever runs here is for nothing, and is
/// cut.
pub(super) struct Http {
    agent: Agent,
    cutoff: Arc<Cutoff>,
}

impl Http {
    pub(super) fn new(network: Network, cutoff: &Cutoff) -> Self {
        let cutoff = cutoff.child();
        let config = Agent::config_builder()
            .proxy(None)
            // A login page at the end of a redirect is no authorization.
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("bevy_pusher/", env!("CARGO_PKG_VERSION")))
            .input_buffer_size(HEADER_BYTES)
            .output_buffer_size(HEADER_BYTES)
            .max_response_header_size(HEADER_BYTES)
            .build();
        let connector = OwnConnector {
            network,
            cutoff: cutoff.clone(),
        };
        Self {
            agent: Agent::with_parts(config, connector, NoResolver),
            cutoff,
        }
    }

    /// Cuts what is under way, for good.
    pub(super) fn cut(&self) {
        self.cutoff.cut();
    }

    /// Posts these fields and the endpoint's own, and hands out the body of a success. Blocks until the deadline; calls
    /// the game's providers.
    pub(super) fn ask(
        &self,
        endpoint: &AuthEndpoint,
        fields: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<String, AuthError> {
        let request = request(endpoint, fields)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(AuthError::TimedOut);
        }
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(left))
            .build();
        read(self.agent.run(request).map_err(in_our_words)?)
    }
}

fn read(mut response: Response<Body>) -> Result<String, AuthError> {
    let status = response.status();
    let limit = if status.is_success() {
        BODY_LIMIT
    } else {
        REFUSAL_LIMIT
    };
    let mut body = Vec::new();
    // One more than allowed shows that there is more.
    let allowed = limit as u64 + 1;
    let end = response
        .body_mut()
        .as_reader()
        .take(allowed)
        .read_to_end(&mut body);
    let text = String::from_utf8_lossy(&body);
    if !status.is_success() {
        return Err(AuthError::http(status.as_u16(), &text));
    }
    if body.len() > limit {
        return Err(AuthError::TooLarge { limit });
    }
    end.map_err(|error| in_our_words(error.into()))?;
    Ok(text.into_owned())
}

fn in_our_words(error: Error) -> AuthError {
    match error {
        error if is_timeout(&error) => AuthError::TimedOut,
        Error::Other(other) => match other.downcast::<AuthError>() {
            Ok(error) => *error,
            Err(other) => AuthError::Unreachable(other.to_string()),
        },
        Error::LargeResponseHeader(..) => AuthError::TooLarge {
            limit: HEADER_BYTES,
        },
        Error::Protocol(error) => {
            AuthError::Unreachable(format!("what answers there does not speak HTTP: {error}"))
        }
        Error::BadUri(_) | Error::Http(_) => invalid("its URL cannot be requested".into()),
        Error::Io(error) => AuthError::Unreachable(error.to_string()),
        error => AuthError::Unreachable(error.to_string()),
    }
}

/// The game's endpoint is none that can be asked.
pub(super) fn invalid(reason: String) -> AuthError {
    AuthError::InvalidEndpoint(reason)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::TcpListener,
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    use pusher_test_support::{Answer, BlackHole, ScriptedAuth, TestAuthority};

    use super::{
        super::super::{
            look_up::{self, LookUps},
            tls::Trust,
        },
        *,
    };

    const SOON: Duration = Duration::from_secs(5);

    fn http(look_ups: &'static LookUps, authorities: &[&TestAuthority]) -> Http {
        let authorities = authorities.iter().map(|authority| authority.pem().into());
        let network = Network {
            look_ups,
            trust: Arc::new(Trust::new(authorities.collect())),
            proxy: None,
        };
        Http::new(network, &Cutoff::default())
    }

    fn ask(endpoint: &AuthEndpoint) -> Result<String, AuthError> {
        ask_within(endpoint, SOON)
    }

    fn ask_within(endpoint: &AuthEndpoint, time: Duration) -> Result<String, AuthError> {
        let fields = [("socket_id", "1.1"), ("channel_name", "private-a@b")];
        http(&look_up::SYSTEM, &[]).ask(endpoint, &fields, Instant::now() + time)
    }

    fn refused(status: u16, body: &str) -> Result<String, AuthError> {
        Err(AuthError::http(status, body))
    }

    #[test]
    fn each_answer_has_its_meaning() {
        for (answer, expected) in [
            (Answer::text("{}"), Ok("{}".into())),
            (Answer::status(201).with_body("{}"), Ok("{}".into())),
            (Answer::status(204), Ok(String::new())),
            (Answer::text("\u{feff}null"), Ok("\u{feff}null".into())),
            (Answer::large(BODY_LIMIT), Ok(" ".repeat(BODY_LIMIT))),
            (
                Answer::large(5 << 20),
                Err(AuthError::TooLarge { limit: BODY_LIMIT }),
            ),
            (Answer::redirect("/login"), refused(302, "")),
            (Answer::status(401).with_body("who?"), refused(401, "who?")),
            (Answer::status(403).with_body("no"), refused(403, "no")),
            (Answer::status(419), refused(419, "")),
            (Answer::status(429), refused(429, "")),
            (
                Answer::status(500).with_body("x".repeat(1 << 20)),
                refused(500, &"x".repeat(1000)),
            ),
            (
                Answer::raw("HTTP/1.1 503 Broken\r\nContent-Length: 99\r\n\r\nhalf of it"),
                refused(503, "half of it"),
            ),
        ] {
            let auth = ScriptedAuth::always(answer.clone());
            assert_eq!(
                ask(&AuthEndpoint::new(auth.url("/"))),
                expected,
                "{answer:?}"
            );
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error_that_says_so() {
        for (answer, part) in [
            (Answer::raw("SSH-2.0-OpenSSH\r\n\r\n"), "HTTP"),
            (
                Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
                "",
            ),
            (Answer::close(), ""),
            (Answer::reset(), "reset"),
        ] {
            let auth = ScriptedAuth::always(answer.clone());
            let error = ask(&AuthEndpoint::new(auth.url("/"))).unwrap_err();
            assert!(
                matches!(&error, AuthError::Unreachable(reason) if reason.contains(part)),
                "{answer:?}: {error}"
            );
        }
        let large = format!(
            "HTTP/1.1 200 OK\r\nX-Large: {}\r\n\r\n",
            "x".repeat(1 << 17)
        );
        let auth = ScriptedAuth::always(Answer::raw(large));
        let error = ask(&AuthEndpoint::new(auth.url("/"))).unwrap_err();
        // Whether the limit or the server's end comes first is a matter of timing.
        let is_told = matches!(
            error,
            AuthError::TooLarge { .. } | AuthError::Unreachable(_)
        );
        assert!(is_told, "{error}");
        let refusing = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = ask(&AuthEndpoint::new(format!("http://{refusing}/"))).unwrap_err();
        assert!(
            matches!(&error, AuthError::Unreachable(reason) if reason.contains("refused")),
            "{error}"
        );
    }

    #[test]
    fn slowness_of_any_kind_ends_at_the_deadline() {
        let time = Duration::from_millis(400);
        let drip = Duration::from_millis(20);
        let head = "HTTP/1.1 200 OK\r\nX-Slow: ";
        let answers = [
            Answer::never(),
            Answer::drip(drip * 5),
            Answer::drip_bytes(format!("{head}{}", "a".repeat(1000)), drip),
            Answer::text("{}").after(SOON),
        ];
        let black_hole = BlackHole::start();
        let servers: Vec<_> = answers.into_iter().map(ScriptedAuth::always).collect();
        let urls = servers.iter().map(|server| server.url("/"));
        for url in urls.chain([format!("http://{}/", black_hole.address())]) {
            let begun = Instant::now();
            let error = ask_within(&AuthEndpoint::new(url), time).unwrap_err();
            assert_eq!(error, AuthError::TimedOut);
            let elapsed = begun.elapsed();
            assert!(elapsed < time + Duration::from_millis(300), "{elapsed:?}");
        }
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/", mute.local_addr().unwrap());
        let error = ask_within(&AuthEndpoint::new(url), time).unwrap_err();
        assert_eq!(error, AuthError::TimedOut);
    }

    #[test]
    fn the_request_is_a_form_with_the_games_headers_where_the_later_replaces_the_earlier() {
        let auth = ScriptedAuth::always(Answer::text("{}"));
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let endpoint = AuthEndpoint::new(auth.url("/auth?game=1"))
            .with_header("X-Token", "fixed")
            .with_header("x-kept", "é")
            .with_param("fixed", "1")
            .with_header_provider(|| {
                let number = ASKED.fetch_add(1, Ordering::SeqCst);
                vec![("X-TOKEN".into(), format!("fresh-{number}"))]
            })
            .with_param_provider(|| vec![("fixed".into(), "2".into())]);
        for number in 0..2 {
            ask(&endpoint).unwrap();
            let request = auth.expect_request(SOON);
            assert_eq!(request.method(), "POST");
            assert_eq!(request.target(), "/auth?game=1");
            let header = |name| request.header(name);
            assert_eq!(
                header("content-type"),
                Some("application/x-www-form-urlencoded")
            );
            assert_eq!(header("accept"), Some("application/json"));
            assert_eq!(header("x-token"), Some(&*format!("fresh-{number}")));
            assert_eq!(header("x-kept"), Some("é"));
            let host = auth.address().to_string();
            assert_eq!(header("host"), Some(&*host));
            assert_eq!(
                request.body(),
                b"socket_id=1.1&channel_name=private-a%40b&fixed=1&fixed=2"
            );
        }
    }

    #[test]
    fn the_games_own_authority_is_trusted_and_no_other() {
        let (authority, stranger) = (TestAuthority::new(), TestAuthority::new());
        let auth = ScriptedAuth::start_tls(&authority.localhost(), |_| Answer::text("{}"));
        let endpoint = AuthEndpoint::new(format!("https://localhost:{}/", auth.port()));
        let deadline = Instant::now() + SOON;
        let trusting = http(&look_up::SYSTEM, &[&stranger, &authority]);
        assert_eq!(trusting.ask(&endpoint, &[], deadline), Ok("{}".into()));
        let distrusting = http(&look_up::SYSTEM, &[&stranger]);
        let error = distrusting.ask(&endpoint, &[], deadline).unwrap_err();
        assert!(
            matches!(&error, AuthError::Tls(reason) if reason.contains("certificate")),
            "{error}"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn https_to_a_port_for_plain_http_says_so() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(refusal).unwrap();
        });
        let error = ask(&AuthEndpoint::new(url)).unwrap_err();
        assert!(
            matches!(&error, AuthError::Tls(reason) if reason.contains("does not speak TLS")),
            "{error}"
        );
        server.join().unwrap();
    }

    #[test]
    fn a_connection_serves_many_requests_until_the_server_ends_it() {
        let authority = TestAuthority::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plain = AuthEndpoint::new(format!("http://{}/", listener.local_addr().unwrap()));
        // Answers two requests, then ends the connection; twice.
        let server = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                for _ in 0..2 {
                    let mut request = [0; 4096];
                    while !request.windows(3).any(|part| part == b"a=1") {
                        assert_ne!(stream.read(&mut request).unwrap(), 0);
                    }
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                        .unwrap();
                }
            }
        });
        let client = http(&look_up::SYSTEM, &[&authority]);
        let deadline = Instant::now() + SOON;
        for _ in 0..4 {
            assert_eq!(client.ask(&plain, &[("a", "1")], deadline), Ok("{}".into()));
            thread::sleep(Duration::from_millis(30));
        }
        server.join().unwrap();

        let auth = ScriptedAuth::start_tls(&authority.localhost(), |_| Answer::text("{}"));
        let secure = AuthEndpoint::new(auth.url("/"));
        for _ in 0..4 {
            assert_eq!(client.ask(&secure, &[], deadline), Ok("{}".into()));
        }
        assert!(auth.connections_so_far() <= 4);
    }

    #[test]
    fn a_dead_ipv6_address_before_a_live_ipv4_one_costs_next_to_nothing() {
        static DUAL: LookUps =
            LookUps::new(|_| Ok(vec!["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()]));
        let auth = ScriptedAuth::always(Answer::text("{}"));
        let url = format!("http://dual.test:{}/", auth.port());
        let begun = Instant::now();
        let answer = http(&DUAL, &[]).ask(
            &AuthEndpoint::new(url).allow_insecure(),
            &[],
            Instant::now() + SOON,
        );
        assert_eq!(answer, Ok("{}".into()));
        assert!(begun.elapsed() < Duration::from_millis(500));
    }

    #[test]
    fn a_cut_ends_a_request_in_each_phase() {
        static HUNG: LookUps = LookUps::new(|_| {
            thread::sleep(Duration::from_secs(1));
            Ok(Vec::new())
        });
        let auth = ScriptedAuth::always(Answer::never());
        let black_hole = BlackHole::start();
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        for url in [
            "https://hung.test/".into(),
            format!("http://{}/", black_hole.address()),
            format!("https://{}/", mute.local_addr().unwrap()),
            auth.url("/"),
        ] {
            let client = Arc::new(http(&HUNG, &[]));
            let cutter = client.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(100));
                cutter.cut();
            });
            let begun = Instant::now();
            let endpoint = AuthEndpoint::new(&*url);
            let error = client
                .ask(&endpoint, &[], Instant::now() + SOON)
                .unwrap_err();
            assert!(matches!(error, AuthError::Unreachable(_)), "{url}: {error}");
            assert!(begun.elapsed() < Duration::from_millis(500), "{url}");
        }
    }
}
