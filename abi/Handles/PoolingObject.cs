using Engine.Abi.Events;
using Engine.Abi.Types;
using Engine.Pooling;

namespace Engine.Abi.Handles;

/// <summary>
/// Texts handed in together, and what came of them. Numbers and ids are copied out of the managed heap, which is
/// bounded, as they come; they live as long as the handle.
/// </summary>
internal sealed unsafe class PoolingObject : HandleObject
{
    private readonly object _gate = new();
    private readonly Outcome[] _outcomes;
    private readonly PoolerObject _pooler;
    private EventFd? _fd;
    private int _numEnded;
    private bool _isDestroyed;
    private PoolingJob? _job;

    public PoolingObject(PoolerObject pooler, int count)
    {
        _outcomes = new Outcome[count];
        _pooler = pooler;
        SetParent(pooler);
    }

    public override HandleKind Kind => HandleKind.Pooling;

    public int Count => _outcomes.Length;

    /// <summary>Hands the texts in; throws before any has an outcome.</summary>
    public void Start(PoolingTask task, IReadOnlyList<PoolingInput> inputs, PoolingSettings settings) =>
        _job = PoolingJob.Start(_pooler.Worker, task, inputs, settings, OnEnded);

    public void Cancel() => _job?.Cancel();

    /// <summary>Waits until all have ended or the time is over.</summary>
    /// <returns>How many have ended.</returns>
    public int Wait(int timeoutMs)
    {
        long deadline = Environment.TickCount64 + timeoutMs;
        lock (_gate)
        {
            while (_numEnded < _outcomes.Length)
            {
                long left = timeoutMs < 0 ? Timeout.Infinite : deadline - Environment.TickCount64;
                if (timeoutMs >= 0 && left <= 0) break;
                Monitor.Wait(_gate, (int)left);
            }

            return _numEnded;
        }
    }

    /// <summary>Readable once all have ended.</summary>
    public int Descriptor()
    {
        lock (_gate)
        {
            _fd ??= new EventFd();
            _fd.Set(_numEnded == _outcomes.Length);
            return _fd.Descriptor;
        }
    }

    /// <summary>What came of a text; throws its failure.</summary>
    public PoolingResultStruct Result(ulong index)
    {
        if (index >= (ulong)_outcomes.Length)
        {
            throw EngineException.Invalid("index", $"{index} of {_outcomes.Length} texts");
        }

        Outcome outcome;
        lock (_gate) outcome = _outcomes[index];
        if (!outcome.HasEnded) throw new EngineException(EngineStatus.WouldBlock, $"text {index} has not ended");
        if (outcome.Error is EngineException error)
        {
            throw new EngineException(error.Status, error.Message, error.Parameter, error);
        }

        return new PoolingResultStruct
        {
            Rows = outcome.Rows,
            Columns = outcome.Columns,
            Values = outcome.Values,
            Tokens = outcome.Tokens,
            TokensLen = (ulong)outcome.NumTokens,
        };
    }

    /// <summary>Nobody can ask for the results any more.</summary>
    public override void OnReleased() => Cancel();

    protected override void Destroy()
    {
        Cancel();
        lock (_gate)
        {
            _isDestroyed = true;
            for (int i = 0; i < _outcomes.Length; i++) Free(ref _outcomes[i]);
            _fd?.Dispose();
        }
    }

    private void OnEnded(int index, PoolingOutcome ended)
    {
        Outcome outcome = Copy(ended);
        lock (_gate)
        {
            _outcomes[index] = outcome;
            if (_isDestroyed) Free(ref _outcomes[index]); // the worker was just about to tell
            if (++_numEnded == _outcomes.Length)
            {
                _fd?.Set(true);
                Monitor.PulseAll(_gate);
            }
        }
    }

    private static void Free(ref Outcome outcome)
    {
        NativeMemory.Free(outcome.Values);
        NativeMemory.Free(outcome.Tokens);
        outcome.Values = null;
        outcome.Tokens = null;
    }

    private static Outcome Copy(PoolingOutcome ended)
    {
        var outcome = new Outcome { HasEnded = true, Error = ended.Error };
        if (ended.Values is not float[] values) return outcome;
        int[] ids = [.. ended.TokenIds];
        try
        {
            outcome.Values = (float*)Copy<float>(values);
            outcome.Tokens = (int*)Copy<int>(ids);
        }
        catch (OutOfMemoryException e)
        {
            NativeMemory.Free(outcome.Values);
            return new Outcome
            {
                HasEnded = true,
                Error = new EngineException(EngineStatus.OutOfMemory, "no memory for the result", null, e),
            };
        }

        outcome.NumTokens = ids.Length;
        outcome.Rows = ended.Rows;
        outcome.Columns = values.Length / Math.Max(1, ended.Rows);
        return outcome;
    }

    private static void* Copy<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        void* copy = NativeMemory.Alloc((nuint)values.Length, (nuint)sizeof(T));
        values.CopyTo(new Span<T>(copy, values.Length));
        return copy;
    }

    private struct Outcome
    {
        public bool HasEnded;
        public EngineException? Error;
        public int Rows;
        public int Columns;
        public int NumTokens;
        public float* Values;
        public int* Tokens;
    }
}
