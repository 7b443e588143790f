using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>Every request of the reference list is refused as the list says, and nothing is generated.</summary>
[TestFixture]
public sealed class BadRequestTests
{
    private TestServer _server = null!;

    public static IEnumerable<TestCaseData> Rows() =>
        TestData.JsonLines(TestData.OpenAi("bad_requests.jsonl"))
            .Select(row => new TestCaseData(row)
                .SetName($"{row.GetProperty("id")} {row.GetProperty("path")} {Plain(row.GetProperty("why").ToString())}"));

    [OneTimeSetUp]
    public async Task Start() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCaseSource(nameof(Rows))]
    public async Task ABadRequestIsRefusedAsTheReferenceSays(JsonElement row)
    {
        int numBefore = _server.Engine.NumSubmitted;
        using HttpResponseMessage response = await _server.Client.PostAsync(
            row.GetProperty("path").GetString(), ContentOf(row));
        string text = await response.Content.ReadAsStringAsync();
        JsonElement expected = row.GetProperty("expect");
        using (Assert.EnterMultipleScope())
        {
            Assert.That((int)response.StatusCode, Is.EqualTo(expected.GetProperty("status").GetInt32()), text);
            JsonElement body = JsonDocument.Parse(text).RootElement;
            bool isMessages = row.GetProperty("path").GetString() == "/v1/messages";
            Assert.That(SchemaCheck.Find(TestData.Schema(isMessages ? "message_error" : "error"), body), Is.Null);
            JsonElement error = body.GetProperty("error");
            Assert.That(error.GetProperty("code").GetInt32(), Is.EqualTo((int)response.StatusCode));
            Assert.That(error.GetProperty("type").GetString(), Is.EqualTo(expected.GetProperty("type").GetString()));
            BadRequestRow.CheckParam(
                expected.GetProperty("param").GetString(), error.GetProperty("param").GetString());
            Assert.That(_server.Engine.NumSubmitted, Is.EqualTo(numBefore), "something was generated");
        }
    }

    [Test]
    public async Task AGoodRequestWorksAfterABadOne()
    {
        using HttpResponseMessage bad = await _server.PostAsync("/v1/completions", "{");
        JsonElement good = await _server.PostJsonAsync("/v1/completions", """{"model":"m","prompt":"Hi"}""");
        Assert.That(good.GetProperty("choices").GetArrayLength(), Is.EqualTo(1));
    }

    private static ByteArrayContent ContentOf(JsonElement row)
    {
        var content = new ByteArrayContent(BadRequestRow.BodyOf(row));
        string? type = row.TryGetProperty("content_type", out JsonElement given) ? given.GetString() : null;
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type ?? "application/json");
        return content;
    }

    // A test's name must not hold what a filter or a report reads as syntax.
    private static string Plain(string text) => string.Concat(text.Select(c =>
        char.IsLetterOrDigit(c) || c is ' ' or '-' or '_' ? c.ToString() : $"{(int)c:x2}".ToString(CultureInfo.InvariantCulture)));
}
