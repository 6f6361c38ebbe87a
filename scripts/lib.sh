# Shared by the scripts: steps with a title and a duration, the summary at the end, and the lists of features. Source this file.
# shellcheck shell=bash

steps_ok=0
steps_failed=()
steps_skipped=()
other_failures=0
tests_passed=0
tests_failed=0
tests_ignored=0

# say LINE…: prints each argument as a line.
say() {
  printf '%s\n' "$@"
}

# step TITLE COMMAND…: runs the command in a subshell with `set -e`. Always returns 0, so that the following steps run after a
# failure.
step() {
  local title=$1 started=$SECONDS status
  shift
  say "" "── $title"
  # Not in the condition of an `if`, where bash ignores `set -e`.
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

# skip TITLE REASON: records that a step was not run.
skip() {
  steps_skipped+=("$1")
  say "" "── $1: skipped: $2"
}

# test_step TITLE LOG COMMAND…: runs a step that writes the output of cargo's test programs to a log, and counts its tests.
test_step() {
  local title=$1 log=$2 failures_before=$tests_failed
  shift 2
  step "$title" "$@"
  count_tests "$log"
  if [ "$tests_failed" -gt "$failures_before" ]; then
    # The failed tests are counted already, so the step does not count as one more failure.
    other_failures=$((other_failures - 1))
  fi
}

# count_tests LOG: adds up the summary lines of cargo's test programs.
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

# Prints the summary and fails if a step failed. The last line is for machines. A failed step without failed tests, such as a
# lint, counts as one failure.
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

# Prints the features of the plugin, one per line. Excludes the vendored OpenSSL, which only changes where OpenSSL comes from and takes
# minutes to build.
plugin_features() {
  awk '/^\[/ { inside = ($0 == "[features]") } inside && /^[a-z]/ { sub(/ *=.*/, ""); if (!/vendored/) print }' Cargo.toml
}

# Prints the value of --features with all features of the workspace. Includes the renderer, so use it with `renderer_flags`.
workspace_features() {
  echo "$(windowless_features),bevy_pusher/winit,pusher_scenes/windowed"
}

# Prints the same without the features that need a window library or a renderer.
windowless_features() {
  plugin_features | grep -vx winit | sed 's,^,bevy_pusher/,' | paste -sd, -
}

# The cargo flags for a build with the renderer: it declares Rust 1.97.1, but compiles with the Rust version of this project.
renderer_flags=(--ignore-rust-version)

# has COMMAND: succeeds if the command is installed.
has() {
  command -v "$1" >/dev/null 2>&1
}
