using Engine.Devices;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Scheduling;

namespace Engine.Tests.Execution;

/// <summary>Feeds a runner plans by hand: the test says which tokens of which sequence a step computes.</summary>
internal sealed class RunnerDriver(IModelRunner runner, int maxNumSeqs = 16, int maxDrafts = 0)
{
    private readonly StepPlan _plan = new(maxNumSeqs);
    private readonly List<Sequence> _planned = [];
    private int _nextBlock;
    private long _nextId = 1;

    /// <summary>Every log probability found so far, by sequence, in order of position.</summary>
    public Dictionary<Sequence, List<TokenLogprob>> Logprobs { get; } = [];

    public SampledTokens Results { get; } = new(maxNumSeqs, 1 + maxDrafts);

    /// <summary>A sequence with blocks for all the tokens it may have.</summary>
    public Sequence Create(int[] prompt, SamplingParams sampling)
    {
        Request request = new(_nextId++, prompt, sampling, runner.MaxModelLen, (ulong)(sampling.Seed ?? 0));
        Sequence sequence = request.Sequences[0];
        sequence.Reserve(sequence.MaxTokensTotal);
        int numBlocks = (sequence.MaxTokensTotal + runner.BlockSize - 1) / runner.BlockSize;
        sequence.BlockIds = [.. Enumerable.Range(_nextBlock, numBlocks)];
        sequence.NumBlocks = numBlocks;
        _nextBlock += numBlocks;
        return sequence;
    }

    /// <summary>A sequence whose first blocks are another's, with their KV.</summary>
    public Sequence CreateSharing(Sequence other, int numBlocks, int[] prompt, SamplingParams sampling)
    {
        Sequence sequence = Create(prompt, sampling);
        for (int i = 0; i < numBlocks; i++) sequence.BlockIds[i] = other.BlockIds[i];
        sequence.NumComputedTokens = numBlocks * runner.BlockSize;
        return sequence;
    }

    /// <summary>Adds tokens to the step; null is all that have no KV yet.</summary>
    public void Add(Sequence s, int? count = null)
    {
        int todo = s.NumTokens - s.NumComputedTokens;
        int n = Math.Min(count ?? todo, todo);
        int start = s.NumComputedTokens;
        int scoreStart = 0, scoreCount = 0;
        if (s.Sampling.PromptLogprobs is not null)
        {
            scoreStart = start + 1;
            scoreCount = Math.Max(0, Math.Min(start + n, s.NumPromptTokens - 1) - start);
        }
        _plan.Add(new ScheduledSequence(s, start, n, n == todo, scoreStart, scoreCount));
        _planned.Add(s);
    }

    /// <summary>Adds all tokens that have no KV yet, and drafts to verify behind them.</summary>
    public void AddDrafted(Sequence s, int[] drafts)
    {
        drafts.CopyTo(s.DraftRoom(drafts.Length));
        s.NumDraftTokens = drafts.Length;
        int start = s.NumComputedTokens, count = s.NumTokens - start + drafts.Length;
        _plan.Add(new ScheduledSequence(s, start, count, true, NumDraftTokens: drafts.Length));
        _planned.Add(s);
    }

    /// <summary>The next step first copies whole blocks from one sequence to another.</summary>
    public void CopyBlocks(Sequence source, Sequence target, int numBlocks)
    {
        for (int i = 0; i < numBlocks; i++)
        {
            _plan.AddBlockCopy(new BlockCopy(source.BlockIds[i], target.BlockIds[i]));
        }
    }

    /// <summary>Runs the step and appends what was sampled.</summary>
    public EngineStatus Step()
    {
        EngineStatus status = ExecuteOnly();
        Commit();
        return status;
    }

    /// <summary>Runs the step alone.</summary>
    public EngineStatus ExecuteOnly()
    {
        Results.Clear(_plan.NumSequences);
        return runner.Execute(_plan, Results);
    }

    /// <summary>Appends what the step sampled.</summary>
    public void Commit()
    {
        for (int i = 0; i < _planned.Count; i++)
        {
            Sequence s = _planned[i];
            s.NumComputedTokens += _plan.Sequences[i].Count;
            foreach (int token in Results.Tokens(i)) s.Append(token);
            Record(s, i);
        }
        _plan.Clear(0);
        _planned.Clear();
    }

    /// <summary>Runs one sequence to its end, all of it or so many tokens a step.</summary>
    public int[] Finish(Sequence s, int? tokensPerStep = null)
    {
        while (s.NumTokens < s.MaxTokensTotal)
        {
            Add(s, tokensPerStep);
            EngineStatus status = Step();
            Assert.That(status, Is.EqualTo(EngineStatus.Ok), runner.LastError);
            Assert.That(Results.Status(0), Is.EqualTo(EngineStatus.Ok), Results.Message(0));
        }
        return s.OutputTokens.ToArray();
    }

    private void Record(Sequence s, int index)
    {
        if (!Logprobs.TryGetValue(s, out List<TokenLogprob>? all)) Logprobs[s] = all = [];
        foreach (PromptLogprob p in Results.PromptLogprobs(index) ?? []) all.AddRange(p.Logprobs);
        for (int t = 0; t < Results.Tokens(index).Length; t++)
        {
            all.AddRange(Results.Logprobs(index, t) ?? []);
        }
    }
}
