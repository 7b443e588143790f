using System.Diagnostics;
using Engine.Hosting;

namespace Engine.Sampling;

/// <summary>
/// Chooses the next token of a sequence from a row of logits. Owns scratch only, so one per thread; what
/// belongs to a sequence is in <see cref="SamplerState"/>. Allocates nothing but log probabilities asked for.
/// </summary>
internal sealed partial class Sampler
{
    private readonly float[] _blockMax;
    private readonly bool[] _dirty;
    private readonly double[] _blockSums;
    private readonly float[] _raw;
    private readonly Candidates _candidates;
    private readonly DryPenalty _dry;
    private readonly LogprobReader _logprobs;

    /// <param name="rowLength">Logits per row: the model's vocabulary, padding included.</param>
    /// <param name="maxModelLen">Prompt and output at most; longer ones cost an allocation.</param>
    public Sampler(int rowLength, int maxModelLen = 8192)
    {
        int blocks = LogitMath.NumBlocks(rowLength);
        _blockMax = new float[blocks];
        _dirty = new bool[blocks];
        _blockSums = new double[blocks];
        _raw = new float[rowLength];
        _candidates = new Candidates(rowLength);
        Suffixes = new SuffixMatches(maxModelLen);
        _dry = new DryPenalty(rowLength, Suffixes);
        _logprobs = new LogprobReader(rowLength);
    }

    /// <summary>Scratch, free between calls.</summary>
    internal SuffixMatches Suffixes { get; }

    /// <summary>Bytes of a sampler for rows of that length, but for some thousands that every one has.</summary>
    public static long BytesFor(int rowLength) => (long)rowLength
        * (sizeof(float) + Candidates.BytesPerToken + DryPenalty.BytesPerToken + LogprobReader.BytesPerToken);

    /// <summary>What a status of <see cref="Sample"/> means, for the request that fails.</summary>
    public static string Describe(EngineStatus status) => status switch
    {
        EngineStatus.Ok => "a token was sampled",
        EngineStatus.InvalidArgument =>
            "no token may be sampled: the request's grammar, allowed_token_ids, bad_words and other masks exclude all",
        EngineStatus.CorruptData => "the model computed a logit that is NaN or infinite",
        _ => "sampling failed",
    };

    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">[rowLength] of the sequence's last token; overwritten.</param>
    /// <param name="state">The sequence's.</param>
    /// <param name="tokens">The sequence so far, prompt and output.</param>
    /// <param name="numPromptTokens">Of tokens, how many are the prompt.</param>
    /// <param name="token">The choice, below the program's VocabSize; -1 on error.</param>
    /// <param name="logprobs">
    /// If asked for: the token first, then the best N (the token again, if it is one of them), by raw logits.
    /// </param>
    /// <param name="numPending">Of tokens, the last ones are drafts that may yet be rejected.</param>
    /// <returns>Ok; CorruptData for NaN or +infinity; InvalidArgument if masks leave no token.</returns>
    public EngineStatus Sample(
        Span<float> logits,
        SamplerState state,
        ReadOnlySpan<int> tokens,
        int numPromptTokens,
        out int token,
        out TokenLogprob[]? logprobs,
        int numPending = 0)
    {
        token = -1;
        logprobs = null;
        SamplingProgram program = state.Program;
        if (!LogitMath.ScanBlocks(logits, _blockMax))
        {
            return EngineStatus.CorruptData;
        }

        int? numLogprobs = program.Params.Logprobs;
        if (numLogprobs is not null)
        {
            logits.CopyTo(_raw);
            _logprobs.Load(logits, _blockMax, program.VocabSize);
        }

        Span<float> row = Trim(logits, program.VocabSize);
        if (!Edit(row, state, tokens, numPromptTokens, numPending))
        {
            return EngineStatus.InvalidArgument;
        }

        float max = LogitMath.Max(BlockMax(row));
        if (max == float.NegativeInfinity)
        {
            return EngineStatus.InvalidArgument;
        }

        token = Choose(row, max, state, tokens.Length - numPromptTokens);
        if (numLogprobs is int count)
        {
            logprobs = state.NumPromptOutputs is not null
                    ? _logprobs.ReadMasked(row, BlockMax(row), token, count)
                : program.Params.LogprobTokenIds is { } ids
                    ? _logprobs.ReadGiven(_raw.AsSpan(0, logits.Length), token, ids)
                : _logprobs.Read(_raw.AsSpan(0, logits.Length), token, count);
        }

        return EngineStatus.Ok;
    }

    /// <summary>Log probabilities of a given token and the best N, as for a prompt's tokens.</summary>
    /// <param name="logits">[rowLength] of the token before; not changed.</param>
    /// <param name="token">The token to score.</param>
    /// <param name="count">N; -1 is all.</param>
    /// <param name="vocabSize">Ids at or above it are not among the best.</param>
    /// <param name="logprobs">The token first, then the best N; null on error.</param>
    /// <returns>Ok; CorruptData for NaN or +infinity.</returns>
    public EngineStatus Score(
        ReadOnlySpan<float> logits, int token, int count, int vocabSize, out TokenLogprob[]? logprobs)
    {
        logprobs = null;
        if (!LogitMath.ScanBlocks(logits, _blockMax))
        {
            return EngineStatus.CorruptData;
        }

        _logprobs.Load(logits, _blockMax, vocabSize);
        logprobs = _logprobs.Read(logits, token, count);
        return EngineStatus.Ok;
    }

    /// <summary>
    /// The distribution that <see cref="Sample"/> draws from: the same steps up to the draw. A greedy one has
    /// one token. For speculation with a draft model, and for tests.
    /// </summary>
    /// <param name="logits">[rowLength]; overwritten.</param>
    /// <param name="state">The sequence's.</param>
    /// <param name="tokens">The sequence so far.</param>
    /// <param name="numPromptTokens">Of tokens, how many are the prompt.</param>
    /// <param name="candidates">Ids and weights; valid until the next call.</param>
    /// <param name="xtcFires">The outcome of XTC's draw; null draws.</param>
    /// <param name="numPending">As in Sample.</param>
    public EngineStatus Distribution(
        Span<float> logits,
        SamplerState state,
        ReadOnlySpan<int> tokens,
        int numPromptTokens,
        out Candidates candidates,
        bool? xtcFires = null,
        int numPending = 0)
    {
        candidates = _candidates;
        if (!LogitMath.ScanBlocks(logits, _blockMax))
        {
            return EngineStatus.CorruptData;
        }

        Span<float> row = Trim(logits, state.Program.VocabSize);
        if (!Edit(row, state, tokens, numPromptTokens, numPending))
        {
            return EngineStatus.InvalidArgument;
        }

        float max = LogitMath.Max(BlockMax(row));
        if (max == float.NegativeInfinity)
        {
            return EngineStatus.InvalidArgument;
        }

        SamplingParams p = state.Program.Params;
        if (p.IsGreedy)
        {
            _candidates.Gather(row, BlockMax(row), max);
            _candidates.KeepFirst();
            _candidates.Weigh(max, 1f);
            return EngineStatus.Ok;
        }

        int position = tokens.Length - numPromptTokens;
        bool fires = xtcFires
            ?? Philox.Uniforms(state.Seed, state.OutputIndex, position).Second <= p.XtcProbability;
        var view = new RowView(row, BlockMax(row), _blockSums, max, Scale(row, max, p));
        if (!Truncation.Apply(view, state, position, fires, _candidates))
        {
            _candidates.Gather(row, view.BlockMax, float.NegativeInfinity);
            _candidates.Weigh(max, view.Scale);
        }

        return EngineStatus.Ok;
    }

    /// <summary>Cuts off the padding, whose ids are no tokens.</summary>
    private Span<float> Trim(Span<float> logits, int vocabSize)
    {
        if (vocabSize >= logits.Length)
        {
            return logits;
        }

        Span<float> row = logits[..vocabSize];
        int last = LogitMath.NumBlocks(vocabSize) - 1;
        LogitMath.ScanBlock(row[(last * LogitMath.BlockSize)..], out _blockMax[last]);
        return row;
    }

    private Span<float> BlockMax(ReadOnlySpan<float> row) =>
        _blockMax.AsSpan(0, LogitMath.NumBlocks(row.Length));

    /// <summary>Changes the logits as the parameters say; false if the output has left its grammar.</summary>
    private bool Edit(
        Span<float> row,
        SamplerState state,
        ReadOnlySpan<int> tokens,
        int numPromptTokens,
        int numPending)
    {
        SamplingProgram program = state.Program;
        if (!program.EditsLogits)
        {
            return true;
        }

        var editor = new RowEditor(row, BlockMax(row), _dirty, _candidates.Scratch);
        if (!RowEdits.Apply(editor, state, tokens, numPromptTokens, numPending, Suffixes))
        {
            return false;
        }

        if (program.Params.DryMultiplier > 0)
        {
            _dry.Apply(editor, program.Params, program.DryBreakers, tokens);
        }

        RowEdits.LimitThought(editor, state, tokens, numPromptTokens);
        editor.Finish();
        return true;
    }

    private int Choose(Span<float> row, float max, SamplerState state, int position)
    {
        SamplingParams p = state.Program.Params;
        if (p.IsGreedy)
        {
            return FirstOf(row, BlockMax(row), max);
        }

        (double uniform, double xtc) = Philox.Uniforms(state.Seed, state.OutputIndex, position);
        var view = new RowView(row, BlockMax(row), _blockSums, max, Scale(row, max, p));
        if (!Truncation.Apply(view, state, position, xtc <= p.XtcProbability, _candidates))
        {
            return DrawFromRow(view, uniform);
        }

        int drawn = _candidates.Draw(uniform);
        if (p.MirostatMode != 0)
        {
            state.MirostatObserve(-Math.Log2(_candidates.Weights[drawn] / _candidates.Total));
        }

        return _candidates.Ids[drawn];
    }

    /// <summary>The reciprocal temperature.</summary>
    private float Scale(ReadOnlySpan<float> row, float max, SamplingParams p)
    {
        double temperature = Math.Max(p.Temperature, 0.01);
        if (!(p.DynatempRange > 0))
        {
            return (float)(1 / temperature);
        }

        int count = LogitMath.CountAtLeast(row, -float.MaxValue);
        if (count < 2)
        {
            return 1f;
        }

        (double sum, double moment) = LogitMath.SumExpMoment(row, BlockMax(row), max, 1f);
        double entropy = Math.Max(0, Math.Log(sum) - moment / sum);
        double low = Math.Max(0, temperature - p.DynatempRange);
        double high = temperature + p.DynatempRange;
        double share = Math.Pow(entropy / Math.Log(count), p.DynatempExponent);
        double dynamic = low + (high - low) * share;

        // A peaked row can drive the temperature to 0; as with the plain one, that is no special case.
        return (float)(1 / Math.Max(dynamic, 1e-6));
    }

    /// <summary>Draws from the whole row: finds the block, then the token in it.</summary>
    private int DrawFromRow(RowView view, double uniform)
    {
        double total = LogitMath.SumExp(
            view.Row, view.BlockMax, view.Max, view.Scale, view.BlockSums);
        double target = uniform * total;
        int block = 0;
        int last = 0;
        double before = 0;
        for (; block < view.BlockMax.Length; block++)
        {
            double part = view.BlockSums[block];
            last = part > 0 ? block : last;
            if (before + part > target)
            {
                break;
            }

            before += part;
        }

        block = Math.Min(block, last);
        Span<float> weights = stackalloc float[LogitMath.BlockSize];
        int at = block * LogitMath.BlockSize;
        int length = Math.Min(LogitMath.BlockSize, view.Row.Length - at);
        LogitMath.Weights(view.Row.Slice(at, length), view.Max, view.Scale, weights);
        int chosen = -1;
        for (int i = 0; i < length; i++)
        {
            if (weights[i] > 0)
            {
                chosen = at + i;
                before += weights[i];
                if (before > target)
                {
                    break;
                }
            }
        }

        Debug.Assert(chosen >= 0, "a block with weight has a token with weight");
        return chosen;
    }

    private static int FirstOf(ReadOnlySpan<float> row, ReadOnlySpan<float> blockMax, float max)
    {
        int at = blockMax.IndexOf(max) * LogitMath.BlockSize;
        return at + row[at..].IndexOf(max);
    }
}
