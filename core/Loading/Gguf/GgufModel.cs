using System.Globalization;

namespace Engine.Loading.Gguf;

/// <summary>One tensor of a GGUF model, in mapped memory.</summary>
/// <param name="Info">Its entry in the index.</param>
/// <param name="File">Name of the file that it lies in, for messages.</param>
/// <param name="Address">Its first byte.</param>
internal sealed record MappedGgufTensor(GgufTensor Info, string File, nint Address);

/// <summary>A GGUF file, or all shards of a split one, mapped; the first shard has the metadata.</summary>
internal sealed class GgufModel : IDisposable
{
    private const int NumShardsMax = 4096;
    private readonly List<MappedFile> _files = [];
    private readonly Dictionary<string, MappedGgufTensor> _tensors = new(StringComparer.Ordinal);

    private GgufModel(GgufFile metadata) => Metadata = metadata;

    /// <summary>Metadata of the only file or of the first shard.</summary>
    public GgufFile Metadata { get; }

    public IReadOnlyDictionary<string, MappedGgufTensor> Tensors => _tensors;

    /// <summary>Name of the file, for messages.</summary>
    public string Name => _files[0].Name;

    /// <summary>Path of the file, or of the first shard.</summary>
    public string Path => _files[0].Path;

    /// <summary>Bytes of all files.</summary>
    public long Bytes => _files.Sum(f => f.Bytes);

    /// <summary>Opens a file, or all shards of the split model that it belongs to.</summary>
    public static GgufModel Open(string path)
    {
        SplitName? split = SplitName.Parse(System.IO.Path.GetFileName(path));
        string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        string first = split is null ? path : System.IO.Path.Combine(folder, split.Shard(1));
        GgufFile header = GgufReader.Read(first);
        GgufModel model = new(header);
        try
        {
            int count = ShardCount(header);
            if (count > 1 && (split is null || split.Count != count))
            {
                throw EngineException.Corrupt(
                    System.IO.Path.GetFileName(first),
                    $"split.count: expected a name that ends in -00001-of-{count:D5}.gguf, found another");
            }
            model.Add(first, header, 0, count);
            for (int i = 1; i < count; i++)
            {
                string shard = System.IO.Path.Combine(folder, split!.Shard(i + 1));
                model.Add(shard, GgufReader.Read(shard), i, count);
            }
            model.CheckTensorCount(count);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The GGUF model of a folder: a file, or the first shard of a split one; null if none.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="tag">Which of several; null if there must be only one.</param>
    public static string? FindIn(ModelFolder folder, string? tag = null)
    {
        List<string> names = [.. Directory.EnumerateFiles(folder.Root, "*.gguf")
            .Select(f => System.IO.Path.GetFileName(f)!).Where(IsLanguageModel).Order(StringComparer.Ordinal)];
        if (names.Count == 0) return null;
        List<string> models = [.. names.Select(FirstShardOf).Distinct(StringComparer.Ordinal)];
        if (tag is not null)
        {
            List<string> chosen = GgufChoice.Files(names, tag);
            return chosen.Count > 0 ? folder.Resolve(FirstShardOf(chosen[0])) : throw new EngineException(
                EngineStatus.NotFound,
                $"{folder.Root} holds no GGUF model {tag}, only {string.Join(", ", models.Take(20))}", "model");
        }
        return models.Count == 1
            ? folder.Resolve(models[0])
            : throw EngineException.Invalid(
                "model",
                $"{folder.Root} holds {models.Count} GGUF models, name one: {string.Join(", ", models.Take(20))}");
    }

    /// <summary>The name of a split model's first shard; of any other file, its own.</summary>
    internal static string FirstShardOf(string name) => SplitName.Parse(name)?.Shard(1) ?? name;

    /// <summary>False for the vision part that some models have beside them.</summary>
    internal static bool IsLanguageModel(string name) =>
        !System.IO.Path.GetFileName(name).Contains("mmproj", StringComparison.OrdinalIgnoreCase);

    public void DropPages()
    {
        foreach (MappedFile file in _files) file.DropPages();
    }

    public void Dispose()
    {
        foreach (MappedFile file in _files) file.Dispose();
    }

    private static int ShardCount(GgufFile header)
    {
        long count = header.Number("split.count", 1);
        return count is >= 0 and <= NumShardsMax
            ? (int)Math.Max(count, 1)
            : throw header.Wrong("split.count", $"at most {NumShardsMax} shards", count);
    }

    private void Add(string path, GgufFile header, int index, int count)
    {
        if (count > 1)
        {
            Check(header, "split.count", count);
            Check(header, "split.no", index);
        }
        MappedFile file = new(path);
        _files.Add(file);
        foreach (GgufTensor tensor in header.Tensors)
        {
            // The index was checked against the length that the file had when it was read.
            if (tensor.Offset > file.Bytes - tensor.Bytes)
            {
                throw EngineException.Corrupt(file.Name, $"{tensor.Name}: lies beyond the end of the file");
            }
            MappedGgufTensor mapped = new(tensor, file.Name, file.Address + (nint)tensor.Offset);
            if (!_tensors.TryAdd(tensor.Name, mapped))
            {
                throw EngineException.Corrupt(
                    file.Name, $"{tensor.Name}: expected in one shard, found also in {_tensors[tensor.Name].File}");
            }
        }
    }

    private static void Check(GgufFile header, string key, int expected)
    {
        long found = header.Number(key, -1);
        if (found != expected) throw header.Wrong(key, $"{expected}", found);
    }

    private void CheckTensorCount(int count)
    {
        if (count == 1) return;
        long expected = Metadata.Number("split.tensors.count", _tensors.Count);
        if (expected != _tensors.Count)
        {
            throw Metadata.Wrong("split.tensors.count", $"{_tensors.Count} (as many as all shards have)", expected);
        }
    }

    /// <summary>A name of the form PREFIX-00002-of-00005.gguf.</summary>
    private sealed record SplitName(string Prefix, int Count)
    {
        private const int SuffixLength = 20; // -00002-of-00005.gguf

        public static SplitName? Parse(string name)
        {
            if (name.Length <= SuffixLength) return null;
            ReadOnlySpan<char> suffix = name.AsSpan(name.Length - SuffixLength);
            bool isSplit = suffix[0] == '-' && suffix[6..10] is "-of-" && suffix[15..] is ".gguf" &&
                Number(suffix[1..6]) is int number and >= 1 &&
                Number(suffix[10..15]) is int count and <= NumShardsMax && number <= count;
            return isSplit ? new SplitName(name[..^SuffixLength], Number(suffix[10..15])) : null;
        }

        private static int Number(ReadOnlySpan<char> digits) =>
            int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : -1;

        public string Shard(int number) => $"{Prefix}-{number:D5}-of-{Count:D5}.gguf";
    }
}
