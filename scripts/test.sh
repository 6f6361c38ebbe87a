#!/usr/bin/env bash
# Runs all checks of the project. The last line of the output is "N passed, N failed, N skipped".
#
#   scripts/test.sh           all checks; the first run installs what is missing and takes long
#   scripts/test.sh --quick   formatting, lints and unit tests; installs nothing and compiles no renderer
#   scripts/test.sh --long    all checks and the long ones, such as the soak test
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/install.sh
source scripts/install.sh
# shellcheck source=scripts/wasm.sh
source scripts/wasm.sh

mode=full
case "${1:-}" in
  "") ;;
  --quick) mode=quick ;;
  --long) mode=long ;;
  *)
    say "usage: scripts/test.sh [--quick | --long]" >&2
    exit 2
    ;;
esac

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
# shellcheck source=scripts/scenes.sh
source scripts/scenes.sh
background=
trap 'rm -rf "$work"; [ -z "$background" ] || kill "$background" 2>/dev/null || true' EXIT

features=$(workspace_features)

main() {
  if [ "$mode" = quick ]; then
    step "formatting" cargo fmt --all --check
    features=$(windowless_features)
    renderer_flags=()
    step "lints" lints
    tests "unit tests" --lib
    finish
    return
  fi
  step "system packages" install_system_packages
  start_background_installs
  step "formatting" cargo fmt --all --check
  step "lints" lints
  step "each feature alone" scripts/features.sh --alone
  step "no renderer by default" has_no_renderer
  step "the first command of the README" first_command
  if has tmux; then
    step "lobby in a terminal" lobby_in_a_terminal
  else
    skip "lobby in a terminal" "tmux is not installed"
  fi
  step "game outside of the workspace" game_outside
  step "documentation" documentation
  if reads_rustdoc_json; then
    step "public API" scripts/public-api.sh
  else
    skip "public API" "the check reads the rustdoc JSON of Rust 1.95 only"
  fi
  step "tests named in the documents" documented_tests_exist
  step "packages" cargo package --quiet --no-verify --allow-dirty -p pusher_protocol -p pusher_dev_server -p bevy_pusher
  step "build of the tests" cargo test --workspace --features "$features" "${renderer_flags[@]}" --no-run
  step "Sockudo and npm packages" await_install servers
  tests "tests"
  if [ "$mode" = long ]; then
    tests "soak tests" --test '*' -- --ignored --nocapture
    step "monitor with panic=abort" aborting_monitor
    step "tests with panic=abort" aborting_tests
    step "lowest versions of the dependencies" scripts/lowest-versions.sh
    step "combinations of features" scripts/features.sh
    step "other platforms" scripts/platforms.sh
    if has cargo-deny; then
      step "licences and sources" cargo deny check licenses bans sources
    else
      skip "licences and sources" "cargo-deny is not installed: cargo install --locked cargo-deny"
    fi
  fi
  step "build of the examples" build_examples
  step "examples" run_examples
  step "scenes without a window" headless_scenes
  step "scenes together" scenes_on_dev_server
  step "scenes together on Sockudo" scenes_on_sockudo
  windowed_scenes
  step "throughput" timeout 10m cargo bench --quiet -p pusher_benches --bench throughput -- --check
  step "monitor against Sockudo" timeout 5m "$target/debug/examples/check_monitor" "$target/debug/examples/monitor"
  web
  finish
}

lints() {
  cargo clippy --workspace --all-targets --features "$features,pusher_web_tests/browser" "${renderer_flags[@]}" -- -D warnings
}

# tests TITLE ARGUMENT…: runs `cargo test` with these arguments and counts its tests.
tests() {
  local title=$1 log
  log=$(mktemp -p "$work")
  shift
  test_step "$title" "$log" run_tests "$log" "$@"
}

run_tests() {
  local log=$1
  shift
  timeout 45m cargo test --workspace --features "$features" "${renderer_flags[@]}" --no-fail-fast "$@" 2>&1 | tee "$log"
}

# Checks that every test that the documents name exists.
documented_tests_exist() {
  local name missing=0
  for name in $(grep -ohE '`[a-z0-9]+(_[a-z0-9]+){3,}`' docs/features.md docs/reliability.md | tr -d '`' | sort -u); do
    if ! grep -rqE "fn $name\b" --include='*.rs' src tests pusher_protocol pusher_dev_server test_support web_tests; then
      say "the documents name the test $name, which does not exist"
      missing=1
    fi
  done
  return "$missing"
}

has_no_renderer() {
  cargo tree -e normal -p bevy_pusher --prefix none >"$work/tree"
  # The dependencies of plain commands, such as the first one of the README.
  cargo tree -e all --prefix none >>"$work/tree"
  has_none_of 'wgpu|naga|wesl|bevy_render|bevy_winit|winit'
}

# has_none_of NAMES: fails if one of these crates is in $work/tree.
has_none_of() {
  if grep -E "^($1)[ -]" "$work/tree" | sort -u | grep .; then
    say "the dependencies must not include these crates"
    return 1
  fi
}

# Runs the first command of the README for a few seconds. Players join and talk, in plain lines because a pipe is not a terminal. Also
# checks that the scenes without windows have no warnings.
first_command() {
  timeout 10m cargo run --quiet --example lobby -- --run-for 3 | tee "$work/first"
  grep -qE '^ *0:0[0-9]  Mira +says: ' "$work/first"
  cargo clippy --quiet -p pusher_scenes --all-targets -- -D warnings
}

# Checks a headless game that is not a member of this workspace, with the Bevy crates that declare no newer Rust than the plugin.
game_outside() {
  local game=$work/game
  mkdir -p "$game/src"
  cat >"$game/Cargo.toml" <<TOML
[package]
name = "game"
edition = "2024"

[dependencies]
$(grep -E '^bevy_(app|ecs) = .*version' Cargo.toml)
bevy_pusher = { path = "$PWD" }
TOML
  cat >"$game/src/main.rs" <<'RUST'
use bevy_app::{App, ScheduleRunnerPlugin, Startup};
use bevy_ecs::prelude::*;
use bevy_pusher::{config::Endpoint, prelude::*};

fn main() {
    let config = PusherConfig::new("app-key", Endpoint::custom("localhost", 6001));
    App::new()
        .add_plugins((ScheduleRunnerPlugin::default(), PusherPlugin::new(config)))
        .add_systems(Startup, |mut commands: Commands| { commands.spawn(PusherChannel::new("lobby")); })
        .run();
}
RUST
  # The same versions as this project, so that nothing new is downloaded.
  cp Cargo.lock "$game"
  cargo check --quiet --manifest-path "$game/Cargo.toml" --target-dir "$target"
}

# Runs the monitor as a game ships: optimized, and with panic=abort.
aborting_monitor() {
  cargo build --quiet --profile aborting -p bevy_pusher --example monitor
  timeout 5m cargo run --quiet -p pusher_test_support --example check_monitor -- "$target/aborting/examples/monitor"
}

# Runs each test in its own process with panic=abort; the flag for this is unstable. Tests of panics that the plugin survives are
# ignored, because here a panic ends the process.
aborting_tests() {
  RUSTC_BOOTSTRAP=1 cargo test --quiet -Z panic-abort-tests --profile aborting --no-fail-fast \
    -p pusher_protocol -p bevy_pusher --features "$(windowless_features)" --lib --tests
}

# Builds the documentation with each set of features, because a link to an item of a disabled feature is broken.
documentation() {
  local kind
  for kind in --no-default-features --features=default; do
    RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps -p bevy_pusher "$kind"
  done
  RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --workspace --features "$features" "${renderer_flags[@]}"
}

# The format of rustdoc's JSON differs between Rust versions.
reads_rustdoc_json() {
  [[ "$(rustc --version)" == "rustc 1.95."* ]]
}

windowed_scenes() {
  local name
  for name in "${scenes[@]}"; do
    if has xvfb-run; then
      step "$name in a window" windowed_scene "$name"
    else
      skip "$name in a window" "xvfb-run is not installed"
    fi
  done
  if has xvfb-run && has xdotool; then
    step "keys in a window" keys_in_a_window
  else
    skip "keys in a window" "xvfb-run or xdotool is not installed"
  fi
}

start_background_installs() {
  mkdir -p "$cache"
  (
    background_install servers install_npm_packages install_sockudo
    background_install wasm_bindgen install_wasm_bindgen
  ) &
  background=$!
}

# background_install NAME COMMAND…: runs the commands in order and stores the exit status for await_install.
background_install() {
  local name=$1 status=0 command
  shift
  for command in "$@"; do
    [ "$status" -ne 0 ] || "$command" >>"$work/$name.log" 2>&1 || status=$?
  done
  echo "$status" >"$work/$name.installed"
}

# await_install NAME: waits for background_install. It polls a file, because a step runs in a subshell, which cannot `wait` for a job
# of its parent.
await_install() {
  until [ -s "$work/$1.installed" ]; do
    sleep 1
  done
  if [ "$(cat "$work/$1.installed")" -ne 0 ]; then
    tail -n 40 "$work/$1.log"
    return 1
  fi
}

# Runs the checks in WebAssembly and in a browser.
web() {
  local name
  step "no sockets and threads in the web build" has_no_native_libraries
  if can_build_for "$wasi_target"; then
    web_tests "protocol and session in WebAssembly" protocol_in_wasm
  else
    skip "protocol and session in WebAssembly" "$(no_toolchain "$wasi_target")"
  fi
  if ! can_build_for "$web_target"; then
    skip "the plugin in a browser" "$(no_toolchain "$web_target")"
    return
  fi
  step "wasm-bindgen" await_install wasm_bindgen
  step "build of the browser's page" page_for_tests
  step "scenes for the web" cargo_for "$web_target" check --quiet --package pusher_scenes --examples --features windowed \
    "${renderer_flags[@]}"
  if has chromedriver || apt_offers chromium chromium-driver; then
    step "browser" install_browser
    web_tests "the plugin in a browser" browser_tests
    # Building the pages takes a quarter of an hour.
    if [ "$mode" = long ]; then
      step "build of the scenes' pages" scene_pages "$quick_web_profile" "${scenes[@]}"
      for name in "${scenes[@]}"; do
        step "$name in a browser" scene_in_a_page "$name"
      done
    fi
  else
    skip "the plugin in a browser" "neither chromedriver nor Debian's chromium and chromium-driver are available"
  fi
}

no_toolchain() {
  echo "neither the rustup target $1 nor Debian's ${debian_web_packages[*]} are available"
}

# web_tests TITLE COMMAND: runs a test command and counts its tests.
web_tests() {
  local title=$1 log
  log=$(mktemp -p "$work")
  test_step "$title" "$log" logged "$log" "$2"
}

logged() {
  "$2" 2>&1 | tee "$1"
}

protocol_in_wasm() {
  has_rustup_target "$wasi_target" || apt_install wasi-libc
  # Without optimizations the random runs with millions of steps take minutes.
  CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings $PWD/scripts/run_wasi.mjs" \
    cargo_for "$wasi_target" test --quiet --no-fail-fast -p pusher_protocol --tests
}

page_for_tests() {
  cargo_for "$web_target" build --quiet -p pusher_web_tests --bin pusher_web_page
  web_page "$(web_folder)/$web_target/debug/pusher_web_page.wasm" "$(web_folder)/page" page
}

browser_tests() {
  local page
  page=$(realpath "$(web_folder)/page")
  # With the whole workspace, so that cargo unifies the features as before and recompiles nothing.
  PUSHER_WEB_PAGE=$page timeout 15m cargo test --workspace --features "$features,pusher_web_tests/browser" "${renderer_flags[@]}" \
    --test browser -- --test-threads 2
}

has_no_native_libraries() {
  cargo tree --target "$web_target" -e normal -p bevy_pusher --features "$(windowless_features)" --prefix none >"$work/tree"
  has_none_of 'tungstenite|native-tls|openssl|ureq|mio|polling|socket2|crossbeam-channel'
}

main
