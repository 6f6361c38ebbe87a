//! No output and no `Debug` text of a session contains a signature or a key.

#![cfg(feature = "encrypted")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use pusher_protocol::{
    ChannelName, Session,
    protocol::{AuthError, ChannelAuthorization, UserAuthentication},
    session::{
        Command, ConnectionError, DialId, Input, Notice, Now, Output, RequestId, SessionConfig,
        SignInState, SubscriptionStatus,
    },
};
use serde_json::{Value, json};
use support::{SECOND, name};

const PRIVATE: &str = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
const PRESENCE: &str = "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c";
const WAITING: &str = "71506e66e7fdca106571b8999a849ad34245bc653772e51e0026c1a2475b92ba";
const ENCRYPTED: &str = "e6a18892d037c5d5e76a2265df4f086ffc38631605530dfd214aa5bff495f533";
const REFUSED: &str = "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80";
const USER: &str = "4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba";
const KEY: &str = "g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY=";
const OTHER_KEY: &str = "EL9VBUURoCLg6KVdzIxsFSQB+LcUEeJ2Xtt7Hz933bI=";
/// The first bytes of the keys, as `Debug` prints a list of numbers.
const BYTES: [&str; 2] = ["131, 112, 46", "16, 191, 85"];
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0";

/// A session, and all texts it showed.
struct Watched {
    session: Session,
    time: u64,
    dial: Option<DialId>,
    requests: Vec<(RequestId, Option<ChannelName>)>,
    sent: String,
    shown: String,
}

impl Watched {
    fn new() -> Self {
        Self {
            session: Session::new(SessionConfig::default()),
            time: 0,
            dial: None,
            requests: Vec::new(),
            sent: String::new(),
            shown: String::new(),
        }
    }

    fn input(&mut self, input: Input) {
        // The reason of a close is unredacted in the driver's input, before the session sees it.
        if !matches!(input, Input::Closed(..)) {
            self.shown += &format!("{input:?}\n{input:#?}\n");
        }
        self.session.handle_input(input, self.now());
        self.drain();
    }

    fn frame(&mut self, frame: &Value) {
        self.text(&frame.to_string());
    }

    fn text(&mut self, text: &str) {
        let (dial, now) = (self.dial.unwrap(), self.now());
        self.session.handle_frame(dial, text, now);
        self.drain();
    }

    fn now(&self) -> Now {
        Now::at(self.time as u32 * SECOND)
    }

    fn drain(&mut self) {
        self.shown += &format!("{:?}\n{:#?}\n", self.session, self.session);
        while let Some(output) = self.session.poll_output() {
            self.shown += &format!("{output:?}\n{output:#?}\n{:?}\n", self.session);
            match output {
                Output::Dial { dial, .. } => self.dial = Some(dial),
                Output::Send { text, .. } => self.sent += &text,
                Output::Authorize {
                    request, channel, ..
                } => self.requests.push((request, Some(channel))),
                Output::Authenticate { request, .. } => self.requests.push((request, None)),
                Output::Notice(notice) => self.on_notice(&notice),
                _ => {}
            }
        }
    }

    fn on_notice(&mut self, notice: &Notice) {
        let errors: Vec<String> = match notice {
            Notice::Error { error, .. } => vec![error.to_string()],
            Notice::Subscription {
                status: SubscriptionStatus::Failed(error),
                ..
            } => vec![error.to_string()],
            Notice::SignIn(SignInState::Failed(error)) => vec![error.to_string()],
            _ => vec![],
        };
        self.shown += &format!("{notice:?}\n{}\n", errors.join("\n"));
    }

    fn want(&mut self, channel: &str) {
        self.input(Input::Command(Command::Subscribe {
            channel: name(channel),
            extra: None,
        }));
    }

    /// Responds to the last request to the backend.
    fn authorize(&mut self, answer: Result<ChannelAuthorization, AuthError>) {
        let (request, channel) = self.requests.pop().expect("a request");
        assert!(channel.is_some());
        self.input(Input::Authorized(request, answer));
    }

    fn authenticate(&mut self, answer: Result<UserAuthentication, AuthError>) {
        let (request, channel) = self.requests.pop().expect("a request");
        assert_eq!(channel, None);
        self.input(Input::Authenticated(request, answer));
    }

    fn establish(&mut self) {
        self.input(Input::Command(Command::Connect));
        self.input(Input::Opened(self.dial.unwrap()));
        self.frame(
            &json!({"event": "pusher:connection_established", "data": {"socket_id": "1.1"}}),
        );
    }

    fn subscribe(&mut self, channel: &str, answer: ChannelAuthorization) {
        self.want(channel);
        self.authorize(Ok(answer));
        self.frame(&json!({
            "event": "pusher_internal:subscription_succeeded", "channel": channel,
            "data": {"presence": {"ids": ["me"], "hash": {"me": null}, "count": 1}},
        }));
    }
}

fn auth(signature: &str) -> ChannelAuthorization {
    ChannelAuthorization::new(format!("key:{signature}"))
}

fn garbled(event: &str) -> Value {
    let data = json!({"nonce": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "ciphertext": "AAAAAAAAAAAAAAAAAAAAAAAA"});
    json!({"event": event, "channel": "private-encrypted-a", "data": data})
}

#[test]
fn no_signature_or_key_is_ever_shown() {
    let mut client = Watched::new();
    client.establish();
    client.subscribe("private-a", auth(PRIVATE));
    let me = r#"{"user_id":"me"}"#;
    client.subscribe("presence-a", auth(PRESENCE).with_channel_data(me));
    client.subscribe(
        "private-encrypted-a",
        auth(ENCRYPTED).with_shared_secret(KEY),
    );
    // A wrong key, and a new key that is wrong too.
    client.frame(&garbled("e"));
    client.time += 1;
    client.input(Input::TimePassed);
    client.authorize(Ok(auth(ENCRYPTED).with_shared_secret(OTHER_KEY)));
    // A presence channel whose authorization is kept until the sign-in is done.
    client.input(Input::Command(Command::SignIn));
    let sign_in = client.requests.pop().unwrap();
    client.want("presence-b");
    client.authorize(Ok(auth(WAITING)));
    client.requests.push(sign_in);
    let user_data = r#"{"id":"me"}"#;
    client.authenticate(Ok(UserAuthentication::new(
        format!("key:{USER}"),
        user_data,
    )));
    client.frame(&json!({"event": "pusher:signin_success", "data": {"user_data": user_data}}));
    // Backends whose responses leak.
    let bodies = [
        format!(r#"{{"auth":"key:{REFUSED}","shared_secret":"{KEY}"}} and more"#),
        format!("{}key:{REFUSED}", "x ".repeat(85)),
        format!(r#""key:{REFUSED}""#),
        format!("<meta name=\"csrf-token\" content=\"{TOKEN}\">"),
    ];
    let answers = bodies.iter().flat_map(|body| {
        [
            Err(AuthError::http(500, body)),
            ChannelAuthorization::from_json(body),
        ]
    });
    for (number, answer) in answers.enumerate() {
        client.want(&format!("private-b-{number}"));
        client.authorize(answer);
    }
    // Servers that quote what they were sent.
    client.want("private-c");
    client.authorize(Ok(auth(REFUSED)));
    let message = format!("Invalid signature: expected something else than key:{REFUSED}");
    let error = json!({"code": 4009, "message": message});
    client.frame(&json!({"event": "pusher:error", "channel": "private-c", "data": error}));
    client
        .frame(&json!({"event": "pusher:error", "data": {"subscribe": format!("key:{REFUSED}")}}));
    client.text(&format!(r#""key:{REFUSED}""#));
    client.text(&format!(r#"{{"event":"key:{REFUSED}""#));
    client.time += 60;
    let error = ConnectionError::Closed {
        code: Some(4000),
        reason: message,
    };
    client.input(Input::Closed(client.dial.unwrap(), error));

    for signature in [PRIVATE, PRESENCE, WAITING, ENCRYPTED, USER] {
        assert!(client.sent.contains(signature), "{signature} was in use");
    }
    let secrets = [
        PRIVATE, PRESENCE, WAITING, ENCRYPTED, REFUSED, USER, KEY, OTHER_KEY, TOKEN,
    ];
    for secret in secrets.iter().chain(&BYTES) {
        // Half a secret is too much already.
        let part = &secret[..secret.len().min(20)];
        let line = client.shown.lines().find(|line| line.contains(part));
        assert_eq!(line, None, "{secret}");
    }
}

#[test]
fn text_without_secrets_stays_readable() {
    for text in [
        "could not find the class App\\Http\\Controllers\\PusherController in /var/www/html/vendor/laravel",
        "not allowed on presence-cache-the-lobby-of-all-lobbies-number-12345",
        "expected 6c84fb90-12c4-11e1-840d-7b25c5ee775a",
    ] {
        let AuthError::Http { body, .. } = AuthError::http(500, text) else {
            panic!()
        };
        assert_eq!(body, text);
    }
}

#[test]
fn quoted_request_headers_of_a_gateway_are_redacted() {
    for error in [
        ConnectionError::Upgrade {
            status: Some(401),
            reason: format!("invalid token {TOKEN}"),
        },
        ConnectionError::Proxy {
            host: "proxy".into(),
            port: 8080,
            status: Some(502),
            reason: format!("sent was auth={PRIVATE}"),
        },
    ] {
        let mut session = Session::new(SessionConfig::default());
        let now = Now::at(SECOND);
        session.handle_input(Input::Command(Command::Connect), now);
        let dial = std::iter::from_fn(|| session.poll_output()).find_map(|output| match output {
            Output::Dial { dial, .. } => Some(dial),
            _ => None,
        });
        session.handle_input(Input::DialFailed(dial.unwrap(), error), now);
        let mut shown = String::new();
        while let Some(output) = session.poll_output() {
            shown += &format!("{output:?}");
        }
        assert!(shown.contains("Waiting"), "{shown}");
        assert!(
            !shown.contains(TOKEN) && !shown.contains(PRIVATE),
            "{shown}"
        );
    }
}
