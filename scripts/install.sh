# Installs what the tests need beyond Rust: system packages, the Sockudo server, npm packages. Source this file after lib.sh.
# shellcheck shell=bash

# Must equal VERSION in test_support/src/sockudo/mod.rs.
sockudo_version=5.2.0
cache=${PUSHER_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bevy_pusher}
sockudo_root=$cache/sockudo-$sockudo_version

debian_packages=(
  build-essential pkg-config libssl-dev                                # native-tls
  protobuf-compiler libprotobuf-dev                                    # the build of Sockudo
  tmux                                                                 # a terminal for the tests
  xvfb xauth xdotool mesa-vulkan-drivers libvulkan1                    # windows without a display and a GPU
  libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2 libxkbcommon-x11-0 # loaded by winit at run time
)

install_system_packages() {
  if ! has apt-get; then
    say_what_is_missing
    return
  fi
  local packages=("${debian_packages[@]}")
  # Node may be installed in another way than as a Debian package.
  has node || packages+=(nodejs)
  has npm || packages+=(npm)
  apt_install "${packages[@]}"
}

# apt_install PACKAGE…: installs the missing packages. Needs no root if none is missing.
apt_install() {
  local missing=() package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    return
  fi
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# apt_offers PACKAGE…: succeeds if all packages are available.
apt_offers() {
  has apt-get || return 1
  apt-cache show "$@" >/dev/null 2>&1 && return
  as_root apt-get update -qq && apt-cache show "$@" >/dev/null 2>&1
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif has sudo; then
    sudo "$@"
  else
    say "cannot run without root or sudo: $*"
    return 1
  fi
}

say_what_is_missing() {
  local needed missing=()
  for needed in cc pkg-config protoc node npm; do
    has "$needed" || missing+=("$needed")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    say "these commands are missing, install them and run the script again: ${missing[*]}" \
      "(a C compiler, pkg-config with the OpenSSL headers on Linux, the protobuf compiler, Node.js 18 or later with npm)"
    return 1
  fi
}

# Takes minutes the first time, so test.sh starts it in the background before it compiles the project.
install_sockudo() {
  [ -x "$sockudo_root/bin/sockudo" ] && return
  # Not in the project's target folder, which the main build has locked, and not for a target platform that the user has set.
  env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET cargo install sockudo --version "$sockudo_version" --locked \
    --no-default-features --features local,v2 --root "$sockudo_root"
}

install_npm_packages() {
  [ -d tests/node/node_modules/pusher-js ] && [ -d tests/node/node_modules/pusher ] && return
  (cd tests/node && npm install --no-package-lock --no-audit --no-fund)
}
