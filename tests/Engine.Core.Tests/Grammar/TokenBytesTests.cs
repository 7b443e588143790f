using System.Text;
using Engine.Grammar;
using Engine.Tokenization;

namespace Engine.Tests.Grammar;

/// <summary>The bytes of tokens, as the masks see them.</summary>
[TestFixture]
public sealed class TokenBytesTests
{
    [Test]
    public void BytesOfATextsTokensAreTheText()
    {
        string folder = Path.Combine(TestPaths.Root, "demo-model", "model");
        ITokenizer tokenizer = TokenizerLoader.Load(folder);
        byte[]?[] texts = TokenBytes.Of(tokenizer);
        const string text = "{\"name\": \"Zoë\",\n\t\"n\": [1, 20.5e-3]} 日本 😀 the  end";
        int[] anchor = tokenizer.Encode("a", addSpecialTokens: false);
        int[] ids = tokenizer.Encode("a" + text, addSpecialTokens: false);
        byte[] joined = [.. ids.SelectMany(id => texts[id] ?? [])];
        Assert.That(anchor, Is.Not.Empty);
        Assert.That(Encoding.UTF8.GetString(joined).TrimStart(), Is.EqualTo("a" + text));
    }
}
