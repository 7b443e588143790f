using System.Text.Json;

namespace Engine.Sampling;

/// <summary>Ends an output whose last tokens are one pattern over and over; names and meaning as in vLLM.</summary>
public sealed record RepetitionDetection
{
    private const string Field = "repetition_detection";
    private const int MaxSize = 4096;

    /// <summary>Tokens of the longest pattern; 0 is off.</summary>
    public int MaxPatternSize { get; init; }

    /// <summary>Tokens of the shortest; 0 counts as 1.</summary>
    public int MinPatternSize { get; init; }

    /// <summary>So many times in a row end the output; at least 2.</summary>
    public int MinCount { get; init; }

    internal static RepetitionDetection? Read(ParamValue value)
    {
        if (value.Kind == ParamKind.Null)
        {
            return null;
        }

        if (value.Kind != ParamKind.Json || value.Json.ValueKind != JsonValueKind.Object)
        {
            throw EngineException.Invalid(Field, "expected an object with max_pattern_size and min_count");
        }

        var result = new RepetitionDetection();
        foreach (JsonProperty item in value.Json.EnumerateObject())
        {
            int number = ParamReader.IntOrNull(Field, ParamValue.From(item.Value)) ?? 0;
            result = item.Name switch
            {
                "max_pattern_size" => result with { MaxPatternSize = number },
                "min_pattern_size" => result with { MinPatternSize = number },
                "min_count" => result with { MinCount = number },
                _ => throw EngineException.Invalid(
                    Field, "takes max_pattern_size, min_pattern_size and min_count alone"),
            };
        }

        return result;
    }

    internal void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("max_pattern_size", MaxPatternSize);
        json.WriteNumber("min_pattern_size", MinPatternSize);
        json.WriteNumber("min_count", MinCount);
        json.WriteEndObject();
    }

    /// <summary>Throws InvalidArgument unless the numbers make sense.</summary>
    internal void Validate()
    {
        string? wrong = MinPatternSize < 0 || MaxPatternSize is < 0 or > MaxSize
                ? $"pattern sizes must be 0 to {MaxSize}"
            : MinPatternSize > MaxPatternSize ? "min_pattern_size must be at most max_pattern_size"
            : MaxPatternSize > 0 && MinCount < 2 ? "min_count must be at least 2"
            : null;
        if (wrong is not null)
        {
            throw EngineException.Invalid(Field, wrong);
        }
    }
}

/// <summary>Watches one output for it.</summary>
internal sealed class RepetitionDetector(RepetitionDetection parameters)
{
    private readonly int _min = Math.Max(1, parameters.MinPatternSize);

    // [p]: so many tokens in a row, up to the last, are the same as the one p before.
    private readonly int[] _runs = new int[parameters.MaxPatternSize + 1];

    // The last MaxPatternSize tokens, in a ring.
    private readonly int[] _ring = new int[Math.Max(1, parameters.MaxPatternSize)];
    private long _count;

    /// <summary>Adds a token; true if the output ends in a pattern that has come often enough.</summary>
    public bool Append(int token)
    {
        bool isFound = false;
        int longest = (int)Math.Min(_count, parameters.MaxPatternSize);
        for (int size = 1; size <= longest; size++)
        {
            _runs[size] = _ring[(int)((_count - size) % _ring.Length)] == token ? _runs[size] + 1 : 0;
            isFound |= size >= _min && _runs[size] >= (long)size * (parameters.MinCount - 1);
        }

        _ring[(int)(_count++ % _ring.Length)] = token;
        return isFound;
    }
}
