#!/usr/bin/env bash
# Tries another version of Bevy in a copy of the project and lists the compile errors by file, as the start of a port.
#
#   scripts/next-bevy.sh VERSION            for example: scripts/next-bevy.sh 0.21.0
#   scripts/next-bevy.sh VERSION AERONET    with the matching version of aeronet, which the benches need
#
# The copy stays in target/next-bevy for further work. It has its own target folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/install.sh
source scripts/install.sh

version=${1:-}
aeronet=${2:-}
if ! [[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]]; then
  say "usage: scripts/next-bevy.sh VERSION [AERONET]" "VERSION has three numbers, such as 0.21.0" >&2
  exit 2
fi

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/next-bevy"
copy=$(realpath "$target/next-bevy")/project
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CARGO_TARGET_DIR=${copy%/project}/target
# The new version may declare a newer Rust than the installed one and still compile.
cargo_flags=(--ignore-rust-version --message-format short --keep-going)

main() {
  step "copy of the project" copy_project
  cd "$copy"
  step "Bevy $version in Cargo.lock" resolve
  if [ "${#steps_failed[@]}" -gt 0 ]; then
    finish
    return
  fi
  step "library" try check -p bevy_pusher --lib
  local feature
  for feature in $(plugin_features | grep -vxE 'default|winit'); do
    step "feature $feature" try check -p bevy_pusher --lib --no-default-features --features "$feature"
  done
  step "feature winit" try check -p bevy_pusher --lib --no-default-features --features winit,bevy_winit/x11
  step "all targets without a window" try check --workspace --all-targets --features "$(windowless_features)"
  step "scenes with windows" try check -p pusher_scenes --all-targets --features windowed
  step "Sockudo and npm packages" install_servers
  test_step "tests" "$work/tests" run_tests
  list_errors
  finish
}

copy_project() {
  rm -rf "$copy"
  mkdir -p "$copy"
  git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy"
}

# Sets the version of every Bevy crate in [workspace.dependencies] and resolves. Prints Bevy crates with another version.
resolve() {
  sed -E -i "/^bevy(_[a-z]+)? = /s/version = \"[^\"]*\"/version = \"=$version\"/" Cargo.toml
  if [ -n "$aeronet" ]; then
    sed -E -i "/^aeronet_[a-z]+ = /s/version = \"[^\"]*\"/version = \"$aeronet\"/" Cargo.toml
  fi
  cargo metadata --format-version 1 >/dev/null
  awk '/^name = "bevy_/ { name = $3; getline; print name, $3 }' Cargo.lock | grep -v "\"$version\"" || true
  cargo pkgid "bevy_ecs@$version"
}

# try COMMAND ARGUMENT…: runs a cargo command and keeps the compiler's output for list_errors.
try() {
  local status=0
  timeout 30m cargo "$1" --quiet "${cargo_flags[@]}" "${@:2}" >"$work/latest" 2>&1 || status=$?
  cat "$work/latest" >>"$work/output"
  grep -E '^error' "$work/latest" | tail -n 3 || true
  return "$status"
}

# Some tests need Sockudo, and the npm packages in the copy.
install_servers() {
  install_sockudo
  install_npm_packages
}

run_tests() {
  local status=0
  timeout 45m cargo test --workspace --features "$(windowless_features)" --ignore-rust-version --no-fail-fast >"$work/tests" 2>&1 || status=$?
  grep -E '^(test .* FAILED|error)' "$work/tests" || true
  return "$status"
}

# Prints the number of distinct errors and warnings per file, then all of them.
list_errors() {
  grep -hE '^[^ ]+\.rs:[0-9]+:[0-9]+: (error|warning)' "$work/output" | sort -u -t: -k1,1 -k2,2n -k3,3n >"$work/errors" || true
  say "" "errors and warnings by file:"
  cut -d: -f1 "$work/errors" | sort | uniq -c | sort -rn
  say ""
  cat "$work/errors"
  say "" "the copy is in $copy"
}

main
