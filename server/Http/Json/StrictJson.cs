using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Engine.Server.Http.Json;

/// <summary>
/// Parses a body that came from anywhere: one JSON value in valid UTF-8, no key twice in an
/// object, no number outside the range of a double, bounded depth.
/// </summary>
internal static class StrictJson
{
    /// <summary>Objects and lists inside each other, at most.</summary>
    public const int MaxDepth = 128;

    /// <summary>Parses an object.</summary>
    /// <exception cref="ApiException">400 with the reason.</exception>
    public static JsonDocument ParseObject(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.IsEmpty)
        {
            throw ApiException.BadRequest("The body is empty; a JSON object is needed.");
        }

        if (!Utf8.IsValid(utf8.Span))
        {
            throw ApiException.BadRequest("The body is not valid UTF-8.");
        }

        try
        {
            Check(utf8.Span);
            var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                string kind = KindName(document.RootElement.ValueKind);
                document.Dispose();
                throw ApiException.BadRequest($"The body must be a JSON object, not {kind}.");
            }

            return document;
        }
        catch (JsonException e)
        {
            throw ApiException.BadRequest($"The body is not valid JSON: {e.Message}");
        }
    }

    /// <summary>What a value is, for a message.</summary>
    public static string KindName(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        _ => "null",
    };

    private static void Check(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        var names = new Stack<HashSet<string>>();
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    names.Push(new HashSet<string>(StringComparer.Ordinal));
                    break;
                case JsonTokenType.EndObject:
                    names.Pop();
                    break;
                case JsonTokenType.PropertyName:
                    string name = TextOf(ref reader);
                    if (!names.Peek().Add(name))
                    {
                        throw ApiException.BadRequest(
                            $"The key \"{Shorten(name)}\" occurs twice in one object.");
                    }

                    break;
                case JsonTokenType.String when reader.ValueIsEscaped:
                    TextOf(ref reader);
                    break;
                case JsonTokenType.Number when !IsFinite(reader.ValueSpan):
                    throw ApiException.BadRequest(
                        $"The number {Shorten(Encoding.ASCII.GetString(reader.ValueSpan))} is out of range.");
                default:
                    break;
            }
        }
    }

    // An escaped lone surrogate is legal JSON and no text.
    private static string TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.BadRequest("A string holds half of a surrogate pair.");
        }
    }

    private static bool IsFinite(ReadOnlySpan<byte> number) =>
        double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
        && double.IsFinite(value);

    private static string Shorten(string text) => text.Length <= 64 ? text : text[..64] + "...";
}
