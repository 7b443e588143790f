using System.IO.Compression;
using System.Text.Json;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>A folder of reference cases; files may carry .br and are then decompressed.</summary>
internal sealed class ReferenceFolder(string path)
{
    public const string Variable = "ENGINE_TOKENIZER_DATA";

    public string Path => path;

    /// <summary>The folder of all reference data, or null where it is not at hand.</summary>
    public static string? External => Environment.GetEnvironmentVariable(Variable);

    /// <summary>The part of the data that is committed.</summary>
    public static string Committed
    {
        get
        {
            DirectoryInfo? folder = new(TestContext.CurrentContext.TestDirectory);
            while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Engine.sln")))
            {
                folder = folder.Parent;
            }

            return System.IO.Path.Combine(folder!.FullName, "tests", "data", "tokenizers");
        }
    }

    public bool Has(string name) => File.Exists(Find(name)) || File.Exists(Find(name) + ".br");

    public byte[] Read(string name)
    {
        string plain = Find(name);
        if (File.Exists(plain))
        {
            return File.ReadAllBytes(plain);
        }

        using BrotliStream stream = new(File.OpenRead(plain + ".br"), CompressionMode.Decompress);
        using MemoryStream content = new();
        stream.CopyTo(content);
        return content.ToArray();
    }

    public IEnumerable<JsonElement> ReadLines(string name)
    {
        using StreamReader reader = new(new MemoryStream(Read(name)));
        while (reader.ReadLine() is string line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            yield return document.RootElement.Clone();
        }
    }

    /// <summary>The folder with everything decompressed, for what reads files itself.</summary>
    public string Unpack()
    {
        string target = Directory.CreateTempSubdirectory("engine-tokenizer-").FullName;
        foreach (string file in Directory.GetFiles(path))
        {
            string name = System.IO.Path.GetFileName(file);
            string plain = name.EndsWith(".br", StringComparison.Ordinal) ? name[..^3] : name;
            File.WriteAllBytes(System.IO.Path.Combine(target, plain), Read(plain));
        }

        return target;
    }

    private string Find(string name) => System.IO.Path.Combine(path, name);
}
