using Engine.Hosting;
using Engine.Tokenization;
using Engine.Tokenization.Templating;

namespace Engine.Abi.Handles;

/// <summary>A tokenizer and its chat template, a model's or one of its own.</summary>
internal sealed class TokenizerObject(ITokenizer tokenizer, Func<ChatTemplate?> template) : HandleObject
{
    private readonly Lazy<ChatTemplate?> _template = new(template, LazyThreadSafetyMode.PublicationOnly);

    public override HandleKind Kind => HandleKind.Tokenizer;

    public ITokenizer Tokenizer { get; } = tokenizer;

    /// <summary>The template or null; throws if there is one that does not parse.</summary>
    public ChatTemplate? Template => _template.Value;

    /// <summary>From a folder or file, or the fake model's.</summary>
    public static TokenizerObject Load(string path)
    {
        if (FakeModel.IsFake(path))
        {
            return new TokenizerObject(new FakeTokenizer(), () => null);
        }

        Tokenizer tokenizer = TokenizerLoader.Load(path);
        string folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        return new TokenizerObject(tokenizer, () => ChatTemplateLoader.Load(folder));
    }
}
