using System.Text.RegularExpressions;
using Engine.Abi.Generator;

namespace Engine.Abi.Tests;

/// <summary>The library file itself: what it exports, what it needs, what compilers make of its header.</summary>
public sealed partial class LibraryTests
{
    /// <summary>Debian 12. Raise it only with a word in the docs.</summary>
    private const int MaxGlibcMinor = 36;

    [Test]
    public void ExportsAreExactlyTheListAndAllVersioned()
    {
        AbiModel model = new ModelReader(typeof(Guard).Assembly).Read();
        IEnumerable<string> found = Tree.Run($"nm -D --defined-only {Tree.Library}")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[^1]);
        Assert.That(
            found, Is.EquivalentTo(model.Functions.Select(f => f.Name + "@@ENGINE_0").Append("ENGINE_0")));
    }

    [Test]
    public void TheLibraryHasItsSoNameAndIsNeverUnloaded()
    {
        string dynamic = Tree.Run($"readelf -d {Tree.Library}");
        Assert.That(dynamic, Does.Contain("[libengine.so.0]").And.Contain("NODELETE"));
    }

    [Test]
    public void ItNeedsNothingButTheCLibrary()
    {
        IEnumerable<string> needed = Needed().Matches(Tree.Run($"readelf -d {Tree.Library}"))
            .Select(match => match.Groups[1].Value);
        Assert.That(needed, Is.SubsetOf((string[])
            ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2"]));
    }

    [Test]
    public void TheOldestGlibcThatItRunsOnIsTheOneStated()
    {
        IEnumerable<int> versions = Glibc().Matches(Tree.Run($"readelf -V {Tree.Library}"))
            .Select(match => int.Parse(match.Groups[1].Value));
        Assert.That(versions.Max(), Is.LessThanOrEqualTo(MaxGlibcMinor));
    }

    [Test]
    public void AddressSpaceIsBounded() =>
        Tree.Run("ulimit -v 16000000; PYTHONPATH=$PREFIX/python python3 -c "
            + "\"import libengine; libengine.LLM('fake:').generate('x')\"");

    [TestCase("gcc", "c", "c99")]
    [TestCase("gcc", "c", "c11")]
    [TestCase("g++", "c++", "c++17")]
    public void TheHeaderCompilesTwiceInEachOfTwoUnits(string compiler, string language, string standard)
    {
        string folder = Tree.Scratch("header-" + standard);
        string twice = "#include <engine/engine.h>\n#define ENGINE_ALLOW_UNSTABLE\n#include <engine/engine.h>\n";
        File.WriteAllText(Path.Combine(folder, "a.x"), twice + "int other(void);\nint main(void) { return other(); }\n");
        File.WriteAllText(Path.Combine(folder, "b.x"), twice + "int other(void);\nint other(void) { return 0; }\n");
        Tree.Run(
            $"{compiler} -x {language} -std={standard} -pedantic -Wall -Wextra -Werror -I$PREFIX/include a.x b.x -o both",
            folder);
    }

    [TestCase("gcc", "c", "c11")]
    [TestCase("g++", "c++", "c++17")]
    public void CompilersLayStructsOutAsTheListSays(string compiler, string language, string standard) =>
        Tree.Run(
            $"{compiler} -x {language} -std={standard} -Werror -I$PREFIX/include -fsyntax-only abi/Generated/abi_asserts.g.h");

    [Test]
    public void AbidiffFindsNothingRemovedOrChangedSinceTheLock()
    {
        string folder = Tree.Scratch("abidiff");
        Stub(folder, "old", Path.Combine(Tree.Root, "abi/lock/engine-0.1.h"));
        Stub(folder, "new", Path.Combine(Tree.Prefix, "include/engine/engine.h"));
        // Structs begin with their size: members may be appended, and nothing else.
        File.WriteAllText(
            Path.Combine(folder, "appended.abignore"),
            "[suppress_type]\n  type_kind = struct\n  has_data_member_inserted_at = end\n  has_size_change = yes\n");
        Tree.Run("abidiff --no-added-syms --suppr appended.abignore libold.so libnew.so", folder);
    }

    [Test]
    public void TheLayoutInTheLibraryIsTheGeneratedOne()
    {
        AbiModel model = new ModelReader(typeof(Guard).Assembly).Read();
        string found = Tree.Run(
            "PYTHONPATH=$PREFIX/python python3 -c \"from libengine import _lib; "
            + "print(_lib.read_bytes(_lib.lib.engine_abi_layout_json).decode(), end='')\"");
        Assert.That(found, Is.EqualTo(JsonEmitter.EmitLayout(model)));
    }

    /// <summary>A library that has every function of a header, for its debug information.</summary>
    private static void Stub(string folder, string name, string header)
    {
        string text = File.ReadAllText(header);
        IEnumerable<string> bodies = Prototype().Matches(text).Select(match =>
            match.Groups[1].Value.Replace('\n', ' ') + " { __builtin_trap(); }");
        string unused = "#define ENGINE_ALLOW_UNSTABLE\n" + text + "\n" + string.Join('\n', bodies) + "\n";
        File.WriteAllText(Path.Combine(folder, name + ".c"), unused);
        Tree.Run($"gcc -std=c11 -g -shared -fPIC -Wno-unused-parameter {name}.c -o lib{name}.so", folder);
    }

    [GeneratedRegex(@"\(NEEDED\).*\[(.*)\]")]
    private static partial Regex Needed();

    [GeneratedRegex(@"GLIBC_2\.(\d+)")]
    private static partial Regex Glibc();

    [GeneratedRegex(@"^ENGINE_API ([^;]*);", RegexOptions.Multiline)]
    private static partial Regex Prototype();
}
