using System.Text;
using System.Text.Json;
using Engine.Loading;

namespace Engine.Tests.Loading.Gguf;

/// <summary>Writes GGUF files for tests.</summary>
internal sealed class GgufWriter
{
    private const int Alignment = 32;
    private readonly MemoryStream _entries = new();
    private readonly List<(string Name, long[] Shape, uint Type, byte[] Data)> _tensors = [];
    private long _numEntries;

    public GgufWriter Text(string key, string value) => Entry(key, 8, w => WriteText(w, value));

    public GgufWriter Integer(string key, uint value) => Entry(key, 4, w => w.Write(value));

    public GgufWriter Short(string key, ushort value) => Entry(key, 2, w => w.Write(value));

    public GgufWriter Real(string key, float value) => Entry(key, 6, w => w.Write(value));

    public GgufWriter Flag(string key, bool value) => Entry(key, 7, w => w.Write(value));

    public GgufWriter Texts(string key, IReadOnlyCollection<string> values) => Entry(
        key, 9, w =>
        {
            w.Write(8u);
            w.Write((ulong)values.Count);
            foreach (string value in values) WriteText(w, value);
        });

    public GgufWriter Integers(string key, IReadOnlyCollection<int> values) => Entry(
        key, 9, w =>
        {
            w.Write(5u);
            w.Write((ulong)values.Count);
            foreach (int value in values) w.Write(value);
        });

    /// <summary>A value of the type that gguf-py names: "UINT32", "ARRAY/BOOL", ...</summary>
    public GgufWriter Value(string key, string type, JsonElement value)
    {
        string[] names = type.Split('/');
        uint id = Id(names[0]);
        return Entry(
            key, id, w =>
            {
                if (id != 9)
                {
                    Scalar(w, id, value);
                    return;
                }
                w.Write(Id(names[1]));
                w.Write((ulong)value.GetArrayLength());
                foreach (JsonElement item in value.EnumerateArray()) Scalar(w, Id(names[1]), item);
            });
    }

    /// <summary>A tokenizer of so many made-up tokens.</summary>
    public GgufWriter Tokens(int count, int eos = 3)
    {
        Text("tokenizer.ggml.model", "gpt2").Text("tokenizer.ggml.pre", "gpt-2");
        Texts("tokenizer.ggml.tokens", ["t", "1", .. Enumerable.Range(1, count - 2).Select(i => $"t{i}")]);
        Integers("tokenizer.ggml.token_type", [.. Enumerable.Repeat(1, count)]);
        return Texts("tokenizer.ggml.merges", ["t 1"]).Integer("tokenizer.ggml.eos_token_id", (uint)eos);
    }

    /// <summary>A tensor of f32.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Rows first.</param>
    /// <param name="values">In the order of rows.</param>
    public GgufWriter Tensor(string name, ReadOnlySpan<long> shape, ReadOnlySpan<float> values) =>
        Tensor(name, shape, 0, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));

    public GgufWriter Tensor(string name, ReadOnlySpan<long> shape, uint type, ReadOnlySpan<byte> data)
    {
        long[] reversed = shape.ToArray();
        Array.Reverse(reversed);
        _tensors.Add((name, reversed, type, data.ToArray()));
        return this;
    }

    public byte[] ToBytes()
    {
        using MemoryStream file = new();
        using BinaryWriter w = new(file);
        w.Write(0x46554747u);
        w.Write(3u);
        w.Write((ulong)_tensors.Count);
        w.Write((ulong)_numEntries);
        w.Write(_entries.ToArray());
        long offset = 0;
        foreach ((string name, long[] shape, uint type, byte[] data) in _tensors)
        {
            WriteText(w, name);
            w.Write((uint)shape.Length);
            foreach (long size in shape) w.Write(size);
            w.Write(type);
            w.Write(offset);
            offset += Padded(data.Length);
        }
        w.Write(new byte[Padded(file.Length) - file.Length]);
        foreach ((_, _, _, byte[] data) in _tensors)
        {
            w.Write(data);
            w.Write(new byte[Padded(data.Length) - data.Length]);
        }
        return file.ToArray();
    }

    private static long Padded(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static uint Id(string name) => name switch
    {
        "UINT8" => 0,
        "UINT16" => 2,
        "UINT32" => 4,
        "INT32" => 5,
        "FLOAT32" => 6,
        "BOOL" => 7,
        "STRING" => 8,
        "ARRAY" => 9,
        "UINT64" => 10,
        _ => throw new ArgumentException(name),
    };

    private static void Scalar(BinaryWriter w, uint id, JsonElement value)
    {
        switch (id)
        {
            case 4: w.Write(value.GetUInt32()); break;
            case 5: w.Write(value.GetInt32()); break;
            case 6: w.Write(value.GetSingle()); break;
            case 7: w.Write(value.GetBoolean()); break;
            case 8: WriteText(w, value.GetString()!); break;
            case 10: w.Write(value.GetUInt64()); break;
            default: throw new ArgumentException($"{id}");
        }
    }

    private static void WriteText(BinaryWriter w, string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        w.Write((ulong)bytes.Length);
        w.Write(bytes);
    }

    private GgufWriter Entry(string key, uint type, Action<BinaryWriter> write)
    {
        using BinaryWriter w = new(_entries, Encoding.UTF8, leaveOpen: true);
        WriteText(w, key);
        w.Write(type);
        write(w);
        _numEntries++;
        return this;
    }
}
