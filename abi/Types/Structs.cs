using Engine.Abi.Handles;

namespace Engine.Abi.Types;

/// <summary>A request as it is handed in. Zero what is not used.</summary>
[AbiStruct("engine_submit_args")]
internal unsafe struct SubmitArgs
{
    /// <summary>sizeof(engine_submit_args).</summary>
    public uint StructSize;

    /// <summary>engine_submit_flags.</summary>
    public SubmitFlags Flags;

    /// <summary>Returned with every event; means nothing to the engine.</summary>
    public ulong UserTag;

    /// <summary>Params of kind REQUEST, or NULL. Not needed after the call.</summary>
    public ParamsHandle Params;

    /// <summary>The same as a JSON object, or NULL; not both. Keys are those of the HTTP body.</summary>
    public byte* Json;

    /// <summary>Bytes of json.</summary>
    public ulong JsonLen;

    /// <summary>The prompt as text, or NULL. Exactly one of prompt, tokens and the params' keys "prompt" and
    /// "prompt_token_ids" is given.</summary>
    public byte* Prompt;

    /// <summary>Bytes of prompt.</summary>
    public ulong PromptLen;

    /// <summary>The prompt as ids, or NULL.</summary>
    public int* Tokens;

    /// <summary>How many ids.</summary>
    public ulong TokensLen;
}

/// <summary>One token with its log probability.</summary>
[AbiStruct("engine_logprob")]
internal struct LogprobEntry
{
    /// <summary>The id.</summary>
    public int Token;

    /// <summary>Log probability under the raw logits; may be minus infinity.</summary>
    public float Logprob;

    /// <summary>Number of logits at least as large; 1 is the best.</summary>
    public int Rank;
}

/// <summary>Something that happened to a request. What its pointers point to lives until the next poll of the same
/// queue. Exactly one terminal event per request, cancelled ones included.</summary>
[AbiStruct("engine_event")]
internal unsafe struct EngineEvent
{
    /// <summary>Set it in the first element of the array: the array's stride.</summary>
    public uint StructSize;

    /// <summary>What happened.</summary>
    public EventKind Kind;

    /// <summary>The caller's tag.</summary>
    public ulong UserTag;

    /// <summary>The engine's own id of the request.</summary>
    public ulong RequestId;

    /// <summary>Which of the n outputs.</summary>
    public int OutputIndex;

    /// <summary>The token, or -1.</summary>
    public int Token;

    /// <summary>Text that became final, never half a character; FAILED: the message. UTF-8, not
    /// NUL-terminated.</summary>
    public byte* Text;

    /// <summary>Bytes of text.</summary>
    public ulong TextLen;

    /// <summary>The token's log probability if logprobs were asked for; else 0.</summary>
    public float Logprob;

    /// <summary>The token's rank if logprobs were asked for; else 0.</summary>
    public int Rank;

    /// <summary>OUTPUT_FINISHED: why.</summary>
    public Hosting.FinishReason FinishReason;

    /// <summary>FAILED: the status; else ENGINE_OK.</summary>
    public EngineStatus Status;

    /// <summary>The token itself first, then the best N; PROMPT: those of all prompt tokens one after
    /// another.</summary>
    public LogprobEntry* Logprobs;

    /// <summary>How many entries.</summary>
    public ulong LogprobsLen;

    /// <summary>PROMPT: the prompt's ids.</summary>
    public int* Tokens;

    /// <summary>How many ids.</summary>
    public ulong TokensLen;

    /// <summary>PROMPT, if prompt_logprobs were asked for: how many of logprobs belong to each prompt token; the
    /// first has none. Else NULL.</summary>
    public int* LogprobCounts;

    /// <summary>Prompt tokens whose KV came from the prefix cache.</summary>
    public int NumCachedTokens;

    /// <summary>OUTPUT_FINISHED by a stop token id: the id; else -1.</summary>
    public int StopToken;

    /// <summary>OUTPUT_FINISHED by a stop string: the string; else NULL.</summary>
    public byte* StopText;

    /// <summary>Bytes of stop_text.</summary>
    public ulong StopTextLen;

    /// <summary>FAILED: path of the offending field, NUL-terminated, or NULL.</summary>
    public byte* Parameter;
}

/// <summary>Counters of one engine at one moment; engine_metrics_json has the histograms too.</summary>
[AbiStruct("engine_metrics")]
internal struct MetricsStruct
{
    /// <summary>sizeof(engine_metrics).</summary>
    public uint StructSize;

    /// <summary>Requests with an output that holds blocks.</summary>
    public int NumRequestsRunning;

    /// <summary>Requests queued, preempted ones included.</summary>
    public int NumRequestsWaiting;

    /// <summary>KV blocks in all.</summary>
    public int NumBlocks;

    /// <summary>Share of blocks referenced, 0 to 1.</summary>
    public double KvCacheUsage;

    /// <summary>Prompt tokens looked up in the prefix cache.</summary>
    public long PrefixCacheQueries;

    /// <summary>Prompt tokens found there.</summary>
    public long PrefixCacheHits;

    /// <summary>Preemptions.</summary>
    public long NumPreemptions;

    /// <summary>Prompt tokens of requests whose prompt has been computed.</summary>
    public long PromptTokens;

    /// <summary>Tokens generated.</summary>
    public long GenerationTokens;

    /// <summary>Steps executed.</summary>
    public long NumSteps;

    /// <summary>Requests that failed.</summary>
    public long NumFailed;
}

/// <summary>What is known of a model.</summary>
[AbiStruct("engine_model_info")]
internal unsafe struct ModelInfoStruct
{
    /// <summary>sizeof(engine_model_info).</summary>
    public uint StructSize;

    /// <summary>Ids are 0 .. vocab_size - 1.</summary>
    public int VocabSize;

    /// <summary>Longest prompt plus output.</summary>
    public int MaxModelLen;

    /// <summary>Begins a text, or -1.</summary>
    public int BosTokenId;

    /// <summary>Ends an output, or -1; the first of several.</summary>
    public int EosTokenId;

    /// <summary>1 if text can be tokenized.</summary>
    public int HasTokenizer;

    /// <summary>1 if there is a chat template.</summary>
    public int HasChatTemplate;

    /// <summary>Zero.</summary>
    public int Reserved;

    /// <summary>Bytes of the weights in memory.</summary>
    public long WeightBytes;

    /// <summary>The architecture, as config.json names it; NUL-terminated, lives as long as the model handle.</summary>
    public byte* Architecture;

    /// <summary>1 if it is for engine_pooler_create, 0 if for engine_create.</summary>
    public int IsPooling;

    /// <summary>Zero.</summary>
    public int Reserved2;
}

/// <summary>What is known of a tokenizer.</summary>
[AbiStruct("engine_tokenizer_info")]
internal struct TokenizerInfoStruct
{
    /// <summary>sizeof(engine_tokenizer_info).</summary>
    public uint StructSize;

    /// <summary>Largest id + 1, added tokens included.</summary>
    public int VocabSize;

    /// <summary>1 if there is a chat template.</summary>
    public int HasChatTemplate;

    /// <summary>Zero.</summary>
    public int Reserved;
}

/// <summary>How far a load is.</summary>
[AbiStruct("engine_load_progress")]
internal unsafe struct LoadProgressStruct
{
    /// <summary>sizeof(engine_load_progress).</summary>
    public uint StructSize;

    /// <summary>1 once engine_load_finish will not wait.</summary>
    public int IsDone;

    /// <summary>Bytes done of this stage.</summary>
    public long DoneBytes;

    /// <summary>Bytes of this stage in all, or 0 if unknown.</summary>
    public long TotalBytes;

    /// <summary>"download", "weights", ...: static, NUL-terminated.</summary>
    public byte* Stage;
}

/// <summary>What a model will take, known from the headers of its files alone.</summary>
[AbiStruct("engine_plan")]
internal struct PlanStruct
{
    /// <summary>sizeof(engine_plan).</summary>
    public uint StructSize;

    /// <summary>1 if all of it fits the memory that is free now.</summary>
    public int Fits;

    /// <summary>Bytes of weights as computed with.</summary>
    public long WeightBytes;

    /// <summary>Bytes of the KV cache.</summary>
    public long KvCacheBytes;

    /// <summary>Bytes of activations and logits of the largest step.</summary>
    public long ActivationBytes;

    /// <summary>All of it.</summary>
    public long TotalBytes;

    /// <summary>Memory free now.</summary>
    public long FreeBytes;

    /// <summary>Parameters, tied ones once.</summary>
    public long NumParameters;

    /// <summary>Tokens that the KV cache holds.</summary>
    public long NumKvTokens;

    /// <summary>KV blocks.</summary>
    public int NumBlocks;

    /// <summary>Longest prompt plus output.</summary>
    public int MaxModelLen;
}
