using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>Changes single logits of a row and keeps the blocks' maxima right.</summary>
internal readonly ref struct RowEditor : IRowEdits
{
    private readonly Span<float> _row;
    private readonly Span<float> _blockMax;
    private readonly Span<bool> _dirty;
    private readonly Span<float> _kept;

    /// <param name="row">[vocabSize] logits.</param>
    /// <param name="blockMax">Largest of each block; up to date.</param>
    /// <param name="dirty">One per block; all false.</param>
    /// <param name="kept">[vocabSize] scratch.</param>
    public RowEditor(Span<float> row, Span<float> blockMax, Span<bool> dirty, Span<float> kept)
    {
        _kept = kept;
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

    public void KeepGrammar(GrammarState grammar)
    {
        grammar.Apply(_row);
        LogitMath.ScanBlocks(_row, _blockMax);
    }

    public void KeepAllowed(SamplingProgram program) => MaskAllBut(program.AllowedIds);

    public void AddBias(ReadOnlySpan<int> ids, ReadOnlySpan<float> values)
    {
        for (int i = 0; i < ids.Length && ids[i] < Length; i++)
        {
            Set(ids[i], this[ids[i]] + values[i]);
        }
    }

    public void Penalize(SamplingProgram program, TokenCounts counts)
    {
        SamplingParams p = program.Params;
        ReadOnlySpan<int> ids = counts.Ids;
        ReadOnlySpan<int> outputCounts = counts.OutputCounts;
        ReadOnlySpan<bool> inPrompt = counts.InPrompt;
        for (int i = 0; i < ids.Length; i++)
        {
            int id = ids[i];
            int count = outputCounts[i];
            if ((uint)id >= (uint)Length || (count == 0 && !inPrompt[i]))
            {
                continue;
            }

            double x = this[id];
            x = x > 0 ? x / p.RepetitionPenalty : x * p.RepetitionPenalty;
            if (count > 0)
            {
                x -= (double)p.FrequencyPenalty * count;
                x -= p.PresencePenalty;
            }

            Set(id, (float)x);
        }
    }

    public void KeepOnly(int id)
    {
        if (this[id] > float.NegativeInfinity)
        {
            MaskAllBut([id]);
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

    // Ascending ids; those outside of the row are ignored.
    private void MaskAllBut(ReadOnlySpan<int> ids)
    {
        int count = 0;
        while (count < ids.Length && ids[count] < _row.Length)
        {
            _kept[count] = _row[ids[count]];
            count++;
        }

        _row.Fill(float.NegativeInfinity);
        _blockMax.Fill(float.NegativeInfinity);
        for (int i = 0; i < count; i++)
        {
            _row[ids[i]] = _kept[i];
            _dirty[ids[i] / LogitMath.BlockSize] = true;
        }
    }
}
