using Engine.Hosting;
using Engine.KvCache;
using Engine.Sampling;
using Engine.Scheduling;
using Engine.Speculation;

namespace Engine.Tests.Scheduling;

/// <summary>
/// Drives an engine over the fake model with everything that can happen, drawn from a seed. After both halves of
/// each step all invariants are checked, and each token is compared with what the request would have got alone.
/// </summary>
internal sealed class Simulation
{
    private readonly Random _random;
    private readonly Random _draft;
    private readonly SimulatedRunner _runner;
    private readonly InferenceEngine _engine;
    private readonly StepOutput _output = new();
    private readonly Dictionary<long, Expectation> _live = [];
    private readonly HashSet<Sequence> _stopped = [];
    private readonly int[][] _prefixes;
    private readonly int _eosPeriod;
    private readonly int _arrivalPercent;
    private readonly int _abortPercent;
    private long _nextId;

    public Simulation(int seed)
    {
        _random = new Random(seed);
        int blockSize = 1 << _random.Next(0, 5);
        int numBlocks = _random.Next(2, 40);
        _eosPeriod = _random.Next(3) == 0 ? 0 : _random.Next(4, 40);
        _arrivalPercent = _random.Next(5, 60);
        _abortPercent = _random.Next(3) == 0 ? _random.Next(1, 20) : 1;
        int maxModelLen = _random.Next(8, 160);

        // Drawn apart, so that the seeds of old still drive what they drove.
        var draft = new Random(seed ^ 0x5bec);
        var fake = new FakeModelOptions
        {
            MaxModelLen = maxModelLen,
            EosPeriod = _eosPeriod,
            DraftTokens = draft.Next(2) == 0 ? draft.Next(1, 9) : 0,
            DraftAccuracy = draft.Next(0, 101),
        };
        _runner = new SimulatedRunner(fake, numBlocks, blockSize, _random)
        {
            OutOfMemoryPercent = _random.Next(4) == 0 ? 5 : 0,
            SequenceErrorPercent = _random.Next(4) == 0 ? 1 : 0,
            PostponePercent = seed % 3 == 0 ? 20 : 0,
            Postponing = new Random(seed ^ 0x905),
        };
        var options = new EngineOptions
        {
            BlockSize = blockSize,
            NumBlocks = numBlocks,
            MaxNumSeqs = _random.Next(1, 12),
            MaxNumBatchedTokens = _random.Next(1, 80),
            EnablePrefixCaching = _random.Next(4) != 0,
            EnableChunkedPrefill = _random.Next(4) != 0,
            Speculative = fake.DraftTokens == 0 ? null : new SpeculativeOptions
            {
                NumSpeculativeTokens = draft.Next(1, 9),
                Adaptive = draft.Next(2) == 0,
                DisableByBatchSize = draft.Next(4) == 0 ? draft.Next(0, 5) : null,
            },
        };
        _draft = draft;

        // One bit of hash in some runs: lookups must work, and be right, whatever the hash is.
        BlockHash? hash = _random.Next(3) == 0 ? (_, _, tokens) => (ulong)tokens[0] & 1 : null;
        _engine = new InferenceEngine(_runner, options, new RandomTime(draft), hash);
        _runner.Engine = _engine;
        _prefixes = new int[3][];
        for (int i = 0; i < _prefixes.Length; i++)
        {
            _prefixes[i] = RandomTokens(_random.Next(1, 60));
        }
    }

    public long NumSteps { get; private set; }

    public long NumFinished { get; private set; }

    public long NumPreemptions => _engine.Scheduler.NumPreemptions;

    public long NumPrefixHits => _engine.Scheduler.NumPrefixHits;

    public SpeculationStatistics? Speculation => _engine.Speculation;

    public long NumForkCopies => _runner.NumCopies;

    public long NumPostponed => _runner.NumPostponed;

    /// <summary>Random traffic for numSteps, then none until all has ended.</summary>
    public void Run(int numSteps)
    {
        for (int i = 0; i < numSteps; i++)
        {
            Arrive();
            MaybeAbort();
            if (_random.Next(500) == 0)
            {
                _engine.ResetPrefixCache(restartRunning: _random.Next(2) == 0);
            }

            Step();
        }

        long bound = 200L * (_live.Count + 1) * (_engine.MaxModelLen + 20);
        while (_engine.HasWork)
        {
            Step();
            Assert.That(--bound, Is.GreaterThan(0L), "requests do not end");
        }

        Assert.That(_live, Is.Empty, "a request got no terminal item");
        Assert.That(_engine.Scheduler.Cache.NumReferenced, Is.Zero, "idle, but blocks are referenced");
    }

    private void Step()
    {
        bool hadWork = _engine.HasWork;
        long before = _engine.Scheduler.NumSteps + _runner.NumOutOfMemory;
        EngineStatus status = _engine.Step(_output);
        NumSteps++;
        if (_engine.Failure != null)
        {
            Assert.Fail(_engine.Failure);
        }

        bool moved = _engine.Scheduler.NumSteps + _runner.NumOutOfMemory > before
            || _output.Items.Length > 0;
        Assert.That(moved || !hadWork || !_engine.Scheduler.HasWork, "a step did nothing");
        Assert.That(status == EngineStatus.Idle, Is.EqualTo(!moved && !_engine.HasWork));
        _stopped.Clear();
        foreach (ref readonly StepOutputItem item in _output.Items)
        {
            Take(item);
        }

        _engine.Scheduler.CheckIntegrity();
    }

    private void Take(in StepOutputItem item)
    {
        Sequence sequence = item.Sequence;
        if (_stopped.Contains(sequence))
        {
            return; // Drafted and accepted behind the token at which the host stopped it.
        }

        Expectation expected = _live[sequence.RequestId];
        if (item.Status.IsError())
        {
            Assert.That(item.Message, Is.EqualTo(SimulatedRunner.Injected).Or.EqualTo("injected memory"));
        }

        expected.Take(item);
        if (item.Token >= 0 && item.FinishReason == FinishReason.None && _random.Next(60) == 0)
        {
            _engine.Stop(sequence);
            _stopped.Add(sequence);
            expected.StopByHost(sequence.OutputIndex);
        }

        if (expected.IsDone)
        {
            _live.Remove(sequence.RequestId);
            NumFinished++;
        }
    }

    private void Arrive()
    {
        while (_random.Next(100) < _arrivalPercent && _live.Count < 40)
        {
            Request request = RandomRequest();
            try
            {
                _engine.Submit(request);
                _live.Add(request.Id, new Expectation(request, _eosPeriod));
            }
            catch (EngineException e) when (e.Status == EngineStatus.InvalidArgument)
            {
                // It could never fit: checked by tests of admission.
            }
        }
    }

    private void MaybeAbort()
    {
        if (_live.Count > 0 && _random.Next(100) < _abortPercent)
        {
            long id = _live.Keys.ElementAt(_random.Next(_live.Count));
            _engine.Abort(id);
            _live[id].MayAbort = true;
            if (_random.Next(4) == 0)
            {
                _engine.Abort(id);
            }
        }
    }

    private Request RandomRequest()
    {
        int[] prompt = RandomTokens(_random.Next(1, 40));
        if (_random.Next(2) == 0)
        {
            prompt = [.. _prefixes[_random.Next(_prefixes.Length)], .. prompt];
        }
        else if (_random.Next(2) == 0)
        {
            prompt = _prefixes[_random.Next(_prefixes.Length)];
        }

        prompt = prompt[..Math.Min(prompt.Length, _engine.MaxModelLen)];
        var sampling = new SamplingParams
        {
            N = _random.Next(4) == 0 ? _random.Next(2, 5) : 1,
            MaxTokens = _random.Next(30) == 0 ? 0 : _random.Next(8) == 0 ? null : _random.Next(1, 50),
            MinTokens = _random.Next(4) == 0 ? _random.Next(0, 4) : 0,
            Temperature = _random.Next(2),
            IgnoreEos = _random.Next(5) == 0,
            StopTokenIds = _random.Next(5) == 0 ? ['e', 'q'] : null,
            PromptLogprobs = _random.Next(8) == 0 ? _random.Next(0, 3) : null,
            Logprobs = _random.Next(8) == 0 ? 1 : null,
            Speculative = _draft.Next(8) != 0,
        };
        return new Request(_nextId++, prompt, sampling, _engine.MaxModelLen, (ulong)_random.NextInt64())
        {
            Priority = _random.Next(3) == 0 ? _random.Next(-1, 2) : 0,
            CacheSalt = _random.Next(4) == 0 ? "salt" + _random.Next(2) : null,
            EosTokenIds = [FakeTokenizer.EosId],
        };
    }

    private int[] RandomTokens(int count)
    {
        int[] tokens = new int[count];
        for (int i = 0; i < count; i++)
        {
            tokens[i] = _random.Next(0, 4);
        }

        return tokens;
    }

    /// <summary>Steps take as long as the seed says, so that what depends on time is replayed too.</summary>
    private sealed class RandomTime(Random random) : TimeProvider
    {
        private long _now;

        public override long GetTimestamp() => _now += random.Next(1, 1000);
    }
}
