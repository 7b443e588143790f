namespace Engine.Models;

/// <summary>
/// Rotary positions of one kind of layer, from either style of config.json: rope_theta and
/// rope_scaling, or rope_parameters.
/// </summary>
internal sealed class RopeSettings
{
    public required double Theta { get; init; }

    /// <summary>"default", "linear", "dynamic", "llama3", "yarn", "longrope" or "proportional".</summary>
    public required string Type { get; init; }

    /// <summary>The object that holds the parameters of Type; null for default.</summary>
    public ConfigJson? Scaling { get; init; }

    public double? PartialRotaryFactor { get; init; }

    /// <summary>Reads the settings of a kind of layer.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="layerType">"full_attention" or "sliding_attention".</param>
    public static RopeSettings Read(ConfigJson json, string layerType)
    {
        ConfigJson? parameters = json.Object("rope_parameters");
        if (parameters is not null && parameters.IsObject(layerType))
        {
            parameters = parameters.Object(layerType);
        }
        double defaultTheta = json.Double("rotary_emb_base", 10000);
        if (parameters is not null)
        {
            return Create(
                parameters,
                parameters.OptionalDouble("rope_theta") ?? json.Double("rope_theta", defaultTheta),
                parameters.OptionalDouble("partial_rotary_factor") ?? Partial(json));
        }
        return Create(json.Object("rope_scaling"), json.Double("rope_theta", defaultTheta), Partial(json));
    }

    /// <summary>Unscaled rotary positions of another base.</summary>
    public RopeSettings Unscaled(double theta) =>
        new() { Theta = theta, Type = "default", PartialRotaryFactor = PartialRotaryFactor };

    private static double? Partial(ConfigJson json) =>
        json.OptionalDouble("partial_rotary_factor") ?? json.OptionalDouble("rotary_pct") ??
        json.OptionalDouble("rope_pct");

    private static RopeSettings Create(ConfigJson? scaling, double theta, double? partial)
    {
        string type = scaling?.OptionalString("rope_type") ?? scaling?.OptionalString("type") ?? "default";
        if (type == "su") type = "longrope"; // the name in the first Phi-3 files
        if (type is not ("default" or "linear" or "dynamic" or "llama3" or "yarn" or "longrope" or "proportional"))
        {
            throw scaling!.Bad(
                "rope_type", "default, linear, dynamic, llama3, yarn, longrope or proportional", $"\"{type}\"");
        }
        if (theta <= 0) throw EngineException.Corrupt("config.json", $"rope_theta: expected > 0, found {theta}");
        return new RopeSettings
        {
            Theta = theta,
            Type = type,
            Scaling = type == "default" ? null : scaling,
            PartialRotaryFactor = partial,
        };
    }
}
