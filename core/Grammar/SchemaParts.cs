using System.Text.Json;

namespace Engine.Grammar;

/// <summary>JSON's types as bits; an integer is a number as well.</summary>
[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,
    Number = 8,
    String = 16,
    Array = 32,
    Object = 64,
    All = Null | Boolean | Number | String | Array | Object,
}

/// <summary>What one schema object says of objects.</summary>
internal sealed record ObjectPart(
    IReadOnlyDictionary<string, JsonElement> Properties,
    JsonElement? Additional,
    JsonElement? Pattern,
    string? PatternKey);

/// <summary>What one schema object says of arrays.</summary>
internal sealed record ArrayPart(JsonElement[] Prefix, JsonElement? Items);

/// <summary>The conjunction of some schemas: everything a value must satisfy, choices aside.</summary>
internal sealed class SchemaParts
{
    public JsonTypes Types { get; set; } = JsonTypes.All;

    /// <summary>Values allowed by enum and const; null is no limit.</summary>
    public List<JsonElement>? Values { get; set; }

    public decimal? Minimum { get; private set; }

    public bool MinimumExcluded { get; private set; }

    public decimal? Maximum { get; private set; }

    public bool MaximumExcluded { get; private set; }

    public int MinLength { get; set; }

    public int? MaxLength { get; set; }

    public List<string> Patterns { get; private set; } = [];

    public List<string> Formats { get; private set; } = [];

    public int MinItems { get; set; }

    public int? MaxItems { get; set; }

    public List<ArrayPart> Arrays { get; private set; } = [];

    public List<ObjectPart> Objects { get; private set; } = [];

    public List<string> Required { get; private set; } = [];

    public List<JsonElement> KeySchemas { get; private set; } = [];

    /// <summary>anyOf and oneOf: one option of each must hold too.</summary>
    public List<(string Keyword, JsonElement[] Options)> Choices { get; private set; } = [];

    /// <summary>Keywords that cannot be enforced, and the types they concern.</summary>
    public List<(string Keyword, JsonTypes Types)> Unsupported { get; private set; } = [];

    /// <summary>A copy without its choices, to which one option of each is then added.</summary>
    public SchemaParts WithoutChoices()
    {
        var copy = (SchemaParts)MemberwiseClone();
        copy.Patterns = [.. Patterns];
        copy.Formats = [.. Formats];
        copy.Arrays = [.. Arrays];
        copy.Objects = [.. Objects];
        copy.Required = [.. Required];
        copy.KeySchemas = [.. KeySchemas];
        copy.Unsupported = [.. Unsupported];
        copy.Choices = [];
        return copy;
    }

    public void AtLeast(decimal bound, bool excluded)
    {
        if (Minimum is null || bound > Minimum || (bound == Minimum && excluded))
        {
            (Minimum, MinimumExcluded) = (bound, excluded);
        }
    }

    public void AtMost(decimal bound, bool excluded)
    {
        if (Maximum is null || bound < Maximum || (bound == Maximum && excluded))
        {
            (Maximum, MaximumExcluded) = (bound, excluded);
        }
    }
}
