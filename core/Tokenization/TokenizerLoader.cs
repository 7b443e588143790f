using Engine.Tokenization.Files;

namespace Engine.Tokenization;

/// <summary>Finds and reads the tokenizer of a model folder.</summary>
public static class TokenizerLoader
{
    /// <summary>Loads a tokenizer.</summary>
    /// <param name="path">A model folder, or one of the files that such a folder can hold.</param>
    /// <exception cref="EngineException">
    /// NotFound if there is no tokenizer, CorruptData or Unsupported if it cannot be used.
    /// </exception>
    public static Tokenizer Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (File.Exists(path))
        {
            return LoadFile(path);
        }

        string json = Path.Combine(path, "tokenizer.json");
        return File.Exists(json) ? LoadFile(json)
            : throw new EngineException(EngineStatus.NotFound, $"{path}: no tokenizer found", path);
    }

    private static Tokenizer LoadFile(string path) =>
        new(TokenizerJson.Parse(JsonFile.ReadBytes(path), path));
}
