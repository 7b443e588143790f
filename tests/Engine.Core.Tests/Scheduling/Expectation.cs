using Engine.Hosting;
using Engine.Scheduling;

namespace Engine.Tests.Scheduling;

/// <summary>
/// The oracle: what a request must get, computed from its prompt alone, one token at a time, without blocks,
/// batches or a cache.
/// </summary>
internal sealed class Expectation
{
    private readonly Request _request;
    private readonly int _eosPeriod;
    private readonly ulong[] _prefixes;
    private readonly int[] _numTaken;
    private readonly bool[] _isDone;
    private int _nextPromptLogprob = 1;
    private int _numDone;

    public Expectation(Request request, int eosPeriod)
    {
        _request = request;
        _eosPeriod = eosPeriod;
        int n = request.Sequences.Length;
        _prefixes = new ulong[n];
        _numTaken = new int[n];
        _isDone = new bool[n];
        ulong prefix = FakeModelRunner.EmptyPrefix;
        ReadOnlySpan<int> prompt = request.Sequences[0].PromptTokens;
        for (int i = 0; i < prompt.Length; i++)
        {
            prefix = FakeModelRunner.Extend(prefix, FakeModelRunner.SlotValue(prompt[i], i));
        }

        Array.Fill(_prefixes, prefix);
    }

    public bool MayAbort { get; set; }

    public bool IsDone => _numDone == _isDone.Length;

    public void Take(in StepOutputItem item)
    {
        int output = item.Sequence.OutputIndex;
        Assert.That(_isDone[output], Is.False, "an item after the last");
        foreach (PromptLogprob entry in item.PromptLogprobs ?? [])
        {
            Assert.That(entry.Position, Is.EqualTo(_nextPromptLogprob++));
            Assert.That(entry.Logprobs[0].TokenId,
                Is.EqualTo(item.Sequence.PromptTokens[entry.Position]));
        }

        FinishReason reason = item.FinishReason;
        if (item.Token >= 0)
        {
            reason = TakeToken(item, output);
        }
        else if (_request.Sampling.MaxTokens == 0 && reason == FinishReason.Length)
        {
            Assert.That(output > 0 || AllPromptLogprobsTaken);
        }
        else if (reason != FinishReason.None)
        {
            Assert.That(reason == FinishReason.Error || (reason == FinishReason.Abort && MayAbort));
        }

        Assert.That(item.FinishReason, Is.EqualTo(reason));
        if (reason != FinishReason.None)
        {
            StopByHost(output);
        }
    }

    public void StopByHost(int output)
    {
        Assert.That(_isDone[output], Is.False);
        _isDone[output] = true;
        _numDone++;
    }

    private bool AllPromptLogprobsTaken => _request.Sampling.PromptLogprobs == null
        || _nextPromptLogprob == _request.Sequences[0].NumPromptTokens;

    /// <summary>Checks a token and returns the reason to stop after it.</summary>
    private FinishReason TakeToken(in StepOutputItem item, int output)
    {
        Sequence sequence = item.Sequence;
        int expected = FakeModelRunner.NextToken(
            _prefixes[output], sequence.Sampling, sequence.Seed, _numTaken[output], _eosPeriod);
        Assert.That(item.Token, Is.EqualTo(expected),
            $"request {sequence.RequestId}, output {output}, token {_numTaken[output]}");
        Assert.That(item.Logprobs != null, Is.EqualTo(sequence.Sampling.Logprobs != null));
        Assert.That(output > 0 || AllPromptLogprobsTaken, "a token before the prompt was scored");
        int position = sequence.NumPromptTokens + _numTaken[output]++;
        _prefixes[output] = FakeModelRunner.Extend(
            _prefixes[output], FakeModelRunner.SlotValue(expected, position));
        if (!sequence.Sampling.IgnoreEos && expected == FakeTokenizer.EosId)
        {
            return FinishReason.Stop;
        }

        if (sequence.Sampling.StopTokenIds?.Contains(expected) == true)
        {
            Assert.That(item.StopTokenId, Is.EqualTo(expected));
            return FinishReason.Stop;
        }

        bool isFull = _numTaken[output] == sequence.Sampling.MaxTokens
            || sequence.NumPromptTokens + _numTaken[output] == sequence.MaxTokensTotal;
        return isFull ? FinishReason.Length : FinishReason.None;
    }
}
