#!/usr/bin/env bash
# Checks that the plugin compiles, with its features, for the platforms that the tests do not run on. Types alone:
# nothing is linked or run. Takes rustup's targets where they are installed, else Debian's toolchain, which builds the standard
# library from its source.
#
#   scripts/platforms.sh             all of them
#   scripts/platforms.sh TARGET…     some
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh
# shellcheck source=scripts/install.sh
source scripts/install.sh
# shellcheck source=scripts/wasm.sh
source scripts/wasm.sh

platforms=(x86_64-pc-windows-msvc aarch64-apple-darwin aarch64-apple-ios aarch64-linux-android)

check() {
  local target=$1 features=diagnostics,lifecycle,local-auth,states,testing
  # Of blake3, which comes with Bevy's window library, the part in Rust: the one in C takes a compiler for the platform.
  export CARGO_FEATURE_PURE=1
  case "$target" in
    # Bevy's window library takes Xcode there, for what it logs.
    aarch64-apple-ios) ;;
    aarch64-linux-android)
      # OpenSSL's build script looks into its headers and for its libraries, and nothing is linked: those of this machine will
      # do. A game for Android takes `native-tls-vendored` and the NDK instead.
      export CC_aarch64_linux_android=cc
      OPENSSL_INCLUDE_DIR=$(pkg-config --variable=includedir openssl) OPENSSL_LIB_DIR=$(pkg-config --variable=libdir openssl)
      export OPENSSL_INCLUDE_DIR OPENSSL_LIB_DIR
      features+=,winit,bevy_winit/android-native-activity
      ;;
    *) features+=,winit ;;
  esac
  cargo_for "$target" check --quiet -p bevy_pusher --features "$features"
}

[ "$#" -gt 0 ] || set -- "${platforms[@]}"
for platform in "$@"; do
  if can_build_for "$platform"; then
    step "$platform" check "$platform"
  else
    skip "$platform" "there is neither rustup's target nor Debian's ${debian_web_packages[*]}"
  fi
done
finish
