using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Engine.Server.Terminal;

namespace Engine.Server.Bench.Load;

/// <summary>An OpenAI-compatible server: streams of /v1/completions.</summary>
internal sealed class HttpLoadTarget : LoadTarget
{
    private const string Data = "data: ";

    // Less than servers keep idle connections (cpp-httplib: 5 s): one that is being closed is not taken again.
    private static readonly TimeSpan _mostIdle = TimeSpan.FromSeconds(2);

    // Before the second time, and so much longer before each further one: the first time it is a matter of chance.
    private static readonly TimeSpan _retryDelay = TimeSpan.FromMilliseconds(20);

    private readonly HttpClient _client;
    private readonly string? _model;
    private readonly int _maxRetries;

    /// <param name="url">Where it listens.</param>
    /// <param name="model">Name in the requests; null leaves it out.</param>
    /// <param name="apiKey">Key, or null.</param>
    /// <param name="maxRetries">How often a request is sent again of whose answer no byte came.</param>
    public HttpLoadTarget(Uri url, string? model, string? apiKey, int maxRetries)
    {
        Name = url.ToString();
        _model = model;
        _maxRetries = maxRetries;
        _client = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = int.MaxValue,
            PooledConnectionIdleTimeout = _mostIdle,
        })
        {
            BaseAddress = new Uri(url.ToString().TrimEnd('/') + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (apiKey is not null)
        {
            _client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
        }
    }

    public override string Name { get; }

    public override async Task<LoadRecord> AskAsync(LoadRequest request, CancellationToken cancellation)
    {
        var record = new LoadRecord();
        try
        {
            using HttpResponseMessage response = await SendAsync(BodyOf(request), record, cancellation);
            if (!response.IsSuccessStatusCode)
            {
                string answer = await response.Content.ReadAsStringAsync(cancellation);
                record.Failure = $"{(int)response.StatusCode}: {answer}";
                return record;
            }

            await ReadAsync(response, record, cancellation);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            record.Failure = e.InnerException is { } inner ? $"{e.Message} ({inner.Message})" : e.Message;
        }

        return record;
    }

    // A kept connection that the server closes at that moment fails before a byte of the answer: sent again. The time
    // that this takes counts.
    private async Task<HttpResponseMessage> SendAsync(string body, LoadRecord record, CancellationToken cancellation)
    {
        while (true)
        {
            using var message = new HttpRequestMessage(HttpMethod.Post, "v1/completions")
            {
                Content = new StringContent(body, Encoding.UTF8, "application/json"),
            };
            try
            {
                return await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellation);
            }
            catch (HttpRequestException) when (
                record.NumRetries < _maxRetries && !cancellation.IsCancellationRequested)
            {
                await Task.Delay(_retryDelay * record.NumRetries, cancellation);
                record.NumRetries++;
            }
        }
    }

    public override async Task<double?> CpuSecondsAsync(CancellationToken cancellation)
    {
        const string name = "process_cpu_seconds_total ";
        using HttpResponseMessage response = await _client.GetAsync("metrics", cancellation);
        string text = response.IsSuccessStatusCode ? await response.Content.ReadAsStringAsync(cancellation) : "";
        string? line = text.Split('\n').FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null ? null : double.Parse(line[name.Length..], CultureInfo.InvariantCulture);
    }

    public override void Dispose() => _client.Dispose();

    private static async Task ReadAsync(HttpResponseMessage response, LoadRecord record, CancellationToken cancellation)
    {
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation));
        while (await reader.ReadLineAsync(cancellation) is { } line)
        {
            if (!line.StartsWith(Data, StringComparison.Ordinal) || line == Data + "[DONE]") continue;
            using JsonDocument json = JsonDocument.Parse(line.AsMemory(Data.Length));
            Add(json.RootElement, record);
        }

        if (record.Arrivals.Count == 0) record.Failure ??= "the stream ended without a token";
    }

    private static void Add(JsonElement answer, LoadRecord record)
    {
        if (answer.TryGetProperty("error", out JsonElement error)) record.Failure = error.ToString();
        if (answer.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object)
        {
            record.NumTokens = usage.GetProperty("completion_tokens").GetInt32();
        }

        if (answer.TryGetProperty("choices", out JsonElement choices)
            && choices.EnumerateArray().Any(choice => choice.GetProperty("text").GetString()?.Length > 0))
        {
            record.Arrived();
        }
    }

    private string BodyOf(LoadRequest request) => JsonText.Write(
        json =>
        {
            json.WriteStartObject();
            if (_model is not null) json.WriteString("model", _model);
            json.WriteString("prompt", request.Prompt);
            json.WriteNumber("max_tokens", request.NumTokens);
            json.WriteNumber("temperature", 0);
            json.WriteBoolean("ignore_eos", true);
            json.WriteBoolean("stream", true);
            json.WriteStartObject("stream_options");
            json.WriteBoolean("include_usage", true);
            json.WriteEndObject();
            json.WriteEndObject();
        },
        isIndented: false);
}
