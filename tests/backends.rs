//! Tests of the backend chapter of the guide, with the code and the bytes that the guide shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a failed expectation is a failed test"
)]

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use bevy::prelude::*;
use bevy_pusher::{
    auth::{AuthEndpoint, ChannelAuthorization, UserAuthentication},
    config::*,
    prelude::*,
};
use pusher_dev_server::{DevServer, EncryptionMasterKey};
use pusher_test_support::update_until;
use serde_json::json;
use support::{TIMEOUT, expect_recorded, game, join, spawn};

const GUIDE: &str = include_str!("../src/guide/backends.md");

/// Returns the code blocks of this language in the guide's page.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = GUIDE.split(&fence).skip(1);
    after
        .map(|rest| rest.split("```").next().unwrap().trim_end())
        .collect()
}

/// Returns a folder in which node finds the server library.
fn node_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules/pusher").is_dir(),
        "this test needs the npm package pusher: run scripts/test.sh, or npm install in tests/node"
    );
    folder
}

/// Starts node with a program, which it reads from its standard input.
fn node(program: &str, environment: &[(&str, &str)]) -> Child {
    let mut node = Command::new("node")
        .arg("-")
        .current_dir(node_folder())
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    input.write_all(program.as_bytes()).unwrap();
    node
}

/// The Node backend of the guide, configured for a development server.
struct Backend {
    node: Child,
    url: String,
}

impl Backend {
    fn start(server: &DevServer) -> Self {
        let [program] = blocks("js")[..] else {
            panic!("the guide has one backend for Node")
        };
        let mut node = node(
            program,
            &[
                ("APP_ID", server.app_id()),
                ("APP_KEY", server.app_key()),
                ("APP_SECRET", server.app_secret()),
                ("MASTER_KEY", &EncryptionMasterKey::default().to_base64()),
                ("PUSHER_HOST", "127.0.0.1"),
                ("PUSHER_PORT", &server.port().to_string()),
                ("PORT", "0"),
            ],
        );
        let mut url = String::new();
        let output = node.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "node printed {url:?}");
        Self { node, url }
    }

    fn config(&self, server: &DevServer, token: &str) -> PusherConfig {
        let endpoint = |path: &str| {
            AuthEndpoint::new(format!("{}{path}", self.url))
                .with_header("Authorization", format!("Bearer {token}"))
        };
        PusherConfig::new(
            server.app_key(),
            Endpoint::custom("127.0.0.1", server.port()),
        )
        .with_auth_endpoint(endpoint("/pusher/auth"))
        .with_user_auth_endpoint(endpoint("/pusher/user-auth"))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.node.kill().ok();
        self.node.wait().ok();
    }
}

/// Waits until a channel is refused; returns the HTTP status.
fn refusal(app: &mut App, channel: &str) -> Option<u16> {
    let entity = spawn(app, channel);
    let mut status = None;
    update_until(app, "a refusal", TIMEOUT, |world| {
        let subscription = world.get::<PusherSubscription>(entity);
        let error = subscription.and_then(PusherSubscription::error);
        status = error.and_then(|error| error.status());
        error.is_some()
    });
    status
}

#[test]
fn node_backend_of_the_guide_authorizes_every_channel_kind() {
    let server = DevServer::start(default()).unwrap();
    let backend = Backend::start(&server);
    let mut ann = game(backend.config(&server, "token-of-ann"));
    join(&mut ann, "private-room");
    let lobby = join(&mut ann, "presence-lobby");
    let me = ann.world().get::<PusherMembers>(lobby).unwrap().me();
    let me = me.expect("a member").clone();
    assert_eq!((me.id(), me.info_json()), ("ann", r#"{"name":"Ann"}"#));

    join(&mut ann, "private-encrypted-team");
    server
        .publish("private-encrypted-team", "plan", &"left")
        .unwrap();
    expect_recorded(&mut ann, r#"private-encrypted-team plan "left""#);

    ann.world().resource::<PusherConnection>().sign_in();
    update_until(&mut ann, "the sign-in", TIMEOUT, |world| {
        world.resource::<PusherUser>().id() == Some("ann")
    });
    server
        .publish_to_user("ann", "invitation", &json!({"from": "ben"}))
        .unwrap();
    expect_recorded(&mut ann, r#"user invitation {"from":"ben"}"#);
}

#[test]
fn node_backend_of_the_guide_refuses_forbidden_requests() {
    let server = DevServer::start(default()).unwrap();
    let backend = Backend::start(&server);
    let mut ann = game(backend.config(&server, "token-of-ann"));
    assert_eq!(refusal(&mut ann, "private-admins"), Some(403));
    join(&mut ann, "private-room");
    let mut stranger = game(backend.config(&server, "no-token"));
    assert_eq!(refusal(&mut stranger, "private-room"), Some(401));
}

#[test]
fn answers_in_the_guide_equal_those_of_the_server_library() {
    let program = r#"
        const Pusher = require("pusher");
        const pusher = new Pusher({
          appId: "1", key: "278d425bdf160c739803", secret: "7ad3773142a6692b25b8", host: "localhost",
          encryptionMasterKeyBase64: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        });
        for (const answer of [
          pusher.authorizeChannel("1234.1234", "private-foobar"),
          pusher.authorizeChannel("1234.1234", "presence-foobar", { user_id: "10", user_info: { name: "Zoë ☕" } }),
          pusher.authorizeChannel("1234.1234", "private-encrypted-foobar"),
          pusher.authenticateUser("1234.1234", { id: "u1", user_info: { name: "A" }, watchlist: ["u2", "u3"] }),
        ]) console.log(JSON.stringify(answer));
    "#;
    let mut node = node(program, &[]);
    let mut answers = String::new();
    let mut output = node.stdout.take().unwrap();
    output.read_to_string(&mut answers).unwrap();
    assert!(node.wait().unwrap().success());
    let shown = blocks("json");
    assert_eq!(shown, answers.lines().collect::<Vec<_>>());
    assert_eq!(shown.len(), 4);

    let (user, channels) = shown.split_last().unwrap();
    for answer in channels {
        ChannelAuthorization::from_json(answer).unwrap();
    }
    UserAuthentication::from_json(user).unwrap();
}
