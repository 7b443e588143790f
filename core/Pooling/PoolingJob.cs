namespace Engine.Pooling;

/// <summary>
/// Texts handed in together. Each has an outcome of its own: one that is refused or fails leaves the others alone.
/// They are computed with whatever else waits, one behind the other without padding.
/// </summary>
public sealed class PoolingJob
{
    private readonly PoolingWorker _worker;
    private readonly PoolingTask _task;
    private readonly PoolingSettings _settings;
    private readonly Action<int, PoolingOutcome> _ended;
    private readonly List<Part> _parts = [];
    private readonly Item[] _items;
    private readonly Lock _gate = new();
    private volatile bool _isCancelled;

    private PoolingJob(
        PoolingWorker worker, PoolingTask task, int count, PoolingSettings settings,
        Action<int, PoolingOutcome> ended)
    {
        _worker = worker;
        _task = task;
        _settings = settings;
        _ended = ended;
        _items = new Item[count];
    }

    // The vectors of two texts are compared where no head reads both at once.
    private bool Compares => _task == PoolingTask.Score && _worker.Model.Embeds;

    /// <summary>Tokenizes texts on the calling thread and hands them in.</summary>
    /// <param name="worker">Where they are computed.</param>
    /// <param name="task">What is wanted of each; Score wants pairs.</param>
    /// <param name="inputs">The texts.</param>
    /// <param name="settings">What they have in common.</param>
    /// <param name="ended">Called once for each input with its outcome, in any order, on this thread, the worker's, or
    /// the one that cancels; must not throw.</param>
    /// <exception cref="EngineException">The settings cannot be met (InvalidArgument names the field; Unsupported);
    /// WouldBlock if the queue is full; ShuttingDown. Then no outcome follows.</exception>
    public static PoolingJob Start(
        PoolingWorker worker, PoolingTask task, IReadOnlyList<PoolingInput> inputs, PoolingSettings settings,
        Action<int, PoolingOutcome> ended)
    {
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(ended);
        worker.Model.Check(task, settings);
        var job = new PoolingJob(worker, task, inputs.Count, settings, ended);
        job.HandIn(inputs);
        return job;
    }

    /// <summary>Ends with Cancelled what has not ended. Idempotent; any thread.</summary>
    public void Cancel()
    {
        _isCancelled = true;
        var error = new EngineException(EngineStatus.Cancelled, "the text was cancelled");
        for (int i = 0; i < _items.Length; i++) End(i, null, error);
    }

    private void HandIn(IReadOnlyList<PoolingInput> inputs)
    {
        Dictionary<string, int> firsts = new(StringComparer.Ordinal);
        var refused = new EngineException?[inputs.Count];
        for (int i = 0; i < inputs.Count; i++)
        {
            try
            {
                _items[i] = Compares ? Compare(inputs[i], firsts, i) : new Item(Add(Request(inputs[i]), i), -1);
            }
            catch (EngineException e)
            {
                refused[i] = e;
                _items[i] = new Item(-1, -1);
            }
        }

        if (_parts.Count > 0)
        {
            _worker.Submit([.. _parts.Select(part => part.Request)], new Sink(this));
        }

        for (int i = 0; i < refused.Length; i++)
        {
            if (refused[i] is EngineException error) End(i, null, error);
        }
    }

    // One query against many documents is computed once.
    private Item Compare(PoolingInput input, Dictionary<string, int> firsts, int index)
    {
        if (input.Text is null || input.Pair is null)
        {
            throw EngineException.Invalid("input", "a score needs two texts");
        }

        PoolingRequest second = Embedding(input.Pair);
        if (firsts.TryGetValue(input.Text, out int first))
        {
            _parts[first].Items.Add(index);
        }
        else
        {
            first = Add(Embedding(input.Text), index);
            firsts.Add(input.Text, first);
        }

        return new Item(first, Add(second, index));
    }

    private int Add(PoolingRequest request, int index)
    {
        _parts.Add(new Part(request, [index]));
        return _parts.Count - 1;
    }

    private PoolingRequest Embedding(string text) => Checked(_worker.Model.Prepare(
        PoolingTask.Embed, text, null, _settings.TruncatePromptTokens, _settings.PromptName,
        _settings.AddSpecialTokens));

    private PoolingRequest Request(PoolingInput input)
    {
        PoolingModel model = _worker.Model;
        if (_task == PoolingTask.Score && input.TokenIds is null && input.Pair is null)
        {
            throw EngineException.Invalid("input", "a score needs two texts");
        }

        PoolingRequest request = (input.Text, input.TokenIds) switch
        {
            (string text, null) => model.Prepare(
                _task, text, input.Pair, _settings.TruncatePromptTokens, _settings.PromptName,
                _settings.AddSpecialTokens),
            (null, IReadOnlyList<int> ids) => new PoolingRequest
            {
                TokenIds = model.Truncated(ids, _settings.TruncatePromptTokens),
                TokenTypeIds = input.TokenTypeIds is { } types
                    ? model.Truncated(types, _settings.TruncatePromptTokens)
                    : null,
                Task = _task,
            },
            _ => throw EngineException.Invalid("input", "expected either a text or token ids"),
        };
        return Checked(request with
        {
            Dimensions = _settings.Dimensions,
            Normalize = _settings.Normalize,
            UseActivation = _settings.UseActivation,
        });
    }

    private PoolingRequest Checked(PoolingRequest request)
    {
        _worker.Model.Check(request);
        return request;
    }

    private void OnResult(int index, PoolingResult result)
    {
        Part part = _parts[index];
        Volatile.Write(ref part.Values, result.Values);
        foreach (int i in part.Items) EndIfComplete(i);
    }

    private void EndIfComplete(int index)
    {
        Item item = _items[index];
        if (_parts[item.First].Values is not float[] first) return;
        if (item.Second < 0)
        {
            End(index, first, null);
        }
        else if (_parts[item.Second].Values is float[] second)
        {
            End(index, [PairScore.Cosine(first, second)], null);
        }
    }

    private void OnFailed(int index, EngineException error)
    {
        foreach (int i in _parts[index].Items) End(i, null, error);
    }

    private void End(int index, float[]? values, EngineException? error)
    {
        Item item;
        lock (_gate)
        {
            item = _items[index];
            if (item.HasEnded) return;
            _items[index] = item with { HasEnded = true };
        }

        IReadOnlyList<int> ids = item.First < 0 ? [] : _parts[item.First].Request.TokenIds;
        if (item.Second >= 0) ids = [.. ids, .. _parts[item.Second].Request.TokenIds];
        _ended(index, new PoolingOutcome(ids, values, _task == PoolingTask.TokenEmbed ? ids.Count : 1, error));
        // What is not compared is nobody else's: the caller keeps what it wants of it.
        if (item is { First: >= 0, Second: < 0 }) _parts[item.First].Values = null;
    }

    private readonly record struct Item(int First, int Second, bool HasEnded = false);

    private sealed class Part(PoolingRequest request, List<int> items)
    {
        public float[]? Values;

        public PoolingRequest Request { get; } = request;

        public List<int> Items { get; } = items;
    }

    private sealed class Sink(PoolingJob job) : IPoolingSink
    {
        public bool IsCancelled => job._isCancelled;

        public void OnResult(int index, PoolingResult result) => job.OnResult(index, result);

        public void OnFailed(int index, EngineException error) => job.OnFailed(index, error);
    }
}
