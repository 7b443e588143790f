namespace Engine.Speculation;

/// <summary>What a step costs by its number of rows, as measured lately. Rows never seen are read off between, or
/// beyond, those that were.</summary>
internal sealed class StepCosts
{
    /// <summary>Larger steps are not measured.</summary>
    public const int MaxRows = 512;

    // A row more on top of the only size ever seen: hopeful, so that it is tried and then known.
    private const double FirstGuessPerRow = 0.03;

    private readonly double[] _seconds = new double[MaxRows + 1];
    private readonly long[] _observedAt = new long[MaxRows + 1];
    private long _numObserved;
    private int _fewest;
    private int _most;

    /// <summary>Nothing has been measured.</summary>
    public bool IsEmpty => _most == 0;

    /// <summary>A step of so many rows took so long. Falls quickly, rises slowly: disturbances only add time.</summary>
    public void Observe(int rows, double seconds)
    {
        if (rows is < 1 or > MaxRows || !(seconds > 0))
        {
            return;
        }

        _observedAt[rows] = ++_numObserved;
        double known = _seconds[rows];
        _seconds[rows] = known == 0 ? seconds : known + ((seconds < known ? 0.3 : 0.05) * (seconds - known));
        _fewest = _fewest == 0 ? rows : Math.Min(_fewest, rows);
        _most = Math.Max(_most, rows);
    }

    /// <summary>True if a step of so many rows is among the last so many that were measured.</summary>
    public bool IsRecent(int rows, int among) => rows <= MaxRows
        && _observedAt[rows] > 0 && _numObserved - _observedAt[rows] < among;

    /// <summary>Seconds of a step of so many rows; 0 if nothing is known.</summary>
    public double Seconds(int rows)
    {
        if (IsEmpty)
        {
            return 0;
        }

        rows = Math.Clamp(rows, 1, MaxRows);
        if (_seconds[rows] > 0)
        {
            return _seconds[rows];
        }

        int below = Math.Min(rows, _most);
        while (below >= _fewest && _seconds[below] == 0)
        {
            below--;
        }

        int above = Math.Max(rows, _fewest);
        while (above <= _most && _seconds[above] == 0)
        {
            above++;
        }

        if (below < _fewest)
        {
            return _seconds[above];
        }

        return above <= _most
            ? _seconds[below] + ((_seconds[above] - _seconds[below]) * (rows - below) / (above - below))
            : _seconds[below] * (1 + (FirstGuessPerRow * (rows - below)));
    }
}
