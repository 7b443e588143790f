using Engine.Scheduling;
using Engine.Speculation;

namespace Engine.Hosting;

/// <summary>Drafts for the fake model: as many, and as often right, as a hash of the prefix says.</summary>
internal sealed class FakeDraftProposer(FakeModelOptions options) : IDraftProposer
{
    public int MaxDraftTokens => options.DraftTokens;

    public double LastDraftSeconds => 0;

    public int Propose(Sequence sequence, Span<int> drafts)
    {
        ulong prefix = FakeModelRunner.EmptyPrefix;
        ReadOnlySpan<int> tokens = sequence.Tokens;
        for (int i = 0; i < tokens.Length; i++)
        {
            prefix = FakeModelRunner.Extend(prefix, FakeModelRunner.SlotValue(tokens[i], i));
        }

        int count = (int)(prefix % (ulong)(drafts.Length + 1));
        for (int i = 0; i < count; i++)
        {
            int token = FakeModelRunner.NextToken(
                prefix, sequence.Sampling, sequence.Seed, sequence.NumOutputTokens + i, options.EosPeriod);
            bool isRight = (prefix >> 20) % 100 < (ulong)options.DraftAccuracy;
            drafts[i] = isRight ? token : (token + 1) % FakeTokenizer.NumTokens;
            prefix = FakeModelRunner.Extend(prefix, FakeModelRunner.SlotValue(drafts[i], tokens.Length + i));
        }

        return count;
    }
}
