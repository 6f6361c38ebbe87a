#!/usr/bin/env bash
# Builds a scene for the browser and serves it on this machine, with a development server and the scene's simulated players.
#
#   scripts/web.sh SCENE [PORT]       for example: scripts/web.sh lobby
#   scripts/web.sh --build SCENE      only builds it, into target/web/scenes/SCENE
#   scripts/web.sh --check [SCENE…]   plays all scenes, or these, in Chromium; the pictures are in target/screenshots
#
# A page cannot be a server, so the scene also runs natively with `--serve`. The URL of the page has the address of that server. It
# can have other arguments of the scene instead, such as `?key=KEY&cluster=eu`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/install.sh
source scripts/install.sh
# shellcheck source=scripts/wasm.sh
source scripts/wasm.sh
target=${CARGO_TARGET_DIR:-target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=scripts/scenes.sh
source scripts/scenes.sh

main() {
  local action=serve
  case ${1:-} in
    --build | --check)
      action=${1#--}
      shift
      ;;
  esac
  local given=("$@")
  [ "$action" != check ] || [ $# -gt 0 ] || given=("${scenes[@]}")
  local name named=("${given[@]}")
  [ "$action" != serve ] || named=("${given[@]:0:1}")
  for name in "${named[@]:-}"; do
    if [ ! -f "scenes/examples/$name/main.rs" ]; then
      say "usage: scripts/web.sh SCENE [PORT]" "       scripts/web.sh --build SCENE" "       scripts/web.sh --check [SCENE…]" \
        "the scenes are:" "$(ls scenes/examples)" >&2
      exit 2
    fi
  done
  "$action" "${given[@]}"
}

build() {
  scene_pages "$web_profile" "$@"
}

serve() {
  local scene=$1 port=${2:-8080}
  build "$scene"
  cargo build --package pusher_scenes --example "$scene"
  at_the_end='rm -rf "$work"' serve_page "$scene" Ann "$port"
  tail -n 1 "$work/$scene-serves.log"
  say "open http://127.0.0.1:$page_port/?port=$scene_port&name=Ann; press Ctrl-C to stop"
  wait "$page_server"
}

check() {
  local name
  install_browser
  scene_pages "$quick_web_profile" "$@"
  build_examples
  for name in "$@"; do
    step "$name in a browser" scene_in_a_page "$name"
  done
  finish
}

main "$@"
