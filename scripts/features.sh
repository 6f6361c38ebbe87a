#!/usr/bin/env bash
# Checks that the plugin compiles without warnings with its features. cargo-hack does not fit: it cannot check all features but one,
# nor select a windowing platform together with winit.
#
#   scripts/features.sh --alone   with no feature, the default ones, and each feature alone
#   scripts/features.sh           also with each pair, all features, and all but one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

mapfile -t features < <(plugin_features | grep -v '^default$')
count=0

# check FEATURE…: checks the library with exactly these features.
check() {
  local list
  # winit needs at least one windowing platform, which the game chooses.
  list=$(printf '%s\n' "$@" | sed 's/^winit$/winit,bevy_winit\/x11/' | paste -sd, -)
  echo "$list"
  # With --quiet all output is a warning or an error. RUSTFLAGS="-D warnings" would recompile all dependencies.
  local output
  output=$(cargo check --quiet -p bevy_pusher --no-default-features --features "$list" 2>&1) || true
  if [ -n "$output" ]; then
    echo "$output"
    return 1
  fi
  count=$((count + 1))
}

check ""
check default
for one in "${!features[@]}"; do
  check "${features[one]}"
  [ "${1:-}" != --alone ] || continue
  for other in "${!features[@]}"; do
    [ "$other" -le "$one" ] || check "${features[one]}" "${features[other]}"
  done
  without=("${features[@]}")
  unset "without[one]"
  check "${without[@]}"
done
[ "${1:-}" = --alone ] || check "${features[@]}"
echo "$count combinations of features compile without a warning"
