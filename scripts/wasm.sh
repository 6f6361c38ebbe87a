# Building for WebAssembly, with rustup's targets where they are installed, else with Debian's toolchain, which builds the
# standard library from its source. Meant to be sourced, after lib.sh and install.sh.
# shellcheck shell=bash

debian_web_packages=(rustc-web cargo-web rust-web-src)

# A browser has this one. The other is the same machine with a standard output, for tests of what needs no browser.
web_target=wasm32-unknown-unknown
wasi_target=wasm32-wasip1

# What makes JavaScript of a build for the web. In step with the library of that name.
wasm_bindgen_version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock)
wasm_bindgen_root=$cache/wasm-bindgen-$wasm_bindgen_version

# What makes the module of a page smaller.
binaryen_version=132.0.0
binaryen_root=$cache/binaryen-$binaryen_version

# can_build_for TARGET
can_build_for() {
  has_rustup_target "$1" || apt_offers "${debian_web_packages[@]}"
}

has_rustup_target() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]
}

# cargo_for TARGET COMMAND ARGUMENT…: its artifacts have a folder of their own, so that it does not wait for the main build.
cargo_for() {
  local wasm=$1 command=$2
  shift 2
  if has_rustup_target "$wasm"; then
    cargo "$command" --target "$wasm" --target-dir "$(web_folder)" "$@"
    return
  fi
  apt_install "${debian_web_packages[@]}"
  local crates=std,panic_abort
  [ "$command" != test ] || crates+=,test
  env RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$(wasm_linker)" \
    CARGO_TARGET_WASM32_WASIP1_LINKER="$(wasm_linker)" CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="$(wasi_flags)" \
    /usr/bin/cargo "$command" -Z build-std=$crates --target "$wasm" --target-dir "$(web_folder)" "$@"
}

web_folder() {
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

# The C library is Debian's, and too old for threads, which there are none of.
wasi_flags() {
  local libc=/usr/lib/wasm32-wasi
  echo "-C link-self-contained=no -C link-arg=$libc/crt1-command.o -C link-arg=--unresolved-symbols=ignore-all -L native=$libc"
}

# Takes minutes the first time, so the script starts it before it compiles the project.
install_wasm_bindgen() {
  [ -x "$wasm_bindgen_root/bin/wasm-bindgen" ] && return
  env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET cargo install wasm-bindgen-cli --version "$wasm_bindgen_version" \
    --root "$wasm_bindgen_root"
}

# web_page MODULE FOLDER NAME OPTION…: makes NAME.js and NAME_bg.wasm of a module, for a page.
web_page() {
  "$wasm_bindgen_root/bin/wasm-bindgen" --target web --no-typescript --out-dir "$2" --out-name "$3" "${@:4}" "$1"
}

# A browser that tests can drive: what is there, or Debian's.
install_browser() {
  has chromedriver || apt_install chromium chromium-driver
}

# What pages are built with: to be played, or to see whether they work, which takes less time to build.
web_profile=web
quick_web_profile=web-quick

# scene_pages PROFILE SCENE…: a page with each of the scenes in it. Not optimized further: of this much code that takes a quarter of
# an hour.
scene_pages() {
  local profile=$1 scene folder examples=()
  shift
  for scene in "$@"; do
    examples+=(--example "$scene")
  done
  install_wasm_bindgen
  cargo_for "$web_target" build --profile "$profile" --package pusher_scenes --features windowed "${renderer_flags[@]}" "${examples[@]}"
  for scene in "$@"; do
    folder=$(web_folder)/scenes/$scene
    rm -rf "$folder"
    web_page "$(web_folder)/$web_target/$profile/examples/$scene.wasm" "$folder" scene --remove-name-section
    cp -r assets "$folder/assets"
    sed "s/SCENE/$scene/" scripts/scene.html >"$folder/index.html"
    say "built $folder, $(du -sh "$folder" | cut -f1)"
  done
}

# optimize MODULE: makes it smaller, which takes minutes. Debian's wasm-opt (108) is too old: it mixes up the tables of references.
optimize() {
  if [ ! -x "$binaryen_root/node_modules/.bin/wasm-opt" ]; then
    if ! has npm; then
      say "there is no npm to install wasm-opt with: the module stays three times as large as it need be"
      return
    fi
    npm install --prefix "$binaryen_root" --no-package-lock --no-audit --no-fund "binaryen@$binaryen_version"
  fi
  "$binaryen_root/node_modules/.bin/wasm-opt" -Oz --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext \
    --enable-mutable-globals --enable-reference-types --enable-multivalue "$1" -o "$1.small"
  mv "$1.small" "$1"
}
