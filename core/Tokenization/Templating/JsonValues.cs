using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Engine.Tokenization.Templating;

/// <summary>Turns JSON into template values; the order of keys is kept.</summary>
internal static class JsonValues
{
    /// <param name="element">The JSON.</param>
    /// <param name="guard">Applied to every text and key in it; null leaves them as they are.</param>
    public static object? From(JsonElement element, Func<string, string>? guard = null)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw TemplateException.Recursion();
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var dict = new TemplateDict();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    dict.Set(guard is null ? property.Name : guard(property.Name), From(property.Value, guard));
                }

                return dict;
            case JsonValueKind.Array:
                var list = new List<object?>(element.GetArrayLength());
                foreach (JsonElement item in element.EnumerateArray())
                    list.Add(From(item, guard));
                return new TemplateList(list);
            case JsonValueKind.String:
                return guard is null ? element.GetString() : guard(element.GetString()!);
            case JsonValueKind.Number:
                return Number(element);
            case JsonValueKind.True:
                return Num.True;
            case JsonValueKind.False:
                return Num.False;
            default:
                return null;
        }
    }

    private static object Number(JsonElement element)
    {
        string text = element.GetRawText();
        if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0)
            return element.GetDouble();
        if (element.TryGetInt64(out long n))
            return Num.Box(n);
        if (text.Length > Num.DecimalDigitsMax)
            throw TemplateException.Value("Exceeds the limit (4300 digits) for integer string conversion");
        return Num.Box(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
    }

    /// <summary>Parses text as JSON if it is a JSON object; servers do so with tool call arguments.</summary>
    /// <param name="text">The text.</param>
    /// <param name="guard">Applied to every text and key in it; null leaves them as they are.</param>
    public static object? FromText(string text, Func<string, string>? guard = null)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object ? From(document.RootElement, guard) : text;
        }
        catch (JsonException)
        {
            return text;
        }
    }

    /// <summary>Length of the raw text, 0 for an element that is absent.</summary>
    public static int RawLength(JsonElement element) =>
        element.ValueKind == JsonValueKind.Undefined ? 0 : element.GetRawText().Length;
}
