using System.Text;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>Masks against the slow reference: every token followed byte by byte.</summary>
[TestFixture]
public sealed class MaskTests
{
    private static readonly string[] Grammars =
    [
        "json {}",
        "json {\"type\":\"object\"}",
        "json {\"type\":\"string\",\"maxLength\":3}",
        "json {\"type\":\"string\",\"minLength\":5,\"maxLength\":60}",
        "json {\"type\":\"array\",\"items\":{\"type\":\"number\"},\"maxItems\":4}",
        "json {\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"né\":{\"enum\":[\"aé\",\"ab\",1]}}}",
        "json {\"type\":\"array\",\"uniqueItems\":true}",
        "json {\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":2},\"minItems\":9,\"uniqueItems\":true}",
        "json {\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"number\"}}}",
        "regex [a-z ]{0,40}é?",
        "regex (?:ab|a\\d+|.{2,9}z)*",
        "regex .*",
        "gbnf root ::= \"{\" root* \"}\" | [^{}\"] | \"\\\"\" [^\"]{0,12} \"\\\"\"",
        "gbnf root ::= root [+*] t | t\nt ::= [a-z]+ | \"(\" root \")\"",
        "tag {\"triggers\":[\"<a\"],\"structures\":[{\"begin\":\"<a>\",\"schema\":{\"type\":\"integer\"},\"end\":\"</a>\"}]}",
    ];

    [Test]
    public void MasksHoldExactlyTheTokensThatFit([ValueSource(nameof(Grammars))] string grammar)
    {
        TestContext.Out.WriteLine("seed 1");
        var random = new Random(1);
        byte[][] texts = Vocabulary(random);
        var trie = new TokenTrie(texts);
        var program = new GrammarProgram(Compile(grammar), trie);
        for (int walk = 0; walk < 12; walk++)
        {
            PositionSet at = program.Start;
            for (int step = 0; step < 30; step++)
            {
                TokenMask mask = program.Mask(at);
                for (int id = 0; id < texts.Length; id++)
                {
                    Assert.That(mask.Contains(id), Is.EqualTo(program.Advance(at, id) is not null),
                        () => $"token \"{Encoding.UTF8.GetString(texts[id])}\", walk {walk}, step {step}");
                }

                int[] fits = [.. Enumerable.Range(0, texts.Length).Where(mask.Contains)];
                if (fits.Length == 0)
                {
                    Assert.That(at.MayEnd, Is.True, "a dead end");
                    break;
                }

                at = program.Advance(at, fits[random.Next(fits.Length)])!;
            }
        }
    }

    /// <summary>Whatever is forgotten, in the middle of a mask too, it comes out the same.</summary>
    [Test]
    public void MasksHoldWhileTheGrammarForgets([ValueSource(nameof(Grammars))] string grammar)
    {
        TestContext.Out.WriteLine("seed 2");
        var random = new Random(2);
        byte[][] texts = Vocabulary(random);
        var trie = new TokenTrie(texts);
        Network forgetful = Compile(grammar);
        forgetful.MaxRememberedBytes = 6000;
        GrammarProgram[] programs = [new GrammarProgram(Compile(grammar), trie), new GrammarProgram(forgetful, trie)];
        PositionSet[] at = [.. programs.Select(program => program.Start)];
        for (int step = 0; step < 60; step++)
        {
            TokenMask[] masks = [.. programs.Select((program, i) => program.Mask(at[i]))];
            int[] fits = [.. Enumerable.Range(0, texts.Length).Where(masks[0].Contains)];
            Assert.That(Enumerable.Range(0, texts.Length).Where(masks[1].Contains), Is.EqualTo(fits), $"step {step}");
            Assert.That(at[1].MayEnd, Is.EqualTo(at[0].MayEnd));
            int token = fits.Length == 0 ? -1 : fits[random.Next(fits.Length)];
            at = [.. programs.Select((program, i) => token < 0 ? program.Start : program.Advance(at[i], token)!)];
        }
    }

    // With uniqueItems an output keeps what it has written, so that its masks are its own.
    private static IEnumerable<string> SharedGrammars => Grammars.Where(g => !g.Contains("uniqueItems"));

    /// <summary>What has been seen before is no work for the garbage collector.</summary>
    [Test]
    public void AMaskMadeBeforeAllocatesNothing([ValueSource(nameof(SharedGrammars))] string grammar)
    {
        TestContext.Out.WriteLine("seed 3");
        var random = new Random(3);
        byte[][] texts = Vocabulary(random);
        var program = new GrammarProgram(Compile(grammar), new TokenTrie(texts));
        List<int> output = [];
        PositionSet? at = program.Start;
        for (int step = 0; step < 40; step++)
        {
            int[] fits = [.. Enumerable.Range(0, texts.Length).Where(program.Mask(at!).Contains)];
            if (fits.Length == 0) break;
            output.Add(fits[random.Next(fits.Length)]);
            at = program.Advance(at!, output[^1]);
        }

        int[] tokens = [.. output];
        var logits = new float[texts.Length];
        Walk();
        Assert.That(Walk(), Is.Zero);

        long Walk()
        {
            using var walked = new GrammarState(program, [texts.Length - 1]);
            long begun = GC.GetAllocatedBytesForCurrentThread();
            for (int length = 0; length <= tokens.Length; length++)
            {
                long allowance = long.MaxValue;
                walked.IsReady(tokens.AsSpan(0, length), ref allowance);
                walked.Follow(tokens.AsSpan(0, length));
                walked.Apply(logits);
                _ = walked.MustEnd;
            }

            return GC.GetAllocatedBytesForCurrentThread() - begun;
        }
    }

    [Test]
    public void MasksOfTwoVocabulariesAreKeptApart()
    {
        var outputs = new StructuredOutputs { Regex = "[ab]c-kept-apart" };
        var first = new TokenTrie([[(byte)'a'], [(byte)'x']]);
        var second = new TokenTrie([[(byte)'x'], [(byte)'b']]);
        var programs = new[] { first, second }.Select(trie =>
            new GrammarProgram(outputs.Compile(GrammarLimits.Default, trie), trie)).ToArray();
        Assert.That(programs[0].Mask(programs[0].Start).Few, Is.EqualTo(new[] { 0 }));
        Assert.That(programs[1].Mask(programs[1].Start).Few, Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public void TheCacheHoldsNoMoreThanItsBytes()
    {
        var cache = new GrammarCache(1 << 20);
        for (int i = 0; i < 500; i++)
        {
            var key = new StructuredOutputs { Regex = $"[a-z]{{50}}{i}" };
            cache.Get(key, null, () => GrammarCompiler.Regex(key.Regex));
        }

        Assert.That(cache.TotalBytes, Is.LessThanOrEqualTo(1 << 20));
        Assert.That(cache.Count, Is.InRange(2, 499));
        var again = new StructuredOutputs { Regex = "[a-z]{50}499" };
        cache.Get(again, null, () => throw new InvalidOperationException("was not kept"));
    }

    [Test]
    public void AGrammarThatRemembersTooMuchForgetsAndGoesOn()
    {
        Network network = GrammarCompiler.JsonSchema("{\"type\":\"string\",\"maxLength\":90000}");
        long most = 0;
        PositionSet? at = network.Step(network.Start, (byte)'"');
        for (int i = 0; i < 90000; i++)
        {
            at = network.Step(at!, (byte)'a');
            network.Step(at!, 0xF0);
            most = Math.Max(most, network.RememberedBytes);
        }

        Assert.That(network.Step(at!, (byte)'a'), Is.Null);
        Assert.That(network.Step(at!, (byte)'"'), Is.Not.Null);
        Assert.That(most, Is.LessThanOrEqualTo(GrammarMemory.MaxBytesOfOne + (1 << 20)));
    }

    private static Network Compile(string grammar) => grammar.Split(' ', 2) switch
    {
        ["json", string text] => GrammarCompiler.JsonSchema(text),
        ["regex", string text] => GrammarCompiler.Regex(text),
        ["gbnf", string text] => GrammarCompiler.Gbnf(text),
        [_, string text] => GrammarCompiler.StructuralTag(text),
        _ => throw new ArgumentException(grammar),
    };

    /// <summary>All bytes, and random texts of the kinds that vocabularies hold.</summary>
    private static byte[][] Vocabulary(Random random)
    {
        List<byte[]> texts = [.. Enumerable.Range(0, 256).Select(value => new[] { (byte)value })];
        string[] parts = ["a", "b", "z", " ", "é", "日", "😀", "\"", "\\", "\n", "{", "}", ",", ":", "1", "<a", ">", "</"];
        for (int i = 0; i < 500; i++)
        {
            bool plain = i % 2 == 0;
            int length = random.Next(2, i % 5 == 0 ? 40 : 7);
            byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, length).Select(
                _ => parts[random.Next(plain ? 7 : parts.Length)])));
            texts.Add(i % 7 == 0 ? text[random.Next(Math.Min(2, text.Length))..^random.Next(2)] : text);
        }

        texts.AddRange(new[] { "\",\"", "\": ", "\"}", "null", "true", "name\":\"", "-1.5e3" }.Select(Encoding.UTF8.GetBytes));
        return [.. texts];
    }
}
