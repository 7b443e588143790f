using Engine.Sampling;
using Engine.Scheduling;
using Engine.Tokenization;

namespace Engine.Hosting;

/// <summary>
/// Checks a request and makes it ready, on the caller's thread. Everything that could go wrong with its parameters goes
/// wrong here.
/// </summary>
internal sealed class RequestAdmission
{
    private const int MaxSaltLength = 1024;

    private static long _nextId;

    private readonly ITokenizer? _tokenizer;
    private readonly ModelInfo _model;
    private readonly SamplingLimits _limits;
    private readonly int[] _eosTokenIds;
    private readonly int _vocabSize;
    private readonly long _poolTokens;
    private readonly ulong _seed;
    private long _numSeedsDrawn;

    public RequestAdmission(
        ITokenizer? tokenizer, ModelInfo model, EngineOptions options, IModelRunner runner)
    {
        _tokenizer = tokenizer;
        _model = model;
        _limits = new SamplingLimits { MaxLogprobs = options.MaxLogprobs, MaxN = options.MaxN };
        _eosTokenIds = [.. model.EosTokenIds];
        _vocabSize = Math.Min(model.VocabSize, runner.VocabSize);
        _poolTokens = (long)runner.NumBlocks * runner.BlockSize;
        _seed = (ulong)options.Seed;
    }

    /// <summary>Throws unless the parameters are valid; cheap, before anything is tokenized.</summary>
    public void Validate(GenerationRequest request)
    {
        SamplingParams sampling = request.Sampling
            ?? throw EngineException.Invalid("sampling", "must not be null");
        if ((request.Prompt == null) == (request.PromptTokenIds == null))
        {
            throw EngineException.Invalid("prompt", "exactly one of text and token ids is needed");
        }

        if (request.Prompt != null && _tokenizer == null)
        {
            throw EngineException.Invalid("prompt", "the model has no tokenizer: token ids are needed");
        }

        // No vocabulary has tokens of this length: such a text cannot fit, and is not worth tokenizing.
        if (request.Prompt != null && request.Prompt.Length / 1024 > _model.MaxModelLen)
        {
            throw EngineException.Invalid(
                "prompt", $"{request.Prompt.Length} characters cannot fit a length of "
                    + $"{_model.MaxModelLen} tokens");
        }

        if (request.CacheSalt?.Length > MaxSaltLength)
        {
            throw EngineException.Invalid("cache_salt", $"longer than {MaxSaltLength} characters");
        }

        sampling.Validate(_vocabSize, _limits);
        if (sampling.Stop is { Count: > 0 } && (_tokenizer == null || !sampling.Detokenize))
        {
            throw EngineException.Invalid("stop", "stop strings need a tokenizer, and detokenize");
        }
    }

    /// <summary>The prompt's ids: at least one, all in range, and short enough.</summary>
    public int[] Tokenize(GenerationRequest request)
    {
        int[] ids = request.PromptTokenIds is { } given
            ? [.. given]
            : _tokenizer!.Encode(request.Prompt!, request.AddSpecialTokens);
        if (ids.Length == 0)
        {
            throw EngineException.Invalid("prompt", "must not be empty");
        }

        foreach (int id in ids)
        {
            if ((uint)id >= (uint)_vocabSize)
            {
                throw EngineException.Invalid(
                    "prompt", $"token id {id} is outside of the vocabulary, 0 to {_vocabSize - 1}");
            }
        }

        if (ids.Length >= _model.MaxModelLen)
        {
            throw EngineException.Invalid(
                "prompt", $"{ids.Length} tokens leave no room for output: prompt and output have "
                    + $"{_model.MaxModelLen} tokens at most");
        }

        return ids;
    }

    /// <summary>Makes the scheduler's request and the host's record of it.</summary>
    public RequestRecord Create(
        EngineWorker worker, GenerationRequest request, IRequestSink sink, int[] ids, long timestamp)
    {
        SamplingParams sampling = request.Sampling;
        SamplingProgram program = SamplingProgram.Compile(sampling, _tokenizer, _vocabSize, _eosTokenIds);
        var handle = new RequestHandle(worker, Interlocked.Increment(ref _nextId), request.UserTag);
        var outputs = new StopChecker[sampling.N];
        var record = new RequestRecord(handle, sink, ids, outputs) { ArrivalTimestamp = timestamp };

        // Without max_tokens the output goes on as far as model and pool allow; the last token needs no KV.
        int maxLen = sampling.MaxTokens == null
            ? (int)Math.Min(_model.MaxModelLen, _poolTokens + 1)
            : _model.MaxModelLen;
        var scheduled = new Request(handle.Id, ids, sampling, maxLen, SeedOf(sampling))
        {
            Priority = request.Priority,
            CacheSalt = request.CacheSalt,
            EosTokenIds = _eosTokenIds,
            Tag = record,
        };
        record.Request = scheduled;
        record.PromptLogprobs = sampling.PromptLogprobs == null ? null : [null];
        var stops = new StopStrings(sampling.Stop);
        foreach (Sequence sequence in scheduled.Sequences)
        {
            int maxTokens = sequence.MaxTokensTotal - ids.Length;
            IIncrementalDetokenizer? detokenizer = sampling.Detokenize
                ? _tokenizer?.CreateDetokenizer(sampling.SkipSpecialTokens)
                : null;
            outputs[sequence.OutputIndex] =
                new StopChecker(sampling, stops, _eosTokenIds, maxTokens, detokenizer);
            sequence.SamplerState = new SamplerState(
                program, sequence.Seed, sequence.OutputIndex, sequence.MaxTokensTotal)
            {
                NumPromptOutputs = request.NumPromptOutputs,
            };
        }

        return record;
    }

    /// <summary>The request's own seed, or the next one of the engine's.</summary>
    private ulong SeedOf(SamplingParams sampling)
    {
        if (sampling.Seed is long seed)
        {
            return (ulong)seed;
        }

        ulong z = _seed + 0x9E3779B97F4A7C15UL * (ulong)Interlocked.Increment(ref _numSeedsDrawn);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
