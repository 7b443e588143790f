using System.CommandLine;

namespace Engine.Server.Commands;

/// <summary>
/// Flags of `vllm serve` that have nothing to set here: taken where they ask for what is so anyway, refused with the
/// reason where their being ignored would be noticed too late.
/// </summary>
internal sealed class VllmFlags
{
    private const string NoAdapters = "LoRA adapters are not supported in this version";
    private const string OneDevice = "only one device is supported in this version";
    private const string TextOnly = "models take text alone in this version";
    private const string NoPlugins = "there are no Python plugins";
    private const string NoTransfer = "KV caches stay in this process";

    // What they say is done anyway, or means nothing here; scripts that pass them keep working.
    private static readonly string[] _switches =
    [
        "--disable-log-requests", "--no-disable-log-requests", "--no-enable-log-requests", "--enable-log-requests",
        "--disable-log-stats", "--disable-frontend-multiprocessing", "--disable-fastapi-docs", "--log-error-stack",
        "--enable-prompt-tokens-details", "--enable-server-load-tracking", "--enable-request-id-headers",
        "--trust-remote-code", "--no-trust-remote-code",
        "--use-tqdm-on-load", "--no-use-tqdm-on-load", "--disable-custom-all-reduce", "--no-disable-custom-all-reduce",
        "--disable-cascade-attn", "--no-disable-cascade-attn",
        "--use-v2-block-manager", "--enable-log-deltas", "--no-enable-log-deltas", "--enable-offline-docs",
        "--aggregate-engine-logging", "--guided-decoding-disable-fallback", "--disable-async-output-proc",
        "--disable-mm-preprocessor-cache", "--enable-flash-late-interaction", "--no-enable-flash-late-interaction",
        "--no-enable-lora", "--no-enable-expert-parallel", "--no-enable-log-outputs", "--no-enable-auto-tool-choice",
        "--disable-hybrid-kv-cache-manager", "--no-disable-hybrid-kv-cache-manager", "--kv-cache-metrics",
        "--enable-mfu-metrics", "--fail-on-environ-validation", "--no-fail-on-environ-validation",
    ];

    private static readonly string[] _values =
    [
        "--uvicorn-log-level", "--tokenizer-mode", "--config-format", "--max-log-len", "--swap-space",
        "--distributed-executor-backend", "--api-server-count", "--max-seq-len-to-capture",
        "--compilation-config", "--optimization-level",
        "--attention-backend", "--max-parallel-loading-workers", "--prefix-caching-hash-algo", "--code-revision",
        "--guided-decoding-backend", "--limit-mm-per-prompt", "--mm-processor-kwargs", "--mm-processor-cache-gb",
        "--mm-processor-cache-type", "--max-loras", "--max-lora-rank", "--max-cpu-loras", "--lora-dtype",
        "--ignore-patterns", "--tokenizer-pool-size", "--tokenizer-pool-type", "--performance-mode",
        "--max-num-partial-prefills", "--max-long-partial-prefills", "--long-prefill-token-threshold",
        "--allowed-local-media-path", "--data-parallel-backend", "--master-addr", "--master-port",
        "--ssl-ciphers", "--gdn-prefill-backend", "--moe-backend", "--worker-cls", "--all2all-backend",
    ];

    private static readonly Dictionary<string, string> _short = new()
    {
        ["--api-server-count"] = "-asc",
        ["--compilation-config"] = "-cc",
        ["--optimization-level"] = "-O",
        ["--tensor-parallel-size"] = "-tp",
        ["--pipeline-parallel-size"] = "-pp",
        ["--data-parallel-size"] = "-dp",
        ["--decode-context-parallel-size"] = "-dcp",
        ["--prefill-context-parallel-size"] = "-pcp",
        ["--nnodes"] = "-n",
        ["--node-rank"] = "-r",
    };

    // What they may say, and why nothing else.
    private static readonly (string Name, string[] Neutral, string Reason)[] _neutral =
    [
        ("--tensor-parallel-size", ["1"], OneDevice),
        ("--pipeline-parallel-size", ["1"], OneDevice),
        ("--data-parallel-size", ["1"], OneDevice),
        ("--data-parallel-size-local", ["1"], OneDevice),
        ("--data-parallel-rank", ["0"], OneDevice),
        ("--decode-context-parallel-size", ["1"], OneDevice),
        ("--prefill-context-parallel-size", ["1"], OneDevice),
        ("--nnodes", ["1"], OneDevice),
        ("--node-rank", ["0"], OneDevice),
        ("--cpu-offload-gb", ["0", "0.0"], "weights lie in one memory in this version"),
        ("--num-lookahead-slots", ["0"], "say it in --speculative-config"),
        ("--scheduling-policy", ["fcfs", "priority"], "must be fcfs or priority; priorities of requests always count"),
        ("--response-role", ["assistant"], "answers are the assistant's"),
        ("--model-impl", ["auto", "vllm"], "there is one implementation of a model"),
        ("--convert", ["auto", "none"], "--runner pooling and the model's own files say what it makes"),
        ("--fingerprint-mode", ["none"], "answers carry no system_fingerprint"),
        ("--preemption-mode", ["recompute"], "preempted requests are computed again"),
        ("--cohere-format", ["cmd4"], "there are no routes of Cohere's chat"),
    ];

    private static readonly (string Name, bool IsSwitch, string Reason)[] _refused =
    [
        ("--middleware", false, "there are no Python middlewares"),
        ("--lora-modules", false, NoAdapters),
        ("--enable-lora", true, NoAdapters),
        ("--enable-lora-bias", true, NoAdapters),
        ("--fully-sharded-loras", true, NoAdapters),
        ("--enable-expert-parallel", true, OneDevice),
        ("--data-parallel-hybrid-lb", true, OneDevice),
        ("--data-parallel-external-lb", true, OneDevice),
        ("--kv-transfer-config", false, NoTransfer),
        ("--kv-events-config", false, NoTransfer),
        ("--ec-transfer-config", false, NoTransfer),
        ("--kv-offloading-size", false, NoTransfer),
        ("--tool-parser-plugin", false, NoPlugins),
        ("--reasoning-parser-plugin", false, NoPlugins),
        ("--logits-processors", false, NoPlugins),
        ("--logits-processor-pattern", false, NoPlugins),
        ("--io-processor-plugin", false, NoPlugins),
        ("--model-loader-extra-config", false, NoPlugins),
        ("--tool-server", false, "the server calls no tools itself"),
        ("--log-config-file", false, "the log has one form"),
        ("--collect-detailed-traces", false, "a request has one span"),
        ("--headless", true, "an engine without its server is the library"),
        ("--grpc", true, "it speaks HTTP alone"),
        ("--tokens-only", true, "the server has all of its routes"),
        ("--enable-log-outputs", true, "what models write is not logged"),
        ("--enable-prompt-embeds", true, "prompts are text or token ids"),
        ("--enable-tokenizer-info-endpoint", true, "there is no /tokenizer_info"),
        ("--enable-per-request-metrics", true, "answers carry no timings; --otlp-traces-endpoint sends them"),
        ("--enable-return-routed-experts", true, "answers carry no experts"),
        ("--skip-tokenizer-init", true, "the server tokenizes"),
        ("--tokenizer-revision", false, "the tokenizer comes with the model's --revision; --tokenizer takes a folder"),
        ("--hf-config-path", false, "say what differs in --hf-overrides"),
        ("--rope-scaling", false, "say it in --hf-overrides: {\"rope_scaling\": {...}}"),
        ("--rope-theta", false, "say it in --hf-overrides: {\"rope_theta\": ...}"),
        ("--disable-sliding-window", true, "say it in --hf-overrides: {\"sliding_window\": null}"),
        ("--language-model-only", true, TextOnly),
        ("--media-io-kwargs", false, TextOnly),
        ("--pooler-config", false, "the model's own files say how it pools"),
        ("--override-pooler-config", false, "the model's own files say how it pools"),
        ("--quantization-param-path", false, "scales come with the checkpoint"),
        ("--profiler-config", false, "there is no profiler"),
        ("--fingerprint-value", false, "answers carry no system_fingerprint"),
    ];

    private readonly Option[] _tolerated;
    private readonly (Option<string> Option, string[] Neutral, string Reason)[] _checked;
    private readonly (Option Option, string Reason)[] _never;

    public VllmFlags()
    {
        _tolerated = [.. _switches.Select(Switch), .. _values.Select(Value)];
        _checked = [.. _neutral.Select(item => (Value(item.Name), item.Neutral, item.Reason))];
        _never =
        [
            .. _refused.Select(item => (item.IsSwitch ? Switch(item.Name) : (Option)List(item.Name), item.Reason)),
        ];
    }

    /// <summary>All of them, hidden.</summary>
    public IEnumerable<Option> Options =>
        [.. _tolerated, .. _checked.Select(item => item.Option), .. _never.Select(item => item.Option)];

    /// <summary>vLLM takes underscores in names of flags, too.</summary>
    public static string[] Normalize(string[] args) => [.. args.Select(arg =>
    {
        int end = arg.IndexOf('=', StringComparison.Ordinal);
        string name = end < 0 ? arg : arg[..end];
        bool isName = name.StartsWith("--", StringComparison.Ordinal) && !name.Contains(' ', StringComparison.Ordinal);
        return isName ? name.Replace('_', '-') + arg[name.Length..] : arg;
    })];

    /// <summary>Refuses what asks for something else than what is so.</summary>
    /// <exception cref="EngineException">Unsupported, naming the flag.</exception>
    public void Check(ParseResult result)
    {
        foreach ((Option<string> option, string[] neutral, string reason) in _checked)
        {
            if (result.GetValue(option) is { } value && !neutral.Contains(value, StringComparer.Ordinal))
            {
                throw Refusal(option, reason);
            }
        }

        foreach ((Option option, string reason) in _never)
        {
            if (result.GetResult(option) is { Implicit: false })
            {
                throw Refusal(option, reason);
            }
        }
    }

    private static EngineException Refusal(Option option, string reason) =>
        new(EngineStatus.Unsupported, $"{option.Name}: {reason}", option.Name);

    private static Option<bool> Switch(string name) => new(name) { Hidden = true };

    private static Option<string> Value(string name) =>
        new(name, _short.TryGetValue(name, out string? other) ? [other] : []) { Hidden = true };

    private static Option<string[]> List(string name) =>
        new(name) { Hidden = true, AllowMultipleArgumentsPerToken = true };
}
