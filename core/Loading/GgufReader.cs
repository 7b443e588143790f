using System.Buffers.Binary;
using System.Text;

namespace Engine.Loading;

/// <summary>
/// Reads header, metadata and tensor index of a GGUF file (versions 2 and 3, little-endian). Every
/// count and size is checked against what is left of the file before anything is allocated for it.
/// </summary>
internal sealed class GgufReader
{
    private const int MaxArrayCount = 1 << 24;
    private const int MaxStringBytes = 64 << 20;
    private const int MaxDimensions = 4;
    private const int MaxNestedArrays = 4;
    private const long MinTensorBytes = 8 + 4 + 4 + 8;
    private const long MinEntryBytes = 8 + 4 + 1;
    private readonly Stream _stream;
    private readonly string _file;
    private readonly long _length;
    private readonly byte[] _scalar = new byte[8];
    private long _position;

    private GgufReader(Stream stream, string file)
    {
        _stream = stream;
        _file = file;
        _length = stream.Length;
    }

    /// <summary>Reads a file without its tensors' data.</summary>
    public static GgufFile Read(string path)
    {
        try
        {
            using FileStream stream = new(
                path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            return Read(stream, path);
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

    /// <summary>Reads from a stream whose length is known.</summary>
    public static GgufFile Read(Stream stream, string file) => new GgufReader(stream, file).ReadFile();

    private GgufFile ReadFile()
    {
        uint magic = ReadUInt32("magic");
        if (magic != 0x46554747)
        {
            throw Error("magic", "\"GGUF\"", $"0x{magic:X8}");
        }

        uint version = ReadUInt32("version");
        if (version is not (2 or 3))
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"{_file}: version: expected 2 or 3 (little-endian), found "
                    + ((version & 0xFFFF) == 0 && version != 0 ? "a big-endian file" : $"{version}"), _file);
        }

        long tensorCount = ReadCount("tensor count", MinTensorBytes);
        long entryCount = ReadCount("metadata count", MinEntryBytes);
        Dictionary<string, object> metadata = [];
        for (long i = 0; i < entryCount; i++)
        {
            string key = ReadString("metadata key");
            if (!metadata.TryAdd(key, ReadValue(key, ReadUInt32(key), 0)))
            {
                throw Error(key, "one value", "two");
            }
        }

        int alignment = ReadAlignment(metadata);
        List<(string Name, GgufType Type, long[] Shape, long Offset, long Bytes)> raw = [];
        HashSet<string> names = [];
        for (long i = 0; i < tensorCount; i++)
        {
            raw.Add(ReadTensor(names));
        }

        long dataStart = checked((_position + alignment - 1) / alignment * alignment);
        List<GgufTensor> tensors = [];
        foreach ((string name, GgufType type, long[] shape, long offset, long bytes) in raw)
        {
            if (offset % alignment != 0)
            {
                throw Error(name, $"an offset that is a multiple of {alignment}", $"{offset}");
            }

            long room = _length - dataStart;
            if (offset > room || bytes > room - offset)
            {
                throw Error(name, $"{bytes} bytes at {offset} within the data",
                    $"a file with {Math.Max(room, 0)} bytes of data");
            }

            tensors.Add(new GgufTensor(name, type, shape, dataStart + offset, bytes));
        }

        return new GgufFile(_file, metadata, tensors);
    }

    private int ReadAlignment(Dictionary<string, object> metadata)
    {
        if (!metadata.TryGetValue("general.alignment", out object? value))
        {
            return 32;
        }

        return value is uint and >= 8 and <= 1 << 20 and uint alignment
            && System.Numerics.BitOperations.IsPow2(alignment)
            ? (int)alignment
            : throw Error("general.alignment", "a power of two from 8 to 1048576", $"{value}");
    }

    private (string Name, GgufType Type, long[] Shape, long Offset, long Bytes) ReadTensor(
        HashSet<string> names)
    {
        string name = ReadString("tensor name");
        if (!names.Add(name))
        {
            throw Error(name, "one tensor of this name", "two");
        }

        uint rank = ReadUInt32(name);
        if (rank is 0 or > MaxDimensions)
        {
            throw Error(name, $"1 to {MaxDimensions} dimensions", $"{rank}");
        }

        long[] shape = new long[rank];
        long elements = 1;
        for (int i = 0; i < rank; i++)
        {
            ulong dimension = ReadUInt64(name);
            shape[i] = (long)dimension;
            long next;
            if (dimension > long.MaxValue
                || (next = Math.BigMul((long)dimension, elements, out long low) == 0 && low >= 0
                    ? low : -1) < 0)
            {
                throw Error(name, "a number of elements below 2^63", $"dimension {i} = {dimension}");
            }

            elements = next;
        }

        uint typeId = ReadUInt32(name);
        GgufType type = GgufType.Find(typeId)
            ?? throw new EngineException(
                EngineStatus.Unsupported, $"{_file}: {name}: unknown tensor type {typeId}", _file);
        ulong offset = ReadUInt64(name);
        if (shape[0] % type.BlockElements != 0)
        {
            throw Error(name, $"rows of a multiple of {type.BlockElements} elements", $"{shape[0]}");
        }

        long blocks = elements / type.BlockElements;
        if (blocks > long.MaxValue / type.BlockBytes || offset > long.MaxValue)
        {
            throw Error(name, "a size and offset below 2^63", $"{elements} elements at {offset}");
        }

        return (name, type, shape, (long)offset, blocks * type.BlockBytes);
    }

    private object ReadValue(string key, uint type, int depth)
    {
        switch (type)
        {
            case 0: return Scalar(key, 1)[0];
            case 1: return (sbyte)Scalar(key, 1)[0];
            case 2: return BinaryPrimitives.ReadUInt16LittleEndian(Scalar(key, 2));
            case 3: return BinaryPrimitives.ReadInt16LittleEndian(Scalar(key, 2));
            case 4: return ReadUInt32(key);
            case 5: return (int)ReadUInt32(key);
            case 6: return BinaryPrimitives.ReadSingleLittleEndian(Scalar(key, 4));
            case 7:
                byte flag = Scalar(key, 1)[0];
                return flag <= 1 ? flag == 1 : throw Error(key, "true (1) or false (0)", $"{flag}");
            case 8: return ReadString(key);
            case 9: return ReadArray(key, depth);
            case 10: return ReadUInt64(key);
            case 11: return (long)ReadUInt64(key);
            case 12: return BinaryPrimitives.ReadDoubleLittleEndian(Scalar(key, 8));
            default: throw Error(key, "a value type from 0 to 12", $"{type}");
        }
    }

    private object ReadArray(string key, int depth)
    {
        if (depth == MaxNestedArrays)
        {
            throw Error(key, $"arrays nested at most {MaxNestedArrays} deep", "more");
        }

        uint type = ReadUInt32(key);
        long size = type switch
        {
            0 or 1 or 7 => 1,
            2 or 3 => 2,
            4 or 5 or 6 => 4,
            8 or 10 or 11 or 12 => 8,
            9 => 12,
            _ => throw Error(key, "an element type from 0 to 12", $"{type}"),
        };
        int count = (int)ReadCount(key, size, MaxArrayCount);
        return type switch
        {
            5 => ReadMany(key, count, (reader, k) => (int)reader.ReadUInt32(k)),
            4 => ReadMany(key, count, (reader, k) => reader.ReadUInt32(k)),
            6 => ReadMany(
                key, count,
                (reader, k) => BinaryPrimitives.ReadSingleLittleEndian(reader.Scalar(k, 4))),
            8 => ReadMany(key, count, (reader, k) => reader.ReadString(k)),
            _ => ReadMany(key, count, (reader, k) => reader.ReadValue(k, type, depth + 1)),
        };
    }

    private T[] ReadMany<T>(string key, int count, Func<GgufReader, string, T> read)
    {
        // Grows with what is read, so that a count that lies costs nothing.
        List<T> items = new(Math.Min(count, 1024));
        for (int i = 0; i < count; i++)
        {
            items.Add(read(this, key));
        }

        return [.. items];
    }

    /// <summary>A count of things that take at least so many bytes each.</summary>
    private long ReadCount(string what, long bytesEach, long most = int.MaxValue)
    {
        ulong count = ReadUInt64(what);
        long fit = Math.Min((_length - _position) / bytesEach, most);
        return count <= (ulong)fit ? (long)count
            : throw Error(what, $"a count of at most {fit} (what the file has room for)", $"{count}");
    }

    private string ReadString(string what)
    {
        ulong bytes = ReadUInt64(what);
        long most = Math.Min(_length - _position, MaxStringBytes);
        if (bytes > (ulong)most)
        {
            throw Error(what, $"a string of at most {most} bytes", $"{bytes}");
        }

        byte[] content = new byte[(int)bytes];
        Fill(what, content);
        return Encoding.UTF8.GetString(content);
    }

    private uint ReadUInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Scalar(what, 4));

    private ulong ReadUInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Scalar(what, 8));

    private Span<byte> Scalar(string what, int bytes)
    {
        Span<byte> scalar = _scalar.AsSpan(0, bytes);
        Fill(what, scalar);
        return scalar;
    }

    private void Fill(string what, Span<byte> destination)
    {
        if (_length - _position < destination.Length)
        {
            throw Error(what, $"{destination.Length} bytes at {_position}",
                $"the end of the file at {_length}");
        }

        _stream.ReadExactly(destination);
        _position += destination.Length;
    }

    private EngineException Error(string item, string expected, string found) =>
        EngineException.Corrupt(
            _file, $"{(item.Length > 200 ? item[..200] : item)}: expected {expected}, found {found}");
}
