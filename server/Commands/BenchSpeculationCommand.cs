using System.CommandLine;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Server.Bench;
using Engine.Server.Sessions;
using Engine.Server.Terminal;

namespace Engine.Server.Commands;

/// <summary>engine bench speculation: what drafts gain on given texts, one request at a time.</summary>
internal sealed class BenchSpeculationCommand : TurnsBenchCommand
{
    private const string Sentence =
        "The little cat went to the big garden and saw a red bird. The bird sang a song and the cat was happy. ";

    private readonly Option<string[]> _prompts = new("--prompt")
    {
        Description = "Text to go on from; repeatable. Default: three that repeat themselves more or less.",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string[]> _chats = new("--chat") { Description = "User's message to answer; repeatable." };

    public BenchSpeculationCommand()
        : base("speculation", "Measures what --speculative-config gains at batch 1, beside the same engine without.")
    {
        Options.Add(_prompts);
        Options.Add(_chats);
    }

    protected override async Task<int> RunAsync(ParseResult result, CancellationToken cancellation)
    {
        using var interrupt = new Interrupt(cancellation);
        (ModelLoadOptions load, EngineOptions limits) = Loading(result);
        if (limits.Speculative is null)
        {
            throw EngineException.Invalid("speculative-config", "is needed: it says what to measure");
        }

        using EngineSession plain = EngineSession.Open(load, limits with { Speculative = null }, interrupt.Token);
        using EngineSession drafting = EngineSession.Open(load, limits, interrupt.Token);
        var bench = new SpeculationBench(plain.Worker, drafting.Worker);
        var results = new List<SpeculationResult>();
        foreach ((string name, GenerationRequest request) in await RequestsAsync(result, plain, interrupt.Token))
        {
            results.Add(await bench.RunAsync(name, request, Repetitions(result), interrupt.Token));
        }

        Console.WriteLine($"{Title(load, plain.DeviceName, results[0].TokensPerS.Count)}, "
            + $"{limits.Speculative.Method} with up to {limits.Speculative.NumSpeculativeTokens} drafted tokens");
        Console.WriteLine();
        Console.WriteLine(SpeculationBench.Table(results));
        return results.TrueForAll(r => r.IsSame) ? 0 : 1;
    }

    private async Task<List<(string Name, GenerationRequest Request)>> RequestsAsync(
        ParseResult result, EngineSession session, CancellationToken cancellation)
    {
        SamplingParams sampling = Sampling(result) with { IgnoreEos = true };
        List<string> prompts = [.. result.GetValue(_prompts) ?? []];
        string[] chats = result.GetValue(_chats) ?? [];
        if (session.Worker.Tokenizer is null)
        {
            // Random weights repeat nothing by themselves. One allowed id is perfect repetition: what is left is the
            // price of a step that verifies beside that of one that does not.
            int[] ids = [.. Enumerable.Repeat(7, 64)];
            SamplingParams one = sampling with { AllowedTokenIds = [7] };
            SamplingParams two = sampling with { AllowedTokenIds = [7, 8] };
            return
            [
                ("one id: all drafts right", new() { PromptTokenIds = ids, Sampling = one }),
                ("two ids", new() { PromptTokenIds = ids, Sampling = two }),
            ];
        }

        var requests = new List<(string, GenerationRequest)>();
        if (prompts.Count == 0 && chats.Length == 0)
        {
            requests.Add(("built in: repetition", Text(Sentence + Sentence + Sentence + "The little")));
            GenerationRequest tale = Text("Once upon a time there was");
            requests.Add(("built in: a tale", tale));
            requests.Add(("built in: the tale told again", await AgainAsync(session, tale, cancellation)));
        }

        requests.AddRange(prompts.Select(prompt => (Short(prompt), Text(prompt))));
        requests.AddRange(chats.Select(chat => (Short(chat), new GenerationRequest
        {
            PromptTokenIds = session.EncodeChat(null, chat),
            Sampling = sampling,
        })));
        return requests;

        GenerationRequest Text(string prompt) => new() { Prompt = prompt, Sampling = sampling };
    }

    /// <summary>The prompt once more behind its answer: who edits or quotes a text writes most of it again.</summary>
    private static async Task<GenerationRequest> AgainAsync(
        EngineSession session, GenerationRequest request, CancellationToken cancellation)
    {
        (_, List<int> told) = await SpeculationBench.RunAsync(session.Worker, request, cancellation);
        int[] prompt = session.Worker.Tokenizer!.Encode(request.Prompt!, addSpecialTokens: true);
        return new() { PromptTokenIds = [.. prompt, .. told, .. prompt], Sampling = request.Sampling };
    }

    private static string Short(string text)
    {
        string line = text.ReplaceLineEndings(" ").Replace('|', '/');
        return line.Length <= 40 ? line : line[..37] + "...";
    }
}
