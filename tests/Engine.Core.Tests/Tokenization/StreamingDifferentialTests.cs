using Engine.Tokenization;
using NUnit.Framework;

namespace Engine.Tests.Tokenization;

/// <summary>The detokenizers against the rule they implement, spelled out with whole decodes.</summary>
[Explicit("Needs the full reference data; set ENGINE_TOKENIZER_DATA to its folder.")]
internal sealed class StreamingDifferentialTests
{
    private static IEnumerable<string> Files()
    {
        string? root = ReferenceFolder.External;
        if (root is null)
        {
            return [];
        }

        string hf = Path.Combine(root, "hf");
        return Directory.GetFiles(hf, "tokenizer.json", SearchOption.AllDirectories)
            .Concat(Directory.GetFiles(hf, "tokenizer.model", SearchOption.AllDirectories))
            .Concat(Directory.GetFiles(Path.Combine(root, "gguf"), "*spm.gguf"))
            .Select(file => Path.GetRelativePath(root, file)).Order();
    }

    [TestCaseSource(nameof(Files))]
    public void StreamsByTheRule(string file)
    {
        Tokenizer tokenizer = TokenizerLoader.Load(Path.Combine(ReferenceFolder.External!, file));
        StreamingRule.AssertHolds(tokenizer, seed: 20261121, count: 1500);
    }
}
