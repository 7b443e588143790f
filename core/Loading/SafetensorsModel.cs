using System.Text.Json;

namespace Engine.Loading;

/// <summary>All weights of a folder: one safetensors file, or shards named by an index.</summary>
internal sealed class SafetensorsModel : IDisposable
{
    private const string SingleName = "model.safetensors";
    private const string IndexName = "model.safetensors.index.json";
    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsTensor> _tensors = new(StringComparer.Ordinal);

    private SafetensorsModel()
    {
    }

    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors => _tensors;

    /// <summary>The file, or the index of the files, for messages.</summary>
    public string Name => _files.Count == 1 ? _files[0].Name : IndexName;

    /// <summary>Bytes of the files.</summary>
    public long Bytes => _files.Sum(f => f.Bytes);

    public static bool ExistsIn(ModelFolder folder) =>
        folder.Exists(SingleName) || folder.Exists(IndexName) || ShardsWithoutIndex(folder).Count > 0;

    // model-00001-of-00002.safetensors and its like, all of them: an index only says again what their headers say.
    private static List<string> ShardsWithoutIndex(ModelFolder folder)
    {
        List<string> names =
        [
            .. Directory.EnumerateFiles(folder.Root, "model-*-of-*.safetensors").Select(f => Path.GetFileName(f))
                .Order(StringComparer.Ordinal),
        ];
        IEnumerable<string> all =
            Enumerable.Range(0, names.Count).Select(i => SafetensorsWriter.NameOf(i, names.Count));
        return names.Count > 1 && names.SequenceEqual(all) ? names : [];
    }

    public static SafetensorsModel Open(ModelFolder folder)
    {
        SafetensorsModel model = new();
        try
        {
            if (folder.Exists(SingleName))
            {
                model.AddFile(folder, SingleName);
            }
            else if (folder.TryRead(IndexName) is byte[] index)
            {
                model.AddShards(folder, ReadIndex(index));
            }
            else if (ShardsWithoutIndex(folder) is { Count: > 0 } names)
            {
                foreach (string name in names) model.AddFile(folder, name);
            }
            else
            {
                throw new EngineException(
                    EngineStatus.NotFound,
                    $"{folder.Root}: expected {SingleName} or {IndexName}, found neither " +
                    "(other formats of weights are not read)",
                    "model");
            }
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public void DropPages()
    {
        foreach (SafetensorsFile file in _files) file.DropPages();
    }

    public void Dispose()
    {
        foreach (SafetensorsFile file in _files) file.Dispose();
    }

    /// <summary>Names of the shards of an index, in order.</summary>
    internal static List<string> ShardNames(byte[] index) =>
        [.. ReadIndex(index).Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    private void AddShards(ModelFolder folder, Dictionary<string, string> weightMap)
    {
        foreach (string name in weightMap.Values.Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal))
        {
            AddFile(folder, name, weightMap);
        }
        foreach ((string tensor, string file) in weightMap)
        {
            if (!_tensors.TryGetValue(tensor, out SafetensorsTensor? found))
            {
                throw EngineException.Corrupt(
                    IndexName, $"tensor '{tensor}': expected in {file}, found in none of the shards");
            }
            if (found.File != file)
            {
                throw EngineException.Corrupt(
                    IndexName, $"tensor '{tensor}': expected in {file}, found in {found.File}");
            }
        }
    }

    // A tensor that several shards hold is the one of the shard that the index names.
    private void AddFile(ModelFolder folder, string name, Dictionary<string, string>? weightMap = null)
    {
        SafetensorsFile file = SafetensorsFile.Open(folder.Resolve(name));
        _files.Add(file);
        foreach (SafetensorsTensor tensor in file.Tensors.Values)
        {
            if (_tensors.TryAdd(tensor.Name, tensor)) continue;
            string? owner = weightMap?.GetValueOrDefault(tensor.Name);
            if (owner == tensor.File)
            {
                _tensors[tensor.Name] = tensor;
            }
            else if (owner != _tensors[tensor.Name].File)
            {
                throw EngineException.Corrupt(
                    name, $"tensor '{tensor.Name}' is also in {_tensors[tensor.Name].File}");
            }
        }
    }

    private static Dictionary<string, string> ReadIndex(byte[] json)
    {
        Dictionary<string, string> map = new(StringComparer.Ordinal);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8 });
            if (document.RootElement.ValueKind != JsonValueKind.Object ||
                !document.RootElement.TryGetProperty("weight_map", out JsonElement weights) ||
                weights.ValueKind != JsonValueKind.Object)
            {
                throw EngineException.Corrupt(IndexName, "expected an object 'weight_map'");
            }
            foreach (JsonProperty entry in weights.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.String)
                {
                    throw EngineException.Corrupt(
                        IndexName, $"weight_map.{entry.Name}: expected a file name, found {entry.Value.ValueKind}");
                }
                if (map.Count == SafetensorsHeader.NumTensorsMax)
                {
                    throw EngineException.Corrupt(
                        IndexName, $"more than {SafetensorsHeader.NumTensorsMax} tensors");
                }
                if (!map.TryAdd(entry.Name, entry.Value.GetString()!))
                {
                    throw EngineException.Corrupt(IndexName, $"tensor '{entry.Name}' occurs twice");
                }
            }
        }
        catch (JsonException e)
        {
            throw EngineException.Corrupt(IndexName, $"is not valid JSON: {e.Message}", e);
        }
        if (map.Count == 0) throw EngineException.Corrupt(IndexName, "weight_map is empty");
        return map;
    }
}
