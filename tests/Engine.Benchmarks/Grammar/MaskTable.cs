using System.Text.Json;
using Engine.Diagnostics;
using Engine.Grammar;
using Engine.Tokenization;

namespace Engine.Benchmarks.Grammar;

/// <summary>
/// `grammar TOKENIZER_FOLDER SCHEMAS.jsonl [...]`: what compiling and masking cost over the valid rows of files of
/// {schema, instance_text, decoder}. Each schema is compiled anew and each text followed token by token, so that
/// every first visit of a state is among the figures; once more is with the masks that are remembered. "In one go" makes
/// every mask where it is asked for; "as the engine does" spends so much of a step on it and no more, and leaves the
/// rest to another thread. DOTNET_TieredCompilation=0 keeps the runtime's own compiling out of it.
/// </summary>
internal static class MaskTable
{
    private const int NumWorst = 12;

    // Each schema is compiled so often for each figure: what the machine adds (steal, interrupts, other work's traces
    // in caches) is not at the same mask each time.
    private const int NumPasses = 3;

    public static int Run(string[] args)
    {
        ITokenizer tokenizer = TokenizerLoader.Load(args[0]);
        double begun = ThreadClock.Microseconds();
        TokenTrie trie = TokenTrie.Of(tokenizer);
        Console.WriteLine(
            $"vocabulary {trie.VocabSize}, made ready in {(ThreadClock.Microseconds() - begun) / 1000:0} ms; "
            + $"{trie.SizeBytes >> 10} KiB");
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
        var cold = new MaskTimes("a mask in one go");
        var warm = new MaskTimes("the same, once more");
        var steps = new MaskTimes("as the engine does, on its thread");
        int refused = 0;
        foreach ((string schema, List<int[]> texts) in work)
        {
            double from = ThreadClock.Microseconds();
            if (Compile(schema) is not { } network)
            {
                refused++;
                continue;
            }

            compile.Add(ThreadClock.Microseconds() - from);
            var program = new GrammarProgram(network, trie);
            program.Prepare(GrammarLimits.Default.MaxPrepareMilliseconds);
            prepare.Add(ThreadClock.Microseconds() - from);
            for (int pass = 0; pass < NumPasses; pass++)
            {
                (program, network) = pass == 0 ? (program, network) : Prepared(schema, trie);
                (GrammarProgram otherProgram, Network other) = Prepared(schema, trie);

                // What compiling leaves behind is not collected at the expense of masks.
                GC.Collect();
                cold.BeginPass(pass);
                texts.ForEach(text => InOneGo(program, network, text, cold, schema));
                warm.BeginPass(pass);
                texts.ForEach(text => InOneGo(program, network, text, warm, schema));
                steps.BeginPass(pass);
                texts.ForEach(text => InSteps(otherProgram, other, text, steps, schema));
            }
        }

        Console.WriteLine($"{title}: {compile.Count} schemas, {refused} refused");
        MaskTimes.Print("compile", compile);
        MaskTimes.Print("the same, with masks ahead", prepare);
        cold.Print(NumWorst);
        warm.Print(0);
        steps.Print(NumWorst);
    }

    private static (GrammarProgram Program, Network Network) Prepared(string schema, TokenTrie trie)
    {
        Network network = Compile(schema)!;
        var program = new GrammarProgram(network, trie);
        program.Prepare(GrammarLimits.Default.MaxPrepareMilliseconds);
        return (program, network);
    }

    private static Network? Compile(string schema)
    {
        try
        {
            return GrammarCompiler.JsonSchema(schema);
        }
        catch (EngineException)
        {
            return null;
        }
    }

    private static void InOneGo(GrammarProgram program, Network network, int[] tokens, MaskTimes times, string schema)
    {
        PositionSet? at = program.Start;
        for (int i = 0; i < tokens.Length && at is not null; i++)
        {
            bool isFirst = at.Mask is null;
            times.Begin(network);
            program.Mask(at);
            at = program.Advance(at, tokens[i]);
            times.End(network, isFirst, i, schema);
        }
    }

    private static void InSteps(GrammarProgram program, Network network, int[] tokens, MaskTimes times, string schema)
    {
        using var state = new GrammarState(program, []);
        for (int i = 0; i <= tokens.Length; i++)
        {
            long allowance = GrammarState.MaskWork;
            times.Begin(network);
            bool isReady = state.IsReady(tokens.AsSpan(0, i), ref allowance);
            times.End(network, allowance < GrammarState.MaskWork, i, schema);
            if (!isReady)
            {
                times.Deferred(() => state.WaitForMask(TimeSpan.FromSeconds(5)));
                if (!state.IsReady(tokens.AsSpan(0, i), ref allowance) || state.IsTooCostly)
                {
                    return;
                }
            }
        }
    }
}
