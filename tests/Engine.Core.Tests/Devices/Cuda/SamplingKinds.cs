using Engine.Grammar;
using Engine.Sampling;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Parameters drawn at random out of those that a GPU samples with.</summary>
internal static class SamplingKinds
{
    /// <summary>Any of them together.</summary>
    /// <param name="random">Draws.</param>
    /// <param name="numIds">Ids below it are named.</param>
    public static SamplingParams Draw(Random random, int numIds)
    {
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(numIds)).Distinct()];
        bool Is(int part) => random.Next(part) == 0;
        return new SamplingParams
        {
            Temperature = Is(3) ? 0 : 0.5f + random.NextSingle(),
            Seed = random.Next(),
            TopK = Is(2) ? 0 : 1 + random.Next(60),
            TopP = Is(2) ? 1 : 0.3f + (0.7f * random.NextSingle()),
            MinP = Is(3) ? 0.02f : 0,
            RepetitionPenalty = Is(2) ? 1 : 0.7f + random.NextSingle(),
            FrequencyPenalty = Is(2) ? 0 : random.NextSingle() - 0.3f,
            PresencePenalty = Is(2) ? 0 : random.NextSingle() - 0.3f,
            LogitBias = Is(2) ? null : Ids(20).ToDictionary(id => id, _ => (20 * random.NextSingle()) - 10),
            AllowedTokenIds = Is(4) ? Ids(60) : null,
            NoRepeatNgramSize = Is(4) ? 1 + random.Next(3) : 0,
            MinTokens = Is(3) ? 6 : 0,
            StopTokenIds = Is(3) ? Ids(40) : null,
            Logprobs = Is(2) ? random.Next(6) : null,
            PromptLogprobs = Is(4) ? random.Next(4) : null,
        };
    }

    /// <summary>The same with what needs a tokenizer.</summary>
    public static SamplingParams DrawWithText(Random random, int numIds) => Draw(random, numIds) with
    {
        AllowedTokenIds = null,
        BadWords = random.Next(4) == 0 ? ["two", "the", "one three"] : null,
        StructuredOutputs = random.Next(3) switch
        {
            0 => new StructuredOutputs { Regex = "(one|two|three)( (one|two|four))*" },
            1 => new StructuredOutputs { Choice = ["one two three four", "two", "three two one"] },
            _ => null,
        },
    };
}
