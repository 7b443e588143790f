#!/usr/bin/env bash
# install-deps.sh build|test: installs the Debian packages that are missing; does nothing when none is.
# clang-19 compiles the CUDA kernels; where it cannot be had, or with ENGINE_CUDA=OFF, the build leaves them out.
# ENGINE_PTXAS=fetch with "test": also fetches NVIDIA's assembler into build/ptxas, with which tests check these kernels.
set -euo pipefail
need=(g++:g++ cmake:cmake ninja:ninja-build)
if [ "${1:-build}" = test ]; then
  need+=(go:golang-go python3:python3 pkg-config:pkg-config abidw:abigail-tools nm:binutils node:nodejs npm:npm chromium:chromium)
fi
if [ "${1:-build}" = test ] && [ "${ENGINE_PTXAS:-}" = fetch ]; then
  here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
  timeout 300 bash "$here/fetch-ptxas.sh" "$here/../build/ptxas" \
    || echo "install-deps: ptxas CANNOT BE HAD: that the CUDA kernels assemble is NOT CHECKED" >&2
fi
missing=()
for pair in "${need[@]}"; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing+=("${pair##*:}")
done
if [ "${1:-build}" = test ] && ! /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null; then
  missing+=(python3-venv)
fi
wants_promtool=
if [ "${1:-build}" = test ] && ! command -v promtool >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 \
  && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
  wants_promtool=1
fi
wants_clang=
if [ "${ENGINE_CUDA:-AUTO}" != OFF ] && ! command -v clang-19 >/dev/null 2>&1; then wants_clang=1; fi
no_clang() { echo "install-deps: $1: the CUDA kernels are left out" >&2; }
[ ${#missing[@]} -gt 0 ] || [ -n "$wants_clang$wants_promtool" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1 && [ ${#missing[@]} -eq 0 ]; then
  no_clang "clang-19 is not installed"
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "install-deps: please install: ${missing[*]} (names as in Debian)" >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null && [ ${#missing[@]} -eq 0 ]; then
    no_clang "clang-19 is not installed and installing needs root"
    exit 0
  fi
  command -v sudo >/dev/null || { echo "install-deps: run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
"${sudo[@]}" apt-get update -qq
install() {
  echo "installing $*"
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
if [ ${#missing[@]} -gt 0 ]; then install "${missing[@]}"; fi
# The program alone (19 MB to fetch): its package would start a server.
promtool() {
  local folder; folder=$(mktemp -d)
  (cd "$folder" && apt-get download -qq prometheus >/dev/null 2>&1 && dpkg-deb --fsys-tarfile prometheus_*.deb \
    | tar -xf - ./usr/bin/promtool && "${sudo[@]}" /usr/bin/install ./usr/bin/promtool /usr/local/bin/) \
    || echo "install-deps: promtool cannot be had: its test is skipped" >&2
  rm -rf "$folder"
}
if [ -n "$wants_promtool" ]; then promtool; fi
if [ -n "$wants_clang" ]; then
  if apt-cache show clang-19 >/dev/null 2>&1 && install clang-19; then :; else no_clang "clang-19 cannot be had"; fi
fi
