#!/usr/bin/env bash
# Builds a scene for the browser and serves it on this machine, beside a development server with the scene's simulated players.
#
#   scripts/web.sh SCENE [PORT]     such as: scripts/web.sh lobby
#   scripts/web.sh --build SCENE    builds it only, into target/web/SCENE
#
# A page cannot be a server, so the scene runs a second time, natively, with `--serve`. The page looks for it on its own host;
# other arguments of the scene go into the page's address, such as `?name=Ann` or `?key=KEY&cluster=eu`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/install.sh
source scripts/install.sh
# shellcheck source=scripts/wasm.sh
source scripts/wasm.sh

# Where a page looks for the server.
server_port=6001

main() {
  local builds_only=
  if [ "${1:-}" = --build ]; then
    builds_only=yes
    shift
  fi
  local scene=${1:-} port=${2:-8080} folder
  if [ ! -f "scenes/examples/$scene/main.rs" ]; then
    say "usage: scripts/web.sh [--build] SCENE [PORT]" "the scenes are:" "$(ls scenes/examples)" >&2
    exit 2
  fi
  folder=$(web_folder)/scenes/$scene
  scene_page "$scene" "$folder"
  say "built $folder, $(du -sh "$folder" | cut -f1)"
  [ -n "$builds_only" ] || serve "$scene" "$folder" "$port"
}

serve() {
  local scene=$1 folder=$2 port=$3
  has python3 || apt_install python3
  cargo build --package pusher_scenes --example "$scene"
  "${CARGO_TARGET_DIR:-target}/debug/examples/$scene" --serve "$server_port" --name Ann &
  # shellcheck disable=SC2064
  trap "kill $! 2>/dev/null || true" EXIT
  say "open http://127.0.0.1:$port/?name=Ann; Ctrl-C ends it"
  python3 -m http.server --bind 127.0.0.1 --directory "$folder" "$port"
}

main "$@"
