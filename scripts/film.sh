#!/usr/bin/env bash
# Films the lobby for the README (docs/images/lobby.gif): players join and talk, the network is cut and restored. Run it on an idle
# machine, else the film stutters. Needs Debian's xvfb, xdotool, ffmpeg and gifsicle.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
target=${CARGO_TARGET_DIR:-target}
size=960x540
seconds=24

if [ -z "${FILM:-}" ]; then
  cargo build --example lobby --features windowed "${renderer_flags[@]}"
  FILM=$(mktemp -d) exec xvfb-run --auto-servernum --server-args "-screen 0 ${size}x24" "$0"
fi

# after SECONDS COMMAND…: sleeps and runs the command.
after() {
  sleep "$1"
  "${@:2}"
}

# grab ARGUMENT…: runs ffmpeg with the screen as its input.
grab() {
  ffmpeg -loglevel error -f x11grab -framerate 10 -video_size "$size" -draw_mouse 0 -i "$DISPLAY" "$@"
}

keys() {
  xdotool key --delay 80 "$@"
}

XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$FILM} "$target/debug/examples/lobby" --name Robin --size "$size" >/dev/null 2>&1 &
lobby=$!
trap 'kill "$lobby"; rm -rf "$FILM"' EXIT
until window=$(xdotool search --onlyvisible --name '^Lobby$'); do
  sleep 0.1
done
xdotool windowfocus "$window"
# The window is black until the first frame is drawn.
until [ "$(grab -frames:v 1 -vf scale=1:1 -pix_fmt gray -f rawvideo - | od -An -tu1)" -gt 0 ]; do
  sleep 0.1
done
grab -t "$seconds" -c:v libx264rgb -qp 0 -preset ultrafast "$FILM/film.mkv" &
film=$!
after 5 keys Return
after 0.5 xdotool type --delay 45 'Hello! One lap before the race?'
after 0.5 keys Return Escape
after 1.5 keys r
after 3.5 keys n
after 4 keys n
wait "$film"

# Drops unchanged frames; the others keep their timestamps.
ffmpeg -loglevel error -i "$FILM/film.mkv" -fps_mode vfr -vf \
  'mpdecimate=hi=1:lo=1:frac=0,split[a][b];[a]palettegen=max_colors=96:stats_mode=full[p];[b][p]paletteuse=dither=none:diff_mode=rectangle' \
  "$FILM/film.gif"
gifsicle -O3 "$FILM/film.gif" -o docs/images/lobby.gif
ls -l docs/images/lobby.gif
