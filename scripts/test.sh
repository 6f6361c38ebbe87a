#!/usr/bin/env bash
# Runs every check of the project and ends with one line, "N passed, N failed, N skipped".
#
#   scripts/test.sh           all of it; the first run installs what it needs and takes long
#   scripts/test.sh --quick   formatting, lints and unit tests: nothing is installed, no renderer is compiled
#   scripts/test.sh --long    all of it, and the soak tests
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
  step "no renderer where none was asked for" has_no_renderer
  step "the first command" first_command
  if has tmux; then
    step "the lobby in a terminal" lobby_in_a_terminal
  else
    skip "the lobby in a terminal" "tmux is not installed"
  fi
  step "a game outside of the workspace" game_outside
  step "documentation" documentation
  if reads_rustdoc_json; then
    step "public surface" scripts/public-api.sh
  else
    skip "public surface" "the program for it reads the JSON of Rust 1.95"
  fi
  step "the tests that the documents name" documented_tests_exist
  step "packages" cargo package --quiet --no-verify --allow-dirty -p pusher_protocol -p pusher_dev_server -p bevy_pusher
  step "build of the tests" cargo test --workspace --features "$features" "${renderer_flags[@]}" --no-run
  step "Sockudo and npm packages" await_install servers
  tests "tests"
  if [ "$mode" = long ]; then
    tests "soak tests" --test '*' -- --ignored --nocapture
    step "a build that aborts on panic" aborting_monitor
    step "the tests in a build that aborts on panic" aborting_tests
    step "the lowest versions of the dependencies" scripts/lowest-versions.sh
    step "features in combination" scripts/features.sh
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
  step "no large loss of speed" timeout 10m cargo bench --quiet -p pusher_benches --bench throughput -- --check
  step "monitor against Sockudo" timeout 5m "$target/debug/examples/check_monitor" "$target/debug/examples/monitor"
  web
  finish
}

lints() {
  cargo clippy --workspace --all-targets --features "$features,pusher_web_tests/browser" "${renderer_flags[@]}" -- -D warnings
}

# tests TITLE ARGUMENT…: runs `cargo test` and counts its results.
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

# The tests that the documents name are there.
documented_tests_exist() {
  local name missing=0
  for name in $(grep -ohE '`[a-z0-9]+(_[a-z0-9]+){3,}`' docs/features.md docs/reliability.md | tr -d '`' | sort -u); do
    if ! grep -rqE "fn $name\b" --include='*.rs' src tests pusher_protocol pusher_dev_server test_support web_tests; then
      say "no test is called $name"
      missing=1
    fi
  done
  return "$missing"
}

has_no_renderer() {
  cargo tree -e normal -p bevy_pusher --prefix none >"$work/tree"
  # What plain commands compile, such as the README's first.
  cargo tree -e all --prefix none >>"$work/tree"
  has_none_of 'wgpu|naga|wesl|bevy_render|bevy_winit|winit'
}

# has_none_of NAMES: none of these crates is in the tree that was just listed.
has_none_of() {
  if grep -E "^($1)[ -]" "$work/tree" | sort -u | grep .; then
    say "these crates must not be in the tree"
    return 1
  fi
}

# The README's, for a few seconds: players come and talk, in plain lines, for a pipe is no terminal. And the scenes without their
# windows have no warnings.
first_command() {
  timeout 10m cargo run --quiet --example lobby -- --run-for 3 | tee "$work/first"
  grep -qE '^ *0:0[0-9]  Mira +says: ' "$work/first"
  cargo clippy --quiet -p pusher_scenes --all-targets -- -D warnings
}

# A game's headless server that is no member of this workspace, with Bevy's parts that declare no newer Rust than the plugin.
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
  # The versions of this project, so that what they are built from is at hand.
  cp Cargo.lock "$game"
  cargo check --quiet --manifest-path "$game/Cargo.toml" --target-dir "$target"
}

# What a game ships: optimized, and a panic is the end of it.
aborting_monitor() {
  cargo build --quiet --profile aborting -p bevy_pusher --example monitor
  timeout 5m cargo run --quiet -p pusher_test_support --example check_monitor -- "$target/aborting/examples/monitor"
}

# The same with each test in a process of its own, for which the flag is not stable yet. What is said of a panic that the
# plugin survives is left out: here it ends the process.
aborting_tests() {
  RUSTC_BOOTSTRAP=1 cargo test --quiet -Z panic-abort-tests --profile aborting --no-fail-fast \
    -p pusher_protocol -p bevy_pusher --features "$(windowless_features)" --lib --tests
}

# A link to what a feature brings is broken where that feature is off.
documentation() {
  local kind
  for kind in --no-default-features --features=default; do
    RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps -p bevy_pusher "$kind"
  done
  RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --workspace --features "$features" "${renderer_flags[@]}"
}

# Rustdoc's JSON has another form in each version.
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

# background_install NAME COMMAND…: runs the commands one after the other, and leaves how it went for await_install.
background_install() {
  local name=$1 status=0 command
  shift
  for command in "$@"; do
    [ "$status" -ne 0 ] || "$command" >>"$work/$name.log" 2>&1 || status=$?
  done
  echo "$status" >"$work/$name.installed"
}

# await_install NAME. Steps run in shells of their own, which cannot wait for the job of another.
await_install() {
  until [ -s "$work/$1.installed" ]; do
    sleep 1
  done
  if [ "$(cat "$work/$1.installed")" -ne 0 ]; then
    tail -n 40 "$work/$1.log"
    return 1
  fi
}

# The web.
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
    # They take a quarter of an hour to build.
    if [ "$mode" = long ]; then
      step "build of the scenes' pages" scene_pages "$quick_web_profile" "${scenes[@]}"
      for name in "${scenes[@]}"; do
        step "$name in a browser" scene_in_a_page "$name"
      done
    fi
  else
    skip "the plugin in a browser" "there is neither chromedriver nor Debian's chromium and chromium-driver"
  fi
}

no_toolchain() {
  echo "there is neither rustup's target $1 nor Debian's ${debian_web_packages[*]}"
}

# web_tests TITLE COMMAND: runs tests and counts their results.
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
  # Without, the runs with millions of steps take minutes.
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
  # The whole workspace, so that nothing is compiled anew for other features.
  PUSHER_WEB_PAGE=$page timeout 15m cargo test --workspace --features "$features,pusher_web_tests/browser" "${renderer_flags[@]}" \
    --test browser -- --test-threads 2
}

has_no_native_libraries() {
  cargo tree --target "$web_target" -e normal -p bevy_pusher --features "$(windowless_features)" --prefix none >"$work/tree"
  has_none_of 'tungstenite|native-tls|openssl|ureq|mio|polling|socket2|crossbeam-channel'
}

main
