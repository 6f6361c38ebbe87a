# What the scripts share: steps with a title and a time, and the count at the end. Meant to be sourced.
# shellcheck shell=bash

steps_ok=0
steps_failed=()
steps_skipped=()
other_failures=0
tests_passed=0
tests_failed=0
tests_ignored=0

# say LINE…
say() {
  printf '%s\n' "$@"
}

# step TITLE COMMAND…: runs the command in a shell of its own, in which any failure ends it. Never fails itself, so that the
# steps after it are run too.
step() {
  local title=$1 started=$SECONDS status
  shift
  say "" "── $title"
  # No `if` around it: that would switch off `set -e` inside.
  set +e
  (
    set -e
    "$@"
  )
  status=$?
  set -e
  if [ "$status" -eq 0 ]; then
    steps_ok=$((steps_ok + 1))
    say "── $title: ok, $((SECONDS - started)) s"
  else
    steps_failed+=("$title")
    other_failures=$((other_failures + 1))
    say "── $title: FAILED with status $status, $((SECONDS - started)) s"
  fi
}

# skip TITLE WHY: says that a step was not run.
skip() {
  steps_skipped+=("$1")
  say "" "── $1: skipped: $2"
}

# test_step TITLE LOG COMMAND…: a step that writes what cargo's test programs print to a log, whose results are counted.
test_step() {
  local title=$1 log=$2 failures_before=$tests_failed
  shift 2
  step "$title" "$@"
  count_tests "$log"
  if [ "$tests_failed" -gt "$failures_before" ]; then
    # They tell of this step already.
    other_failures=$((other_failures - 1))
  fi
}

# count_tests LOG: adds up the lines with which cargo's test programs end.
count_tests() {
  local passed failed ignored
  [ -f "$1" ] || return 0
  read -r passed failed ignored < <(
    awk '/^test result: / {
      for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^failed/) failed += $(i - 1)
        if ($i ~ /^ignored/) ignored += $(i - 1)
      }
    } END { print passed + 0, failed + 0, ignored + 0 }' "$1"
  )
  tests_passed=$((tests_passed + passed))
  tests_failed=$((tests_failed + failed))
  tests_ignored=$((tests_ignored + ignored))
}

# Prints the sum, its last line for machines to read, and returns whether all is well. A step that failed without a failed
# test, such as a lint, counts as one failure.
finish() {
  local failed=$((tests_failed + other_failures)) title
  say ""
  for title in "${steps_failed[@]}"; do
    say "failed: $title"
  done
  for title in "${steps_skipped[@]}"; do
    say "skipped: $title"
  done
  say "steps: $steps_ok ok, ${#steps_failed[@]} failed, ${#steps_skipped[@]} skipped; $SECONDS s"
  say "$tests_passed passed, $failed failed, $((tests_ignored + ${#steps_skipped[@]})) skipped"
  [ "${#steps_failed[@]}" -eq 0 ]
}

# The plugin's features, one a line. All but the vendored OpenSSL, which only changes where OpenSSL comes from and takes minutes.
plugin_features() {
  awk '/^\[/ { inside = ($0 == "[features]") } inside && /^[a-z]/ { sub(/ *=.*/, ""); if (!/vendored/) print }' Cargo.toml
}

# All features, as cargo takes them for the whole workspace; with the scenes' windows, and so for `renderer_flags`.
workspace_features() {
  echo "$(windowless_features),bevy_pusher/winit,pusher_scenes/windowed"
}

# The same without what takes a window library or a renderer.
windowless_features() {
  plugin_features | grep -vx winit | sed 's,^,bevy_pusher/,' | paste -sd, -
}

# What cargo takes with a renderer: it declares Rust 1.97.1, and compiles with what this project asks for.
renderer_flags=(--ignore-rust-version)

has() {
  command -v "$1" >/dev/null 2>&1
}
