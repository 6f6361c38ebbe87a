//! Tests of the command line program: its log and its exit codes.

#![allow(clippy::expect_used, reason = "a test helper may panic like a test")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pusher_dev_server"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("the output is piped"));
        Self { child, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a string");
        assert!(!line.is_empty(), "the program has ended");
        line.trim_end().to_owned()
    }

    /// Reads up to the first line that contains this text.
    fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn program_logs_its_address_and_client_actions() {
    let mut program = Program::start(&[
        "--port",
        "0",
        "--key",
        "my-key",
        "--secret",
        "my-secret",
        "--path",
        "/ws",
        "--refuse",
        "private-vip",
    ]);
    let first = program.line();
    let address = first
        .strip_prefix("pusher_dev_server listens on ")
        .expect("the address")
        .to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{first}");
    let url = format!("ws://{address}/ws/app/my-key");
    assert!(program.line().ends_with(&url));
    program.line_with("my-key, my-secret");
    program.line_with(&format!("http://{address}/pusher/auth"));
    program.line_with(&format!("http://{address}/pusher/user-auth"));
    program.line_with("publish          curl ");

    for (channel, status) in [("private-vip", 403), ("private-hall", 200)] {
        let answer = support::post_form(
            &format!("http://{address}/pusher/auth"),
            &[("socket_id", "1.1"), ("channel_name", channel)],
            &[],
        );
        assert_eq!(answer.0, status, "{channel}: {}", answer.1);
    }

    let stream = TcpStream::connect(&address).expect("the server listens");
    let (mut socket, _) = tungstenite::client(url, stream).expect("the upgrade succeeds");
    program.line_with(" connected");
    let subscribe = r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#;
    socket
        .send(tungstenite::Message::text(subscribe))
        .expect("the socket is open");
    let line = program.line_with("subscribed");
    assert!(line.ends_with("subscribed to news"), "{line}");
    assert!(!line.contains('\u{1b}'), "{line}");
    drop(socket);
    program.line_with("disconnected");
}

#[test]
fn wrong_argument_exits_with_a_message() {
    for arguments in [
        &["--port", "many"][..],
        &["--encryption-master-key", "short"],
        &["--nope"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_pusher_dev_server"))
            .args(arguments)
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}
