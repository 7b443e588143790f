using Engine.Sampling;

namespace Engine.Scheduling;

/// <summary>One prompt with its n outputs, as the scheduler knows it.</summary>
public sealed class Request
{
    private readonly Sequence[] _sequences;

    /// <summary>Creates a request; arguments have been validated.</summary>
    /// <param name="id">Unique in the process.</param>
    /// <param name="promptTokens">At least one id.</param>
    /// <param name="sampling">How to choose tokens; N outputs are made.</param>
    /// <param name="maxModelLen">Longest prompt plus output.</param>
    /// <param name="seed">Keys the random numbers; output i derives its own from it.</param>
    public Request(
        long id, ReadOnlySpan<int> promptTokens, SamplingParams sampling, int maxModelLen, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfZero(promptTokens.Length);
        Id = id;
        Sampling = sampling;
        long maxTokens = Math.Max(sampling.MaxTokens ?? int.MaxValue, 0);
        int total = (int)Math.Min(promptTokens.Length + maxTokens, maxModelLen);
        _sequences = new Sequence[Math.Max(1, sampling.N)];
        int[] prompt = promptTokens.ToArray();
        for (int i = 0; i < _sequences.Length; i++)
        {
            _sequences[i] = new Sequence(this, i, prompt, total, SeedOf(seed, i));
        }

        NumUnfinished = _sequences.Length;
    }

    /// <summary>Unique in the process.</summary>
    public long Id { get; }

    /// <summary>How to choose tokens.</summary>
    public SamplingParams Sampling { get; }

    /// <summary>Lower runs earlier.</summary>
    public int Priority { get; init; }

    /// <summary>Prefix-cache entries are shared only between requests of equal salt.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>End-of-sequence ids of the model.</summary>
    public int[] EosTokenIds { get; init; } = [];

    /// <summary>Means nothing to the scheduler; the host keeps its record of the request here.</summary>
    public object? Tag { get; init; }

    /// <summary>[n] the outputs.</summary>
    public ReadOnlySpan<Sequence> Sequences => _sequences;

    /// <summary>Outputs that have not ended.</summary>
    internal int NumUnfinished { get; set; }

    /// <summary>The outputs after the first have been started, or never will be.</summary>
    internal bool HasForked { get; set; }

    /// <summary>When its first output first ran (TimeProvider timestamp); null before.</summary>
    internal long? ScheduledTimestamp { get; set; }

    /// <summary>Order of arrival; breaks ties of Priority.</summary>
    internal long ArrivalIndex { get; set; }

    /// <summary>Root of this request's chain of cached blocks: one number per salt.</summary>
    internal long CacheRoot { get; set; }

    /// <summary>The key of output i. Output 0 of seed s differs from output 1 of seed s - 1.</summary>
    private static ulong SeedOf(ulong seed, int outputIndex)
    {
        if (outputIndex == 0)
        {
            return seed;
        }

        ulong z = seed + 0x9E3779B97F4A7C15UL * (ulong)(uint)outputIndex;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
