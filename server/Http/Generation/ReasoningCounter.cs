using Engine.Chat;
using Engine.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>Counts an output's tokens of thought, without the tags around them.</summary>
internal sealed class ReasoningCounter
{
    // Tokens that have told nothing yet: the next delta says whether they were a thought or its closing tag.
    private int _numOpen;
    private bool _isThinking;

    public int Count { get; private set; }

    /// <summary>Books what a token, or the end, has told.</summary>
    /// <param name="deltas">What became final with it.</param>
    /// <param name="e">The event that it came with.</param>
    public void Add(IReadOnlyList<ChatDelta> deltas, RequestEvent e)
    {
        _numOpen += e.TokenId >= 0 && (_isThinking || deltas.Count > 0) ? 1 : 0;
        if (deltas.Count == 0)
        {
            return;
        }

        // What was a thought up to here ends where something else begins.
        if (deltas[0].Kind == ChatDeltaKind.Reasoning)
        {
            Count += _numOpen;
        }

        _numOpen = 0;
        _isThinking = deltas[^1].Kind == ChatDeltaKind.Reasoning;
    }
}
