# build.ps1 [TARGET]: thin over eng/build.proj, as is build.sh; the targets are the same.
param([string] $Target = "install", [Parameter(ValueFromRemainingArguments)] [string[]] $Rest)
$ErrorActionPreference = "Stop"
Set-Location $PSScriptRoot

if (-not (Get-Command dotnet -ErrorAction SilentlyContinue)) {
    Write-Error "build.ps1: the .NET SDK 10 is needed; see https://dot.net/download"
}
if (-not (dotnet --list-sdks | Where-Object { $_ -match '^(1[0-9]|[2-9][0-9])\.' })) {
    Write-Error "build.ps1: the .NET SDK 10 is needed; found: $(dotnet --list-sdks)"
}

$env:DOTNET_CLI_TELEMETRY_OPTOUT = "1"
$env:DOTNET_NOLOGO = "1"
$known = "install", "demo", "test", "kernels", "clean", "format", "simulate", "fuzz", "bench"
if ($Target -notin $known) {
    Write-Output "build.ps1 [TARGET]: $($known -join ', ')"
    exit $(if ($Target -eq "help") { 0 } else { 2 })
}

bash eng/install-deps.sh $(if ($Target -eq "test") { "test" } else { "build" })
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
$name = if ($Target -eq "demo") { "install" } else { $Target }
dotnet msbuild eng/build.proj -nologo -v:minimal "-t:$name" @Rest
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
if ($Target -eq "demo") {
    & out/bin/engine run --max-tokens 120 --temperature 0.7 "Once upon a time there was a"
    exit $LASTEXITCODE
}
