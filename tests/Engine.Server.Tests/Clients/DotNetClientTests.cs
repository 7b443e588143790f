using System.ClientModel;
using System.ClientModel.Primitives;
using Engine.Server.Tests.Support;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;

namespace Engine.Server.Tests.Clients;

/// <summary>OpenAI's own client for .NET, unchanged, against the server.</summary>
[TestFixture]
public sealed class DotNetClientTests
{
    private TestServer _server = null!;
    private OpenAIClient _client = null!;
    private ChatClient _chat = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await ClientServer.StartAsync();
        _client = Client(ClientServer.ApiKey);
        _chat = _client.GetChatClient("m");
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task ModelsAreListed()
    {
        OpenAIModelCollection models = await _client.GetOpenAIModelClient().GetModelsAsync();
        Assert.That(models.Select(model => model.Id), Does.Contain("m"));
    }

    [Test]
    public async Task AModelIsFoundByItsName()
    {
        OpenAIModel model = await _client.GetOpenAIModelClient().GetModelAsync("m");
        Assert.That(model.Id, Is.EqualTo("m"));
    }

    [Test]
    public async Task AChatIsAnswered()
    {
        ChatCompletion answer = await _chat.CompleteChatAsync(
            [new UserChatMessage("Hello")], new ChatCompletionOptions { MaxOutputTokenCount = 5 });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answer.Role, Is.EqualTo(ChatMessageRole.Assistant));
            Assert.That(answer.Content[0].Text, Is.Not.Empty);
            Assert.That(answer.Usage.OutputTokenCount, Is.InRange(1, 5));
            Assert.That(answer.Usage.TotalTokenCount,
                Is.EqualTo(answer.Usage.InputTokenCount + answer.Usage.OutputTokenCount));
        }
    }

    [Test]
    public async Task AStreamAddsUpToTheWholeAnswer()
    {
        ChatMessage[] messages = [new SystemChatMessage("Be kind."), new UserChatMessage("Hello")];
        ChatCompletion whole = await _chat.CompleteChatAsync(messages, Greedy(12));
        string text = "";
        ChatFinishReason? reason = null;
        ChatTokenUsage? usage = null;
        await foreach (StreamingChatCompletionUpdate update in _chat.CompleteChatStreamingAsync(messages, Greedy(12)))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            reason ??= update.FinishReason;
            usage ??= update.Usage;
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Is.EqualTo(whole.Content[0].Text));
            Assert.That(reason, Is.EqualTo(whole.FinishReason));
            Assert.That(usage?.OutputTokenCount, Is.EqualTo(whole.Usage.OutputTokenCount));
        }
    }

    [Test]
    public async Task LogProbabilitiesComeWithTheirAlternatives()
    {
        ChatCompletionOptions options = Greedy(3);
        options.IncludeLogProbabilities = true;
        options.TopLogProbabilityCount = 2;
        ChatCompletion answer = await _chat.CompleteChatAsync([new UserChatMessage("Hello")], options);
        Assert.That(answer.ContentTokenLogProbabilities, Has.Count.EqualTo(answer.Usage.OutputTokenCount));
        using (Assert.EnterMultipleScope())
        {
            foreach (ChatTokenLogProbabilityDetails token in answer.ContentTokenLogProbabilities)
            {
                Assert.That(token.LogProbability, Is.LessThanOrEqualTo(0));
                Assert.That(token.TopLogProbabilities, Has.Count.EqualTo(2));
            }
        }
    }

    [Test]
    public async Task AStopTextEndsTheAnswer()
    {
        ChatMessage[] messages = [new UserChatMessage("Hello")];
        string whole = ((ChatCompletion)await _chat.CompleteChatAsync(messages, Greedy(40))).Content[0].Text;
        string stop = whole.Substring(8, 3);
        ChatCompletionOptions options = Greedy(40);
        options.StopSequences.Add(stop);
        ChatCompletion cut = await _chat.CompleteChatAsync(messages, options);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(cut.Content[0].Text, Is.EqualTo(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]));
            Assert.That(cut.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
        }
    }

    [Test]
    public async Task TheSameSeedGivesTheSameAnswer()
    {
#pragma warning disable OPENAI001 // The client calls its own seed experimental.
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 10, Seed = 5, Temperature = 1 };
#pragma warning restore OPENAI001
        ChatCompletion first = await _chat.CompleteChatAsync([new UserChatMessage("Hello")], options);
        ChatCompletion second = await _chat.CompleteChatAsync([new UserChatMessage("Hello")], options);
        Assert.That(first.Content[0].Text, Is.EqualTo(second.Content[0].Text));
    }

    [Test]
    public void ABadValueIsTheClientsOwnException()
    {
        ClientResultException? e = Assert.ThrowsAsync<ClientResultException>(() => _chat.CompleteChatAsync(
            [new UserChatMessage("Hello")], new ChatCompletionOptions { Temperature = 9 }));
        Assert.That(e!.Status, Is.EqualTo(400));
    }

    [Test]
    public void AnUnknownModelIs404()
    {
        ClientResultException? e = Assert.ThrowsAsync<ClientResultException>(
            () => _client.GetChatClient("nope").CompleteChatAsync([new UserChatMessage("Hello")]));
        Assert.That(e!.Status, Is.EqualTo(404));
    }

    [Test]
    public void AWrongKeyIs401()
    {
        ClientResultException? e = Assert.ThrowsAsync<ClientResultException>(
            () => Client("wrong").GetChatClient("m").CompleteChatAsync([new UserChatMessage("Hello")]));
        Assert.That(e!.Status, Is.EqualTo(401));
    }

    [Test]
    public async Task AStreamCanBeLeftEarly()
    {
        await foreach (StreamingChatCompletionUpdate update in _chat.CompleteChatStreamingAsync(
            [new UserChatMessage("Hello")]))
        {
            Assert.That(update.CompletionId, Is.Not.Empty);
            break;
        }

        ChatCompletion next = await _chat.CompleteChatAsync([new UserChatMessage("Hello")], Greedy(2));
        Assert.That(next.Content, Is.Not.Empty);
    }

    private static ChatCompletionOptions Greedy(int maxTokens) =>
        new() { MaxOutputTokenCount = maxTokens, Temperature = 0 };

    private OpenAIClient Client(string key) => new(
        new ApiKeyCredential(key),
        new OpenAIClientOptions
        {
            Endpoint = new Uri(_server.Address, "/v1"),
            RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
        });
}
