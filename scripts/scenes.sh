# Runs the built examples and scenes: without a window, two on one server, in a window, in a terminal, in a browser. Source this file
# after setting `target` and `work`.
# shellcheck shell=bash

scenes=(lobby cursors invitations leaderboard whisper turns reactive)
pictures=$target/screenshots

# Builds with the features of the tests, so that most crates are built already.
build_examples() {
  cargo build --workspace --bins --examples --features "$(workspace_features)" "${renderer_flags[@]}"
}

# Runs each single-file example, which must exit successfully.
run_examples() {
  local file name
  for file in examples/*.rs; do
    name=$(basename "$file" .rs)
    say "$name:"
    timeout 1m "$target/debug/examples/$name"
  done
}

# scene NAME ARGUMENT…: runs a scene until it exits.
scene() {
  timeout 2m "$target/debug/examples/$1" "${@:2}"
}

# wait_for_each PROCESS…: waits for the processes; fails if one failed.
wait_for_each() {
  local process
  for process in "$@"; do
    wait "$process"
  done
}

# Runs all scenes at once, each with its own server. Each line that a scene prints begins with the time.
headless_scenes() {
  local name processes=()
  for name in "${scenes[@]}"; do
    scene "$name" --headless --run-for 6 >"$work/$name.log" &
    processes+=($!)
  done
  wait_for_each "${processes[@]}"
  for name in "${scenes[@]}"; do
    say "$name:"
    grep -E '^ *[0-9]+:[0-9]{2}  ' "$work/$name.log" | head -n 5
    if [ "$(grep -cE '^ *[0-9]+:[0-9]{2}  ' "$work/$name.log")" -lt 4 ]; then
      say "$name: printed fewer than four lines"
      return 1
    fi
  done
}

# await_port PROCESS LOG PATTERN: waits for the pattern in the log of a process and prints the number after it. Fails if the process
# ends.
await_port() {
  until grep -s -m 1 -oE "$3[0-9]+" "$2" | grep -oE '[0-9]+$'; do
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.1
  done
}

# Starts a development server that ends with this shell. Sets `dev_server_process`, and `dev_server` to the arguments that connect a
# scene to it.
start_dev_server() {
  local port
  "$target/debug/pusher_dev_server" --port 0 >"$work/server.log" &
  dev_server_process=$!
  # shellcheck disable=SC2064
  trap "kill $dev_server_process 2>/dev/null || true" EXIT
  port=$(await_port "$dev_server_process" "$work/server.log" 'listens on [0-9.]+:')
  dev_server=(--port "$port" --key app-key --auth-endpoint "http://127.0.0.1:$port/pusher/auth"
    --app-id app-id --app-secret app-secret)
}

# Runs all scenes on one development server, each with two players.
scenes_on_dev_server() {
  start_dev_server
  scenes_together "${dev_server[@]}"
}

# Runs the same on Sockudo. `serve_scenes` ends when its standard input is closed, so this shell keeps the pipe open.
scenes_on_sockudo() {
  local arguments
  mkfifo "$work/sockudo"
  "$target/debug/examples/serve_scenes" <"$work/sockudo" >"$work/sockudo.arguments" &
  exec 9>"$work/sockudo"
  until read -r -a arguments <"$work/sockudo.arguments"; do
    kill -0 $!
    sleep 0.1
  done
  scenes_together "${arguments[@]}"
}

# scenes_together ARGUMENT…: runs two players in each scene, all with these arguments. The first must receive events of the second.
scenes_together() {
  local arguments=(--headless "$@") name players=()
  for name in "${scenes[@]}"; do
    local friends=()
    [ "$name" != invitations ] || friends=(--friends Ann,Zoe)
    scene "$name" "${arguments[@]}" --name Ann --run-for 9 "${friends[@]}" >"$work/$name-ann.log" &
    players+=($!)
    scene "$name" "${arguments[@]}" --name Zoe --run-for 7 "${friends[@]}" >"$work/$name-zoe.log" &
    players+=($!)
  done
  wait_for_each "${players[@]}"
  for name in "${scenes[@]}"; do
    if ! grep -m 1 -E '^ *[0-9]+:[0-9]{2} .*Zoe' "$work/$name-ann.log"; then
      say "$name: Ann received nothing from Zoe"
      cat "$work/$name-ann.log"
      return 1
    fi
  done
}

# on_a_display COMMAND…: runs a command on a virtual display.
on_a_display() {
  XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work} xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24" timeout 2m "$@"
}

# take_picture SCENE FILE ARGUMENT…: saves a picture of a scene.
take_picture() {
  mkdir -p "$pictures"
  rm -f "$2"
  on_a_display "$target/debug/examples/$1" --screenshot "$2" "${@:3}"
}

# windowed_scene NAME: checks that a scene shows something, and two seconds later something else.
windowed_scene() {
  local first=$pictures/$1.png second=$pictures/$1-later.png
  take_picture "$1" "$first" --screenshot "$second"
  "$target/debug/examples/check_picture" "$first" "$second"
}

# Starts another player in the lobby on the development server, which logs what it receives. Sets `ann` to its process.
start_ann() {
  timeout 2m "$target/debug/examples/lobby" --headless "${dev_server[@]}" --name Ann --run-for 100 >"$work/received.log" &
  ann=$!
}

# Checks that another player receives what is typed in a window.
keys_in_a_window() {
  start_dev_server
  start_ann
  on_a_display bash -euo pipefail -c "$(declare -f press_keys await_line); press_keys \"\$@\"" keys "$work/received.log" \
    "$target/debug/examples/lobby" "${dev_server[@]}" --name Robin
  kill "$ann" || true
  grep Robin "$work/received.log"
}

# press_keys LOG LOBBY…: types as Robin. Each key waits until the log of another player shows the effect of the one before.
press_keys() {
  local log=$1 lobby window
  "${@:2}" &
  lobby=$!
  until window=$(xdotool search --onlyvisible --name '^Lobby$'); do
    kill -0 "$lobby"
    sleep 0.1
  done
  xdotool windowfocus "$window"
  await_line "$log" 1 'Robin +joins'
  xdotool key r
  await_line "$log" 1 'Robin +is ready'
  # Clicks the input line near the bottom of the chat. Typing is repeated, because keys before the click is handled are commands.
  until grep -qE 'Robin +says: hello$' "$log"; do
    xdotool mousemove --window "$window" 800 627 click 1
    sleep 1
    xdotool type hello
    xdotool key Return
    sleep 1
  done
  xdotool key Escape
  # Cuts the network, and restores it.
  xdotool key n
  await_line "$log" 1 'Robin +leaves'
  xdotool key n
  await_line "$log" 2 'Robin +joins'
  xdotool key Escape
  wait "$lobby"
}

# await_line LOG COUNT PATTERN: waits until at least COUNT lines match the pattern.
await_line() {
  until [ "$(grep -cE "$3" "$1")" -ge "$2" ]; do
    sleep 0.1
  done
}

# Checks that another player receives what is typed in a terminal, that the lobby fills a terminal of any size, and that it restores
# the terminal at its end.
lobby_in_a_terminal() {
  cargo build --quiet --bins --examples -p pusher_dev_server -p pusher_scenes
  start_dev_server
  start_ann
  local status=0
  timeout 90 bash -euo pipefail -c "$(declare -f use_terminal in_tmux await_screen await_line); use_terminal \"\$@\"" \
    keys "$work/tmux" "$work/received.log" "env -u DISPLAY -u WAYLAND_DISPLAY $target/debug/examples/lobby ${dev_server[*]} --name Robin" \
    "$dev_server_process" || status=$?
  kill "$ann" || true
  grep Robin "$work/received.log" || true
  if [ "$status" -ne 0 ]; then
    say "the screen of Robin:"
    tmux_socket=$work/tmux in_tmux capture-pane -p || true
  fi
  tmux_socket=$work/tmux in_tmux kill-server || true
  return "$status"
}

# use_terminal SOCKET LOG LOBBY SERVER: types as Robin. Each key waits until the screen or the log of another player shows the effect of
# the one before.
use_terminal() {
  tmux_socket=$1
  local log=$2 lobby=$3 server=$4
  in_tmux new-session -d -x 100 -y 30 'bash --norc'
  in_tmux send-keys "stty -a >$tmux_socket.before; $lobby; echo ended with \$?; stty -a >$tmux_socket.after" Enter
  await_screen 'Press Enter to chat'
  await_line "$log" 1 'Robin +joins'
  await_screen 'Ann'
  await_screen 'cargo run --example lobby --features windowed'
  in_tmux send-keys r
  await_line "$log" 1 'Robin +is ready'
  in_tmux resize-window -x 60 -y 16
  await_screen '^╰─.*╯$'
  in_tmux send-keys Enter
  await_screen '> '
  in_tmux send-keys -l 'hello there'
  in_tmux send-keys Enter
  await_line "$log" 1 'Robin +says: hello there'
  in_tmux send-keys Escape
  await_screen 'Press Enter to chat'
  # Cuts the network, and restores it.
  in_tmux send-keys n
  await_line "$log" 1 'Robin +leaves'
  await_screen 'Offline'
  in_tmux send-keys n
  await_line "$log" 2 'Robin +joins'
  # Log lines must appear on the screen only after the lobby has ended.
  kill "$server"
  await_screen 'Connection lost'
  if in_tmux capture-pane -p | grep WARN; then
    return 1
  fi
  in_tmux send-keys C-c
  await_screen 'ended with 0'
  await_screen 'WARN bevy_pusher'
  [ "$(in_tmux display -p '#{alternate_on}')" -eq 0 ]
  until [ -s "$tmux_socket.after" ]; do
    sleep 0.1
  done
  diff <(sed 's/rows [0-9]*; columns [0-9]*//' "$tmux_socket.before") <(sed 's/rows [0-9]*; columns [0-9]*//' "$tmux_socket.after")
}

# in_tmux COMMAND ARGUMENT…: runs a tmux command on the test's own tmux server.
in_tmux() {
  tmux -S "$tmux_socket" -f /dev/null "$@"
}

# await_screen PATTERN: waits until the pattern is on the screen of the terminal.
await_screen() {
  until in_tmux capture-pane -p | grep -qE "$1"; do
    sleep 0.1
  done
}

# serve_page SCENE NAME [PORT]: serves the page of a scene and a server with simulated players, which expect a player of this name. Sets
# `page_port` and `scene_port`. Both servers end with this shell.
serve_page() {
  has python3 || apt_install python3
  local scene_log=$work/$1-serves.log page_log=$work/$1-pages.log
  "$target/debug/examples/$1" --serve 0 --name "$2" >"$scene_log" &
  scene_server=$!
  python3 -u -m http.server --bind 127.0.0.1 --directory "$(web_folder)/scenes/$1" "${3:-0}" >"$page_log" 2>&1 &
  page_server=$!
  # shellcheck disable=SC2064
  trap "kill $scene_server $page_server 2>/dev/null || true; ${at_the_end:-}" EXIT
  scene_port=$(await_port "$scene_server" "$scene_log" 'server on [0-9.]+:')
  if ! page_port=$(await_port "$page_server" "$page_log" 'port '); then
    say "cannot serve the page: $(tail -n 1 "$page_log")"
    return 1
  fi
}

# scene_in_a_page NAME: checks that a scene in a page shows something, later something else, and that another player receives what is
# done there.
scene_in_a_page() {
  local first=$pictures/$1-web.png second=$pictures/$1-web-later.png log=$work/$1-received.log browser ann keys pattern
  local friends=()
  # The keys to type after a drag with the mouse; \e is the Escape key.
  case $1 in
    lobby) keys=$'r\nhello\n\e' pattern='Robin +says: hello' ;;
    cursors) keys='' pattern='Robin +drawing' ;;
    invitations) keys=$'aa\nhello\n\e' pattern='Robin +says: hello' friends=(--friends Robin) ;;
    leaderboard) keys=' ' pattern='Robin +\+45' ;;
    whisper) keys=$'\nhello\n\e' pattern='Robin +says: hello' ;;
    turns) keys=519 pattern='Robin +middle' ;;
    reactive) keys=p pattern='Robin +wakes' ;;
  esac
  mkdir -p "$pictures"
  rm -f "$first" "$second"
  serve_page "$1" Robin
  timeout 8m "$target/debug/examples/web_picture" "http://127.0.0.1:$page_port/?port=$scene_port&name=Robin" "$first" "$keys" \
    "$second" &
  browser=$!
  until [ -s "$first" ]; do
    kill -0 "$browser"
    sleep 0.1
  done
  "$target/debug/examples/$1" --headless --port "$scene_port" --key app-key \
    --auth-endpoint "http://127.0.0.1:$scene_port/pusher/auth" --app-id app-id --app-secret app-secret --name Ann --run-for 60 \
    "${friends[@]}" >"$log" &
  ann=$!
  wait "$browser"
  kill "$ann" || true
  "$target/debug/examples/check_picture" "$first" "$second"
  if ! grep -m 1 -E "$pattern" "$log"; then
    say "$1: Ann received nothing from Robin"
    cat "$log"
    return 1
  fi
}
