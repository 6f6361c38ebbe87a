#!/usr/bin/env bash
# Compares the public API of the libraries with the lists in docs/public-api, so that no change goes unnoticed. Needs Rust 1.95,
# because the format of rustdoc's JSON differs between versions.
#
#   scripts/public-api.sh           compares; fails if there is a difference
#   scripts/public-api.sh --write   updates the lists after an intended change; describe it in CHANGELOG.md
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

libraries=(pusher_protocol pusher_dev_server bevy_pusher)
folder=docs/public-api
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A wrapper that enables unstable options for rustdoc only. RUSTC_BOOTSTRAP for the whole build would recompile all dependencies.
printf '#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n' >"$work/rustdoc"
chmod +x "$work/rustdoc"

features=$(workspace_features)
RUSTDOC=$work/rustdoc RUSTDOCFLAGS="-Z unstable-options --output-format json" \
  cargo doc --quiet --no-deps --workspace --lib --features "$features" "${renderer_flags[@]}"

status=0
for library in "${libraries[@]}"; do
  # Of the impls of Bevy's reflection derive only `Reflect` is listed. The pages of the guide are not API items.
  cargo run --quiet -p pusher_test_support --example public_api -- "$target/doc/$library.json" |
    awk '(!/bevy_reflect::/ || /^impl bevy_reflect::reflect::Reflect for/) && !/::guide/' >"$work/$library.txt"
  if [ "${1:-}" = --write ]; then
    cp "$work/$library.txt" "$folder/$library.txt"
  else
    diff -u "$folder/$library.txt" "$work/$library.txt" || status=1
  fi
done
if [ "$status" -ne 0 ]; then
  echo "the public API differs from docs/public-api; if the change is intended, run scripts/public-api.sh --write"
fi
exit "$status"
