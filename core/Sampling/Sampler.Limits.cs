using Engine.Grammar;

namespace Engine.Sampling;

/// <summary>What leaves few tokens to choose from: a grammar, and a thought that has been long enough.</summary>
internal sealed partial class Sampler
{
    private bool FollowGrammar(GrammarState grammar, Span<float> row, ReadOnlySpan<int> output)
    {
        try
        {
            if (grammar.IsTooCostly || !grammar.Follow(output))
            {
                return false;
            }

            grammar.Apply(row);
        }
        catch (EngineException)
        {
            // More positions open than allowed: this request ends, the others go on.
            return false;
        }

        LogitMath.ScanBlocks(row, BlockMax(row));
        return true;
    }

    private void LimitThought(RowEditor editor, SamplerState state, ReadOnlySpan<int> tokens, int numPromptTokens)
    {
        // What a grammar forbids stays forbidden.
        if (state.Program.Thoughts is { } thoughts && thoughts.End < editor.Length
            && editor[thoughts.End] > float.NegativeInfinity
            && state.ThoughtLength(tokens, numPromptTokens) >= thoughts.Tokens)
        {
            editor.MaskAllBut([thoughts.End], _candidates.Scratch);
        }
    }
}
