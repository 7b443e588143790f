using Engine.Grammar;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Speculation;

/// <summary>
/// Drafts that a request's grammar gives away: tokens that alone may come next, and guesses where only one text may.
/// The first are certain and cost nothing, since their rows are to be computed anyway. Of guesses the text is certain
/// and the cut into tokens is not; they go on as long as the sequence takes most of them.
/// </summary>
internal sealed class GrammarDrafts
{
    /// <summary>Drafted for a sequence at a time, at most.</summary>
    public const int MaxTokens = 16;

    // Guesses cost rows; these many sequences' steps are bound by weights, not by rows.
    private const int MaxGuessingSequences = 16;
    private const double MinRate = 0.5;
    private const double MinChance = 0.25;
    private static readonly double MinRateOfAll = Math.Pow(MinChance, 1.0 / MaxTokens);

    private bool _mayGuess;
    private long _allowance;

    /// <summary>Drafts proposed so far.</summary>
    public long NumTokens { get; private set; }

    /// <summary>Of these, how many were what was sampled.</summary>
    public long NumAccepted { get; private set; }

    /// <summary>A step is about to be scheduled.</summary>
    /// <param name="numRunning">Sequences that run.</param>
    public void BeginStep(int numRunning)
    {
        _mayGuess = numRunning <= MaxGuessingSequences;
        _allowance = GrammarState.MaskWork;
    }

    /// <summary>Drafts for a sequence.</summary>
    /// <param name="sequence">Its last token is about to be computed.</param>
    /// <param name="room">Most that may be.</param>
    /// <returns>How many there are.</returns>
    public int Propose(Sequence sequence, int room)
    {
        if (!sequence.TakesDrafts || sequence.SamplerState is not SamplerState { Grammar: { } grammar })
        {
            return 0;
        }

        ref AcceptanceHistory history = ref sequence.GuessHistory;
        if (history.IsNew)
        {
            history.Start(1);
        }

        bool guesses = _mayGuess && !history.IsResting() && (history.Rate >= MinRate || history.TriesAgain());
        Span<int> drafts = sequence.DraftRoom(Math.Min(room, MaxTokens));
        return grammar.Foresee(
            sequence.OutputTokens, drafts, guesses ? NumWorthwhile(history.Rate) : 0, out sequence.NumCertainDrafts,
            ref _allowance);
    }

    // As many as are all right with a chance worth a row.
    private static int NumWorthwhile(double rate) => rate > MinRateOfAll
        ? MaxTokens
        : Math.Max(1, (int)(Math.Log(MinChance) / Math.Log(rate)));

    /// <summary>What verification made of a sequence's drafts.</summary>
    public void Observe(Sequence sequence, int numDrafts, int numAccepted)
    {
        NumTokens += numDrafts;
        NumAccepted += numAccepted;
        int certain = sequence.NumCertainDrafts;
        if (numDrafts > certain && numAccepted >= certain)
        {
            sequence.GuessHistory.Observe(numDrafts - certain, numAccepted - certain);
        }
    }
}
