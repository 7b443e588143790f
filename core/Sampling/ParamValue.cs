using System.Text.Json;

namespace Engine.Sampling;

/// <summary>What kind of value a door hands in for a parameter.</summary>
public enum ParamKind
{
    /// <summary>JSON null: the field's default.</summary>
    Null = 0,

    /// <summary>An integer.</summary>
    Integer = 1,

    /// <summary>A number with a fraction or exponent.</summary>
    Number = 2,

    /// <summary>True or false.</summary>
    Boolean = 3,

    /// <summary>Text.</summary>
    Text = 4,

    /// <summary>A JSON array or object.</summary>
    Json = 5,
}

/// <summary>A parameter's value as it comes through the C ABI's setters or in a JSON body.</summary>
public readonly struct ParamValue
{
    private ParamValue(
        ParamKind kind,
        long integer = 0,
        double number = 0,
        string? text = null,
        JsonElement json = default)
    {
        Kind = kind;
        Integer = integer;
        Number = number;
        Text = text;
        Json = json;
    }

    /// <summary>Which of the values below is set.</summary>
    public ParamKind Kind { get; }

    /// <summary>The integer; 1 for true.</summary>
    public long Integer { get; }

    /// <summary>The number; an integer's value as well.</summary>
    public double Number { get; }

    /// <summary>The text.</summary>
    public string? Text { get; }

    /// <summary>The array or object.</summary>
    public JsonElement Json { get; }

    /// <summary>Null: the field's default.</summary>
    public static ParamValue Null => default;

    /// <summary>An integer.</summary>
    public static ParamValue From(long value) => new(ParamKind.Integer, value, value);

    /// <summary>A number.</summary>
    public static ParamValue From(double value) => new(ParamKind.Number, number: value);

    /// <summary>A truth value.</summary>
    public static ParamValue From(bool value) => new(ParamKind.Boolean, value ? 1 : 0);

    /// <summary>Text.</summary>
    public static ParamValue From(string value) => new(ParamKind.Text, text: value);

    /// <summary>Any JSON value. The element must outlive the use of this.</summary>
    public static ParamValue From(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number when value.TryGetInt64(out long integer) => From(integer),
        JsonValueKind.Number => From(value.GetDouble()),
        JsonValueKind.True => From(true),
        JsonValueKind.False => From(false),
        JsonValueKind.String => From(value.GetString()!),
        JsonValueKind.Array or JsonValueKind.Object => new(ParamKind.Json, json: value),
        _ => Null,
    };
}
