#!/usr/bin/env bash
# Measures what the plugin adds to a WebAssembly module: builds a minimal game without and with it, optimized.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/install.sh
source scripts/install.sh
# shellcheck source=scripts/wasm.sh
source scripts/wasm.sh

# size_with FEATURES: prints the size of the module, plain and compressed.
size_with() {
  local folder module
  folder=$(web_folder)/size
  module=$folder/size_bg.wasm
  rm -rf "$folder"
  cargo_for "$web_target" build --quiet --profile web --package pusher_web_tests --bin pusher_web_size --features "$1" >&2
  web_page "$(web_folder)/$web_target/web/pusher_web_size.wasm" "$folder" size --remove-name-section >&2
  optimize "$module" >&2
  say "$(stat -c %s "$module") $(gzip -9 -c "$module" | wc -c)"
}

install_wasm_bindgen
read -r plain compressed < <(size_with "")
read -r plain_with compressed_with < <(size_with plugin)
say "without the plugin $plain bytes, $compressed compressed by gzip -9" \
  "with it            $plain_with bytes, $compressed_with compressed" \
  "it adds            $((plain_with - plain)) bytes, $((compressed_with - compressed)) compressed"
