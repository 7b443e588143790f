#!/usr/bin/env bash
# install-deps.sh build|test: installs the Debian packages that are missing; does nothing when none is.
set -euo pipefail
need=(g++:g++ cmake:cmake ninja:ninja-build)
if [ "${1:-build}" = test ]; then
  need+=(go:golang-go python3:python3 pkg-config:pkg-config abidw:abigail-tools nm:binutils node:nodejs npm:npm chromium:chromium)
fi
missing=()
for pair in "${need[@]}"; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing+=("${pair##*:}")
done
if [ "${1:-build}" = test ] && ! /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null; then
  missing+=(python3-venv)
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "install-deps: please install: ${missing[*]} (names as in Debian)" >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "install-deps: run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "installing ${missing[*]}"
"${sudo[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
