using Engine.Tokenization.Models;

namespace Engine.Tokenization.Files;

/// <summary>Turns merges spelled as strings into ids, in order of rank.</summary>
internal sealed class MergeReader
{
    private const int MaxPart = 4096;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly MergeTable _table;
    private readonly int _prefixLength;
    private readonly char[] _joined = new char[2 * MaxPart];
    private int _rank;

    /// <param name="vocabulary">Must contain both parts and what they merge to.</param>
    /// <param name="table">Receives the merges.</param>
    /// <param name="prefixLength">Length of the second part's continuing prefix.</param>
    public MergeReader(Dictionary<string, int> vocabulary, MergeTable table, int prefixLength)
    {
        _ids = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _table = table;
        _prefixLength = prefixLength;
    }

    /// <summary>Adds "a b".</summary>
    public void Add(ReadOnlySpan<char> merge)
    {
        int space = merge.IndexOf(' ');
        if (space < 0 || merge[(space + 1)..].Contains(' '))
        {
            throw JsonFile.Error($"merge {_rank}: expected two tokens, found \"{merge}\"");
        }

        Add(merge[..space], merge[(space + 1)..]);
    }

    public void Add(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        if (left.Length > MaxPart || right.Length > MaxPart)
        {
            throw JsonFile.Error($"merge {_rank}: a part has more than {MaxPart} characters");
        }

        left.CopyTo(_joined);
        ReadOnlySpan<char> rest = right[Math.Min(_prefixLength, right.Length)..];
        rest.CopyTo(_joined.AsSpan(left.Length));
        ReadOnlySpan<char> joined = _joined.AsSpan(0, left.Length + rest.Length);
        if (!_ids.TryGetValue(left, out int a) || !_ids.TryGetValue(right, out int b)
            || !_ids.TryGetValue(joined, out int id))
        {
            throw JsonFile.Error(
                $"merge {_rank}: \"{left}\", \"{right}\" or both together are not in the vocabulary");
        }

        _table.Set(a, b, _rank++, id);
    }
}
