# Runs the examples and the scenes, which are built: to an end, without a window, two against one server, in a window. Meant to
# be sourced, after `target` and `work` are set.
# shellcheck shell=bash

scenes=(lobby cursors invitations leaderboard whisper turns reactive)
pictures=$target/screenshots

# Each example of one file ends by itself, and well.
run_examples() {
  local file name
  for file in examples/*.rs; do
    name=$(basename "$file" .rs)
    say "$name:"
    timeout 1m "$target/debug/examples/$name"
  done
}

# scene NAME ARGUMENT…: runs a scene until it ends by itself.
scene() {
  timeout 2m "$target/debug/examples/$1" "${@:2}"
}

# All of them at once, each on a server of its own. A line of a scene begins with the time.
headless_scenes() {
  local name
  for name in "${scenes[@]}"; do
    scene "$name" --headless --run-for 6 >"$work/$name.log" &
  done
  for name in "${scenes[@]}"; do
    wait -n
  done
  for name in "${scenes[@]}"; do
    say "$name:"
    tail -n +3 "$work/$name.log" | head -n 5
    if [ "$(grep -cE '^ *[0-9]+:[0-9]{2}  ' "$work/$name.log")" -lt 4 ]; then
      say "too little happened"
      return 1
    fi
  done
}

# Two players in each scene, all on one development server: the one must hear of the other.
scenes_together() {
  local server port arguments name
  "$target/debug/pusher_dev_server" --port 0 >"$work/server.log" &
  server=$!
  # shellcheck disable=SC2064
  trap "kill $server 2>/dev/null || true" EXIT
  until port=$(grep -oE 'listens on [0-9.]+:[0-9]+' "$work/server.log" | grep -oE '[0-9]+$'); do
    sleep 0.1
  done
  arguments=(--headless --port "$port" --key app-key --auth-endpoint "http://127.0.0.1:$port/pusher/auth"
    --app-id app-id --app-secret app-secret)
  for name in "${scenes[@]}"; do
    local friends=()
    [ "$name" != invitations ] || friends=(--friends Ann,Zoe)
    scene "$name" "${arguments[@]}" --name Ann --run-for 9 "${friends[@]}" >"$work/$name-ann.log" &
    scene "$name" "${arguments[@]}" --name Zoe --run-for 7 "${friends[@]}" >"$work/$name-zoe.log" &
  done
  for name in "${scenes[@]}" "${scenes[@]}"; do
    wait -n
  done
  for name in "${scenes[@]}"; do
    if ! grep -m 1 -E '^ *[0-9]+:[0-9]{2} .*Zoe' "$work/$name-ann.log"; then
      say "$name: Ann did not hear of Zoe"
      cat "$work/$name-ann.log"
      return 1
    fi
  done
}

# take_picture SCENE FILE ARGUMENT…: under a virtual display, which the scene needs no more than its window.
take_picture() {
  mkdir -p "$pictures"
  rm -f "$2"
  XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work} xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24" \
    timeout 2m "$target/debug/examples/$1" --screenshot "$2" "${@:3}"
}

# windowed_scene NAME: it shows something, and two seconds later something else.
windowed_scene() {
  local first=$pictures/$1.png second=$pictures/$1-later.png
  take_picture "$1" "$first" --screenshot "$second"
  "$target/debug/examples/check_picture" "$first" "$second"
}
