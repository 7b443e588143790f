namespace Engine.Speculation;

/// <summary>How the drafts of one sequence have fared lately.</summary>
internal struct AcceptanceHistory
{
    private const double Weight = 0.05;
    private const int NumTrials = 4;
    private const int FirstPause = 16;
    private const int LongestPause = 256;

    private int _pause;
    private int _nextPause;
    private int _numTrials;

    /// <summary>Chance that a draft is accepted if all before it are, as it has been lately.</summary>
    public double Rate { get; private set; }

    /// <summary>Nothing has been drafted yet.</summary>
    public readonly bool IsNew => _nextPause == 0;

    /// <summary>What is known of others, in place of nothing.</summary>
    public void Start(double rate)
    {
        Rate = rate;
        _nextPause = FirstPause;
        _numTrials = NumTrials;
    }

    /// <summary>One verification: each draft up to the first rejected one is an observation.</summary>
    public void Observe(int numDrafts, int numAccepted)
    {
        for (int i = 0; i < numAccepted; i++)
        {
            Rate += Weight * (1 - Rate);
        }

        if (numAccepted < numDrafts)
        {
            Rate -= Weight * Rate;
        }
    }

    /// <summary>Drafts pay now.</summary>
    public void Pays() => _nextPause = FirstPause;

    /// <summary>
    /// Drafts seem not to pay now. A few more are tried, for chance may deceive; then there are none for a while, which
    /// grows as long as they fail.
    /// </summary>
    /// <returns>True to try once more.</returns>
    public bool TriesAgain()
    {
        if (_numTrials > 0)
        {
            _numTrials--;
            return true;
        }

        _pause = _nextPause;
        _nextPause = Math.Min(2 * _nextPause, LongestPause);
        _numTrials = NumTrials;
        return false;
    }

    /// <summary>True if the pause goes on for this token.</summary>
    public bool IsResting()
    {
        if (_pause == 0)
        {
            return false;
        }

        _pause--;
        return true;
    }
}
