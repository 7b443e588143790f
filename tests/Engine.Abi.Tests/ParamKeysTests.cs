using System.Reflection;
using System.Text;
using Engine.Abi.Handles;
using Engine.Abi.Params;
using Engine.Abi.Types;
using Engine.Hosting;

namespace Engine.Abi.Tests;

/// <summary>A key that the schema takes does something: the schema and what reads it are two lists.</summary>
public sealed class ParamKeysTests
{
    private static readonly string[] _values =
    [
        "7", "0.5", "true", "false", "\"x\"", "[4, 8]", """{"architectures": ["X"]}""",
        """{"method": "ngram", "num_speculative_tokens": 3}""",
    ];

    private static IEnumerable<string> ModelKeys => ParamSchema.Model.Keys;

    private static IEnumerable<string> EngineKeys => ParamSchema.Engine.Keys;

    private static IEnumerable<string> PoolingKeys => ParamSchema.Pooling.Keys;

    [TestCaseSource(nameof(ModelKeys))]
    public void AModelsKeyIsRead(string key) =>
        Check(ParamsKind.Model, key, set => OptionsReader.Model("m", set, null));

    [TestCaseSource(nameof(EngineKeys))]
    public void AnEnginesKeyIsRead(string key) => Check(ParamsKind.Engine, key, OptionsReader.Engine);

    [TestCaseSource(nameof(PoolingKeys))]
    public unsafe void AKeyOfTextsIsRead(string key) => Check(ParamsKind.Pooling, key, set =>
    {
        if (set is null) return PoolingReader.Settings(default);
        nint handle = HandleTable.Publish(set);
        try
        {
            return PoolingReader.Settings(new PoolingArgs { Params = new ParamsHandle(handle) });
        }
        finally
        {
            HandleTable.Release(handle, HandleKind.Params);
        }
    });

    [TestCase("8")]
    [TestCase("[4, \"8\"]")]
    [TestCase("[4, 1.5]")]
    [TestCase("[99999999999]")]
    public void WhatIsNoListOfIntegersNamesItsKey(string value)
    {
        const string key = "cudagraph_capture_sizes";
        EngineException e = Assert.Throws<EngineException>(() => OptionsReader.Model(
            "m", ParamSet.FromJson(ParamsKind.Model, Encoding.UTF8.GetBytes($"{{\"{key}\": {value}}}")), null))!;
        Assert.That(e.Parameter, Is.EqualTo(key));
    }

    private static void Check(ParamsKind kind, string key, Func<ParamSet?, object> read)
    {
        string defaults = Dump(read(null));
        Assert.That(_values.Select(value => Read(kind, key, value, read)), Has.Some.Not.EqualTo(defaults));

        string Read(ParamsKind kind, string key, string value, Func<ParamSet?, object> read)
        {
            try
            {
                return Dump(read(ParamSet.FromJson(kind, Encoding.UTF8.GetBytes($"{{\"{key}\": {value}}}"))));
            }
            catch (EngineException)
            {
                return defaults; // of another type
            }
        }
    }

    private static string Dump(object options) => string.Join('\n', options.GetType()
        .GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Select(property => $"{property.Name}={property.GetValue(options)}"));
}
