using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>What changes a row of logits, or notes what is to be changed of it, in the order of the calls.</summary>
internal interface IRowEdits
{
    /// <summary>Ids from here on are ignored.</summary>
    int Length { get; }

    /// <summary>Excludes what may not come next in a grammar.</summary>
    void KeepGrammar(GrammarState grammar);

    /// <summary>Excludes all but allowed_token_ids.</summary>
    void KeepAllowed(SamplingProgram program);

    /// <summary>Excludes a token. Ids outside of the row are ignored.</summary>
    void Mask(int id);

    /// <summary>Adds to logits; excluded tokens stay excluded.</summary>
    /// <param name="ids">Ascending.</param>
    /// <param name="values">Of each.</param>
    void AddBias(ReadOnlySpan<int> ids, ReadOnlySpan<float> values);

    /// <summary>Repetition (prompt and output), frequency and presence (output) penalties.</summary>
    void Penalize(SamplingProgram program, TokenCounts counts);

    /// <summary>Excludes all tokens but one, unless that is excluded already.</summary>
    void KeepOnly(int id);
}

/// <summary>
/// What a request's parameters change of a row before the choice: one order, that of vLLM, for the host, which changes
/// the row, and for a device, which is told.
/// </summary>
internal static class RowEdits
{
    /// <summary>All up to the penalties.</summary>
    /// <param name="row">What is changed.</param>
    /// <param name="state">The sequence's.</param>
    /// <param name="tokens">The sequence so far.</param>
    /// <param name="numPromptTokens">Of tokens, how many are the prompt.</param>
    /// <param name="numPending">Of tokens, the last ones are drafts that may yet be rejected.</param>
    /// <param name="suffixes">Scratch.</param>
    /// <param name="numUnseen">Tokens of the output behind those given, which nobody knows yet.</param>
    /// <returns>False if the output has left its grammar.</returns>
    public static bool Apply<T>(
        T row, SamplerState state, ReadOnlySpan<int> tokens, int numPromptTokens, int numPending,
        SuffixMatches suffixes, int numUnseen = 0)
        where T : IRowEdits, allows ref struct
    {
        SamplingProgram program = state.Program;
        ReadOnlySpan<int> output = tokens[numPromptTokens..];
        if (state.Grammar is { } grammar && !FollowGrammar(row, grammar, tokens[state.OutputStart(numPromptTokens)..]))
        {
            return false;
        }

        if (program.AllowedIds is not null)
        {
            row.KeepAllowed(program);
        }

        LogitsProcessors.MaskBadWords(row, program.BadWords, output);
        if (program.Params.NoRepeatNgramSize > 0)
        {
            LogitsProcessors.MaskRepeatedNgrams(row, program.Params.NoRepeatNgramSize, tokens, suffixes);
        }

        if (output.Length + numUnseen < program.Params.MinTokens && state.Grammar is not { MustEnd: true })
        {
            foreach (int id in program.MinTokensMask)
            {
                row.Mask(id);
            }
        }

        row.AddBias(program.BiasIds, program.BiasValues);
        Penalize(row, state, tokens, numPromptTokens, numPending);
        return true;
    }

    /// <summary>The end of a thought that has been long enough; the last of all.</summary>
    public static void LimitThought<T>(T row, SamplerState state, ReadOnlySpan<int> tokens, int numPromptTokens)
        where T : IRowEdits, allows ref struct
    {
        if (state.Program.Thoughts is { } thoughts && thoughts.End < row.Length
            && state.ThoughtLength(tokens, numPromptTokens) >= thoughts.Tokens)
        {
            row.KeepOnly(thoughts.End);
        }
    }

    private static bool FollowGrammar<T>(T row, GrammarState grammar, ReadOnlySpan<int> output)
        where T : IRowEdits, allows ref struct
    {
        try
        {
            if (grammar.IsTooCostly || !grammar.Follow(output))
            {
                return false;
            }

            row.KeepGrammar(grammar);
        }
        catch (EngineException)
        {
            // More positions open than allowed: this request ends, the others go on.
            return false;
        }

        return true;
    }

    private static void Penalize<T>(
        T row, SamplerState state, ReadOnlySpan<int> tokens, int numPromptTokens, int numPending)
        where T : IRowEdits, allows ref struct
    {
        if (state.CountsOf(tokens[..^numPending], numPromptTokens) is not { } counts)
        {
            return;
        }

        ReadOnlySpan<int> pending = tokens[^numPending..];
        foreach (int id in pending)
        {
            counts.AddOutput(id);
        }

        row.Penalize(state.Program, counts);
        for (int i = pending.Length - 1; i >= 0; i--)
        {
            counts.RemoveOutput(pending[i]);
        }
    }
}
