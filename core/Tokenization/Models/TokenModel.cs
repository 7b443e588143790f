using Engine.Tokenization.Text;

namespace Engine.Tokenization.Models;

/// <summary>What turns one word (already normalized and split off) into ids.</summary>
internal abstract class TokenModel
{
    /// <summary>Ids by token, as spelled in the file.</summary>
    public abstract IReadOnlyDictionary<string, int> Vocabulary { get; }

    /// <summary>Id of the unknown token, or -1.</summary>
    public virtual int UnknownId => -1;

    /// <summary>True if a token's text in an Encoding is the source's, not the vocabulary's.</summary>
    public virtual bool KeepsSourceText(int id) => false;

    /// <summary>Appends the tokens of a word with the UTF-8 bytes of it that each covers.</summary>
    public abstract void Tokenize(ReadOnlySpan<int> word, TokenList output);
}

/// <summary>A model that can take raw text for text already written in the byte alphabet.</summary>
internal interface IByteLevelModel
{
    /// <summary>False if the vocabulary needs the general path.</summary>
    bool SupportsRaw { get; }

    /// <summary>Appends the ids of a word whose UTF-8 bytes are the symbols.</summary>
    void TokenizeRaw(ReadOnlySpan<int> word, TokenList output);
}

/// <summary>A growing list of ids and the bytes each covers.</summary>
internal sealed class TokenList
{
    private int[] _ids = new int[64];
    private int[] _lengths = new int[64];

    public int Count { get; private set; }

    /// <summary>Scratch of the BPE models.</summary>
    public MergeWorkspace Merges { get; } = new();

    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Count);

    public ReadOnlySpan<int> Lengths => _lengths.AsSpan(0, Count);

    public int Capacity => Math.Max(_ids.Length, Merges.Capacity);

    public void Clear() => Count = 0;

    public void Truncate(int count) => Count = count;

    public void Add(int id, int length)
    {
        if (Count == _ids.Length)
        {
            Grow(Count + 1);
        }

        _ids[Count] = id;
        _lengths[Count++] = length;
    }

    public void Add(ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths)
    {
        if (Count + ids.Length > _ids.Length)
        {
            Grow(Count + ids.Length);
        }

        ids.CopyTo(_ids.AsSpan(Count));
        lengths.CopyTo(_lengths.AsSpan(Count));
        Count += ids.Length;
    }

    private void Grow(int needed)
    {
        int size = Math.Max(needed, checked(_ids.Length * 2));
        Array.Resize(ref _ids, size);
        Array.Resize(ref _lengths, size);
    }
}
