using System.Globalization;
using System.Text;
using System.Text.Json;
using Engine.Tokenization.Templating;

namespace Engine.Chat.Parsing;

/// <summary>JSON as Python's json.dumps writes it with ensure_ascii off: ", " and ": " between items.</summary>
internal static class PythonJson
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 128 };

    /// <summary>An object or list read and written anew, or null if the text is no such.</summary>
    public static string? Normalize(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, Options);
            if (document.RootElement.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
            {
                return null;
            }

            var json = new StringBuilder(text.Length);
            Write(json, document.RootElement);
            return json.ToString();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON, or a string with half a surrogate pair.
            return null;
        }
    }

    public static string Quote(string text)
    {
        var json = new StringBuilder(text.Length + 2);
        Quote(json, text);
        return json.ToString();
    }

    public static void Quote(StringBuilder json, string text)
    {
        json.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"' or '\\':
                    json.Append('\\').Append(c);
                    break;
                case '\n':
                    json.Append("\\n");
                    break;
                case '\r':
                    json.Append("\\r");
                    break;
                case '\t':
                    json.Append("\\t");
                    break;
                case '\b':
                    json.Append("\\b");
                    break;
                case '\f':
                    json.Append("\\f");
                    break;
                case < ' ':
                    json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    break;
                default:
                    json.Append(c);
                    break;
            }
        }

        json.Append('"');
    }

    private static void Write(StringBuilder json, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(json, value);
                break;
            case JsonValueKind.Array:
                string between = "[";
                foreach (JsonElement item in value.EnumerateArray())
                {
                    json.Append(between);
                    Write(json, item);
                    between = ", ";
                }

                json.Append(between == "[" ? "[]" : "]");
                break;
            case JsonValueKind.String:
                Quote(json, value.GetString()!);
                break;
            case JsonValueKind.Number:
                string raw = value.GetRawText();
                bool isReal = raw.AsSpan().ContainsAny('.', 'e', 'E')
                    && double.IsFinite(value.GetDouble());
                json.Append(isReal ? FloatFormat.Repr(value.GetDouble()) : raw == "-0" ? "0" : raw);
                break;
            default:
                json.Append(value.GetRawText());
                break;
        }
    }

    // A key that comes again replaces the value, at its first place.
    private static void WriteObject(StringBuilder json, JsonElement value)
    {
        var members = new OrderedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (JsonProperty property in value.EnumerateObject())
        {
            members[property.Name] = property.Value;
        }

        json.Append('{');
        string between = "";
        foreach ((string key, JsonElement member) in members)
        {
            json.Append(between);
            Quote(json, key);
            json.Append(": ");
            Write(json, member);
            between = ", ";
        }

        json.Append('}');
    }
}
