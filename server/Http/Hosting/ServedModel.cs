using Engine.Chat;
using Engine.Pooling;
using Engine.Sampling;
using Engine.Tokenization;

namespace Engine.Server.Http.Hosting;

/// <summary>What the routes need of the model.</summary>
internal sealed class ServedModel
{
    private string?[] _tokenTexts = [];

    public required IEngineBackend Engine { get; init; }

    /// <summary>The names clients may use; the first is the one in answers.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>The folder or hub name.</summary>
    public required string Root { get; init; }

    /// <summary>What a request leaves open: generation_config.json, else vLLM's defaults.</summary>
    public SamplingParams DefaultSampling { get; init; } = new();

    /// <summary>Words messages as a prompt.</summary>
    public IChatRenderer Chat { get; init; } = new NoChatTemplate();

    /// <summary>How the model writes calls and thoughts.</summary>
    public ChatFormats Formats { get; init; } = ChatFormats.None;

    /// <summary>A thought can be held to a budget.</summary>
    public bool CountsThoughts => ChatParsers.CountsThoughts(Formats.Reasoning, Engine.Tokenizer);

    /// <summary>Makes vectors or scores of texts; null if the model writes.</summary>
    public PoolingWorker? Pooling { get; init; }

    /// <summary>Unix seconds.</summary>
    public long CreatedS { get; } = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    public string Name => Names[0];

    public int MaxModelLen => Engine.Model.MaxModelLen;

    public int VocabSize => Engine.Model.VocabSize;

    public ITokenizer Tokenizer => Engine.Tokenizer
        ?? throw ApiException.BadRequest("The model has no tokenizer: prompts must be token ids.", "prompt");

    /// <summary>The text of one token as log probabilities show it.</summary>
    public string TokenText(int id)
    {
        if (Engine.Tokenizer is not { } tokenizer || id < 0 || id >= VocabSize)
        {
            return $"token_id:{id}";
        }

        // Two threads may compute the same text; either may win.
        string?[] texts = _tokenTexts.Length == VocabSize ? _tokenTexts : _tokenTexts = new string?[VocabSize];
        return texts[id] ??= tokenizer.Decode([id], skipSpecialTokens: false);
    }

    public void CheckName(string? requested)
    {
        if (requested is not null && !Names.Contains(requested, StringComparer.Ordinal))
        {
            throw new ApiException(
                StatusCodes.Status404NotFound, $"The model `{Shorten(requested)}` does not exist.", "model");
        }
    }

    private static string Shorten(string text) => text.Length <= 200 ? text : text[..200] + "...";
}
