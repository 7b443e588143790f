using System.Text.Json;
using Engine.Loading;
using Engine.Memory;
using Engine.Quantization;

namespace Engine.Tests.Quantization;

/// <summary>Which group of a compressed-tensors configuration a layer's inputs follow.</summary>
internal sealed class InputTargetsTests
{
    private const string Integer = "\"type\": \"int\", \"num_bits\": 8";
    private const string Float = "\"type\": \"float\", \"num_bits\": 8";

    [TestCase("model.layers.0.self_attn.q_proj", ExpectedResult = InputRounding.Int8Token)]
    [TestCase("model.layers.0.mlp.down_proj", ExpectedResult = InputRounding.Own)]
    [TestCase("model.layers.1.mlp.down_proj", ExpectedResult = InputRounding.Int8TokenZero)]
    public InputRounding Patterns_and_names_choose_among_groups_of_the_same_weights(string module) => Of(
        module, DType.I8,
        Group(["re:.*self_attn\\\\..*"], Integer, Integer + ", \"dynamic\": true"),
        Group(["re:.*mlp.*"], Integer, null),
        Group([module.Contains(".1.") ? module : "none"], Integer, Integer + ", \"dynamic\": true, \"symmetric\": false"));

    [Test]
    public void A_pattern_matches_from_the_start_of_a_name() => Assert.That(
        Of(
            "model.layers.0.mlp.up_proj", DType.I8,
            Group(["re:mlp"], Integer, Integer + ", \"dynamic\": true"), Group(["Linear"], Integer, null)),
        Is.EqualTo(InputRounding.Own));

    [Test]
    public void A_pattern_may_look_ahead() => Assert.That(
        Of(
            "model.layers.0.mlp.up_proj", DType.F8E4M3,
            Group(["re:(?!.*down_proj).*"], Float, Float + ", \"dynamic\": true"), Group(["Linear"], Float, null)),
        Is.EqualTo(InputRounding.E4M3Token));

    [Test]
    public void Layers_that_no_target_matches_follow_the_group_of_all_linear_layers_with_such_weights() => Assert.That(
        Of(
            "model.layers.0.mlp.up_proj", DType.F8E4M3,
            Group(["re:.*attn.*"], Float, null), Group(["Linear"], Integer, Integer),
            Group(["Linear"], Float, Float + ", \"dynamic\": true")),
        Is.EqualTo(InputRounding.E4M3Token));

    [TestCase("re:(a", "a pattern")]
    [TestCase("re:(a+)+$", "one that ends")]
    public void A_pattern_that_is_none_or_never_ends_is_an_error(string target, string expected) => Assert.That(
        () => Of(new string('a', 60) + "b", DType.I8, Group([target], Integer, null)),
        Throws.TypeOf<EngineException>().With.Message.Contains(expected).And.Message.Contains("config_groups.targets"));

    private static string Group(string[] targets, string weights, string? inputs) =>
        $"{{\"targets\": [{string.Join(", ", targets.Select(t => $"\"{t}\""))}], \"weights\": {{{weights}}}, "
        + $"\"input_activations\": {(inputs is null ? "null" : "{" + inputs + "}")}}}";

    private static InputRounding Of(string module, DType type, params string[] groups)
    {
        string all = string.Join(", ", groups.Select((g, i) => $"\"group_{i}\": {g}"));
        using JsonDocument json = JsonDocument.Parse($"{{\"config_groups\": {{{all}}}}}");
        SafetensorsTensor weight = new()
        {
            Name = module + ".weight",
            File = "test",
            Type = type,
            Shape = [1, 1],
            Offset = 0,
            Bytes = 1,
        };
        StoredTensors tensors = new(new Dictionary<string, SafetensorsTensor> { [weight.Name] = weight }, "test");
        return InputGroup.Find(
            tensors, module, InputGroups.Read("compressed-tensors", json.RootElement, null))?.Rounding ?? default;
    }
}
