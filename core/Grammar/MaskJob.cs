using System.Diagnostics;
using Engine.Diagnostics;

namespace Engine.Grammar;

/// <summary>
/// Following some tokens and making the mask behind them on a thread of its own, because it takes longer than a step
/// should. Jobs take turns of a few milliseconds, so that one that takes long does not hold up the others.
/// </summary>
internal sealed class MaskJob
{
    // About five milliseconds; twice as much each time that nothing came of it, for what cannot be taken up again.
    private const long TurnWork = 5_000_000;
    private const int MaxDoublings = 6;
    private const int IdleMilliseconds = 10_000;

    private static readonly object _lock = new();
    private static readonly Queue<MaskJob> _waiting = new();
    private static bool _hasThread;

    private readonly GrammarProgram _program;
    private readonly PositionSet _from;
    private readonly int _numBefore;
    private readonly int[] _tokens;
    private PositionSet _at;
    private int _numFollowed;
    private int _numTurns;
    private bool _fits = true;
    private double _microsecondsTaken;
    private volatile bool _isDone;

    private MaskJob(GrammarProgram program, PositionSet from, int numBefore, int[] tokens)
    {
        _program = program;
        _from = from;
        _at = from;
        _numBefore = numBefore;
        _tokens = tokens;
    }

    /// <summary>Nothing more will be done.</summary>
    public bool IsDone => _isDone;

    /// <summary>The grammar cannot be followed: too many positions are open, or it took too long.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Behind the tokens, as soon as it is done.</summary>
    public PositionSet At => _at;

    /// <summary>Begins one.</summary>
    /// <param name="program">The grammar.</param>
    /// <param name="from">Where.</param>
    /// <param name="numBefore">Tokens of the output until there.</param>
    /// <param name="tokens">The output's tokens from there on.</param>
    public static MaskJob Start(GrammarProgram program, PositionSet from, int numBefore, ReadOnlySpan<int> tokens)
    {
        var job = new MaskJob(program, from, numBefore, tokens.ToArray());
        lock (_lock)
        {
            _waiting.Enqueue(job);
            Monitor.Pulse(_lock);
            if (!_hasThread)
            {
                _hasThread = true;
                new Thread(Run) { IsBackground = true, Name = "engine masks" }.Start();
            }
        }

        return job;
    }

    /// <summary>Whether what was done is what an output needs that has come so far.</summary>
    public bool Reaches(PositionSet? at, int numBefore, ReadOnlySpan<int> output) =>
        _fits && ReferenceEquals(at, _from) && numBefore == _numBefore && output[numBefore..].SequenceEqual(_tokens);

    /// <summary>Nobody wants it any more.</summary>
    public void Cancel() => _isDone = true;

    /// <summary>Waits until it is done, at most so long; less than the system's clock could tell apart.</summary>
    public void Wait(TimeSpan most)
    {
        long begun = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        while (!_isDone && Stopwatch.GetElapsedTime(begun) < most)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    private static void Run()
    {
        while (Next() is { } job)
        {
            double begun = ThreadClock.Microseconds();
            bool isDone = job._isDone || job.TakeTurn();
            job._microsecondsTaken += ThreadClock.Microseconds() - begun;
            if (!isDone && job._microsecondsTaken > GrammarLimits.Default.MaxCompileMilliseconds * 1e3)
            {
                job.HasFailed = true;
                isDone = true;
            }

            if (isDone)
            {
                job._isDone = true;
                continue;
            }

            lock (_lock)
            {
                _waiting.Enqueue(job);
            }
        }
    }

    private static MaskJob? Next()
    {
        lock (_lock)
        {
            while (_waiting.Count == 0)
            {
                if (!Monitor.Wait(_lock, IdleMilliseconds) && _waiting.Count == 0)
                {
                    _hasThread = false;
                    return null;
                }
            }

            return _waiting.Dequeue();
        }
    }

    private bool TakeTurn()
    {
        WorkBudget.Begin(TurnWork << Math.Min(_numTurns++, MaxDoublings));
        try
        {
            for (; _numFollowed < _tokens.Length; _numFollowed++)
            {
                if (_program.Advance(_at, _tokens[_numFollowed]) is not { } next)
                {
                    // An end, or a token of somebody else's: whoever asked sees for himself.
                    _fits = WorkBudget.IsSpent;
                    return !_fits;
                }

                _at = next;
            }

            return _program.TryMask(_at) is not null;
        }
        catch (EngineException)
        {
            HasFailed = true;
            return true;
        }
        finally
        {
            WorkBudget.End();
        }
    }
}
