using System.Text.Json;
using Engine.Hosting;
using Engine.Loading.Gguf;

namespace Engine.Loading;

/// <summary>
/// Finds a model of the Hugging Face hub in the local cache and downloads what is missing. The layout is
/// huggingface_hub's (models--org--name/{blobs,refs,snapshots}), so that both share one cache.
/// </summary>
/// <remarks>https://huggingface.co/docs/huggingface_hub/guides/manage-cache</remarks>
public sealed class HubCache
{
    private readonly HubSettings _settings;

    /// <summary>Creates a cache.</summary>
    /// <param name="settings">Where it lies and whom to ask.</param>
    public HubCache(HubSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        _settings = settings;
    }

    /// <summary>True for "name" or "org/name" as the hub allows them.</summary>
    public static bool IsRepositoryName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] parts = name.Split('/');
        return parts.Length is 1 or 2 && name.Length <= 192 && parts.All(IsNamePart);
    }

    /// <summary>The folder that holds the model's files, downloaded if need be.</summary>
    /// <param name="repository">"org/name", or "org/name:TAG" for one of its GGUF models, such as Q4_K_M.</param>
    /// <param name="revision">Branch, tag or commit; null is main.</param>
    /// <param name="progress">Called with the stage "download".</param>
    /// <param name="cancellationToken">Ends the download; what has arrived is kept for the next try.</param>
    /// <returns>Path of a folder of snapshots/.</returns>
    /// <exception cref="EngineException">
    /// NotFound (no such repository or revision, or offline and not cached), Io (the server could not be
    /// reached or broke off), CorruptData (a file's hash is wrong), InvalidArgument (name or revision).
    /// </exception>
    public string Resolve(
        string repository,
        string? revision = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        revision ??= "main";
        (repository, string? tag) = GgufChoice.Split(repository);
        if (!IsRepositoryName(repository))
        {
            throw EngineException.Invalid("model", $"'{repository}' is neither a folder nor a name of the hub");
        }

        if (!HubPaths.IsSafeRelative(revision))
        {
            throw EngineException.Invalid("revision", $"'{revision}' is not a branch, tag or commit");
        }

        string folder = Path.Combine(_settings.CacheFolder, "models--" + repository.Replace("/", "--", StringComparison.Ordinal));
        if (_settings.Offline)
        {
            string? offline = CachedSnapshot(folder, revision);
            bool isThere = offline is not null && (tag is null || HasWeights(offline, tag));
            return isThere ? offline! : throw new EngineException(
                EngineStatus.NotFound,
                $"{Named(repository, tag)} (revision {revision}) is not in the cache {_settings.CacheFolder}, and HF_HUB_OFFLINE is set",
                "model");
        }

        using var download = new HubDownload(_settings, progress, cancellationToken);
        try
        {
            return Download(download, repository, tag, revision, folder);
        }
        catch (EngineException e) when (e.Status == EngineStatus.Io
            && CachedSnapshot(folder, revision) is string cached && HasWeights(cached, tag))
        {
            // As huggingface_hub does: an unreachable server is no reason not to use what is here.
            return cached;
        }
    }

    private static string Named(string repository, string? tag) => tag is null ? repository : $"{repository}:{tag}";

    private static string Download(
        HubDownload download, string repository, string? tag, string revision, string folder)
    {
        (string commit, List<string> names) = ReadListing(
            download.GetText($"api/models/{repository}/revision/{Uri.EscapeDataString(revision)}"), repository);
        List<string> wanted = HubFileSelection.Choose(names, tag);
        if (wanted.Count == 0)
        {
            throw new EngineException(
                EngineStatus.NotFound,
                tag is null
                    ? $"{repository} (revision {revision}) holds no config.json or weights"
                    : $"{repository} (revision {revision}) holds no GGUF model {tag}, only {GgufNames(names)}",
                "model");
        }

        string snapshot = Path.Combine(folder, "snapshots", commit);
        var files = new List<HubFile>();
        foreach (string name in wanted)
        {
            if (!File.Exists(Path.Combine(snapshot, name)))
            {
                files.Add(download.Describe($"{repository}/resolve/{commit}/{name}", name));
            }
        }

        download.Begin(files.Sum(file => file.Bytes));
        foreach (HubFile file in files)
        {
            string blob = download.Fetch(file, Path.Combine(folder, "blobs"));
            Link(Path.Combine(snapshot, file.Name), blob);
        }

        Directory.CreateDirectory(snapshot);
        WriteReference(Path.Combine(folder, "refs", revision), commit);
        return snapshot;
    }

    private static (string Commit, List<string> Names) ReadListing(string json, string repository)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            string commit = document.RootElement.GetProperty("sha").GetString() ?? "";
            if (commit.Length is < 4 or > 64 || !commit.All(char.IsAsciiHexDigit))
            {
                throw EngineException.Corrupt(repository, $"the hub named '{commit}' as its commit");
            }

            var names = new List<string>();
            foreach (JsonElement sibling in document.RootElement.GetProperty("siblings").EnumerateArray())
            {
                string name = sibling.GetProperty("rfilename").GetString() ?? "";
                if (HubPaths.IsSafeRelative(name))
                {
                    names.Add(name);
                }
            }

            return (commit, names);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw EngineException.Corrupt(repository, "the hub's list of files is not what was expected", e);
        }
    }

    private static string? CachedSnapshot(string folder, string revision)
    {
        string reference = Path.Combine(folder, "refs", revision);
        string commit = File.Exists(reference) ? File.ReadAllText(reference).Trim() : revision;
        string snapshot = Path.Combine(folder, "snapshots", commit);
        return HubPaths.IsSafeRelative(commit) && Directory.Exists(snapshot) ? snapshot : null;
    }

    private static string GgufNames(IEnumerable<string> names) => string.Join(
        ", ", names.Where(n => n.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)).Take(30));

    /// <summary>The files of a GGUF model in a snapshot.</summary>
    internal static List<string> GgufFiles(string snapshot, string? tag) => GgufChoice.Files(
        Directory.EnumerateFiles(snapshot, "*.gguf", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(snapshot, path).Replace('\\', '/')),
        tag);

    private static bool HasWeights(string snapshot, string? tag) => tag is not null
        ? GgufFiles(snapshot, tag).Count > 0
        : Directory.EnumerateFiles(snapshot, "*.safetensors").Any()
            || Directory.EnumerateFiles(snapshot, "*.gguf", SearchOption.AllDirectories).Any();

    /// <summary>A relative link, as huggingface_hub makes it, so that the cache may be moved.</summary>
    private static void Link(string path, string blob)
    {
        string parent = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(parent);
        File.Delete(path);
        File.CreateSymbolicLink(path, Path.GetRelativePath(parent, blob));
    }

    private static void WriteReference(string path, string commit)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = path + ".tmp";
        File.WriteAllText(temporary, commit);
        File.Move(temporary, path, overwrite: true);
    }

    private static bool IsNamePart(string part) =>
        part.Length > 0 && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')
        && char.IsAsciiLetterOrDigit(part[0]) && !part.Contains("..", StringComparison.Ordinal)
        && !part.Contains("--", StringComparison.Ordinal);
}
