using System.Text;
using System.Text.Json;
using Engine.Server.Batch;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Batch;

/// <summary>A file of requests: an answer per line, in order, whatever the lines hold.</summary>
[TestFixture]
public sealed class BatchTests
{
    private const int MaxLineBytes = 1 << 20;

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"batch-{Guid.NewGuid():N}");

    [SetUp]
    public void MakeFolder() => Directory.CreateDirectory(_folder);

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task AnswersAreThoseOfTheRoutesInTheOrderOfTheLines()
    {
        List<JsonElement> answers = await RunAsync(
            Line("a", "/v1/completions", """{"model":"m","prompt":"Hi","max_tokens":3}"""),
            "",
            Line("b", "/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":2}"""),
            "  \r",
            Line("c", "/v1/responses", """{"input":"Hi","max_output_tokens":2}"""),
            Line("d", "/v1/messages", """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":2}"""));
        string[] schemas = ["completion", "chat_completion", "response", "message"];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answers.Select(Id), Is.EqualTo(new[] { "a", "b", "c", "d" }));
            for (int i = 0; i < schemas.Length; i++)
            {
                JsonElement response = answers[i].GetProperty("response");
                Assert.That(response.GetProperty("status_code").GetInt32(), Is.EqualTo(200));
                Assert.That(answers[i].GetProperty("error").ValueKind, Is.EqualTo(JsonValueKind.Null));
                Assert.That(
                    SchemaCheck.Find(TestData.Schema(schemas[i]), response.GetProperty("body")), Is.Null, schemas[i]);
            }
        }
    }

    [Test]
    public async Task ALineWithoutARequestGetsAnErrorOfItsOwn()
    {
        string good = Line("good", "/v1/completions", """{"prompt":"Hi","max_tokens":1}""");
        List<JsonElement> answers = await RunAsync(
            good, "{", "[]", "\"\\ud800\"", """{"custom_id":"x","method":"GET","url":"/v1/completions","body":{}}""",
            """{"custom_id":"y","method":"POST","url":"/metrics","body":{}}""",
            """{"custom_id":"z","method":"POST","url":"/v1/completions"}""",
            """{"custom_id":7,"method":"POST","url":"/v1/completions","body":{}}""",
            """{"method":"POST","url":"/v1/completions","body":{}}""",
            """{"custom_id":"u","custom_id":"v","method":"POST","url":"/v1/completions","body":{}}""",
            Line("s", "/v1/completions", """{"prompt":"Hi","stream":true}"""),
            Line("b", "/v1/completions", "[]"),
            "{\"custom_id\":\"long\",\"body\":\"" + new string('x', MaxLineBytes) + "\"}",
            good);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answers, Has.Count.EqualTo(14));
            Assert.That(answers.Select(Status), Is.EqualTo(
                answers.Select((_, i) => i is 0 or 13 ? 200 : 400)));
            Assert.That(answers.Skip(4).Take(3).Select(Id), Is.EqualTo(new[] { "x", "y", "z" }));
            Assert.That(answers.Skip(1).Take(12).Select(answer =>
                SchemaCheck.Find(TestData.Schema("error"), answer.GetProperty("error"))), Is.All.Null);
            Assert.That(answers[10].GetProperty("error").GetProperty("error").GetProperty("param").GetString(),
                Is.EqualTo("stream"));
        }
    }

    [Test]
    public async Task EveryBadRequestIsRefusedAsOverHttpAndGoodOnesBetweenThemAreAnswered()
    {
        JsonElement[] rows = [.. TestData.JsonLines(TestData.OpenAi("bad_requests.jsonl")).Where(IsForBatch)];
        var input = new MemoryStream();
        byte[] good = Encoding.UTF8.GetBytes(Line("good", "/v1/completions", """{"prompt":"Hi","max_tokens":1}"""));
        foreach (JsonElement row in rows)
        {
            input.Write(Encoding.UTF8.GetBytes(
                $"{{\"custom_id\":\"{row.GetProperty("id")}\",\"method\":\"POST\",\"url\":\"{row.GetProperty("path")}\",\"body\":"));
            input.Write(BadRequestRow.BodyOf(row));
            input.Write([.. "}\n"u8, .. good, (byte)'\n']);
        }

        List<JsonElement> answers = await RunAsync(input.ToArray());
        Assert.That(answers, Has.Count.EqualTo(2 * rows.Length));
        using (Assert.EnterMultipleScope())
        {
            for (int i = 0; i < rows.Length; i++)
            {
                Check(rows[i], answers[2 * i]);
                Assert.That(Status(answers[(2 * i) + 1]), Is.EqualTo(200), $"after {rows[i].GetProperty("id")}");
            }
        }
    }

    [Test]
    public async Task AFailureInsideIsTheLinesOwn()
    {
        using var engine = new FakeEngine { FailAfterTokens = 1 };
        List<JsonElement> answers = await RunAsync(
            engine, Bytes(Line("a", "/v1/completions", """{"prompt":"Hi","max_tokens":3}"""), Line("b", "/v1/completions", """{"prompt":"Hi","max_tokens":1}""")));
        Assert.That(answers.Select(Status), Is.EqualTo(new[] { 500, 200 }));
    }

    [Test]
    public async Task AStoppedBatchLeavesNoOutputAndIsResumedBehindItsLastWholeAnswer()
    {
        string[] lines = [.. Enumerable.Range(0, 40).Select(i =>
            Line($"line-{i}", "/v1/completions", """{"prompt":"Hi","max_tokens":2}"""))];
        string path = Path.Combine(_folder, "out.jsonl");
        using var engine = new FakeEngine { TokenDelay = TimeSpan.FromMilliseconds(5) };
        using (var stop = new CancellationTokenSource())
        {
            int numBegun = 0;
            Assert.CatchAsync<OperationCanceledException>(() => RunAsync(
                engine, Bytes(lines), path, resumes: false, maxInFlight: 4, () =>
                {
                    if (Interlocked.Increment(ref numBegun) == 20) stop.Cancel();
                }, stop.Token));
        }

        int numDone = File.ReadAllLines(BatchOutput.PartialOf(path)).Length;
        File.AppendAllText(BatchOutput.PartialOf(path), "{\"id\":\"half of a");
        Assert.That(numDone, Is.InRange(1, 20));
        Assert.That(File.Exists(path), Is.False);

        int numBefore = engine.NumSubmitted;
        await RunAsync(engine, Bytes(lines), path, resumes: true, maxInFlight: 4);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(engine.NumSubmitted - numBefore, Is.EqualTo(lines.Length - numDone));
            Assert.That(File.ReadLines(path).Select(line => Id(JsonDocument.Parse(line).RootElement)),
                Is.EqualTo(Enumerable.Range(0, lines.Length).Select(i => $"line-{i}")));
            Assert.That(File.Exists(BatchOutput.PartialOf(path)), Is.False);
        }
    }

    [Test]
    public void AnotherBatchIsNotResumed()
    {
        string path = Path.Combine(_folder, "out.jsonl");
        File.WriteAllText(BatchOutput.PartialOf(path), "{\"custom_id\":\"other\"}\n");
        using var engine = new FakeEngine();
        EngineException? e = Assert.ThrowsAsync<EngineException>(() => RunAsync(
            engine, Bytes(Line("a", "/v1/completions", """{"prompt":"Hi"}""")), path, resumes: true));
        Assert.That(e!.Message, Does.Contain("other"));
    }

    [Test]
    public void ABrokenEngineStopsTheBatch()
    {
        using var engine = new FakeEngine
        {
            FailAfterTokens = 0,
            Health = new(Engine.Diagnostics.EngineHealthState.Failed, "it is gone"),
        };
        EngineException? e = Assert.ThrowsAsync<EngineException>(() => RunAsync(
            engine, Bytes(Line("a", "/v1/completions", """{"prompt":"Hi"}""")), Path.Combine(_folder, "out"), resumes: false));
        Assert.That(e!.Message, Does.Contain("it is gone"));
    }

    // What is sent as another media type, to a route that batches have not, or as a stream is HTTP's alone.
    private static bool IsForBatch(JsonElement row) =>
        row.GetProperty("path").GetString() is not ("/tokenize" or "/detokenize")
        && !(row.TryGetProperty("body", out JsonElement body) && body.TryGetProperty("stream", out JsonElement stream)
            && stream.ValueKind == JsonValueKind.True)
        && (!row.TryGetProperty("content_type", out JsonElement type) || type.GetString() == "application/json");

    private static void Check(JsonElement row, JsonElement answer)
    {
        string id = row.GetProperty("id").GetString()!;
        JsonElement expected = row.GetProperty("expect");
        Assert.That(Status(answer), Is.EqualTo(expected.GetProperty("status").GetInt32()), id);
        JsonElement error = answer.GetProperty("error").GetProperty("error");
        Assert.That(error.GetProperty("type").GetString(), Is.EqualTo(expected.GetProperty("type").GetString()), id);
        if (row.TryGetProperty("body", out _))
        {
            Assert.That(Id(answer), Is.EqualTo(id));
            BadRequestRow.CheckParam(expected.GetProperty("param").GetString(), error.GetProperty("param").GetString());
        }
    }

    private static string? Id(JsonElement answer) => answer.GetProperty("custom_id").GetString();

    private static int Status(JsonElement answer) =>
        answer.GetProperty("response").GetProperty("status_code").GetInt32();

    private static string Line(string id, string url, string body) =>
        $"{{\"custom_id\":\"{id}\",\"method\":\"POST\",\"url\":\"{url}\",\"body\":{body}}}";

    private static byte[] Bytes(params string[] lines) => Encoding.UTF8.GetBytes(string.Join('\n', lines));

    private Task<List<JsonElement>> RunAsync(params string[] lines) => RunAsync(Bytes(lines));

    private async Task<List<JsonElement>> RunAsync(byte[] input)
    {
        using var engine = new FakeEngine();
        return await RunAsync(engine, input);
    }

    private async Task<List<JsonElement>> RunAsync(FakeEngine engine, byte[] input)
    {
        string path = Path.Combine(_folder, "out.jsonl");
        await RunAsync(engine, input, path, resumes: false);
        return [.. File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static async Task<BatchSummary> RunAsync(
        FakeEngine engine,
        byte[] input,
        string path,
        bool resumes,
        int maxInFlight = 8,
        Action? begun = null,
        CancellationToken cancellation = default)
    {
        var model = new ServedModel { Engine = engine, Names = ["m"], Root = "fake", Chat = new FakeChat() };
        var answerer = new BatchAnswerer(model, new ServerOptions(), TextWriter.Null);
        var runner = new BatchRunner(
            (line, token) =>
            {
                begun?.Invoke();
                return answerer.AnswerAsync(line, token);
            },
            maxInFlight,
            MaxLineBytes);
        await using BatchOutput output = await BatchOutput.OpenAsync(path, resumes, CancellationToken.None);
        BatchSummary summary = await runner.RunAsync(
            new MemoryStream(input), input.Length, output, null, cancellation);
        await output.CompleteAsync();
        return summary;
    }
}
