using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
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
            CheckParam(expected.GetProperty("param").GetString(), error.GetProperty("param").GetString());
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

    private static void CheckParam(string? expected, string? found)
    {
        if (expected is not null)
        {
            // For a prompt over the context vLLM says input_tokens; the field's own name is as good.
            string[] accepted = expected == "input_tokens" ? ["input_tokens", "prompt", "messages"] : [expected];
            Assert.That(
                accepted.Any(name => found == name || found?.EndsWith("." + name, StringComparison.Ordinal) == true),
                $"param: expected {expected}, found {found}");
        }
    }

    private static ByteArrayContent ContentOf(JsonElement row)
    {
        byte[] bytes;
        if (row.TryGetProperty("body", out JsonElement body))
        {
            bytes = Encoding.UTF8.GetBytes(body.GetRawText());
        }
        else if (row.TryGetProperty("body_text", out JsonElement text))
        {
            bytes = Encoding.UTF8.GetBytes(text.GetString()!);
        }
        else if (row.TryGetProperty("body_hex", out JsonElement hex))
        {
            bytes = Convert.FromHexString(hex.GetString()!);
        }
        else
        {
            JsonElement repeat = row.GetProperty("body_repeat");
            bytes = Encoding.UTF8.GetBytes(
                string.Concat(Enumerable.Repeat(repeat[0].GetString(), repeat[1].GetInt32())));
        }

        var content = new ByteArrayContent(bytes);
        string? type = row.TryGetProperty("content_type", out JsonElement given) ? given.GetString() : null;
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type ?? "application/json");
        return content;
    }

    // A test's name must not hold what a filter or a report reads as syntax.
    private static string Plain(string text) => string.Concat(text.Select(c =>
        char.IsLetterOrDigit(c) || c is ' ' or '-' or '_' ? c.ToString() : $"{(int)c:x2}".ToString(CultureInfo.InvariantCulture)));
}
