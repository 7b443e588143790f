using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Engine.Hosting;
using Engine.Sampling;

namespace Engine.Benchmarks.Accuracy;

/// <summary>
/// The error of activation rounding: logits of one quantized model at each activation precision, and llama.cpp's for
/// the same file, against the reference device (double accumulation, nothing rounded but the stored weights).
/// </summary>
internal static class AccuracyTable
{
    private const int NumPrompts = 24;
    private const int TokensPerPrompt = 600;

    /// <summary>Prints the table.</summary>
    /// <param name="args">MODEL CORPUS.jsonl [LLAMA_LOGITS program, see llama_logits.c].</param>
    public static int Run(string[] args)
    {
        if (args.Length is not (2 or 3))
        {
            Console.Error.WriteLine("usage: accuracy MODEL CORPUS.jsonl [LLAMA_LOGITS]");
            return 2;
        }

        int[][] prompts = Prompts(args[0], args[1]);
        float[][][] reference = Compute(args[0], "reference", "8", prompts);
        Print("", "relative error", "KL, nats", "equal greedy", "positions");
        foreach (string precision in new[] { "8", "15", "float" })
        {
            Compare($"Engine, activations {precision}", reference, Compute(args[0], "cpu", precision, prompts));
        }

        if (args.Length == 3) Compare("llama.cpp", reference, RunLlama(args[2], args[0], prompts, reference));
        return 0;
    }

    private static int[][] Prompts(string model, string corpus)
    {
        using LoadedModel loaded = LoadedModel.Load(new ModelLoadOptions { Model = model });
        List<int[]> prompts = [];
        List<int> ids = [];
        foreach (string line in File.ReadLines(corpus))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            if (!json.RootElement.TryGetProperty("text", out JsonElement text)) continue;
            ids.AddRange(loaded.Tokenizer!.Encode(text.GetString() + "\n"));
            if (ids.Count < TokensPerPrompt) continue;
            prompts.Add([.. ids.Take(TokensPerPrompt)]);
            ids.Clear();
            if (prompts.Count == NumPrompts) break;
        }

        return [.. prompts];
    }

    private static float[][][] Compute(string model, string device, string precision, int[][] prompts)
    {
        using LoadedModel loaded = LoadedModel.Load(new ModelLoadOptions
        {
            Model = model,
            Device = device,
            Dtype = "float32",
            ActivationPrecision = precision,
        });
        using EngineWorker worker = new(loaded, new EngineOptions { MaxLogprobs = -1, MaxNumSeqs = 1 });
        return [.. prompts.Select(ids =>
        {
            using LogitsSink sink = new();
            worker.Submit(
                new GenerationRequest
                {
                    PromptTokenIds = ids,
                    Sampling = new SamplingParams { MaxTokens = 1, PromptLogprobs = -1 },
                },
                sink);
            return sink.Rows(loaded.Config.VocabSize);
        })];
    }

    private static float[][][] RunLlama(string program, string model, int[][] prompts, float[][][] reference)
    {
        string ids = Path.GetTempFileName(), output = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(ids, prompts.Select(p => string.Join(' ', p)));
            using Process process = Process.Start(program, [model, ids, output]);
            process.WaitForExit();
            ReadOnlySpan<float> logits = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(output));
            int vocab = reference[0][0].Length;
            var result = new float[prompts.Length][][];
            for (int p = 0, row = 0; p < prompts.Length; p++)
            {
                result[p] = new float[prompts[p].Length][];
                for (int i = 0; i < prompts[p].Length; i++, row++)
                {
                    result[p][i] = logits.Slice(row * vocab, vocab).ToArray();
                    LogitsError.Center(result[p][i]);
                }
            }

            return result;
        }
        finally
        {
            File.Delete(ids);
            File.Delete(output);
        }
    }

    private static void Compare(string name, float[][][] reference, float[][][] other)
    {
        LogitsError error = new();
        for (int p = 0; p < reference.Length; p++)
        {
            for (int i = 0; i < reference[p].Length; i++) error.Add(reference[p][i], other[p][i]);
        }

        Print(
            name, error.Relative.ToString("0.0e+0", CultureInfo.InvariantCulture),
            error.Divergence.ToString("0.0e+0", CultureInfo.InvariantCulture),
            error.EqualGreedy.ToString("0.0000", CultureInfo.InvariantCulture),
            error.Positions.ToString(CultureInfo.InvariantCulture));
    }

    private static void Print(string name, string relative, string divergence, string greedy, string positions) =>
        Console.WriteLine($"| {name,-26} | {relative,14} | {divergence,9} | {greedy,12} | {positions,9} |");
}
