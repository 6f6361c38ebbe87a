#!/usr/bin/env bash
# Checks that the plugin compiles, with its features, for the platforms that the tests do not run on. Nothing is linked or run.
# Uses the targets of rustup if they are installed, else Debian's toolchain, which builds the standard library from source.
#
#   scripts/platforms.sh             all platforms
#   scripts/platforms.sh TARGET…     these targets
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
  # Selects the Rust implementation of blake3, a dependency of Bevy's window library. The C one needs a C compiler for the platform.
  export CARGO_FEATURE_PURE=1
  case "$target" in
    # Without winit: the logging of Bevy's window library needs Xcode there.
    aarch64-apple-ios) ;;
    aarch64-linux-android)
      # The build script of openssl-sys reads headers and looks for libraries. Those of this machine suffice, because nothing is
      # linked. A game for Android uses `native-tls-vendored` and the NDK instead.
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
    skip "$platform" "neither the rustup target nor Debian's ${debian_web_packages[*]} are available"
  fi
done
finish
