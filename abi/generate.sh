#!/bin/sh
# Rewrites everything that is generated from the C# sources of the ABI.
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
dotnet build "$root/abi/Generator" -v q -nologo -clp:NoSummary -p:EngineAbiExports=false
dotnet "$root/abi/Generator/bin/Debug/net9.0/Engine.Abi.Generator.dll" "$root"
