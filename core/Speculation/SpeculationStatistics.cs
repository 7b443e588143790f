namespace Engine.Speculation;

/// <summary>What came of drafts, since the engine started; vLLM's spec_decode counters.</summary>
internal sealed class SpeculationStatistics(int maxDraftTokens)
{
    private readonly long[] _acceptedPerPosition = new long[maxDraftTokens];

    /// <summary>Verifications: one per sequence and step that had drafts.</summary>
    public long NumDrafts { get; private set; }

    public long NumDraftTokens { get; private set; }

    public long NumAcceptedTokens { get; private set; }

    /// <summary>[MaxDraftTokens] verifications that accepted at least so many plus one.</summary>
    public ReadOnlySpan<long> AcceptedPerPosition => _acceptedPerPosition;

    public void Observe(int numDrafts, int numAccepted)
    {
        NumDrafts++;
        NumDraftTokens += numDrafts;
        NumAcceptedTokens += numAccepted;
        for (int i = 0; i < numAccepted; i++)
        {
            _acceptedPerPosition[i]++;
        }
    }
}
