using Engine.Hosting;
using Engine.Tokenization;

namespace Engine.Abi.Handles;

/// <summary>A tokenizer, a model's or one of its own.</summary>
internal sealed class TokenizerObject(ITokenizer tokenizer) : HandleObject
{
    public override HandleKind Kind => HandleKind.Tokenizer;

    public ITokenizer Tokenizer { get; } = tokenizer;

    /// <summary>From a folder or file, or the fake model's.</summary>
    public static ITokenizer Load(string path) =>
        FakeModel.IsFake(path) ? new FakeTokenizer() : TokenizerLoader.Load(path);
}
