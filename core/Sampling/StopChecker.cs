using Engine.Hosting;
using Engine.Tokenization;

namespace Engine.Sampling;

/// <summary>What a token did to an output.</summary>
/// <param name="Text">Text that became final; ends before the stop string unless it is included.</param>
/// <param name="FinishReason">None if the output goes on.</param>
/// <param name="StopReason">The stop string (string), the stop id (int), or null.</param>
internal readonly record struct StopResult(string Text, FinishReason FinishReason, object? StopReason);

/// <summary>
/// Turns one output's tokens into released text and decides where it ends, as vLLM does: end of sequence,
/// stop ids and length are decided on the token; a stop string in the text of the same token wins over them.
/// </summary>
internal sealed class StopChecker
{
    private readonly SamplingParams _params;
    private readonly int[] _eosTokenIds;
    private readonly int _maxTokens;
    private readonly IIncrementalDetokenizer? _detokenizer;
    private readonly StopMatcher _matcher;
    private readonly RepetitionDetector? _repetition;
    private int _numTokens;

    /// <summary>The reason that repetition_detection gives, as in vLLM; no stop string is this very object.</summary>
    public static readonly object RepetitionReason = new string("repetition_detected");

    /// <param name="parameters">The request's.</param>
    /// <param name="stops">Of the same request; shared by its outputs.</param>
    /// <param name="eosTokenIds">The model's end-of-sequence ids.</param>
    /// <param name="maxTokens">New tokens at most, the model's length considered.</param>
    /// <param name="detokenizer">Of this output; null leaves the text empty.</param>
    public StopChecker(
        SamplingParams parameters,
        StopStrings stops,
        ReadOnlySpan<int> eosTokenIds,
        int maxTokens,
        IIncrementalDetokenizer? detokenizer)
    {
        _params = parameters;
        _eosTokenIds = eosTokenIds.ToArray();
        _maxTokens = maxTokens;
        _detokenizer = detokenizer;
        _matcher = new StopMatcher(stops, parameters.IncludeStopStrInOutput);
        _repetition = parameters.RepetitionDetection is { MaxPatternSize: > 0 } detection
            ? new RepetitionDetector(detection)
            : null;
    }

    /// <summary>Whether a token itself ends an output; stop strings are another matter.</summary>
    /// <param name="parameters">The request's.</param>
    /// <param name="eosTokenIds">The model's end-of-sequence ids.</param>
    /// <param name="token">The new token.</param>
    /// <param name="numTokens">Tokens of the output, the new one included.</param>
    /// <param name="maxTokens">New tokens at most.</param>
    /// <param name="stopId">The stop id, or -1; end of sequence has none.</param>
    public static FinishReason CheckToken(
        SamplingParams parameters,
        ReadOnlySpan<int> eosTokenIds,
        int token,
        int numTokens,
        int maxTokens,
        out int stopId)
    {
        stopId = -1;
        if (!parameters.IgnoreEos && eosTokenIds.Contains(token))
        {
            return FinishReason.Stop;
        }

        if (parameters.StopTokenIds is { } stopIds)
        {
            for (int i = 0; i < stopIds.Count; i++)
            {
                if (stopIds[i] == token)
                {
                    stopId = token;
                    return FinishReason.Stop;
                }
            }
        }

        return numTokens >= maxTokens ? FinishReason.Length : FinishReason.None;
    }

    /// <summary>Adds a token. Not to be called after the output has ended.</summary>
    public StopResult Append(int token)
    {
        _numTokens++;
        FinishReason reason = CheckToken(
            _params, _eosTokenIds, token, _numTokens, _maxTokens, out int stopId);
        object? because = stopId >= 0 ? stopId : null;
        bool isShown = reason != FinishReason.Stop || _params.IncludeStopStrInOutput;
        if (_repetition?.Append(token) == true && reason == FinishReason.None && _numTokens >= _params.MinTokens)
        {
            reason = FinishReason.Stop;
            because = RepetitionReason;
        }

        if (_detokenizer is null)
        {
            return new StopResult("", reason, because);
        }

        string text = isShown ? _detokenizer.Append(token) : "";
        if (reason != FinishReason.None)
        {
            text += Ending(_detokenizer.Flush());
        }

        string released = _matcher.Append(
            text, _numTokens > _params.MinTokens, reason != FinishReason.None);
        return _matcher.Found is { } stop
            ? new StopResult(released, FinishReason.Stop, stop)
            : new StopResult(released, reason, because);
    }

    /// <summary>Text still held back when an output ends for another reason (cancelled, failed).</summary>
    public string Flush()
    {
        string text = _detokenizer is null ? "" : Ending(_detokenizer.Flush());
        return _matcher.Append(text, mayStop: false, isLast: true);
    }

    /// <summary>Bytes that never became a character are dropped at the end.</summary>
    private static string Ending(string text) => text.TrimEnd('\uFFFD');
}
