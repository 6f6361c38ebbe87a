//! A child process that reads lines and prints one JSON value per line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::watched::Watched;

/// A child process that reads commands as lines from standard input and prints JSON lines. Dropping this value kills it.
pub struct JsonProcess {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    output: Arc<Watched<Output>>,
}

#[derive(Default)]
struct Output {
    lines: Vec<Value>,
    /// How many of them an expectation has consumed.
    read: usize,
    is_over: bool,
}

impl JsonProcess {
    /// Starts `command`; failed tests report it as `name`.
    pub fn start(name: &'static str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name} ({command:?}): {error}"));
        let input = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        let output = Arc::new(Watched::<Output>::default());
        let target = output.clone();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                target.update(|output| output.lines.push(line));
            }
            target.update(|output| output.is_over = true);
        });
        Self {
            name,
            child,
            input,
            output,
        }
    }

    /// Sends a line.
    #[track_caller]
    pub fn send_line(&mut self, line: &str) {
        writeln!(self.input, "{line}")
            .and_then(|()| self.input.flush())
            .unwrap_or_else(|error| panic!("{} no longer reads commands: {error}", self.name));
    }

    /// Waits for a line that `wanted` accepts, and skips earlier ones.
    #[track_caller]
    pub fn expect(&self, what: &str, within: Duration, wanted: impl Fn(&Value) -> bool) -> Value {
        self.output
            .wait(Some(Instant::now() + within), |output| {
                while let Some(line) = output.lines.get(output.read) {
                    output.read += 1;
                    if wanted(line) {
                        return Some(Some(line.clone()));
                    }
                }
                output.is_over.then_some(None)
            })
            .flatten()
            .unwrap_or_else(|| {
                panic!(
                    "{} did not report {what} within {within:?}; its output: {}",
                    self.name,
                    json!(self.lines())
                )
            })
    }

    /// Returns all lines so far. A line that is not JSON becomes a string.
    pub fn lines(&self) -> Vec<Value> {
        self.output.read(|output| output.lines.clone())
    }

    /// Waits until the process has exited.
    #[track_caller]
    pub fn expect_end(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            let name = self.name;
            assert!(
                Instant::now() < deadline,
                "{name} did not exit within {within:?}"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for JsonProcess {
    fn drop(&mut self) {
        // Fails if the process has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
