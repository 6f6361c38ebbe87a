#!/usr/bin/env bash
# Checks that the plugin compiles with its features.
#
#   scripts/features.sh --alone   with none, and with each of them
#   scripts/features.sh           in combination, too: each two of them, all of them, and all but one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

mapfile -t features < <(plugin_features | grep -v '^default$')
count=0

# check FEATURE…
check() {
  local list
  # A window library takes at least one of its platforms, which the game chooses.
  list=$(printf '%s\n' "$@" | sed 's/^winit$/winit,bevy_winit\/x11/' | paste -sd, -)
  echo "$list"
  # What it says is a warning or an error. (Flags against warnings would compile everything anew.)
  local said
  said=$(cargo check --quiet -p bevy_pusher --no-default-features --features "$list" 2>&1) || true
  if [ -n "$said" ]; then
    echo "$said"
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
