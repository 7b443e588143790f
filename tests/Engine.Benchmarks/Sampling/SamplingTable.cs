using System.Diagnostics;
using Engine.Sampling;

namespace Engine.Benchmarks.Sampling;

/// <summary>Sampling of a step's rows on one thread and on several.</summary>
internal static class SamplingTable
{
    private const int Repetitions = 15;

    private static readonly (string Name, SamplingParams Params)[] _kinds =
    [
        ("greedy", new SamplingParams { Temperature = 0 }),
        ("temperature", new SamplingParams { Temperature = 0.8f }),
        ("top_p 0.9", new SamplingParams { TopP = 0.9f }),
        ("top_k 40, top_p 0.9", new SamplingParams { TopK = 40, TopP = 0.9f }),
        ("penalties, top_p 0.9", new SamplingParams { TopP = 0.9f, RepetitionPenalty = 1.1f, PresencePenalty = 0.2f }),
    ];

    /// <summary>Prints a table.</summary>
    /// <param name="args">Rows, vocabulary and threads, or fewer.</param>
    public static int Run(string[] args)
    {
        int rows = Number(args, 0, 256), vocab = Number(args, 1, 151_936);
        int threads = Number(args, 2, Environment.ProcessorCount);
        float[] source = Logits(vocab);

        // As a step does it: as many rows at a time as 32 MiB hold.
        int most = Execution.ModelRunner.LogitsRowsOf(rows, vocab);
        float[] logits = new float[most * vocab];
        var sampler = new Sampler(vocab);
        using var crew = new SamplerCrew(sampler, vocab, threads);
        Console.WriteLine($"| {rows} rows of {vocab} | one thread, ms [best] | {threads} threads, ms [best] | ratio |");
        Console.WriteLine("| --- | ---: | ---: | ---: |");
        foreach ((string name, SamplingParams p) in _kinds)
        {
            SamplingProgram program = SamplingProgram.Compile(p, vocab, [], [], []);
            SamplerState[] states =
                [.. Enumerable.Range(0, rows).Select(i => new SamplerState(program, (ulong)i, 0, 1024))];
            var alone = new double[Repetitions];
            var together = new double[Repetitions];
            for (int r = 0; r < Repetitions; r++)
            {
                alone[r] = Time(rows, most, null);
                together[r] = Time(rows, most, crew);
            }

            Array.Sort(alone);
            Array.Sort(together);
            double a = alone[Repetitions / 2], b = together[Repetitions / 2];
            Console.WriteLine($"| {name} | {a:f1} [{alone[0]:f1}] | {b:f1} [{together[0]:f1}] | {a / b:f2} |");

            void Sample(Sampler own, int i) => own.Sample(
                logits.AsSpan(i % most * vocab, vocab), states[i], [1, 2, 3, 4], 2, out _, out _);

            double Time(int all, int atOnce, SamplerCrew? by)
            {
                double ms = 0;
                for (int first = 0; first < all; first += atOnce)
                {
                    int count = Math.Min(atOnce, all - first), start = first;
                    for (int i = 0; i < count; i++) source.CopyTo(logits, i * vocab);
                    long begun = Stopwatch.GetTimestamp();
                    if (by is not null) by.Run(count, (i, own) => Sample(own, start + i));
                    else for (int i = 0; i < count; i++) Sample(sampler, start + i);
                    ms += Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
                }

                return ms;
            }
        }

        return 0;
    }

    private static int Number(string[] args, int at, int otherwise) =>
        args.Length > at ? int.Parse(args[at], System.Globalization.CultureInfo.InvariantCulture) : otherwise;

    // Shaped like a model's: the token of rank r has a probability of r^-1.5, ids in any order.
    private static float[] Logits(int vocab)
    {
        var random = new Random(1);
        float[] logits = [.. Enumerable.Range(0, vocab).Select(r => -1.5f * MathF.Log(r + 1))];
        random.Shuffle(logits);
        return logits;
    }
}
