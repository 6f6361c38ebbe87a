# Cargo for wasm32-unknown-unknown: with rustup's target where that is installed, else with Debian's toolchain, which builds the
# standard library from its source. Meant to be sourced, after lib.sh and install.sh.
# shellcheck shell=bash

debian_web_packages=(rustc-web cargo-web rust-web-src)

wasm_target=wasm32-unknown-unknown

# can_wasm: whether one or the other can be had.
can_wasm() {
  has_rustup_wasm || apt_offers "${debian_web_packages[@]}"
}

has_rustup_wasm() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$wasm_target" ]
}

# wasm_cargo COMMAND ARGUMENT…: its artifacts have a folder of their own, so that they do not wait for the main build's lock.
wasm_cargo() {
  local command=$1
  shift
  if has_rustup_wasm; then
    cargo "$command" --target "$wasm_target" --target-dir "$(wasm_folder)" "$@"
    return
  fi
  apt_install "${debian_web_packages[@]}"
  env RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$(wasm_linker)" \
    /usr/bin/cargo "$command" -Z build-std=std,panic_abort --target "$wasm_target" --target-dir "$(wasm_folder)" "$@"
}

wasm_folder() {
  echo "${CARGO_TARGET_DIR:-target}/web"
}

# Debian's toolchain looks for a linker that it does not bring; rustup's brings one.
wasm_linker() {
  local linker
  for linker in "$(rustc --print sysroot)"/lib/rustlib/*/bin/rust-lld /usr/bin/wasm-ld /usr/bin/wasm-ld-*; do
    if [ -x "$linker" ]; then
      echo "$linker"
      return
    fi
  done
  apt_install lld >&2
  echo wasm-ld
}
