namespace Engine.Sampling;

/// <summary>Changes single logits of a row and keeps the blocks' maxima right.</summary>
internal readonly ref struct RowEditor
{
    private readonly Span<float> _row;
    private readonly Span<float> _blockMax;
    private readonly Span<bool> _dirty;

    /// <param name="row">[vocabSize] logits.</param>
    /// <param name="blockMax">Largest of each block; up to date.</param>
    /// <param name="dirty">One per block; all false.</param>
    public RowEditor(Span<float> row, Span<float> blockMax, Span<bool> dirty)
    {
        _row = row;
        _blockMax = blockMax;
        _dirty = dirty;
    }

    public int Length => _row.Length;

    public float this[int id] => _row[id];

    /// <summary>Sets a logit; a finite one stays finite, since only a mask may exclude a token.</summary>
    public void Set(int id, float value)
    {
        if (value > float.NegativeInfinity || _row[id] > float.NegativeInfinity)
        {
            _row[id] = Math.Clamp(value, -float.MaxValue, float.MaxValue);
            _dirty[id / LogitMath.BlockSize] = true;
        }
    }

    /// <summary>Excludes a token. Ids outside the row are ignored.</summary>
    public void Mask(int id)
    {
        if ((uint)id < (uint)_row.Length)
        {
            _row[id] = float.NegativeInfinity;
            _dirty[id / LogitMath.BlockSize] = true;
        }
    }

    /// <summary>Excludes all but some tokens.</summary>
    /// <param name="ids">Ascending; those outside the row are ignored.</param>
    /// <param name="kept">[ids.Length] scratch.</param>
    public void MaskAllBut(ReadOnlySpan<int> ids, Span<float> kept)
    {
        int count = 0;
        while (count < ids.Length && ids[count] < _row.Length)
        {
            kept[count] = _row[ids[count]];
            count++;
        }

        _row.Fill(float.NegativeInfinity);
        _blockMax.Fill(float.NegativeInfinity);
        for (int i = 0; i < count; i++)
        {
            _row[ids[i]] = kept[i];
            _dirty[ids[i] / LogitMath.BlockSize] = true;
        }
    }

    /// <summary>Brings the maxima up to date.</summary>
    public void Finish()
    {
        for (int block = _dirty.IndexOf(true); block >= 0;)
        {
            _dirty[block] = false;
            int at = block * LogitMath.BlockSize;
            LogitMath.ScanBlock(
                _row.Slice(at, Math.Min(LogitMath.BlockSize, _row.Length - at)), out _blockMax[block]);
            int next = _dirty[(block + 1)..].IndexOf(true);
            block = next < 0 ? -1 : block + 1 + next;
        }
    }
}
