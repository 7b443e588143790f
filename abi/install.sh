#!/bin/sh
# install.sh LIBRARY PREFIX: copies the published library and all that goes with it below PREFIX.
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
library=$1
prefix=$2
version=$(sed -n 's|.*<EngineVersion>\(.*\)</EngineVersion>.*|\1|p' "$root/Directory.Build.props")
major=${version%%.*}

mkdir -p "$prefix/lib/cmake/engine" "$prefix/lib/pkgconfig" "$prefix/include/engine"
# A new file under a new name, then a rename: a process that has the old one mapped keeps it whole.
cp "$library" "$prefix/lib/.libengine.so.$version.new"
chmod 755 "$prefix/lib/.libengine.so.$version.new"
mv "$prefix/lib/.libengine.so.$version.new" "$prefix/lib/libengine.so.$version"
ln -sfn "libengine.so.$version" "$prefix/lib/libengine.so.0"
ln -sfn libengine.so.0 "$prefix/lib/libengine.so"

cp "$root/abi/include/engine/engine.h" "$root"/bindings/cpp/include/engine/*.hpp "$prefix/include/engine/"
for name in engine-config.cmake engine-config-version.cmake; do
  sed -e "s/@VERSION@/$version/g" -e "s/@MAJOR@/$major/g" "$root/cmake/$name.in" \
    > "$prefix/lib/cmake/engine/$name"
done
sed "s/@VERSION@/$version/g" "$root/cmake/engine.pc.in" > "$prefix/lib/pkgconfig/engine.pc"

rm -rf "$prefix/python/libengine" "$prefix/go"
mkdir -p "$prefix/python/libengine" "$prefix/go"
cp "$root"/bindings/python/libengine/*.py "$root/bindings/python/libengine/py.typed" "$prefix/python/libengine/"
cp "$root"/bindings/go/*.go "$root/bindings/go/go.mod" "$prefix/go/"
if command -v python3 >/dev/null 2>&1; then
  python3 "$root/bindings/python/build_wheel.py" "$prefix" "$version" >/dev/null
else
  echo "install.sh: no python3: the wheel was not built" >&2
fi
