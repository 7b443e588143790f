using System.CommandLine;
using Engine.Server.Http;
using Engine.Server.Http.Tracing;

namespace Engine.Server.Commands;

/// <summary>The server's own options, under vLLM's names where vLLM has them.</summary>
internal sealed class ServeArguments
{
    private static readonly ServerOptions _defaults = new();

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

    private readonly Option<long?> _maxBodyBytes =
        Arguments.Number("--max-body-bytes", $"Larger bodies are refused with 413. Default: {_defaults.MaxBodyBytes}.");

    private readonly Option<int> _maxHeaderBytes = new("--h11-max-incomplete-event-size", "--max-header-bytes")
    {
        Description = "Larger headers are refused with 431.",
        DefaultValueFactory = _ => _defaults.MaxHeaderBytes,
    };

    private readonly Option<int> _maxHeaders = new("--h11-max-header-count", "--max-headers")
    {
        Description = "More headers are refused with 431.",
        DefaultValueFactory = _ => _defaults.MaxHeaders,
    };

    private readonly Option<double> _shutdownTimeout = new("--shutdown-timeout")
    {
        Description = "Seconds that running requests get after SIGTERM.",
        DefaultValueFactory = _ => _defaults.DrainTimeout.TotalSeconds,
    };

    private readonly Option<bool> _forceUsage = new("--enable-force-include-usage")
    {
        Description = "Adds a usage chunk to every stream.",
    };

    private readonly Option<bool> _noAccessLog = new("--disable-uvicorn-access-log", "--disable-access-log")
    {
        Description = "No line per request.",
    };

    private readonly Option<bool> _noPage = new("--no-webui")
    {
        Description = "No chat page at /.",
    };

    private readonly Option<bool> _responseStore = new("--enable-response-store")
    {
        Description = "Keeps what /v1/responses answered in memory for a day (256 MiB in all), for previous_response_id. "
            + "VLLM_ENABLE_RESPONSES_API_STORE=1 does so, too.",
    };

    private readonly Option<bool> _sleepMode = new("--enable-sleep-mode")
    {
        Description = "Opens /sleep, /wake_up and /is_sleeping to holders of the management key. "
            + "VLLM_SERVER_DEV_MODE=1 does so, too.",
    };

    private readonly Option<string?> _traces = new("--otlp-traces-endpoint")
    {
        Description = "Collector of OpenTelemetry spans: grpc://host:4317, or http://host:4318/v1/traces with "
            + "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf.",
    };

    private readonly ListenArguments _listen = new();

    private readonly Option<string?> _quietPaths = new("--disable-access-log-for-endpoints")
    {
        Description = "Paths without a line per request, with commas between them: /health,/metrics.",
    };

    // ConfigFile takes it out before the rest is read.
    private readonly Option<string?> _config = new(ConfigFile.Flag)
    {
        Description = "YAML file of these flags, by their names without dashes; the command line's win.",
    };

    private readonly VllmFlags _vllm = new();

    public void AddTo(Command command)
    {
        Option[] own =
        [
            _apiKey, _managementKey, _maxBodyBytes, _maxHeaderBytes, _maxHeaders, _shutdownTimeout, _forceUsage,
            _noAccessLog, _noPage, _sleepMode, _responseStore, _traces, _quietPaths, _config,
            .. _vllm.Options,
        ];
        foreach (Option option in own)
        {
            command.Options.Add(option);
        }

        _listen.AddTo(command);
    }

    /// <summary>Begins to send spans, or null if nobody collects them.</summary>
    public IDisposable? StartTraces(ParseResult result) =>
        result.GetValue(_traces) is { } endpoint ? TraceExport.Start(endpoint) : null;

    /// <summary>What these arguments say, over options that others have set.</summary>
    public ServerOptions ToOptions(ParseResult result, ServerOptions options)
    {
        _vllm.Check(result);
        return _listen.ToOptions(result, options) with
        {
            ApiKeys = Keys(result.GetValue(_apiKey), "VLLM_API_KEY", "ENGINE_API_KEY"),
            ManagementKeys = Keys(result.GetValue(_managementKey), "ENGINE_MANAGEMENT_API_KEY"),
            MaxBodyBytes = result.GetValue(_maxBodyBytes) ?? _defaults.MaxBodyBytes,
            MaxHeaderBytes = AtLeast1(result, _maxHeaderBytes),
            MaxHeaders = AtLeast1(result, _maxHeaders),
            DrainTimeout = TimeSpan.FromSeconds(Math.Clamp(result.GetValue(_shutdownTimeout), 0, 86_400)),
            ForceIncludeUsage = result.GetValue(_forceUsage),
            LogRequests = !result.GetValue(_noAccessLog),
            QuietPaths = (result.GetValue(_quietPaths) ?? "")
                .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
            ServesPage = !result.GetValue(_noPage),
            AllowsSleep = result.GetValue(_sleepMode)
                || Environment.GetEnvironmentVariable("VLLM_SERVER_DEV_MODE") is "1" or "true",
            StoresResponses = result.GetValue(_responseStore)
                || Environment.GetEnvironmentVariable("VLLM_ENABLE_RESPONSES_API_STORE") is "1" or "true",
        };
    }

    private static int AtLeast1(ParseResult result, Option<int> option) =>
        result.GetValue(option) is var value and > 0
            ? value
            : throw EngineException.Invalid(option.Name, $"must be at least 1, found {result.GetValue(option)}");

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
