#!/usr/bin/env bash
# Checks that the plugin compiles with its features in combination: each two of them, all of them, and all but one. The vendored
# OpenSSL is left out: it only changes where OpenSSL comes from, and takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t features < <(awk '/^\[/ { inside = ($0 == "[features]") }
  inside && /^[a-z]/ { sub(/ *=.*/, ""); if (!/vendored|default/) print }' Cargo.toml)
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
for one in "${!features[@]}"; do
  check "${features[one]}"
  for other in "${!features[@]}"; do
    [ "$other" -le "$one" ] || check "${features[one]}" "${features[other]}"
  done
  without=("${features[@]}")
  unset "without[one]"
  check "${without[@]}"
done
check "${features[@]}"
echo "$count combinations of features compile without a warning"
