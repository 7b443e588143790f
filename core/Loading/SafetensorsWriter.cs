using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Engine.Memory;

namespace Engine.Loading;

/// <summary>Makes one row of a tensor's bytes. Rows are asked for from several threads.</summary>
internal delegate void RowWriter(int row, Span<byte> destination);

/// <summary>A tensor to be written, of which some rows are in memory at a time.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of its elements.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="NumRows">Pieces that Write makes.</param>
/// <param name="Write">Makes one.</param>
internal sealed record TensorToWrite(string Name, DType Type, long[] Shape, int NumRows, RowWriter Write)
{
    public long Bytes { get; } = Shape.Aggregate((long)Type.SizeOf(), static (a, b) => checked(a * b));

    public int RowBytes => checked((int)(Bytes / Math.Max(1, NumRows)));
}

/// <summary>
/// Writes safetensors files. The same tensors give the same bytes: sorted by the size of an element, which aligns
/// every one, then by name.
/// </summary>
internal static class SafetensorsWriter
{
    private const int WindowBytes = 8 << 20;
    private const int Alignment = 8;

    /// <summary>Files for tensors in order of their names, none larger than wanted unless one tensor is.</summary>
    public static List<List<TensorToWrite>> Shards(IEnumerable<TensorToWrite> tensors, long bytesMax)
    {
        List<List<TensorToWrite>> shards = [[]];
        long bytes = 0;
        foreach (TensorToWrite tensor in tensors.OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            if (shards[^1].Count > 0 && bytes + tensor.Bytes > bytesMax)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(tensor);
            bytes += tensor.Bytes;
        }
        return shards;
    }

    /// <summary>Name of a shard: model.safetensors if it is the only one.</summary>
    public static string NameOf(int shard, int count) =>
        count == 1 ? "model.safetensors" : $"model-{shard + 1:D5}-of-{count:D5}.safetensors";

    /// <summary>Writes one file.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="tensors">What, in any order.</param>
    /// <param name="written">Told how many more bytes of tensors are written.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    public static void Write(
        Stream stream, IReadOnlyList<TensorToWrite> tensors, Action<long> written, CancellationToken cancellation)
    {
        List<TensorToWrite> sorted =
        [
            .. tensors.OrderByDescending(t => t.Type.SizeOf()).ThenBy(t => t.Name, StringComparer.Ordinal),
        ];
        stream.Write(Header(sorted));
        byte[] window = ArrayPool<byte>.Shared.Rent(WindowBytes);
        try
        {
            foreach (TensorToWrite tensor in sorted) Write(stream, tensor, window, written, cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window);
        }
    }

    /// <summary>The index of several files.</summary>
    public static byte[] Index(IReadOnlyList<List<TensorToWrite>> shards)
    {
        using MemoryStream json = new();
        using (Utf8JsonWriter writer = new(json, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("metadata");
            writer.WriteNumber("total_size", shards.Sum(s => s.Sum(t => t.Bytes)));
            writer.WriteEndObject();
            writer.WriteStartObject("weight_map");
            for (int i = 0; i < shards.Count; i++)
            {
                foreach (TensorToWrite tensor in shards[i]) writer.WriteString(tensor.Name, NameOf(i, shards.Count));
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return json.ToArray();
    }

    private static byte[] Header(List<TensorToWrite> sorted)
    {
        using MemoryStream header = new();
        header.Write(new byte[SafetensorsHeader.PrefixBytes]);
        using (Utf8JsonWriter writer = new(header))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("__metadata__");
            writer.WriteString("format", "pt");
            writer.WriteEndObject();
            long at = 0;
            foreach (TensorToWrite tensor in sorted)
            {
                writer.WriteStartObject(tensor.Name);
                writer.WriteString("dtype", SafetensorsHeader.NameOf(tensor.Type));
                writer.WriteStartArray("shape");
                foreach (long size in tensor.Shape) writer.WriteNumberValue(size);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(at);
                writer.WriteNumberValue(at += tensor.Bytes);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
        }
        while (header.Length % Alignment != 0) header.WriteByte((byte)' ');
        byte[] bytes = header.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - SafetensorsHeader.PrefixBytes);
        return bytes;
    }

    private static void Write(
        Stream stream, TensorToWrite tensor, byte[] window, Action<long> written, CancellationToken cancellation)
    {
        int rowBytes = tensor.RowBytes;
        if (rowBytes == 0) return;
        byte[] buffer = rowBytes <= window.Length ? window : new byte[rowBytes];
        int most = buffer.Length / rowBytes;
        for (int first = 0; first < tensor.NumRows; first += most)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(most, tensor.NumRows - first), start = first;
            Parallel.For(0, count, r => tensor.Write(start + r, buffer.AsSpan(r * rowBytes, rowBytes)));
            stream.Write(buffer, 0, count * rowBytes);
            written((long)count * rowBytes);
        }
    }
}
