namespace Engine.Loading;

/// <summary>Where the hub's cache lies and how the hub is asked; the variables are huggingface_hub's.</summary>
public sealed class HubSettings
{
    /// <summary>Folder of models--org--name folders.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Root of the hub's addresses.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co");

    /// <summary>Sent to the endpoint's host alone, or null.</summary>
    public string? Token { get; init; }

    /// <summary>Never asks the network.</summary>
    public bool Offline { get; init; }

    /// <summary>Tries of one file before the download fails; each goes on where the last ended.</summary>
    public int MaxTries { get; init; } = 5;

    /// <summary>Wait before the second try; doubled before each further one.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Silence after which a connection counts as lost.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Settings from HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.</summary>
    /// <param name="downloadFolder">Comes before HF_HUB_CACHE if not null.</param>
    /// <param name="variable">Reads a variable; null reads the process's environment.</param>
    public static HubSettings FromEnvironment(
        string? downloadFolder = null, Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        string? Read(string name) => variable(name) is { Length: > 0 } value ? value : null;

        string home = Read("HF_HOME") ?? Path.Combine(
            Read("XDG_CACHE_HOME") ?? Path.Combine(Read("HOME") ?? ".", ".cache"), "huggingface");
        string endpoint = Read("HF_ENDPOINT") ?? "https://huggingface.co";
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? root) || root.Scheme is not ("http" or "https"))
        {
            throw EngineException.Invalid("HF_ENDPOINT", $"'{endpoint}' is not an http or https address");
        }

        return new HubSettings
        {
            CacheFolder = downloadFolder ?? Read("HF_HUB_CACHE") ?? Path.Combine(home, "hub"),
            Endpoint = root,
            Token = Read("HF_TOKEN") ?? ReadTokenFile(Read("HF_TOKEN_PATH") ?? Path.Combine(home, "token")),
            Offline = Read("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "TRUE" or "YES" or "ON",
        };
    }

    private static string? ReadTokenFile(string path)
    {
        try
        {
            return File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 } token ? token : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
