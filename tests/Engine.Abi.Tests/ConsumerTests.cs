namespace Engine.Abi.Tests;

/// <summary>Programs as users write them, built against the installed tree alone.</summary>
public sealed class ConsumerTests
{
    private static string Sources => Path.Combine(Tree.Root, "tests/Engine.Abi.Tests");

    [TestCase("signals")]
    [TestCase("fork")]
    [TestCase("release")]
    [TestCase("structs")]
    [TestCase("buffers")]
    [TestCase("fd")]
    [TestCase("release-while-polling")]
    [TestCase("shutdown")]
    [TestCase("exit")]
    [TestCase("dlclose")]
    [TestCase("pooling")]
    public void TheLibraryIsAPoliteGuest(string check)
    {
        string folder = Tree.Scratch("guest");
        string program = Path.Combine(folder, "guest");
        if (!File.Exists(program))
        {
            Tree.Run(
                $"gcc -std=c11 -Wall -Wextra -Werror -I$PREFIX/include {Sources}/Native/guest.c -o {program} "
                + "-L$PREFIX/lib -lengine -lpthread -ldl -Wl,-rpath,$PREFIX/lib");
        }

        Tree.Run($"{program} {check}", timeoutSeconds: 60);
    }

    [Test]
    public void CMakeFindsThePackageAfterTheTreeHasMoved()
    {
        string folder = Tree.Scratch("cmake");
        Tree.Run($"mkdir -p moved && cp -a $PREFIX/include $PREFIX/lib moved/ && cp {Sources}/Native/* .", folder);
        Tree.Run("cmake -S . -B build -G Ninja -DCMAKE_PREFIX_PATH=$PWD/moved && cmake --build build", folder);
        Tree.Run("./build/consumer_cpp && ./build/consumer_c release", folder);
        Tree.Run(
            "cmake -P check.cmake 2>/dev/null; sed -i 's/engine 0.1/engine 9.0/' CMakeLists.txt; "
            + "! cmake -S . -B refused -G Ninja -DCMAKE_PREFIX_PATH=$PWD/moved",
            folder);
    }

    [Test]
    public void PkgConfigGivesTheFlags()
    {
        string folder = Tree.Scratch("pkgconfig");
        Tree.Run(
            "export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig; "
            + $"g++ -std=c++17 -Wall -Wextra -Werror {Sources}/Native/consumer.cpp $(pkg-config --cflags --libs engine) "
            + "-lpthread -o consumer && LD_LIBRARY_PATH=$PREFIX/lib ./consumer",
            folder);
    }

    [TestCase("int8")]
    [TestCase("int4")]
    public void WeightsAreRoundedAtLoadWhenAsked(string quantization)
    {
        string text = Tree.Run(
            "PYTHONPATH=$PREFIX/python python3 -c 'from libengine import LLM, SamplingParams; import os; "
            + "llm = LLM(os.environ[\"PREFIX\"] + \"/share/engine/demo-model\", "
            + $"quantization=\"{quantization}\", use_tqdm=False); "
            + "print(llm.generate(\"Once upon a time there was a\", "
            + "SamplingParams(temperature=0, max_tokens=8))[0].outputs[0].text)'");
        Assert.That(text, Does.Match("[a-z]+ [A-Za-z]+"));
    }

    [Test]
    public void AnUnknownRoundingIsRefusedByName()
    {
        Tree.Run(
            "PYTHONPATH=$PREFIX/python python3 -c 'from libengine import LLM, InvalidArgumentError; import os\n"
            + "try:\n    LLM(os.environ[\"PREFIX\"] + \"/share/engine/demo-model\", quantization=\"int3\")\n"
            + "except InvalidArgumentError as e:\n    assert \"quantization\" in str(e), e\n"
            + "else:\n    raise SystemExit(1)'");
    }

    [Test]
    public void TheWheelWorksInACleanEnvironment()
    {
        string folder = Tree.Scratch("wheel");
        Tree.Run("python3 -m venv venv && venv/bin/pip install -q --no-index $PREFIX/python/*.whl", folder);
        Tree.Run($"env -u PYTHONPATH -u ENGINE_LIB venv/bin/python {Sources}/Python/test_libengine.py", folder, 180);
    }

    [Test]
    public void ThePackageWorksFromTheTree() =>
        Tree.Run("PYTHONPATH=$PREFIX/python python3 -c 'import libengine; print(libengine.version())'");

    [Test]
    public void TheGoModuleSurvivesBothCollectorsUnderLoad()
    {
        string folder = Tree.Scratch("go");
        string module = File.ReadAllText(Path.Combine(Sources, "Go/go.mod.txt"))
            .Replace("PREFIX", Tree.Prefix, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder, "go.mod"), module);
        Tree.Run($"cp {Sources}/Go/consumer_test.go . && GOFLAGS=-mod=mod GOPROXY=off go test -count=1 -timeout 150s ./...", folder, 240);
        Tree.Run("test -z \"$(gofmt -l $PREFIX/go)\" && go vet ./...", folder, 240);
    }
}
