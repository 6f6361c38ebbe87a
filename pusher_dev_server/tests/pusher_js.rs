//! Tests with the official JavaScript client and server library, which share no code with this project.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test may fail as a test does"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use pusher_dev_server::{DevServer, DevServerConfig, EncryptionMasterKey};
use serde_json::json;

/// Runs one scenario of `pusher_js.js` and calls `on_line` for each line that it prints.
fn run(scenario: &str, mut on_line: impl FnMut(&DevServer, &str)) {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = crate_folder.join("../tests/node/node_modules");
    assert!(
        modules.join("pusher-js").is_dir() && modules.join("pusher").is_dir(),
        "pusher-js or pusher is missing in tests/node/node_modules; scripts/test.sh installs both"
    );
    let server = DevServer::start(DevServerConfig::default()).expect("the server starts");
    let configuration = json!({
        "host": server.address().ip(),
        "port": server.port(),
        "appId": server.app_id(),
        "key": server.app_key(),
        "secret": server.app_secret(),
        "masterKey": EncryptionMasterKey::default().to_base64(),
        "auth": server.auth_endpoint(),
        "userAuth": server.user_auth_endpoint(),
    });
    let mut node = Command::new("node")
        .arg(crate_folder.join("tests/pusher_js.js"))
        .arg(scenario)
        .arg(configuration.to_string())
        .env("NODE_PATH", modules)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start node: {error}; scripts/test.sh installs it"));
    let output = node.stdout.take().expect("the output is piped");
    for line in BufReader::new(output).lines() {
        on_line(&server, &line.expect("a string"));
    }
    let mut errors = String::new();
    let mut error_output = node.stderr.take().expect("the output is piped");
    error_output.read_to_string(&mut errors).expect("a string");
    let status = node.wait().expect("node exits");
    assert!(status.success(), "{errors}");
}

fn run_quietly(scenario: &str) {
    run(scenario, |_, line| panic!("unexpected line: {line}"));
}

#[test]
fn an_event_on_a_public_channel_arrives() {
    run_quietly("public");
}

#[test]
fn an_event_on_a_private_channel_arrives() {
    run_quietly("private");
}

#[test]
fn presence_members_see_each_other_join_and_leave() {
    run_quietly("presence");
}

#[test]
fn pusher_js_decrypts_events_from_the_server_and_the_http_api() {
    run("encrypted", |server, line| {
        assert_eq!(line, "ready");
        let reached = server.publish(
            "private-encrypted-room",
            "from-code",
            &json!({"from": "code"}),
        );
        assert_eq!(reached, Ok(1));
    });
}

#[test]
fn cache_channel_reports_a_miss_and_later_its_last_event() {
    run_quietly("cache");
}

#[test]
fn client_events_name_the_sender_on_presence_channels() {
    run_quietly("client-events");
}

#[test]
fn a_signed_in_user_gets_its_events_and_can_be_terminated() {
    run_quietly("sign-in");
}

#[test]
fn watchlist_reports_online_and_offline_users() {
    run_quietly("watchlist");
}

#[test]
fn server_library_publishes_and_queries() {
    run_quietly("http-api");
}

#[test]
fn a_wrong_key_and_a_forged_signature_are_refused() {
    run_quietly("refusals");
}
