#!/bin/sh
# install.sh LIBRARY PREFIX: copies the published library and all that goes with it below PREFIX.
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
library=$1
prefix=$2
version=$(sed -n 's|.*<EngineVersion>\(.*\)</EngineVersion>.*|\1|p' "$root/Directory.Build.props")

mkdir -p "$prefix/lib" "$prefix/include/engine"
# A new file under a new name, then a rename: a process that has the old one mapped keeps it whole.
cp "$library" "$prefix/lib/.libengine.so.$version.new"
chmod 755 "$prefix/lib/.libengine.so.$version.new"
mv "$prefix/lib/.libengine.so.$version.new" "$prefix/lib/libengine.so.$version"
ln -sfn "libengine.so.$version" "$prefix/lib/libengine.so.0"
ln -sfn libengine.so.0 "$prefix/lib/libengine.so"
cp "$root/abi/include/engine/engine.h" "$prefix/include/engine/"
