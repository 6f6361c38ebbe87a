#!/usr/bin/env bash
# Takes the pictures of the scenes anew: one of each for the documents (docs/images), and to look at, in target/screenshots,
# one of each in a small window and of each state that a scene can be in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=scripts/scenes.sh
source scripts/scenes.sh

cargo build -p pusher_scenes --examples --features windowed "${renderer_flags[@]}"
for name in "${@:-${scenes[@]}}"; do
  say "$name"
  take_picture "$name" "$pictures/$name.png" --name Robin
  cp "$pictures/$name.png" "docs/images/$name.png"
  take_picture "$name" "$pictures/$name-small.png" --name Robin --size 800x500
  for state in connecting lost failed empty; do
    take_picture "$name" "$pictures/$name-$state.png" --name Robin --picture-of "$state"
  done
done
