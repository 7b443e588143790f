using System.Text.Json;
using Engine.Grammar;
using Engine.Tokenization;

namespace Engine.Benchmarks.Grammar;

/// <summary>
/// `grammar TOKENIZER_FOLDER SCHEMAS.jsonl [...]`: what compiling and masking cost over the valid rows of files of
/// {schema, instance_text, decoder}. Each schema is compiled anew and each text followed token by token, so that
/// every first visit of a state is among the figures; the second pass is with the masks that are remembered. What takes
/// more than a millisecond is listed. DOTNET_TieredCompilation=0 keeps the runtime's own compiling out of it.
/// </summary>
internal static class MaskTable
{
    private static int _numSlow;
    private static int _numCollected;
    private static string _schema = "";

    public static int Run(string[] args)
    {
        ITokenizer tokenizer = TokenizerLoader.Load(args[0]);
        double begun = Clock.ThreadMicroseconds();
        TokenTrie trie = TokenTrie.Of(tokenizer);
        Console.WriteLine($"vocabulary {trie.VocabSize}, made ready in {(Clock.ThreadMicroseconds() - begun) / 1000:0} ms; {trie.SizeBytes >> 10} KiB");
        List<(string Schema, List<int[]> Texts)> work = Read(tokenizer, args[1..]);
        // Compiled code first: what is measured is the work, not the runtime's start.
        Measure(work[..Math.Min(work.Count, 50)], trie, "warm-up of the runtime, not counted");
        Measure(work, trie, "all");
        return 0;
    }

    private static List<(string Schema, List<int[]> Texts)> Read(ITokenizer tokenizer, string[] files)
    {
        var bySchema = new Dictionary<string, List<int[]>>();
        foreach (string line in files.SelectMany(File.ReadLines))
        {
            using JsonDocument row = JsonDocument.Parse(line);
            if (row.RootElement.GetProperty("decoder").GetString() != "must")
            {
                continue;
            }

            string schema = row.RootElement.GetProperty("schema").GetRawText();
            if (!bySchema.TryGetValue(schema, out List<int[]>? texts))
            {
                bySchema.Add(schema, texts = []);
            }

            texts.Add(tokenizer.Encode(row.RootElement.GetProperty("instance_text").GetString()!, false));
        }

        return [.. bySchema.Select(item => (item.Key, item.Value))];
    }

    private static void Measure(List<(string Schema, List<int[]> Texts)> work, TokenTrie trie, string title)
    {
        List<double> compile = [];
        List<double> prepare = [];
        List<double> cold = [];
        List<double> warm = [];
        int refused = 0;
        (_numSlow, _numCollected) = (0, 0);
        foreach ((string schema, List<int[]> texts) in work)
        {
            GrammarProgram program;
            double from = Clock.ThreadMicroseconds();
            try
            {
                program = new GrammarProgram(GrammarCompiler.JsonSchema(schema), trie);
            }
            catch (EngineException)
            {
                refused++;
                continue;
            }

            compile.Add(Clock.ThreadMicroseconds() - from);
            program.Prepare(GrammarLimits.Default.MaxPrepareMilliseconds);
            prepare.Add(Clock.ThreadMicroseconds() - from);
            _schema = schema[..Math.Min(schema.Length, 200)];
            texts.ForEach(text => Follow(program, text, cold));
            texts.ForEach(text => Follow(program, text, warm));
        }

        Console.WriteLine($"{title}: {compile.Count} schemas, {refused} refused");
        Print("compile", compile);
        Print("the same, with masks ahead", prepare);
        Print("mask, first visits included", cold);
        Console.WriteLine($"  above 1 ms: {_numSlow}, of these with a garbage collection: {_numCollected}");
        Print("mask, once more", warm);
    }

    private static void Follow(GrammarProgram program, int[] tokens, List<double> times)
    {
        PositionSet? at = program.Start;
        foreach (int token in tokens)
        {
            int collections = GC.CollectionCount(0);
            double from = Clock.ThreadMicroseconds();
            program.Mask(at);
            at = program.Advance(at, token);
            times.Add(Clock.ThreadMicroseconds() - from);
            if (times[^1] > 1000)
            {
                bool collected = GC.CollectionCount(0) > collections;
                _numSlow++;
                _numCollected += collected ? 1 : 0;
                Console.WriteLine($"  {times[^1]:0} us{(collected ? " (collection)" : "")}: {_schema}");
            }

            if (at is null)
            {
                return;
            }
        }
    }

    private static void Print(string name, List<double> values)
    {
        values.Sort();
        double At(double part) => values.Count == 0 ? 0 : values[(int)(part * (values.Count - 1))];
        Console.WriteLine(
            $"  {name,-28} {values.Count,7} times: average {values.DefaultIfEmpty().Average(),9:0.0} us, "
            + $"median {At(0.5),9:0.0}, p99 {At(0.99),9:0.0}, worst {At(1),9:0.0}");
    }
}
