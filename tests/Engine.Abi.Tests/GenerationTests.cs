using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Engine.Abi.Generator;

namespace Engine.Abi.Tests;

/// <summary>What is committed is what the sources say, and nothing that was promised has changed.</summary>
public sealed class GenerationTests
{
    private static readonly AbiModel _model = new ModelReader(typeof(Guard).Assembly).Read();
    private static readonly IReadOnlyDictionary<string, string> _files = Generation.Run();

    private static IEnumerable<string> Paths => _files.Keys;

    private static IEnumerable<Type> Structs => typeof(Guard).Assembly.GetTypes()
        .Where(type => type.GetCustomAttribute<AbiStructAttribute>() is not null);

    [TestCaseSource(nameof(Paths))]
    public void TheCommittedFileIsTheGeneratedOne(string path) =>
        Assert.That(
            File.ReadAllText(Path.Combine(Tree.Root, path)), Is.EqualTo(_files[path]),
            $"{path} is stale: run abi/generate.sh");

    [Test]
    public void EveryStatusHasOneRowInTheTable() =>
        Assert.That(
            EngineStatusTable.Rows.Select(row => row.Status), Is.EqualTo(Enum.GetValues<EngineStatus>().Order()
                .OrderBy(status => status < 0 ? 1 : 0).ThenBy(status => Math.Abs((int)status))));

    [TestCaseSource(nameof(Structs))]
    public void CSharpLaysTheStructOutAsTheHeaderSays(Type type)
    {
        AbiStructModel expected = _model.Structs.Single(
            s => s.Name == type.GetCustomAttribute<AbiStructAttribute>()!.Name);
        FieldInfo[] fields = type.GetFields(BindingFlags.Public | BindingFlags.Instance);
        Assert.That(SizeOf(type), Is.EqualTo(expected.Size));
        Assert.That(
            fields.Select(field => (int)Marshal.OffsetOf(type, field.Name)),
            Is.EqualTo(expected.Fields.Select(field => field.Offset)));
    }

    [TestCaseSource(nameof(Structs))]
    public void StructsThatGrowBeginWithTheirSize(Type type)
    {
        AbiStructModel item = _model.Structs.Single(
            s => s.Name == type.GetCustomAttribute<AbiStructAttribute>()!.Name);
        bool isElement = item.Name == "engine_logprob"; // Part of arrays whose stride can never change.
        Assert.That(item.Fields[0].Name == "struct_size", Is.Not.EqualTo(isElement));
    }

    [Test]
    public void EveryNameBeginsWithEngine()
    {
        IEnumerable<string> names = _model.Functions.Select(f => f.Name)
            .Concat(_model.Structs.Select(s => s.Name)).Concat(_model.Handles.Select(h => h.Name))
            .Concat(_model.Enums.SelectMany(e => e.Values).Select(v => v.Name.ToLowerInvariant()));
        Assert.That(names, Is.All.StartsWith("engine_"));
    }

    [Test]
    public void ParamKeysOfEachKindAreDocumentedByTheirOwners()
    {
        IEnumerable<string> keys = Params.ParamSchema.Request.Keys;
        Assert.That(keys, Is.Unique);
        Assert.That(keys, Is.SupersetOf(Sampling.SamplingSchema.Fields.Select(f => f.Name)));
    }

    [Test]
    public void NothingOfTheLockedInterfaceHasChanged()
    {
        using JsonDocument locked = JsonDocument.Parse(
            File.ReadAllBytes(Path.Combine(Tree.Root, "abi/lock/abi-0.1.json")));
        using JsonDocument now = JsonDocument.Parse(_files["abi/abi.json"]);
        Assert.That(LockFile.Differences(locked.RootElement, now.RootElement), Is.Empty);
    }

    private static int SizeOf(Type type) => (int)typeof(Unsafe).GetMethod("SizeOf")!
        .MakeGenericMethod(type).Invoke(null, null)!;
}
