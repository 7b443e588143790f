#!/usr/bin/env bash
# build.sh [TARGET]: thin over eng/build.proj, as is build.ps1.
#   (none)  the whole installed tree in out/
#   demo    the same, then text from the demo model
#   test    every test
#   help    the other targets
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
target="${1:-install}"
if [ $# -gt 0 ]; then shift; fi

if ! command -v dotnet >/dev/null 2>&1; then
  cat >&2 <<'EOF'
build.sh: the .NET SDK 10 is needed and `dotnet` is not on PATH.
  Debian 12, Ubuntu: follow https://learn.microsoft.com/dotnet/core/install/linux, package dotnet-sdk-10.0
  anywhere:          https://dot.net/v1/dotnet-install.sh, then --channel 10.0
EOF
  exit 1
fi
if ! dotnet --list-sdks | grep -qE '^(1[0-9]|[2-9][0-9])\.'; then
  echo "build.sh: the .NET SDK 10 is needed; found: $(dotnet --list-sdks | cut -d' ' -f1 | tr '\n' ' ')" >&2
  exit 1
fi

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
case "$target" in
  help)
    sed -n '2,6p' "$0" | cut -c3-
    echo "  kernels, clean, format, simulate, fuzz, bench: see docs/building.md"
    ;;
  demo)
    bash eng/install-deps.sh build
    dotnet msbuild eng/build.proj -nologo -v:minimal -t:Install "$@"
    out/bin/engine run --max-tokens 120 --temperature 0.7 "Once upon a time there was a"
    ;;
  test)
    bash eng/install-deps.sh test
    dotnet msbuild eng/build.proj -nologo -v:minimal -t:Test "$@"
    ;;
  install | kernels | clean | format | simulate | fuzz | bench)
    bash eng/install-deps.sh build
    dotnet msbuild eng/build.proj -nologo -v:minimal "-t:$target" "$@"
    ;;
  *)
    echo "build.sh: unknown target '$target'; try ./build.sh help" >&2
    exit 2
    ;;
esac
