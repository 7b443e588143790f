using System.Text.Json;
using Engine.Server.Http.Security;

namespace Engine.Server.Http;

/// <summary>Every limit and setting of the HTTP server; the defaults are the documented ones.</summary>
internal sealed record ServerOptions
{
    /// <summary>Address to listen on; a name other than "localhost" must be an IP address.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 takes a free one.</summary>
    public int Port { get; init; } = 8000;

    /// <summary>Path of a Unix socket to listen on in place of Host and Port; null does not.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>"/llm" if a proxy puts the server there; requests may come with and without it.</summary>
    public string RootPath { get; init; } = "";

    /// <summary>Null speaks plain HTTP.</summary>
    public TlsOptions? Tls { get; init; }

    /// <summary>Pages of other origins.</summary>
    public CorsOptions Cors { get; init; } = new();

    /// <summary>Opens /sleep, /wake_up and /is_sleeping.</summary>
    public bool AllowsSleep { get; init; }

    /// <summary>Keeps what /v1/responses answered, for previous_response_id.</summary>
    public bool StoresResponses { get; init; }

    /// <summary>Memory of all that is kept.</summary>
    public long MaxStoredResponseBytes { get; init; } = 256L << 20;

    /// <summary>How long a response is kept.</summary>
    public TimeSpan StoredResponseLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Any of these opens every route; none opens all to everyone.</summary>
    public IReadOnlyList<string> ApiKeys { get; init; } = [];

    /// <summary>Any of these opens the routes that scrape and manage; none leaves that to ApiKeys.</summary>
    public IReadOnlyList<string> ManagementKeys { get; init; } = [];

    /// <summary>Listens beyond this machine although no key is set.</summary>
    public bool AllowOpenBind { get; init; }

    public long MaxBodyBytes { get; init; } = 30_000_000;

    public int MaxHeaderBytes { get; init; } = 32 * 1024;

    public int MaxHeaders { get; init; } = 100;

    /// <summary>Largest n of a request; EngineOptions.MaxN is the hard bound.</summary>
    public int MaxN { get; init; } = 8;

    public int MaxStopStrings { get; init; } = 4;

    public int MaxStopBytes { get; init; } = 256;

    public int MaxLogitBias { get; init; } = 300;

    /// <summary>Prompts of one /v1/completions request.</summary>
    public int MaxPrompts { get; init; } = 256;

    /// <summary>Events per output that may wait for a client that does not read, before its request ends.</summary>
    public int MaxSseBacklog { get; init; } = 256;

    /// <summary>
    /// Tokens of a stream that are sent together, an event each; the first does not wait. 0: as they come, and what
    /// comes while many streams are written to goes together.
    /// </summary>
    public int StreamInterval { get; init; }

    /// <summary>A stream that has nothing to say for so long says so in a comment.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Running requests get so long to end after SIGTERM.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Adds a usage chunk to every stream.</summary>
    public bool ForceIncludeUsage { get; init; }

    /// <summary>Lets a request bring its own chat template.</summary>
    public bool TrustRequestChatTemplate { get; init; }

    /// <summary>"auto", "string" or "openai": how message parts reach the template.</summary>
    public string ChatTemplateContentFormat { get; init; } = "auto";

    /// <summary>Serves the chat page at /.</summary>
    public bool ServesPage { get; init; } = true;

    /// <summary>Lets messages write control tokens, as a template does; whoever does can play any role.</summary>
    public bool AllowControlTokens { get; init; }

    /// <summary>A parser's name, "auto" for what the chat template shows, or "none".</summary>
    public string ToolCallParser { get; init; } = "auto";

    /// <summary>A parser's name, "auto" for what the chat template shows, or "none".</summary>
    public string ReasoningParser { get; init; } = "auto";

    /// <summary>How what an output has to look like is understood.</summary>
    public StructuredOutputsConfig StructuredOutputs { get; init; } = new();

    /// <summary>One line per request on standard error; never a prompt.</summary>
    public bool LogRequests { get; init; } = true;

    /// <summary>Paths whose requests have no such line.</summary>
    public IReadOnlyCollection<string> QuietPaths { get; init; } = [];

    /// <summary>Variables of the chat template that a request need not send; a JSON object.</summary>
    public JsonElement? DefaultTemplateArguments { get; init; }

    /// <summary>Tools that must not be called do not reach the chat template.</summary>
    public bool ExcludesUncallableTools { get; init; }

    /// <summary>Tokens of log probabilities are written as "token_id:5" unless a request says otherwise.</summary>
    public bool ReturnsTokensAsTokenIds { get; init; }
}
