# Brings what the tests need beyond Rust: system packages, the Sockudo server, the npm packages. Meant to be sourced.
# shellcheck shell=bash

# In step with VERSION in test_support/src/sockudo/mod.rs.
sockudo_version=5.2.0
cache=${PUSHER_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bevy_pusher}
sockudo_root=$cache/sockudo-$sockudo_version

debian_packages=(
  build-essential pkg-config libssl-dev                                # native-tls
  protobuf-compiler libprotobuf-dev                                    # Sockudo's build
  tmux                                                                 # a terminal without a person
  xvfb xauth xdotool mesa-vulkan-drivers libvulkan1                    # windows without a display or a GPU
  libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2 libxkbcommon-x11-0 # what winit loads
)

install_system_packages() {
  if ! has apt-get; then
    say_what_is_missing
    return
  fi
  local packages=("${debian_packages[@]}")
  # Another way to have node is as good.
  has node || packages+=(nodejs)
  has npm || packages+=(npm)
  apt_install "${packages[@]}"
}

# Installs those of the packages that are not installed yet.
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

# apt_offers PACKAGE…: whether all of them can be had.
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
    say "this needs root, and there is no sudo: $*"
    return 1
  fi
}

say_what_is_missing() {
  local needed missing=()
  for needed in cc pkg-config protoc node npm; do
    has "$needed" || missing+=("$needed")
  done
  if [ "${#missing[@]}" -gt 0 ]; then
    say "please install these and run the script again: ${missing[*]}" \
      "(needed are a C compiler, pkg-config with OpenSSL's headers on Linux, protobuf's compiler, Node.js 18 or later with npm)"
    return 1
  fi
}

# Takes minutes the first time, so the script starts it before it compiles the project.
install_sockudo() {
  [ -x "$sockudo_root/bin/sockudo" ] && return
  # Neither the project's target folder, which the main build has locked, nor a target platform someone has set.
  env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET cargo install sockudo --version "$sockudo_version" --locked \
    --no-default-features --features local,v2 --root "$sockudo_root"
}

install_npm_packages() {
  [ -d tests/node/node_modules/pusher-js ] && [ -d tests/node/node_modules/pusher ] && return
  (cd tests/node && npm install --no-package-lock --no-audit --no-fund)
}
