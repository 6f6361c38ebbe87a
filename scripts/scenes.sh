# Runs the examples and the scenes, which are built: to an end, without a window, two against one server, in a window. Meant to
# be sourced, after `target` and `work` are set.
# shellcheck shell=bash

scenes=(lobby cursors invitations leaderboard whisper turns reactive)
pictures=$target/screenshots

# With the features of the tests, which have built most of it.
build_examples() {
  cargo build --workspace --bins --examples --features "$(workspace_features)" "${renderer_flags[@]}"
}

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

# wait_for_each PROCESS…: fails if one of them did.
wait_for_each() {
  local process
  for process in "$@"; do
    wait "$process"
  done
}

# All of them at once, each on a server of its own. A line of a scene begins with the time.
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
      say "too little happened"
      return 1
    fi
  done
}

# await_port PROCESS LOG PATTERN: the number behind the pattern, once the process's log has it. Fails if the process ends.
await_port() {
  until grep -s -m 1 -oE "$3[0-9]+" "$2" | grep -oE '[0-9]+$'; do
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.1
  done
}

# A development server that ends with this shell, or by its `dev_server_process`. `dev_server` is what joins a scene to it.
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

# All scenes on one development server, each with two players.
scenes_on_dev_server() {
  start_dev_server
  scenes_together "${dev_server[@]}"
}

# The same on Sockudo, which ends when nobody holds the other end of its standard input any more.
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

# scenes_together ARGUMENT…: two players in each scene, all on the server of these arguments: the one must hear of the other.
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
      say "$name: Ann did not hear of Zoe"
      cat "$work/$name-ann.log"
      return 1
    fi
  done
}

# on_a_display COMMAND…: on a virtual one, which a scene needs no more than its window.
on_a_display() {
  XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$work} xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24" timeout 2m "$@"
}

# take_picture SCENE FILE ARGUMENT…
take_picture() {
  mkdir -p "$pictures"
  rm -f "$2"
  on_a_display "$target/debug/examples/$1" --screenshot "$2" "${@:3}"
}

# windowed_scene NAME: it shows something, and two seconds later something else.
windowed_scene() {
  local first=$pictures/$1.png second=$pictures/$1-later.png
  take_picture "$1" "$first" --screenshot "$second"
  "$target/debug/examples/check_picture" "$first" "$second"
}

# Another player in the lobby on the development server, who writes down what they hear, until `ann` is killed.
start_ann() {
  timeout 2m "$target/debug/examples/lobby" --headless "${dev_server[@]}" --name Ann --run-for 100 >"$work/heard.log" &
  ann=$!
}

# What one does at the keys of a window is what another player hears of.
keys_in_a_window() {
  start_dev_server
  start_ann
  on_a_display bash -euo pipefail -c "$(declare -f press_keys await_line); press_keys \"\$@\"" keys "$work/heard.log" \
    "$target/debug/examples/lobby" "${dev_server[@]}" --name Robin
  kill "$ann" || true
  grep Robin "$work/heard.log"
}

# press_keys LOG LOBBY…: Robin's keys, each after the log of another player tells of the one before.
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
  # Into the line that one types into, near the bottom of the chat. What is typed before the click is seen to is no command.
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

# await_line LOG COUNT PATTERN: the pattern is in so many lines.
await_line() {
  until [ "$(grep -cE "$3" "$1")" -ge "$2" ]; do
    sleep 0.1
  done
}

# What one does at the keys of a terminal is what another player hears of; what one sees fills the terminal, whatever its size;
# and the terminal is left as it was found.
lobby_in_a_terminal() {
  cargo build --quiet --bins --examples -p pusher_dev_server -p pusher_scenes
  start_dev_server
  start_ann
  local status=0
  timeout 90 bash -euo pipefail -c "$(declare -f use_terminal in_tmux await_screen await_line); use_terminal \"\$@\"" \
    keys "$work/tmux" "$work/heard.log" "env -u DISPLAY -u WAYLAND_DISPLAY $target/debug/examples/lobby ${dev_server[*]} --name Robin" \
    "$dev_server_process" || status=$?
  kill "$ann" || true
  grep Robin "$work/heard.log" || true
  if [ "$status" -ne 0 ]; then
    say "what Robin saw:"
    tmux_socket=$work/tmux in_tmux capture-pane -p || true
  fi
  tmux_socket=$work/tmux in_tmux kill-server || true
  return "$status"
}

# use_terminal SOCKET LOG LOBBY SERVER: Robin's keys, each after the screen or the log of another player tells of the one before.
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
  # What is logged meanwhile lands on the screen only when the lobby has ended.
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

# in_tmux COMMAND ARGUMENT…
in_tmux() {
  tmux -S "$tmux_socket" -f /dev/null "$@"
}

# await_screen PATTERN: the pattern is on the terminal's screen.
await_screen() {
  until in_tmux capture-pane -p | grep -qE "$1"; do
    sleep 0.1
  done
}

# serve_page SCENE NAME [PORT]: the scene in a page, at `page_port`, and at `scene_port` the server with the simulated players, who
# know the person in the page by this name. Both end with this shell.
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
    say "the page cannot be served: $(tail -n 1 "$page_log")"
    return 1
  fi
}

# scene_in_a_page NAME: it shows something, later something else, and another player hears of what is done there.
scene_in_a_page() {
  local first=$pictures/$1-web.png second=$pictures/$1-web-later.png log=$work/$1-heard.log browser ann keys pattern
  local friends=()
  # What is typed, after a drag with the mouse; \e is the key Escape.
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
    say "$1: Ann did not hear of Robin"
    cat "$log"
    return 1
  fi
}
