using System.Globalization;
using System.Text.Json;

namespace Engine.Sampling;

/// <summary>Values of parameters with strict types; every error names its field.</summary>
internal static class ParamReader
{
    // Far above any limit; only keeps a hostile list from being built before it is refused.
    private const int MaxEntries = 1 << 20;

    public static int? IntOrNull(string name, ParamValue value) => value.Kind switch
    {
        ParamKind.Null => null,
        ParamKind.Integer when value.Integer is >= int.MinValue and <= int.MaxValue => (int)value.Integer,

        // 2.0 is an integer to JSON, whatever the spelling.
        ParamKind.Number when value.Number == Math.Floor(value.Number)
            && value.Number is >= int.MinValue and <= int.MaxValue => (int)value.Number,
        _ => throw Wrong(name, "a 32-bit integer", value),
    };

    /// <summary>-1 is no seed, as in llama.cpp.</summary>
    public static long? Seed(string name, ParamValue value) => value.Kind switch
    {
        ParamKind.Null => null,
        ParamKind.Integer => value.Integer == -1 ? null : value.Integer,
        _ => throw Wrong(name, "a 64-bit integer", value),
    };

    public static float? FloatOrNull(string name, ParamValue value) => value.Kind switch
    {
        ParamKind.Null => null,
        ParamKind.Integer or ParamKind.Number => ToFloat(value.Number),
        _ => throw Wrong(name, "a number", value),
    };

    public static bool? BoolOrNull(string name, ParamValue value) => value.Kind switch
    {
        ParamKind.Null => null,
        ParamKind.Boolean => value.Integer != 0,
        _ => throw Wrong(name, "true or false", value),
    };

    public static string? TextOrNull(string name, ParamValue value) => value.Kind switch
    {
        ParamKind.Null => null,
        ParamKind.Text => value.Text,
        _ => throw Wrong(name, "a string", value),
    };

    public static OutputKind OutputKind(string name, ParamValue value) => value.Kind switch
    {
        ParamKind.Null => Sampling.OutputKind.Cumulative,
        ParamKind.Integer when value.Integer is >= 0 and <= 2 => (OutputKind)value.Integer,
        ParamKind.Text when value.Text == "CUMULATIVE" => Sampling.OutputKind.Cumulative,
        ParamKind.Text when value.Text == "DELTA" => Sampling.OutputKind.Delta,
        ParamKind.Text when value.Text == "FINAL_ONLY" => Sampling.OutputKind.FinalOnly,
        _ => throw Wrong(name, "0, 1, 2, CUMULATIVE, DELTA or FINAL_ONLY", value),
    };

    public static IReadOnlyList<string>? Strings(string name, ParamValue value, bool orOne)
    {
        if (value.Kind == ParamKind.Null)
        {
            return null;
        }

        if (orOne && value.Kind == ParamKind.Text)
        {
            return [value.Text!];
        }

        string wanted = orOne ? "a string or a list of strings" : "a list of strings";
        var strings = new List<string>();
        foreach (JsonElement item in Items(name, value, wanted))
        {
            if (item.ValueKind != JsonValueKind.String)
            {
                throw EngineException.Invalid(name, $"expected {wanted}, found {Describe(item)} in it");
            }

            strings.Add(item.GetString()!);
        }

        return strings;
    }

    public static IReadOnlyList<int>? Ids(string name, ParamValue value)
    {
        if (value.Kind == ParamKind.Null)
        {
            return null;
        }

        var ids = new List<int>();
        foreach (JsonElement item in Items(name, value, "a list of token ids"))
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out int id))
            {
                throw EngineException.Invalid(
                    name, $"expected a list of token ids, found {Describe(item)} in it");
            }

            ids.Add(id);
        }

        return ids;
    }

    public static IReadOnlyDictionary<int, float>? Bias(string name, ParamValue value)
    {
        if (value.Kind == ParamKind.Null)
        {
            return null;
        }

        if (value.Kind != ParamKind.Json || value.Json.ValueKind != JsonValueKind.Object)
        {
            throw Wrong(name, "an object of token ids and numbers", value);
        }

        var bias = new Dictionary<int, float>();
        foreach (JsonProperty item in value.Json.EnumerateObject())
        {
            if (!int.TryParse(
                item.Name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int id))
            {
                throw EngineException.Invalid(name, $"\"{Shorten(item.Name)}\" is not a token id");
            }

            if (item.Value.ValueKind != JsonValueKind.Number)
            {
                throw EngineException.Invalid(
                    name, $"the bias of token {id} must be a number, found {Describe(item.Value)}");
            }

            bias[id] = ToFloat(item.Value.GetDouble());
        }

        return bias;
    }

    private static JsonElement.ArrayEnumerator Items(string name, ParamValue value, string wanted)
    {
        if (value.Kind != ParamKind.Json || value.Json.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(name, wanted, value);
        }

        int length = value.Json.GetArrayLength();
        return length <= MaxEntries
            ? value.Json.EnumerateArray()
            : throw EngineException.Invalid(name, $"has {length} entries");
    }

    /// <summary>The nearest float that says the same: a number that is not 0 does not become 0.</summary>
    private static float ToFloat(double value)
    {
        float rounded = (float)value;
        return rounded == 0 && value != 0 ? MathF.CopySign(float.Epsilon, (float)value) : rounded;
    }

    private static EngineException Wrong(string name, string wanted, ParamValue value) =>
        EngineException.Invalid(name, $"expected {wanted}, found {Describe(value)}");

    private static string Describe(ParamValue value) => value.Kind switch
    {
        ParamKind.Null => "null",
        ParamKind.Integer => value.Integer.ToString(CultureInfo.InvariantCulture),
        ParamKind.Number => value.Number.ToString(CultureInfo.InvariantCulture),
        ParamKind.Boolean => value.Integer != 0 ? "true" : "false",
        ParamKind.Text => $"\"{Shorten(value.Text!)}\"",
        _ => Describe(value.Json),
    };

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => $"\"{Shorten(value.GetString()!)}\"",
        _ => Shorten(value.GetRawText()),
    };

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
