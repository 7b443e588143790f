using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Engine.Tokenization.Templating;

namespace Engine.Chat.Parsing;

/// <summary>The declared parameters of a request's tools, for formats that write values as plain text.</summary>
internal sealed class ToolSchemas
{
    private readonly Dictionary<(string Tool, string Parameter), string[]> _types = [];

    /// <param name="tools">The request's list of tools, or an element that is absent.</param>
    public ToolSchemas(JsonElement tools)
    {
        if (tools.ValueKind != JsonValueKind.Array)
        {
            return;
        }

        foreach (JsonElement tool in tools.EnumerateArray())
        {
            // OpenAI's chat form has the function inside; its Responses form has it flat.
            JsonElement function = Member(tool, "function") is { ValueKind: JsonValueKind.Object } inner ? inner : tool;
            if (Member(function, "name") is { ValueKind: JsonValueKind.String } name
                && Member(Member(function, "parameters"), "properties") is
                { ValueKind: JsonValueKind.Object } properties)
            {
                foreach (JsonProperty property in properties.EnumerateObject())
                {
                    _types[(name.GetString()!, property.Name)] = TypesOf(property.Value);
                }
            }
        }
    }

    /// <summary>A value written as text, as JSON: the first declared type that fits, else a string.</summary>
    public string ToJson(string tool, string parameter, string value)
    {
        string[] types = _types.GetValueOrDefault((tool, parameter), []);
        string trimmed = value.Trim();
        if (Has(types, "null") && trimmed.Equals("null", StringComparison.OrdinalIgnoreCase))
        {
            return "null";
        }

        bool isNumber = Has(types, "number");
        if ((isNumber || Has(types, "integer")) && Integer(trimmed) is { } integer)
        {
            return integer;
        }

        if (isNumber && Number(trimmed) is { } number)
        {
            return number;
        }

        if (Has(types, "boolean") && bool.TryParse(trimmed, out bool flag))
        {
            return flag ? "true" : "false";
        }

        return (Has(types, "object") || Has(types, "array")) && PythonJson.Normalize(value) is { } nested
            ? nested
            : PythonJson.Quote(value);
    }

    private static bool Has(string[] types, string type) => types.Contains(type, StringComparer.Ordinal);

    private static JsonElement Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement member)
            ? member
            : default;

    private static string[] TypesOf(JsonElement schema)
    {
        JsonElement type = Member(schema, "type");
        return type.ValueKind switch
        {
            JsonValueKind.String => [type.GetString()!],
            JsonValueKind.Array => [.. type.EnumerateArray()
                .Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)],
            _ => [],
        };
    }

    private static string? Integer(string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan(text is ['+' or '-', ..] ? 1 : 0);
        return digits.IsEmpty || digits.Length > Num.DecimalDigitsMax || digits.ContainsAnyExceptInRange('0', '9')
            ? null
            : BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
                .ToString(CultureInfo.InvariantCulture);
    }

    private static string? Number(string text)
    {
        const NumberStyles style =
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(text, style, CultureInfo.InvariantCulture, out double number)
            && double.IsFinite(number) && text.AsSpan().ContainsAnyInRange('0', '9')
            ? FloatFormat.Repr(number)
            : null;
    }
}
