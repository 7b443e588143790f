using System.Globalization;

namespace Engine.Loading;

/// <summary>Metadata and tensor index of a GGUF file.</summary>
internal sealed class GgufFile(
    string file, Dictionary<string, object> metadata, List<GgufTensor> tensors)
{
    /// <summary>Where it was read from.</summary>
    public string File => file;

    public IReadOnlyDictionary<string, object> Metadata => metadata;

    public IReadOnlyList<GgufTensor> Tensors => tensors;

    public bool Has(string key) => metadata.ContainsKey(key);

    public string? TextOrNull(string key) => Get<string>(key, "a string");

    public string Text(string key) => TextOrNull(key) ?? throw Missing(key, "a string");

    public bool Flag(string key, bool otherwise) =>
        !metadata.TryGetValue(key, out object? value) ? otherwise
            : value is bool flag ? flag : throw Wrong(key, "a boolean", value);

    /// <summary>An integer of any width that fits.</summary>
    public long Number(string key, long otherwise)
    {
        if (!metadata.TryGetValue(key, out object? value))
        {
            return otherwise;
        }

        return value switch
        {
            byte or sbyte or short or ushort or int or uint or long =>
                Convert.ToInt64(value, CultureInfo.InvariantCulture),
            ulong big when big <= long.MaxValue => (long)big,
            _ => throw Wrong(key, "an integer", value),
        };
    }

    /// <summary>A number as a double; null if the key is absent.</summary>
    public double? RealOrNull(string key) => !metadata.TryGetValue(key, out object? value) ? null : value switch
    {
        float x when float.IsFinite(x) => x,
        double x when double.IsFinite(x) => x,
        byte or sbyte or short or ushort or int or uint or long or ulong =>
            Convert.ToDouble(value, CultureInfo.InvariantCulture),
        _ => throw Wrong(key, "a finite number", value),
    };

    public string[] Texts(string key) => TextsOrNull(key) ?? throw Missing(key, "an array of strings");

    public string[]? TextsOrNull(string key) => Get<string[]>(key, "an array of strings");

    public float[]? FloatsOrNull(string key) => Get<float[]>(key, "an array of 32-bit floats");

    public int[]? IntsOrNull(string key) => Get<int[]>(key, "an array of 32-bit integers");

    public EngineException Wrong(string key, string expected, object found) =>
        EngineException.Corrupt(file, $"{key}: expected {expected}, found {Describe(found)}");

    private static string Describe(object value) => value switch
    {
        Array array => $"{array.GetType().GetElementType()!.Name}[{array.Length}]",
        string => "a string",
        _ => string.Create(CultureInfo.InvariantCulture, $"{value} ({value.GetType().Name})"),
    };

    private T? Get<T>(string key, string expected)
        where T : class =>
        !metadata.TryGetValue(key, out object? value) ? null
            : value as T ?? throw Wrong(key, expected, value);

    private EngineException Missing(string key, string expected) =>
        EngineException.Corrupt(file, $"{key}: expected {expected}, found nothing");
}
