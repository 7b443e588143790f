using System.Buffers.Binary;
using System.Text.Json;
using Engine.Memory;

namespace Engine.Loading;

/// <summary>
/// Reads the header of a safetensors file: 8 bytes little-endian length, then JSON. Stricter than the
/// format's own reader: no duplicate, unknown or missing key, no gap, no overlap, no byte left over.
/// </summary>
internal static class SafetensorsHeader
{
    public const int PrefixBytes = 8;
    public const long HeaderBytesMax = 100_000_000;
    public const int NumTensorsMax = 400_000;
    private const int NumDimensionsMax = 64;

    /// <summary>Tensors by name.</summary>
    /// <param name="file">Name for messages.</param>
    /// <param name="fileBytes">Size of the whole file.</param>
    /// <param name="prefix">The first 8 bytes of the file, or fewer if it is shorter.</param>
    public static long ReadLength(string file, long fileBytes, ReadOnlySpan<byte> prefix)
    {
        if (fileBytes < PrefixBytes)
        {
            throw EngineException.Corrupt(
                file, $"expected at least {PrefixBytes} bytes of header length, found {fileBytes}");
        }
        if (prefix.SequenceEqual("version "u8))
        {
            throw EngineException.Corrupt(
                file, "is a Git LFS pointer in the place of the file: fetch the file itself (git lfs pull)");
        }
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > HeaderBytesMax)
        {
            throw EngineException.Corrupt(
                file, $"header length: expected at most {HeaderBytesMax} bytes, found {length}");
        }
        if (length > (ulong)(fileBytes - PrefixBytes))
        {
            throw EngineException.Corrupt(
                file, $"header length: {length} bytes, but the file has only {fileBytes - PrefixBytes} behind it");
        }
        return (long)length;
    }

    /// <summary>Parses and checks the JSON.</summary>
    /// <param name="file">Name for messages.</param>
    /// <param name="json">The header.</param>
    /// <param name="dataBytes">Bytes of the file behind the header.</param>
    public static Dictionary<string, SafetensorsTensor> Parse(
        string file, ReadOnlySpan<byte> json, long dataBytes)
    {
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw EngineException.Corrupt(file, "header: expected a JSON object that starts with '{'");
        }
        Dictionary<string, SafetensorsTensor> tensors = new(StringComparer.Ordinal);
        try
        {
            Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 4 });
            reader.Read();
            bool sawMetadata = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                reader.Read();
                if (name == "__metadata__")
                {
                    if (sawMetadata) throw EngineException.Corrupt(file, "header: __metadata__ occurs twice");
                    sawMetadata = true;
                    SkipMetadata(file, ref reader);
                    continue;
                }
                if (tensors.Count == NumTensorsMax)
                {
                    throw EngineException.Corrupt(file, $"header: more than {NumTensorsMax} tensors");
                }
                if (!tensors.TryAdd(name, ReadTensor(file, name, ref reader)))
                {
                    throw EngineException.Corrupt(file, $"tensor '{Shorten(name)}' occurs twice");
                }
            }
            while (reader.Read()) { } // anything but white space behind the object is an error
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw EngineException.Corrupt(file, $"header is not valid JSON: {e.Message}", e);
        }
        CheckCoverage(file, tensors, dataBytes);
        return tensors;
    }

    private static SafetensorsTensor ReadTensor(string file, string name, ref Utf8JsonReader reader)
    {
        Expect(file, name, ref reader, JsonTokenType.StartObject, "an object");
        DType? type = null;
        List<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            bool twice = key switch
            {
                "dtype" => type is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => false,
            };
            if (twice) throw Bad(file, name, $"'{Shorten(key)}' occurs twice");
            switch (key)
            {
                case "dtype":
                    Expect(file, name, ref reader, JsonTokenType.String, "dtype to be a string");
                    type = ParseType(file, name, reader.GetString()!);
                    break;
                case "shape":
                    shape = ReadIntegers(file, name, "shape", ref reader);
                    break;
                case "data_offsets":
                    offsets = ReadIntegers(file, name, "data_offsets", ref reader);
                    break;
                default:
                    throw Bad(
                        file, name, $"expected dtype, shape and data_offsets, found '{Shorten(key)}'");
            }
        }
        if (type is null) throw Bad(file, name, "dtype is missing");
        if (shape is null) throw Bad(file, name, "shape is missing");
        if (offsets is null) throw Bad(file, name, "data_offsets is missing");
        if (offsets.Count != 2 || offsets[0] > offsets[1])
        {
            throw Bad(
                file, name, $"data_offsets: expected [begin, end], found [{string.Join(", ", offsets)}]");
        }
        long expected = SizeOf(file, name, type.Value, shape);
        if (offsets[1] - offsets[0] != expected)
        {
            throw Bad(file, name,
                $"shape [{string.Join(", ", shape)}] of {type} is {expected} bytes, but data_offsets " +
                $"[{offsets[0]}, {offsets[1]}] hold {offsets[1] - offsets[0]}");
        }
        return new SafetensorsTensor
        {
            Name = name,
            File = file,
            Type = type.Value,
            Shape = [.. shape],
            Offset = offsets[0],
            Bytes = expected,
        };
    }

    private static List<long> ReadIntegers(
        string file, string name, string key, ref Utf8JsonReader reader)
    {
        Expect(file, name, ref reader, JsonTokenType.StartArray, $"{key} to be an array");
        List<long> values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long v) || v < 0)
            {
                throw Bad(file, name, $"{key}: expected integers from 0 to 2^63 - 1");
            }
            if (values.Count == NumDimensionsMax)
            {
                throw Bad(file, name, $"{key}: more than {NumDimensionsMax} entries");
            }
            values.Add(v);
        }
        return values;
    }

    private static long SizeOf(string file, string name, DType type, List<long> shape)
    {
        // A zero anywhere makes the tensor empty, even if the other sizes would overflow together.
        if (shape.Contains(0)) return 0;
        try
        {
            long bytes = type.SizeOf();
            foreach (long size in shape) bytes = checked(bytes * size);
            return bytes;
        }
        catch (OverflowException)
        {
            throw Bad(file, name, $"shape [{string.Join(", ", shape)}] is more than 2^63 - 1 bytes");
        }
    }

    private static void CheckCoverage(
        string file, Dictionary<string, SafetensorsTensor> tensors, long dataBytes)
    {
        SafetensorsTensor[] sorted = [.. tensors.Values];
        Array.Sort(sorted, static (a, b) =>
            a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.Bytes.CompareTo(b.Bytes));
        long end = 0;
        foreach (SafetensorsTensor t in sorted)
        {
            if (t.Offset != end)
            {
                string what = t.Offset > end ? "a gap before it" : "an overlap with the one before it";
                throw Bad(file, t.Name, $"expected to start at byte {end}, found {t.Offset}: {what}");
            }
            if (t.Bytes > dataBytes - end)
            {
                throw Bad(file, t.Name,
                    $"ends at byte {end + (Int128)t.Bytes}, but the file has only {dataBytes} bytes of data " +
                    "(is it truncated?)");
            }
            end += t.Bytes;
        }
        if (end != dataBytes)
        {
            throw EngineException.Corrupt(
                file, $"expected {end} bytes of data behind the header, found {dataBytes}");
        }
    }

    private static void SkipMetadata(string file, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw EngineException.Corrupt(file, "header: expected __metadata__ to be an object");
        }
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.String))
            {
                throw EngineException.Corrupt(file, "header: expected strings in __metadata__");
            }
        }
    }

    private static readonly (string Name, DType Type)[] Types =
    [
        ("F64", DType.F64), ("F32", DType.F32), ("F16", DType.F16), ("BF16", DType.BF16), ("F8_E4M3", DType.F8E4M3),
        ("F8_E5M2", DType.F8E5M2), ("F8_E8M0", DType.F8E8M0), ("BOOL", DType.Bool), ("I8", DType.I8), ("U8", DType.U8),
        ("I16", DType.I16), ("U16", DType.U16), ("I32", DType.I32), ("U32", DType.U32), ("I64", DType.I64),
        ("U64", DType.U64),
    ];

    /// <summary>The format's name of a type.</summary>
    public static string NameOf(DType type) => Array.Find(Types, t => t.Type == type).Name;

    private static DType ParseType(string file, string name, string text)
    {
        (string? found, DType type) = Array.Find(Types, t => t.Name == text);
        return found is not null ? type : throw Bad(
            file, name, "dtype: expected F64, F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0, BOOL, " +
            $"I8 to I64 or U8 to U64, found '{Shorten(text)}'");
    }

    private static void Expect(
        string file, string name, ref Utf8JsonReader reader, JsonTokenType type, string what)
    {
        if (reader.TokenType != type) throw Bad(file, name, $"expected {what}, found {reader.TokenType}");
    }

    private static EngineException Bad(string file, string name, string message) =>
        EngineException.Corrupt(file, $"tensor '{Shorten(name)}': {message}");

    private static string Shorten(string text) => text.Length <= 200 ? text : text[..200] + "...";
}
