//! Runs the reference client, pusher-js on Node.js, which counts the same events.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// A Node.js process that runs pusher-js.
pub struct PusherJs(Child);

impl PusherJs {
    /// Starts the process, which counts this many events. Returns an error if Node.js or pusher-js is missing.
    pub fn start(port: u16, events: u64) -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = modules(folder);
        if !modules.join("pusher-js").is_dir() {
            return Err("pusher-js is not installed: `npm install` in tests/node".into());
        }
        Command::new("node")
            .arg(folder.join("src/pusher_js.js"))
            .args([port.to_string(), events.to_string()])
            .env("NODE_PATH", modules)
            .stdout(Stdio::piped())
            .spawn()
            .map(Self)
            .map_err(|error| format!("node could not be started: {error}"))
    }

    /// Waits until the process has counted all events.
    pub fn wait(mut self) {
        let mut line = String::new();
        let output = self.0.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "done", "pusher-js counts to the end");
        self.0.wait().unwrap();
    }
}

fn modules(folder: &Path) -> PathBuf {
    folder.join("../tests/node/node_modules")
}
