#!/usr/bin/env bash
# Compares the public surface of the libraries with what is written down of it in docs/public-api, so that none of it changes
# unseen. Takes Rust 1.95, whose rustdoc writes the JSON that the program for it reads.
#
#   scripts/public-api.sh           compares; a difference is a failure
#   scripts/public-api.sh --write   writes it down anew, for a change that is meant: say so in CHANGELOG.md
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

libraries=(pusher_protocol pusher_dev_server bevy_pusher)
folder=docs/public-api
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Unstable options for rustdoc alone: with them, other build scripts would run anew, and compile everything again.
printf '#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n' >"$work/rustdoc"
chmod +x "$work/rustdoc"

features=$(workspace_features)
RUSTDOC=$work/rustdoc RUSTDOCFLAGS="-Z unstable-options --output-format json" \
  cargo doc --quiet --no-deps --workspace --lib --features "$features" "${renderer_flags[@]}"

status=0
for library in "${libraries[@]}"; do
  # Of what Bevy's derive for reflection makes, that it is there is enough. The guide's pages are no items.
  cargo run --quiet -p pusher_test_support --example public_api -- "$target/doc/$library.json" |
    awk '(!/bevy_reflect::/ || /^impl bevy_reflect::reflect::Reflect for/) && !/::guide/' >"$work/$library.txt"
  if [ "${1:-}" = --write ]; then
    cp "$work/$library.txt" "$folder/$library.txt"
  else
    diff -u "$folder/$library.txt" "$work/$library.txt" || status=1
  fi
done
if [ "$status" -ne 0 ]; then
  echo "the public surface is not what docs/public-api says: scripts/public-api.sh --write, if that is meant"
fi
exit "$status"
