namespace Engine.Chat.Parsing;

/// <summary>The arguments of a call that has begun: one JSON value, passed on as it comes.</summary>
internal sealed class ValueArguments(PendingText text, DeltaSink sink, Markers stops)
{
    private readonly JsonValueScanner _scanner = new(stops);
    private bool _hasBegun;

    /// <summary>Uses text up: More, or Complete or Stopped when the call has ended.</summary>
    /// <param name="isFinal">No more text comes.</param>
    /// <param name="isWanted">False drops the value.</param>
    public ScanResult Advance(bool isFinal, bool isWanted = true)
    {
        int at = 0;
        if (!_hasBegun)
        {
            while (at < text.Length && text[at] is (' ' or '\t' or '\r' or '\n'))
            {
                at++;
            }

            text.Consume(at);
            at = 0;
            _hasBegun = text.Length > 0;
        }

        ScanResult result = _scanner.Advance(text, ref at, isFinal);
        if (isWanted)
        {
            sink.Arguments(text.Span[..at]);
        }

        text.Consume(at);
        if (isWanted && (result != ScanResult.More || isFinal))
        {
            sink.EndCall();
        }

        return result;
    }
}
