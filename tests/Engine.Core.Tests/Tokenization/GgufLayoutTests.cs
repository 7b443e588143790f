using Engine.Tokenization.Files;
using Engine.Tokenization.PreTokenizers;

namespace Engine.Tests.Tokenization;

/// <summary>
/// Words that the names of tokenizer.ggml.pre cut a text into. 504 texts were cut as llama.cpp cuts them, but where
/// it stands in for a family's pattern by one that it can run.
/// </summary>
internal sealed class GgufLayoutTests
{
    [TestCase("default", "a  123   4567.", "a| | |123|  | |456|7|.")]
    [TestCase("seed-coder", "it's 12 !!\n\nx", "it|'s| |1|2| !!|\n\n|x")]
    [TestCase("bailingmoe", "we'LL\n\nx 12", "we|'LL|\n\n|x| |1|2")]
    [TestCase("exaone-moe", "ab cd 1 !/\n", "ab cd| |1| !/\n")]
    [TestCase("jais-2", "a        b", "a|    |  | | b")]
    [TestCase("kimi-k2", "ab漢字Cd 1234", "ab|漢字|Cd| |123|4")]
    [TestCase("ufakzeka", "Ali'nin 12", "Ali|'nin| |1|2")]
    [TestCase("laguna", "a \n\n b", "a| |\n\n| b")]
    [TestCase("minicpm5", "x1234 it's", "x|123|4| it|'s")]
    [TestCase("superbpe", "ab 1234567 cd", "ab |1|234|567| cd")]
    [TestCase("tiny_aya", "1234567 ab", "1|234|567| ab")]
    [TestCase("youtu", "가나漢字、ab12", "가나|漢字|、|ab|1|2")]
    [TestCase("spark2_5", "a\n\nb 12 !!", "a|\n|\n|b| |1|2| !!")]
    [TestCase("qwen35", "हिन्दी 12", "हिन्दी| |1|2")]
    [TestCase("mellum2", "ab 12", "ab| |1|2")]
    [TestCase("hy_v4", "ab 1234", "ab| |123|4")]
    [TestCase("minimax-m2", "HelloWorld 1234", "Hello|World| |123|4")]
    public void AWordOfEachLayoutIsCutAsItsFamilyDoes(string name, string text, string expected)
    {
        PreTokens tokens = new();
        int[] codes = [.. text.EnumerateRunes().Select(r => r.Value)];
        tokens.Text.Load(codes, 0, tracked: false);
        tokens.Reset();
        foreach (PreTokenizer rule in ((PreTokenizerSequence)GgufLayout.Find(name)!.PreTokenizer).Items)
        {
            if (rule is ByteLevelPreTokenizer bytes) bytes.ApplySplit(tokens);
            else rule.Apply(tokens);
        }
        Assert.That(string.Join('|', tokens.Words.Select(w => text[w.Start..w.End])), Is.EqualTo(expected));
    }

    [Test]
    public void ANameThatIsNotKnownHasNoLayout() => Assert.That(GgufLayout.Find("afmoe"), Is.Null);
}
