using System.Buffers.Binary;
using System.Text;

namespace Engine.Tokenization.Text;

/// <summary>
/// SentencePiece's compiled normalization rules: a double-array trie over UTF-8 (Yata's Darts-clone
/// layout) whose values are positions in a block of strings that end in a zero byte.
/// </summary>
internal sealed class CharsMap
{
    private readonly uint[] _units;
    private readonly byte[] _strings;
    private readonly Dictionary<int, int[]> _replacements = [];

    private CharsMap(uint[] units, byte[] strings)
    {
        _units = units;
        _strings = strings;
    }

    /// <summary>Reads the block; null if its sizes make no sense.</summary>
    public static CharsMap? TryParse(ReadOnlySpan<byte> data)
    {
        if (data.Length < 4)
        {
            return null;
        }

        uint size = BinaryPrimitives.ReadUInt32LittleEndian(data);
        if (size > data.Length - 4 || size % 4 != 0 || size == 0)
        {
            return null;
        }

        uint[] units = new uint[size / 4];
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(data[(4 + (4 * i))..]);
        }

        CharsMap map = new(units, data[(4 + (int)size)..].ToArray());
        map.DecodeAll();
        return map;
    }

    /// <summary>Replacement of the shortest prefix that has a rule, or null.</summary>
    public int[]? Shortest(ReadOnlySpan<byte> key) => Search(key, shortest: true, out _);

    /// <summary>Replacement of the longest prefix that has a rule, or null.</summary>
    public int[]? Longest(ReadOnlySpan<byte> key, out int length) =>
        Search(key, shortest: false, out length);

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1 << 9)) >> 6);

    private int[]? Search(ReadOnlySpan<byte> key, bool shortest, out int length)
    {
        int[]? found = null;
        length = 0;
        uint node = Offset(_units[0]);
        for (int i = 0; i < key.Length; i++)
        {
            node ^= key[i];
            if (key[i] == 0 || node >= _units.Length)
            {
                break;
            }

            uint unit = _units[node];
            if ((unit & 0x800000FF) != key[i])
            {
                break;
            }

            node ^= Offset(unit);
            if ((unit & 0x100) != 0 && node < _units.Length)
            {
                found = Replacement(_units[node]);
                length = i + 1;
                if (shortest && found is not null)
                {
                    break;
                }
            }
        }

        return found;
    }

    private int[]? Replacement(uint value) =>
        _replacements.GetValueOrDefault((int)(value & 0x7FFFFFFF));

    // All strings are decoded up front, so that a search changes nothing and threads can share it.
    // A value may also point into the middle of a string, so every position gets its entry.
    private void DecodeAll()
    {
        HashSet<int> positions = [];
        foreach (uint unit in _units)
        {
            if ((unit & 0x80000000) != 0 && (unit & 0x7FFFFFFF) < _strings.Length)
            {
                positions.Add((int)(unit & 0x7FFFFFFF));
            }
        }

        long budget = 16L * _strings.Length;
        foreach (int position in positions)
        {
            ReadOnlySpan<byte> rest = _strings.AsSpan(position);
            int end = rest.IndexOf((byte)0);
            ReadOnlySpan<byte> bytes = end < 0 ? rest : rest[..end];
            budget -= bytes.Length;
            if (budget < 0)
            {
                break; // strings that overlap more than any compiler of rules makes them
            }

            _replacements[position] = CodePoints.FromUtf16(Encoding.UTF8.GetString(bytes));
        }
    }
}
