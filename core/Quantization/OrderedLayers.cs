using System.Text.Json;

namespace Engine.Quantization;

/// <summary>
/// The layers of GPTQ whose inputs were quantized in an order of their own (desc_act): without g_idx they cannot be
/// read. `dynamic` says otherwise for some, by patterns that match a name from its start; "-:" leaves a layer alone.
/// </summary>
internal sealed class OrderedLayers
{
    private readonly bool _all;
    private readonly List<(InputTargets Layers, bool IsOrdered)> _rules = [];

    private OrderedLayers(bool all) => _all = all;

    public static OrderedLayers None { get; } = new(false);

    public static OrderedLayers Read(JsonElement e)
    {
        OrderedLayers layers = new(SettingsJson.IsTrue(e, "desc_act"));
        if (SettingsJson.ObjectOf(e, "dynamic") is not JsonElement rules) return layers;
        foreach (JsonProperty rule in rules.EnumerateObject())
        {
            string pattern = rule.Name.Length > 2 && rule.Name[1] == ':' && rule.Name[0] is '+' or '-'
                ? rule.Name[2..] : rule.Name;
            bool isSaid = rule.Value.ValueKind == JsonValueKind.Object && rule.Value.TryGetProperty("desc_act", out _);
            layers._rules.Add((
                new InputTargets(["re:" + pattern]),
                isSaid ? SettingsJson.IsTrue(rule.Value, "desc_act") : layers._all));
        }

        return layers;
    }

    /// <summary>True if the layer's order must be stored.</summary>
    public bool Holds(string module)
    {
        foreach ((InputTargets layers, bool isOrdered) in _rules)
        {
            if (layers.Matches(module)) return isOrdered;
        }

        return _all;
    }
}
