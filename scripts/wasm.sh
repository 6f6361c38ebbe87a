# Builds for WebAssembly, with the targets of rustup if they are installed, else with Debian's toolchain, which builds the standard
# library from source. Source this file after lib.sh and install.sh.
# shellcheck shell=bash

debian_web_packages=(rustc-web cargo-web rust-web-src)

# The target for browsers, and the target for tests that need no browser but a standard output.
web_target=wasm32-unknown-unknown
wasi_target=wasm32-wasip1

# The program that generates the JavaScript of a page. It must have the version of the library.
wasm_bindgen_version=$(cargo pkgid wasm-bindgen)
wasm_bindgen_version=${wasm_bindgen_version##*@}
wasm_bindgen_root=$cache/wasm-bindgen-$wasm_bindgen_version

# wasm-opt, which shrinks the module of a page.
binaryen_version=132.0.0
binaryen_root=$cache/binaryen-$binaryen_version

# can_build_for TARGET: succeeds if a toolchain for the target is installed or available.
can_build_for() {
  has_rustup_target "$1" || apt_offers "${debian_web_packages[@]}"
}

has_rustup_target() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]
}

# cargo_for TARGET COMMAND ARGUMENT…: runs a cargo command for a target, with a separate target folder, so that it does not wait for
# the lock of the main build.
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

# Prints a linker for WebAssembly. Debian's toolchain does not include one; that of rustup does.
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

# Prints the flags to link with Debian's C library. It is too old for threads, but the tests use none.
wasi_flags() {
  local libc=/usr/lib/wasm32-wasi
  echo "-C link-self-contained=no -C link-arg=$libc/crt1-command.o -C link-arg=--unresolved-symbols=ignore-all -L native=$libc"
}

# Takes minutes the first time, so test.sh starts it in the background before it compiles the project.
install_wasm_bindgen() {
  [ -x "$wasm_bindgen_root/bin/wasm-bindgen" ] && return
  env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET cargo install wasm-bindgen-cli --version "$wasm_bindgen_version" \
    --root "$wasm_bindgen_root"
}

# web_page MODULE FOLDER NAME OPTION…: generates NAME.js and NAME_bg.wasm from a module.
web_page() {
  "$wasm_bindgen_root/bin/wasm-bindgen" --target web --no-typescript --out-dir "$2" --out-name "$3" "${@:4}" "$1"
}

# Installs Debian's Chromium and its driver if there is no chromedriver.
install_browser() {
  has chromedriver || apt_install chromium chromium-driver
}

# The profiles of pages: for playing, and for checks, which builds faster.
web_profile=web
quick_web_profile=web-quick

# scene_pages PROFILE SCENE…: builds a page for each scene. Without wasm-opt, which takes a quarter of an hour for this much code.
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

# optimize MODULE: shrinks a module with wasm-opt, which takes minutes. Debian's wasm-opt (108) is too old: it breaks reference tables.
optimize() {
  if [ ! -x "$binaryen_root/node_modules/.bin/wasm-opt" ]; then
    if ! has npm; then
      say "npm is not installed, so wasm-opt cannot be installed: the module stays three times as large"
      return
    fi
    npm install --prefix "$binaryen_root" --no-package-lock --no-audit --no-fund "binaryen@$binaryen_version"
  fi
  "$binaryen_root/node_modules/.bin/wasm-opt" -Oz --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext \
    --enable-mutable-globals --enable-reference-types --enable-multivalue "$1" -o "$1.small"
  mv "$1.small" "$1"
}
