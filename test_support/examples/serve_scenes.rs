//! Starts Sockudo and an auth endpoint, prints the arguments with which a scene connects to them, and exits when its standard
//! input is closed. Used by `scripts/test.sh`.
#![allow(clippy::print_stdout, reason = "a program whose output a script reads")]

use std::io::Read;

use pusher_test_support::{SigningAuth, Sockudo};

fn main() {
    let server = Sockudo::start();
    let credentials = server.credentials();
    let auth = SigningAuth::start(&credentials);
    println!(
        "--host {} --port {} --key {} --auth-endpoint {} --app-id app-id --app-secret {} --encryption-master-key {}",
        server.host(),
        server.port(),
        credentials.key,
        auth.channel_url(),
        credentials.secret,
        credentials.master_key_base64(),
    );
    // The servers run until the other end of the pipe is closed.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
