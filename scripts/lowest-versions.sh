#!/usr/bin/env bash
# Checks the libraries with the lowest versions of their dependencies that their manifests allow, in a copy of the project.
#
#   scripts/lowest-versions.sh                                              the libraries without a window
#   scripts/lowest-versions.sh -p bevy_pusher --features bevy_pusher/winit,bevy_winit/x11   with these arguments of `cargo check`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z src pusher_protocol pusher_dev_server Cargo.toml README.md | xargs -0 cp --parents -t "$copy"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/lowest

cd "$copy"
sed -i -e 's/^members = .*/members = [".", "pusher_protocol", "pusher_dev_server"]/' -e 's/^default-members = .*/default-members = ["."]/' Cargo.toml
# Dev-dependencies would raise the versions of shared dependencies. The resolver has no option to ignore them.
for manifest in Cargo.toml pusher_protocol/Cargo.toml pusher_dev_server/Cargo.toml; do
  awk '/^\[/ { skip = /^\[dev-dependencies\]/ || /^\[\[(test|example|bench)\]\]/ } !skip' "$manifest" >manifest
  mv manifest "$manifest"
done

# The flag of the resolver is unstable.
export RUSTC_BOOTSTRAP=1
cargo -Z direct-minimal-versions generate-lockfile
if [ "$#" -eq 0 ]; then
  set -- -p pusher_protocol -p pusher_dev_server -p bevy_pusher \
    --features bevy_pusher/diagnostics,bevy_pusher/local-auth,bevy_pusher/states,bevy_pusher/testing,bevy_pusher/lifecycle
fi
cargo check "$@"
