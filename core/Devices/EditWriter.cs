using System.Runtime.InteropServices;
using Engine.Grammar;
using Engine.Sampling;

namespace Engine.Devices;

/// <summary>Writes down what is changed of a row of logits, for a device that does it.</summary>
internal readonly ref struct EditWriter : IRowEdits
{
    /// <summary>Of an entry: id, addend and count.</summary>
    public const int EntryInts = 3;

    private readonly Span<int> _lists;
    private readonly ref EditRow _row;
    private readonly ref int _used;

    /// <param name="lists">Up to where this row's lists may reach.</param>
    /// <param name="row">Gets the places in lists.</param>
    /// <param name="used">Of lists; above their end if they are too short.</param>
    public EditWriter(Span<int> lists, ref EditRow row, ref int used)
    {
        _lists = lists;
        _row = ref row;
        _used = ref used;
    }

    public int Length => _row.NumIds;

    /// <summary>False if the lists were too short.</summary>
    public bool Fits => _used <= _lists.Length;

    private Span<uint> Bits =>
        MemoryMarshal.Cast<int, uint>(_lists.Slice(_row.Allowed, (Length + 31) / 32));

    public void KeepGrammar(GrammarState grammar)
    {
        TakeBits();
        grammar.CopyTo(Bits);
    }

    public void KeepAllowed(SamplingProgram program)
    {
        bool isFirst = _row.Allowed < 0;
        if (isFirst) TakeBits();
        Span<uint> bits = Bits;
        for (int i = 0; i < bits.Length; i++) bits[i] = program.AllowedBits[i] & (isFirst ? uint.MaxValue : bits[i]);
    }

    public void Mask(int id)
    {
        if ((uint)id >= (uint)Length) return;
        if (_row.NumMasked == 0) _row.Masked = _used;
        if (_used < _lists.Length) _lists[_used] = id;
        _used++;
        _row.NumMasked++;
    }

    public void AddBias(ReadOnlySpan<int> ids, ReadOnlySpan<float> values)
    {
        _row.Changed = _used;
        for (int i = 0; i < ids.Length && ids[i] < Length; i++)
            AddEntry(ids[i], BitConverter.SingleToInt32Bits(values[i]), -1);
    }

    public void Penalize(SamplingProgram program, TokenCounts counts)
    {
        _row.Repetition = program.Params.RepetitionPenalty;
        _row.Frequency = program.Params.FrequencyPenalty;
        _row.Presence = program.Params.PresencePenalty;
        if (_row.NumChanged == 0) _row.Changed = _used;
        ReadOnlySpan<int> ids = counts.Ids, outputCounts = counts.OutputCounts;
        ReadOnlySpan<bool> inPrompt = counts.InPrompt;
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)Length || (outputCounts[i] == 0 && !inPrompt[i])) continue;
            int biased = _row.NumChanged > 0 ? Array.BinarySearch(program.BiasIds, ids[i]) : -1;
            int at = _row.Changed + (biased * EntryInts) + 2;
            if (biased < 0) AddEntry(ids[i], 0, outputCounts[i]);
            else if (at < _lists.Length) _lists[at] = outputCounts[i];
        }
    }

    public void KeepOnly(int id) => _row.Only = id;

    /// <summary>One more token of the output counts, which is not known here.</summary>
    /// <param name="place">Among chosen tokens; -1 is none.</param>
    public void Await(int place) => _row.Pending = place;

    /// <summary>Nothing stays, whatever else was written.</summary>
    public void KeepNothing()
    {
        if (_row.Allowed < 0) TakeBits();
        if (Fits) Bits.Clear();
    }

    private void TakeBits()
    {
        _row.Allowed = _used;
        _used += (Length + 31) / 32;
    }

    private void AddEntry(int id, int addend, int count)
    {
        if (_used + EntryInts <= _lists.Length)
            (_lists[_used], _lists[_used + 1], _lists[_used + 2]) = (id, addend, count);
        _used += EntryInts;
        _row.NumChanged++;
    }
}
