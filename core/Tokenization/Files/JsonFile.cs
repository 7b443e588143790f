using System.Text.Json;

namespace Engine.Tokenization.Files;

/// <summary>A JSON file read with limits, and fields that name themselves when they are wrong.</summary>
internal static class JsonFile
{
    public const long MaxBytes = 512L << 20;
    private const int MaxDepth = 128;

    private static readonly JsonDocumentOptions Options = new()
    {
        MaxDepth = MaxDepth,
        AllowTrailingCommas = false,
        CommentHandling = JsonCommentHandling.Disallow,
    };

    /// <summary>Reads a whole file that may not be larger than MaxBytes.</summary>
    public static byte[] ReadBytes(string path)
    {
        try
        {
            FileInfo info = new(path);
            if (info.Exists && info.Length > MaxBytes)
            {
                throw EngineException.Corrupt(
                    path, $"is {info.Length} bytes; at most {MaxBytes} are expected");
            }

            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new EngineException(EngineStatus.NotFound, $"{path} does not exist.", path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException(EngineStatus.Io, $"{path}: {e.Message}", path, e);
        }
    }

    /// <summary>Parses and reads; whatever is wrong with the content becomes one kind of error.</summary>
    public static T Parse<T>(ReadOnlyMemory<byte> json, string file, Func<JsonElement, T> read)
    {
        try
        {
            ReadOnlyMemory<byte> body = json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json;
            using JsonDocument document = JsonDocument.Parse(body, Options);
            return read(document.RootElement);
        }
        catch (EngineException e) when (e.Parameter is null)
        {
            throw new EngineException(e.Status, $"{file}: {e.Message}", file, e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException
            or OverflowException or ArgumentException or KeyNotFoundException)
        {
            throw EngineException.Corrupt(file, e.Message, e);
        }
    }

    public static EngineException Error(string message) => new(EngineStatus.CorruptData, message);

    /// <summary>A field that is there and not null.</summary>
    public static bool TryGet(this JsonElement element, string name, out JsonElement value)
    {
        value = default;
        return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out value)
            && value.ValueKind != JsonValueKind.Null;
    }

    public static JsonElement Required(this JsonElement element, string name) =>
        element.TryGet(name, out JsonElement value) ? value
            : throw Error($"expected a field \"{name}\", found none");

    public static bool Flag(this JsonElement element, string name, bool otherwise = false)
    {
        if (!element.TryGet(name, out JsonElement value))
        {
            return otherwise;
        }

        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Error($"\"{name}\": expected true or false, found {value.ValueKind}"),
        };
    }

    public static string? TextOrNull(this JsonElement element, string name) =>
        !element.TryGet(name, out JsonElement value) ? null
            : value.ValueKind == JsonValueKind.String ? value.GetString()
            : throw Error($"\"{name}\": expected a string, found {value.ValueKind}");

    public static string Text(this JsonElement element, string name) =>
        element.TextOrNull(name)
            ?? throw Error($"expected a string field \"{name}\", found none");

    public static int Number(this JsonElement element, string name, int otherwise)
    {
        if (!element.TryGet(name, out JsonElement value))
        {
            return otherwise;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            ? number : throw Error($"\"{name}\": expected a 32-bit integer");
    }

    public static JsonElement.ArrayEnumerator Items(this JsonElement element, string name)
    {
        JsonElement value = element.Required(name);
        return value.ValueKind == JsonValueKind.Array ? value.EnumerateArray()
            : throw Error($"\"{name}\": expected an array, found {value.ValueKind}");
    }

    /// <summary>A string of exactly one code point.</summary>
    public static int Character(this JsonElement element, string name, int otherwise = -1)
    {
        string? text = element.TextOrNull(name);
        if (text is null && otherwise >= 0)
        {
            return otherwise;
        }

        int[] codes = Tokenization.Text.CodePoints.FromUtf16(text ?? "");
        return codes.Length == 1 ? codes[0]
            : throw Error($"\"{name}\": expected one character, found \"{text}\"");
    }
}
