using System.CommandLine;
using Engine.Chat;
using Engine.Hosting;
using Engine.Pooling;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Commands;

/// <summary>The server's own options, under vLLM's names where vLLM has them.</summary>
internal sealed class ServeArguments
{
    private static readonly ServerOptions _defaults = new();

    private readonly Option<string> _host = new("--host")
    {
        Description = "Address to listen on. Beyond this machine only with --api-key.",
        DefaultValueFactory = _ => _defaults.Host,
    };

    private readonly Option<int> _port = new("--port")
    {
        Description = "0 takes a free one and prints it.",
        DefaultValueFactory = _ => _defaults.Port,
    };

    private readonly Option<string[]> _apiKey = new("--api-key")
    {
        Description = "Opens every route; repeatable. Also from VLLM_API_KEY or ENGINE_API_KEY.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _managementKey = new("--management-api-key")
    {
        Description = "Opens /metrics and /load in place of the API key; repeatable.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<bool> _allowOpenBind = new("--allow-open-bind")
    {
        Description = "Listens beyond this machine without a key.",
    };

    private readonly Option<int> _maxN = new("--max-n")
    {
        Description = "Largest n of a request.",
        DefaultValueFactory = _ => _defaults.MaxN,
    };

    private readonly Option<long?> _maxBodyBytes =
        Arguments.Number("--max-body-bytes", $"Larger bodies are refused with 413. Default: {_defaults.MaxBodyBytes}.");

    private readonly Option<double> _shutdownTimeout = new("--shutdown-timeout")
    {
        Description = "Seconds that running requests get after SIGTERM.",
        DefaultValueFactory = _ => _defaults.DrainTimeout.TotalSeconds,
    };

    private readonly Option<bool> _forceUsage = new("--enable-force-include-usage")
    {
        Description = "Adds a usage chunk to every stream.",
    };

    private readonly Option<bool> _trustTemplate = new("--trust-request-chat-template")
    {
        Description = "Lets a request bring its own chat template.",
    };

    private readonly Option<string> _contentFormat = new("--chat-template-content-format")
    {
        Description = "How lists of content parts reach the template.",
        DefaultValueFactory = _ => _defaults.ChatTemplateContentFormat,
    };

    private readonly Option<string> _toolCallParser = new("--tool-call-parser")
    {
        Description = "How the model writes tool calls: " + string.Join(", ", ChatParsers.ToolParsers)
            + ", none, or auto for what its chat template shows.",
        DefaultValueFactory = _ => _defaults.ToolCallParser,
    };

    private readonly Option<string> _reasoningParser = new("--reasoning-parser")
    {
        Description = "How the model writes thoughts: " + string.Join(", ", ChatParsers.ReasoningParsers)
            + ", none, or auto for what its chat template shows.",
        DefaultValueFactory = _ => _defaults.ReasoningParser,
    };

    private readonly Option<bool> _autoToolChoice = new("--enable-auto-tool-choice")
    {
        Description = "Refuses to start if it is not known how the model writes tool calls.",
    };

    private readonly Option<bool> _allowControlTokens = new("--allow-control-tokens")
    {
        Description = "Lets messages write control tokens as the chat template does.",
    };

    private readonly Option<bool> _noAccessLog = new("--disable-uvicorn-access-log", "--disable-access-log")
    {
        Description = "No line per request.",
    };

    private readonly Option<bool> _noPage = new("--no-webui")
    {
        Description = "No chat page at /.",
    };

    private readonly Option<string> _runner = new("--runner")
    {
        Description = "auto, generate, or pooling: vectors or scores of whole texts.",
        DefaultValueFactory = _ => "auto",
    };

    // Flags of vLLM that mean nothing here, or what is done anyway; scripts that pass them keep working.
    private readonly Option[] _tolerated =
    [
        new Option<bool>("--disable-log-requests") { Hidden = true },
        new Option<bool>("--no-enable-log-requests") { Hidden = true },
        new Option<bool>("--enable-log-requests") { Hidden = true },
        new Option<bool>("--disable-log-stats") { Hidden = true },
        new Option<bool>("--disable-frontend-multiprocessing") { Hidden = true },
        new Option<bool>("--enable-prompt-tokens-details") { Hidden = true },
        new Option<bool>("--enable-server-load-tracking") { Hidden = true },
        new Option<bool>("--enable-request-id-headers") { Hidden = true },
        new Option<bool>("--enforce-eager") { Hidden = true },
        new Option<bool>("--trust-remote-code") { Hidden = true },
        new Option<string>("--uvicorn-log-level") { Hidden = true },
        new Option<string>("--generation-config") { Hidden = true },
        new Option<string>("--tokenizer-mode") { Hidden = true },
        new Option<string>("--config-format") { Hidden = true },
        new Option<string>("--max-log-len") { Hidden = true },
        new Option<string>("--swap-space") { Hidden = true },
        new Option<string>("--gpu-memory-utilization") { Hidden = true },
        new Option<string>("--tensor-parallel-size", "-tp") { Hidden = true },
        new Option<string>("--pipeline-parallel-size", "-pp") { Hidden = true },
        new Option<string>("--distributed-executor-backend") { Hidden = true },
    ];

    public Option<string[]> ServedModelName { get; } = new("--served-model-name")
    {
        Description = "Names that clients may use; the first is the one in answers. Default: the model's.",
        AllowMultipleArgumentsPerToken = true,
    };

    public Option<string?> ChatTemplate { get; } = new("--chat-template")
    {
        Description = "File with a Jinja template, or the template itself.",
    };

    public void AddTo(Command command)
    {
        Option[] own =
        [
            _host, _port, _apiKey, _managementKey, _allowOpenBind, ServedModelName, ChatTemplate, _contentFormat,
            _trustTemplate, _maxN, _maxBodyBytes, _shutdownTimeout, _forceUsage, _noAccessLog,
            _toolCallParser, _reasoningParser, _autoToolChoice, _allowControlTokens, _noPage, _runner,
            .. _tolerated,
        ];
        foreach (Option option in own)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>How the model writes calls and thoughts.</summary>
    /// <exception cref="EngineException">InvalidArgument: no such parser, or none where one is needed.</exception>
    public ChatFormats Formats(ParseResult result, string? template)
    {
        var formats = ChatFormats.Create(
            result.GetValue(_toolCallParser)!, result.GetValue(_reasoningParser)!, template);
        return formats.Tools is not null || !result.GetValue(_autoToolChoice)
            ? formats
            : throw EngineException.Invalid(
                "enable-auto-tool-choice",
                "the chat template does not show how the model writes tool calls; name a --tool-call-parser");
    }

    public ServerOptions ToOptions(ParseResult result)
    {
        CheckOneDevice(result);
        return new ServerOptions
        {
            Host = result.GetValue(_host)!,
            Port = result.GetValue(_port) is var port and >= 0 and <= 65535
                ? port
                : throw EngineException.Invalid("port", "must be 0 to 65535"),
            ApiKeys = Keys(result.GetValue(_apiKey), "VLLM_API_KEY", "ENGINE_API_KEY"),
            ManagementKeys = Keys(result.GetValue(_managementKey), "ENGINE_MANAGEMENT_API_KEY"),
            AllowOpenBind = result.GetValue(_allowOpenBind),
            MaxN = result.GetValue(_maxN),
            MaxBodyBytes = result.GetValue(_maxBodyBytes) ?? _defaults.MaxBodyBytes,
            DrainTimeout = TimeSpan.FromSeconds(Math.Clamp(result.GetValue(_shutdownTimeout), 0, 86_400)),
            ForceIncludeUsage = result.GetValue(_forceUsage),
            TrustRequestChatTemplate = result.GetValue(_trustTemplate),
            ChatTemplateContentFormat = result.GetValue(_contentFormat)!,
            ToolCallParser = result.GetValue(_toolCallParser)!,
            ReasoningParser = result.GetValue(_reasoningParser)!,
            AllowControlTokens = result.GetValue(_allowControlTokens),
            LogRequests = !result.GetValue(_noAccessLog),
            ServesPage = !result.GetValue(_noPage),
        };
    }

    /// <summary>True if the model is to make vectors or scores.</summary>
    public bool IsPooling(ParseResult result, ModelLoadOptions load, CancellationToken cancellation) =>
        result.GetValue(_runner) switch
        {
            "pooling" => true,
            "generate" => false,
            "auto" => !FakeModel.IsFake(load.Model) && PoolingModel.IsPooling(load, cancellation),
            var other => throw EngineException.Invalid(
                "runner", $"expected auto, generate or pooling, found \"{other}\""),
        };

    private void CheckOneDevice(ParseResult result)
    {
        foreach (Option<string> option in _tolerated.OfType<Option<string>>()
            .Where(option => option.Name.EndsWith("-parallel-size", StringComparison.Ordinal)))
        {
            if (result.GetValue(option) is { } size && size != "1")
            {
                throw new EngineException(
                    EngineStatus.Unsupported, $"{option.Name}: only 1 is supported in this version", option.Name);
            }
        }
    }

    // An empty key would open the server to everyone while looking like a lock.
    private static List<string> Keys(string[]? given, params ReadOnlySpan<string> variables)
    {
        List<string> keys = [.. given ?? []];
        foreach (string variable in variables)
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } key)
            {
                keys.Add(key);
            }
        }

        return keys.TrueForAll(key => key.Trim().Length > 0)
            ? keys
            : throw EngineException.Invalid("api-key", "must not be empty");
    }
}
