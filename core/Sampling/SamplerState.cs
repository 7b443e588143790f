using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>
/// What the sampler keeps for one output between steps. A function of the tokens so far (and mirostat's
/// course), so it survives preemption and steps that are done again.
/// </summary>
internal sealed class SamplerState : IDisposable
{
    // Distinct tokens counted without allocating in a step; more than these are rare in one output.
    private const int MaxInitialCounts = 16384;

    // Drafts are counted while they are looked at.
    private const int MaxPending = 64;

    private readonly TokenCounts? _counts;
    private int _numCounted;
    private int _miroPosition = -1;
    private double _miroMu;
    private double _miroNext;
    private int _numThoughtSeen = -1;
    private int _thoughtLength;

    /// <summary>Starts an output.</summary>
    /// <param name="program">The request's parameters.</param>
    /// <param name="seed">The request's; with outputIndex and position it keys every random number.</param>
    /// <param name="outputIndex">Which of the request's n outputs.</param>
    /// <param name="maxTokensTotal">Prompt and output at most; sizes what is allocated here.</param>
    public SamplerState(SamplingProgram program, ulong seed, int outputIndex, int maxTokensTotal)
    {
        Program = program;
        Seed = seed;
        OutputIndex = outputIndex;
        if (program.Penalizes)
        {
            int most = Math.Min(maxTokensTotal, program.VocabSize);
            _counts = new TokenCounts(Math.Min(most, MaxInitialCounts) + MaxPending);
        }

        if (program.Grammar is not null)
        {
            Grammar = new GrammarState(program.Grammar, program.MinTokensMask);
        }

        _miroNext = 2.0 * program.Params.MirostatTau;
    }

    public SamplingProgram Program { get; }

    public ulong Seed { get; }

    public int OutputIndex { get; }

    /// <summary>
    /// Set for a step of a beam search: so many of the prompt's last tokens are the beam, which the grammar follows,
    /// and log probabilities are those of tokens that may come next.
    /// </summary>
    public int? NumPromptOutputs { get; init; }

    /// <summary>Where in a sequence its grammar begins.</summary>
    public int OutputStart(int numPromptTokens) => numPromptTokens - (NumPromptOutputs ?? 0);

    /// <summary>How far the output has come in its grammar; null without one.</summary>
    public GrammarState? Grammar { get; }

    /// <summary>Nothing is sampled with it any more.</summary>
    public void Dispose() => Grammar?.Dispose();

    /// <summary>Counts of the tokens given, brought up to date; null if nothing needs them.</summary>
    public TokenCounts? CountsOf(ReadOnlySpan<int> tokens, int numPromptTokens)
    {
        if (_counts is null)
        {
            return null;
        }

        if (tokens.Length < _numCounted)
        {
            _counts.Clear();
            _numCounted = 0;
        }

        for (; _numCounted < tokens.Length; _numCounted++)
        {
            if (_numCounted < numPromptTokens)
            {
                _counts.AddPrompt(tokens[_numCounted]);
            }
            else
            {
                _counts.AddOutput(tokens[_numCounted]);
            }
        }

        return _counts;
    }

    /// <summary>Tokens of the thought that goes on after the tokens given; -1 outside of one.</summary>
    public int ThoughtLength(ReadOnlySpan<int> tokens, int numPromptTokens)
    {
        ThoughtBudget thoughts = Program.Thoughts!;
        if (_numThoughtSeen < 0 || tokens.Length < _numThoughtSeen)
        {
            _thoughtLength = thoughts.StartOf(tokens[..numPromptTokens]);
            _numThoughtSeen = numPromptTokens;
        }

        for (; _numThoughtSeen < tokens.Length; _numThoughtSeen++)
        {
            _thoughtLength = thoughts.Next(_thoughtLength, tokens[_numThoughtSeen]);
        }

        return _thoughtLength;
    }

    /// <summary>Mirostat's mu for a position; a position that is decided again gets the same one.</summary>
    public double MirostatMu(int position)
    {
        if (position != _miroPosition)
        {
            _miroPosition = position;
            _miroMu = _miroNext;
        }

        return _miroMu;
    }

    /// <summary>Corrects mu by the surprise of the token drawn.</summary>
    public void MirostatObserve(double surprise)
    {
        SamplingParams p = Program.Params;
        _miroNext = _miroMu - p.MirostatEta * (surprise - p.MirostatTau);
    }
}
