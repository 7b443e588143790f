#!/usr/bin/env bash
# fetch-ptxas.sh FOLDER: puts NVIDIA's assembler into FOLDER, out of Debian trixie's package nvidia-cuda-toolkit (non-free;
# 87 MB to fetch, 30 MB kept). Nothing is installed: the tests assemble the CUDA kernels with it, the product never does.
# Its licence is NVIDIA's CUDA toolkit EULA. apt checks Debian's signature; a private configuration leaves the system's
# package lists as they are, and needs no root.
set -euo pipefail
target="$(mkdir -p "$1" && cd "$1" && pwd)"
[ ! -x "$target/ptxas" ] || exit 0
command -v apt-get >/dev/null 2>&1 || { echo "fetch-ptxas: no apt-get here" >&2; exit 1; }
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keys" ] || { echo "fetch-ptxas: $keys is missing" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
cat >"$folder/debian.sources" <<EOF
Types: deb
URIs: ${ENGINE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
Suites: trixie
Components: non-free
Architectures: amd64
Signed-By: $keys
EOF
apt() {
  apt-get -qq -o Dir::Etc::SourceList="$folder/debian.sources" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$folder/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$folder/cache" \
    -o APT::Architecture=amd64 -o APT::Sandbox::User= -o Acquire::Retries=2 -o Acquire::http::Timeout=30 "$@"
}
cd "$folder"
apt update
apt download nvidia-cuda-toolkit
dpkg-deb --fsys-tarfile nvidia-cuda-toolkit_*.deb | tar -xf - ./usr/bin/ptxas
mv usr/bin/ptxas "$target/ptxas"
echo "fetch-ptxas: $("$target/ptxas" --version | tail -1)"
