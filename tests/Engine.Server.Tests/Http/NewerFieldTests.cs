using System.Net;
using System.Text.Json;
using Engine.Server.Sessions;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Fields that vLLM's newer versions have, with the demo model.</summary>
[TestFixture]
internal sealed class NewerFieldTests
{
    private const string Chat = "/v1/chat/completions";
    private const string Completions = "/v1/completions";
    private const string Question = """{"messages":[{"role":"user","content":"What is 17 + 25?"}],"temperature":0""";

    private ServingSession _session = null!;
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _session = DemoSession.Open(maxNumSeqs: 4, reasoningParser: "qwen3");
        _server = await TestServer.StartAsync(_session.Model);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _server.DisposeAsync();
        _session.Dispose();
    }

    [TestCase("left", "[5,6]")]
    [TestCase("right", "[3,4]")]
    public async Task PromptsAreCutAtTheSideAskedFor(string side, string expected)
    {
        JsonElement answer = await _server.PostJsonAsync(Completions, $$"""
            {"prompt":[3,4,5,6],"truncate_prompt_tokens":2,"truncation_side":"{{side}}","max_tokens":1,"return_token_ids":true}
            """);
        Assert.That(
            answer.GetProperty("choices")[0].GetProperty("prompt_token_ids").GetRawText(), Is.EqualTo(expected));
    }

    [Test]
    public async Task AResponseMayCutWhatIsTooLong([Values("auto", "disabled")] string truncation)
    {
        using HttpResponseMessage response = await _server.PostAsync("/v1/responses", $$"""
            {"input":"{{string.Concat(Enumerable.Repeat("word ", 3000))}}","truncation":"{{truncation}}","max_output_tokens":4}
            """);
        Assert.That(response.StatusCode, Is.EqualTo(truncation == "auto" ? HttpStatusCode.OK : HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task LogprobsOfGivenIdsComeInTheirOrder([Values(Chat, Completions)] string route)
    {
        bool isChat = route == Chat;
        string start = isChat ? Question + ",\"logprobs\":true" : "{\"prompt\":\"Once\",\"temperature\":0,\"logprobs\":1";
        JsonElement given = Logprobs(await _server.PostJsonAsync(
            route, start + ",\"return_tokens_as_token_ids\":true,\"logprob_token_ids\":[70,5,9],\"max_tokens\":2}"), isChat);
        string[] names = isChat
            ? [.. given.EnumerateArray().Select(entry => entry.GetProperty("token").GetString()!)]
            : [.. given.EnumerateObject().Skip(1).Select(entry => entry.Name)];
        Assert.That(names, Is.EqualTo(new[] { "token_id:70", "token_id:5", "token_id:9" }));
        using HttpResponseMessage refused = await _server.PostAsync(
            route, (isChat ? Question : "{\"prompt\":\"Once\"") + ",\"logprob_token_ids\":[5]}");
        Assert.That(await ParameterAsync(refused), Is.EqualTo("logprob_token_ids"));
    }

    [Test]
    public async Task AnOutputThatRepeatsItselfEnds()
    {
        // One token is all that it may write.
        JsonElement answer = await _server.PostJsonAsync(Completions, """
            {"prompt":"Once","allowed_token_ids":[300],"max_tokens":50,
             "repetition_detection":{"max_pattern_size":3,"min_pattern_size":2,"min_count":3}}
            """);
        JsonElement choice = answer.GetProperty("choices")[0];
        Assert.That(choice.GetProperty("finish_reason").GetString(), Is.EqualTo("repetition"));
        Assert.That(choice.GetProperty("stop_reason").GetString(), Is.EqualTo("repetition_detected"));
        Assert.That(answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.EqualTo(6));
    }

    [Test]
    public async Task AThoughtEndsWhereItsBudgetDoes([Values(0, 3, 1000)] int budget)
    {
        JsonElement free = await _server.PostJsonAsync(Chat, Question + ",\"max_tokens\":300}");
        int whole = Reasoning(free);
        JsonElement answer = await _server.PostJsonAsync(
            Chat, Question + $",\"max_tokens\":300,\"thinking_token_budget\":{budget}}}");
        Assert.That(whole, Is.GreaterThan(5));
        Assert.That(Reasoning(answer), Is.EqualTo(Math.Min(budget, whole)));
        Assert.That(answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(), Is.Not.Empty);
    }

    [Test]
    public async Task EveryOutputOfAStreamHasTheBudget()
    {
        List<string> events = await _server.StreamAsync(Chat, """
            {"messages":[{"role":"user","content":"What is 17 + 25?"}],"max_tokens":200,"n":2,"seed":5,"thinking_token_budget":3,"stream":true,"return_token_ids":true}
            """);
        JsonElement[] chunks = [.. events[..^1].Select(data => JsonDocument.Parse(data).RootElement)];
        int end = _session.Model.Tokenizer.TokenToId("</think>");
        foreach (int output in new[] { 0, 1 })
        {
            int[] tokens =
            [
                .. chunks.SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray())
                    .Where(choice => choice.GetProperty("index").GetInt32() == output)
                    .Where(choice => choice.TryGetProperty("token_ids", out JsonElement ids)
                        && ids.ValueKind == JsonValueKind.Array)
                    .SelectMany(choice => choice.GetProperty("token_ids").EnumerateArray())
                    .Select(id => id.GetInt32()),
            ];
            Assert.That(tokens, Does.Contain(end));
            Assert.That(Array.IndexOf(tokens, end), Is.LessThanOrEqualTo(4));
        }
    }

    [TestCase(0, 4, false)]
    [TestCase(3, 4, true)]
    public async Task ACompletionsThoughtHasABudgetOnceItBegan(int budget, int most, bool opensItself)
    {
        string prompt = "<|im_start|>user\\nWhat is 17 + 25?<|im_end|>\\n<|im_start|>assistant\\n" + (opensItself ? "" : "<think>\\n");
        JsonElement answer = await _server.PostJsonAsync(Completions, $$"""
            {"prompt":"{{prompt}}","max_tokens":60,"temperature":0,"thinking_token_budget":{{budget}},"return_token_ids":true}
            """);
        int[] tokens = [.. answer.GetProperty("choices")[0].GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];
        Assert.That(Array.IndexOf(tokens, _session.Model.Tokenizer.TokenToId("</think>")), Is.InRange(0, most));
    }

    [TestCase("{\"type\":\"enabled\",\"budget_tokens\":3}", true)]
    [TestCase("{\"type\":\"enabled\",\"budget_tokens\":1000}", false)]
    [TestCase("{\"type\":\"adaptive\"}", false)]
    public async Task AMessagesThoughtHasABudget(string thinking, bool isCut)
    {
        const string question = """{"messages":[{"role":"user","content":"What is 17 + 25?"}],"temperature":0,"max_tokens":300""";
        int free = Thought(await _server.PostJsonAsync("/v1/messages", question + "}"));
        int found = Thought(await _server.PostJsonAsync("/v1/messages", question + $",\"thinking\":{thinking}}}"));
        Assert.That(free, Is.GreaterThan(10));
        Assert.That(found, isCut ? Is.InRange(1, free - 1) : Is.EqualTo(free));

        static int Thought(JsonElement answer) => answer.GetProperty("content").EnumerateArray()
            .First(block => block.GetProperty("type").GetString() == "thinking")
            .GetProperty("thinking").GetString()!.Length;
    }

    [Test]
    public async Task AChatsPromptIsShown()
    {
        JsonElement answer = await _server.PostJsonAsync(Chat, Question + ",\"max_tokens\":1,\"return_prompt_text\":true}");
        Assert.That(answer.GetProperty("prompt_text").GetString(), Does.Contain("<|im_start|>user\nWhat is 17 + 25?"));
    }

    [TestCase("\"session_id\":\"a\",\"stream_interval\":5,\"watermarking\":false,\"return_mm_kwargs\":false", null)]
    [TestCase("\"media_io_kwargs\":{},\"routed_experts_prompt_start\":3,\"modalities\":[\"text\"],\"verbosity\":\"low\"", null)]
    [TestCase("\"session_id\":1", "session_id")]
    [TestCase("\"stream_interval\":0", "stream_interval")]
    [TestCase("\"watermarking\":true", "watermarking")]
    [TestCase("\"truncation_side\":\"middle\"", "truncation_side")]
    [TestCase("\"thinking_token_budget\":-2", "thinking_token_budget")]
    [TestCase("\"thinking_token_budget\":1.5", "thinking_token_budget")]
    [TestCase("\"routed_experts_prompt_start\":-1", "routed_experts_prompt_start")]
    [TestCase("\"ec_transfer_params\":{}", "ec_transfer_params")]
    [TestCase("\"modalities\":[\"text\",\"audio\"]", "modalities")]
    [TestCase("\"functions\":[{\"name\":\"f\"}]", "functions")]
    public async Task FieldsAreTakenOrRefusedByName(string field, string? parameter)
    {
        using HttpResponseMessage response = await _server.PostAsync(Chat, Question + $",\"max_tokens\":1,{field}}}");
        Assert.That(await ParameterAsync(response), Is.EqualTo(parameter));
    }

    private static JsonElement Logprobs(JsonElement answer, bool isChat)
    {
        JsonElement logprobs = answer.GetProperty("choices")[0].GetProperty("logprobs");
        return isChat
            ? logprobs.GetProperty("content")[0].GetProperty("top_logprobs")
            : logprobs.GetProperty("top_logprobs")[0];
    }

    private static int Reasoning(JsonElement answer) => answer.GetProperty("usage")
        .GetProperty("completion_tokens_details").GetProperty("reasoning_tokens").GetInt32();

    /// <summary>What a 400 names; null for an answer.</summary>
    private static async Task<string?> ParameterAsync(HttpResponseMessage response)
    {
        string text = await response.Content.ReadAsStringAsync();
        if (response.StatusCode == HttpStatusCode.OK)
        {
            return null;
        }

        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), text);
        return JsonDocument.Parse(text).RootElement.GetProperty("error").GetProperty("param").GetString();
    }
}
