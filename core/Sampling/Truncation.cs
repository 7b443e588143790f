namespace Engine.Sampling;

/// <summary>A row of logits with what is known of it.</summary>
internal readonly ref struct RowView
{
    public RowView(
        ReadOnlySpan<float> row,
        ReadOnlySpan<float> blockMax,
        Span<double> blockSums,
        float max,
        float scale)
    {
        Row = row;
        BlockMax = blockMax;
        BlockSums = blockSums;
        Max = max;
        Scale = scale;
    }

    /// <summary>[vocabSize], processed, before temperature.</summary>
    public ReadOnlySpan<float> Row { get; }

    /// <summary>Largest of each block.</summary>
    public ReadOnlySpan<float> BlockMax { get; }

    /// <summary>Scratch, one per block.</summary>
    public Span<double> BlockSums { get; }

    /// <summary>Largest of the row.</summary>
    public float Max { get; }

    /// <summary>1 / temperature.</summary>
    public float Scale { get; }
}

/// <summary>
/// Leaves the tokens that may be drawn: top_n_sigma, min_p, top_k, top_p, typical_p, XTC in this order, or
/// mirostat instead. Each is a threshold on the logits before temperature, which keeps float32 ties as they
/// are and never needs the row sorted.
/// </summary>
internal static class Truncation
{
    // Thresholds that only prefilter are lowered by this much, so that rounding cannot exclude a token.
    private const double Slack = 0.999;

    /// <summary>Leaves the survivors and their weights in candidates.</summary>
    /// <returns>False if nothing truncates: then every token of the row may be drawn.</returns>
    public static bool Apply(
        RowView view, SamplerState state, int position, bool xtcFires, Candidates candidates)
    {
        SamplingParams p = state.Program.Params;
        if (p.MirostatMode != 0)
        {
            Mirostat(view, state.MirostatMu(position), candidates);
            return true;
        }

        float threshold = float.NegativeInfinity;
        if (p.TopNSigma > 0)
        {
            double least = view.Max - p.TopNSigma * LogitMath.Deviation(view.Row);
            threshold = AtLeast(least);
        }

        if (p.MinP > 0)
        {
            double least = view.Max + Math.Log(p.MinP) / view.Scale;
            threshold = MathF.Max(threshold, AtLeast(least));
        }

        bool xtc = xtcFires && p.XtcProbability > 0 && p.XtcThreshold <= 0.5f;
        if (p.TopK > 0 && p.TopK < view.Row.Length)
        {
            candidates.Gather(
                view.Row, view.BlockMax, MathF.Max(threshold, candidates.TopBound(view, p.TopK)));
            candidates.KeepTop(p.TopK);
            candidates.Weigh(view.Max, view.Scale);
        }
        else if (p.TopP < 1f && threshold == float.NegativeInfinity)
        {
            NucleusOfRow(view, p.TopP, candidates);
            Finish(view, p, xtc, candidates);
            return true;
        }
        else if (threshold > float.NegativeInfinity || p.TypicalP < 1f || xtc)
        {
            candidates.Gather(view.Row, view.BlockMax, threshold);
            candidates.Weigh(view.Max, view.Scale);
        }
        else
        {
            return false;
        }

        if (p.TopP < 1f)
        {
            candidates.KeepTopMass(p.TopP, candidates.Total);
        }

        Finish(view, p, xtc, candidates);
        return true;
    }

    private static void Finish(RowView view, SamplingParams p, bool xtc, Candidates candidates)
    {
        if (p.TypicalP < 1f)
        {
            candidates.KeepTypical(p.TypicalP, view.Max, view.Scale);
        }

        if (xtc)
        {
            candidates.ExcludeTopChoices(p.XtcThreshold);
        }
    }

    /// <summary>
    /// Top-p over the whole row. Tokens of probability at most (1 - p) / vocabSize add up to at most 1 - p,
    /// so all of them fall outside and need not be looked at.
    /// </summary>
    private static void NucleusOfRow(RowView view, float topP, Candidates candidates)
    {
        double total = LogitMath.SumExp(
            view.Row, view.BlockMax, view.Max, view.Scale, view.BlockSums);
        double share = (1.0 - topP) / view.Row.Length * Slack;
        double least = view.Max + Math.Log(share * total) / view.Scale;
        candidates.Gather(view.Row, view.BlockMax, AtLeast(Math.Min(least, view.Max)));
        candidates.Weigh(view.Max, view.Scale);
        candidates.KeepTopMass(topP, total);
    }

    /// <summary>Mirostat 2: drops tokens of more surprise than mu; Basu et al. 2020.</summary>
    private static void Mirostat(RowView view, double mu, Candidates candidates)
    {
        double total = LogitMath.SumExp(
            view.Row, view.BlockMax, view.Max, view.Scale, view.BlockSums);
        double least = view.Max + (Math.Log(total) - mu * Math.Log(2)) / view.Scale;
        if (least > view.Max)
        {
            candidates.Gather(view.Row, view.BlockMax, view.Max);
            candidates.KeepFirst();
        }
        else
        {
            candidates.Gather(view.Row, view.BlockMax, AtLeast(least));
        }

        candidates.Weigh(view.Max, view.Scale);
    }

    /// <summary>The smallest float that is not below a bound.</summary>
    private static float AtLeast(double bound)
    {
        float rounded = (float)bound;
        return rounded < bound ? MathF.BitIncrement(rounded) : rounded;
    }
}
