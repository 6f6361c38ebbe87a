//! Starts Sockudo and an endpoint that authorizes for it, prints the arguments with which a scene joins them, and ends when its
//! standard input ends. Used by `scripts/test.sh`.
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
    // The servers run as long as the other end of the pipe is open.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
