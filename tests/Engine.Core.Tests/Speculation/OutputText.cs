using Engine.Hosting;
using Engine.Sampling;
using Engine.Tests.Hosting;

namespace Engine.Tests.Speculation;

/// <summary>Everything about a request's outputs that must not depend on drafts.</summary>
internal static class OutputText
{
    public static string Describe(CollectingSink sink) => string.Join('\n', sink.Events
        .Where(e => e.Kind != RequestEventKind.Finished)
        .OrderBy(e => e.OutputIndex)
        .Select(e => $"{e.Kind} {e.OutputIndex} {e.TokenId} {e.Text} {e.FinishReason} {e.StopReason} {e.Error?.Message} "
            + $"{Bits(e.Logprobs)} | {string.Join(' ', e.PromptLogprobs?.Select(Bits) ?? [])}"));

    private static string Bits(IReadOnlyList<TokenLogprob>? logprobs) => string.Join(
        ',', logprobs?.Select(l => $"{l.TokenId}:{BitConverter.SingleToInt32Bits(l.Logprob):x}:{l.Rank}") ?? []);
}
