#!/usr/bin/env bash
# Takes pictures of the scenes: one of each for the documents, in docs/images, and for review one of each in a small window and in
# each state, in target/screenshots. The lobby in a terminal needs Debian's xterm, fonts-dejavu-core and ffmpeg.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=scripts/scenes.sh
source scripts/scenes.sh

# terminal_picture FILE: takes a picture of the lobby in a terminal, once it shows some players.
terminal_picture() {
  xvfb-run --auto-servernum --server-args "-screen 0 1002x620x24" bash -euo pipefail -c '
    env TERM=xterm-256color xterm -fa "DejaVu Sans Mono" -fs 11 -b 6 -bw 0 -bg "#0E1116" -fg "#E6EAF0" -geometry 110x32+0+0 -e \
      env -u DISPLAY -u WAYLAND_DISPLAY "$1" --name Robin &
    sleep 9
    ffmpeg -loglevel error -y -f x11grab -video_size 1002x620 -draw_mouse 0 -i "$DISPLAY" -frames:v 1 -update 1 "$2"
    kill $!
  ' terminal "$target/debug/examples/lobby" "$work/terminal.png"
  cp "$work/terminal.png" "$1"
}

cargo build -p pusher_scenes --examples --features windowed "${renderer_flags[@]}"
for name in "${@:-${scenes[@]}}"; do
  say "$name"
  take_picture "$name" "$pictures/$name.png" --name Robin
  cp "$pictures/$name.png" "docs/images/$name.png"
  [ "$name" != lobby ] || terminal_picture docs/images/lobby-terminal.png
  take_picture "$name" "$pictures/$name-small.png" --name Robin --size 800x500
  for state in connecting lost failed empty; do
    take_picture "$name" "$pictures/$name-$state.png" --name Robin --picture-of "$state"
  done
done
