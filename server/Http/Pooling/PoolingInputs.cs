using System.Text.Json;
using Engine.Pooling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;
using Engine.Server.Http.Protocol;

namespace Engine.Server.Http.Pooling;

/// <summary>What every route of texts takes: the texts, how to cut them, and where they are computed.</summary>
internal sealed class PoolingInputs
{
    private const int MaxTexts = 2048;

    private readonly JsonElement _body;
    private readonly int? _truncate;
    private readonly string? _promptName;
    private readonly bool _addSpecialTokens;

    private PoolingInputs(JsonElement body, ServedModel model, PoolingWorker? worker)
    {
        _body = body;
        Model = model;
        Worker = worker;
        PassiveFields.CheckPooling(body);
        model.CheckName(Fields.GetString(body, "model"));
        _truncate = Fields.GetInt(body, "truncate_prompt_tokens");
        _promptName = Fields.GetString(body, "prompt_name");
        _addSpecialTokens = Fields.GetBool(body, "add_special_tokens") ?? true;
    }

    public ServedModel Model { get; }

    private PoolingWorker? Worker { get; }

    /// <summary>The model; a 400 if the one that is served writes.</summary>
    public PoolingModel Pooling => Worker?.Model ?? throw ApiException.BadRequest(
        "The model that is served writes text; it makes no vectors or scores.", "model");

    public static PoolingInputs Read(JsonElement body, ServedModel model) => new(body, model, model.Pooling);

    /// <summary>One text or id list, or several, as requests.</summary>
    public List<PoolingRequest> Texts(string name, PoolingTask task)
    {
        if (!Fields.TryGet(_body, name, out JsonElement input)) throw ApiException.BadRequest($"{name}: is needed.", name);
        if (input.ValueKind == JsonValueKind.String) return [FromText(input.GetString()!, task)];
        if (input.ValueKind != JsonValueKind.Array || input.GetArrayLength() == 0)
        {
            throw ApiException.BadRequest(
                $"{name}: must be a string, a list of strings, a list of token ids, or a list of such lists, and not "
                + "empty.", name);
        }

        if (input[0].ValueKind == JsonValueKind.Number) return [FromIds(input, name, task)];
        CheckCount(input.GetArrayLength(), name);
        return [.. input.EnumerateArray().Select(item => item.ValueKind switch
        {
            JsonValueKind.String => FromText(item.GetString()!, task),
            JsonValueKind.Array => FromIds(item, name, task),
            _ => throw Fields.Wrong(name, "a list of strings or of lists of token ids", item),
        })];
    }

    /// <summary>A list of strings, or one string as a list; {"text": ...} counts as a string.</summary>
    public List<string> Strings(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (!Fields.TryGet(_body, name, out JsonElement value)) continue;
            if (value.ValueKind != JsonValueKind.Array) return [TextOf(value, name)];
            CheckCount(value.GetArrayLength(), name);
            return value.GetArrayLength() > 0
                ? [.. value.EnumerateArray().Select(item => TextOf(item, name))]
                : throw ApiException.BadRequest($"{name}: must not be empty.", name);
        }

        throw ApiException.BadRequest($"{names[0]}: is needed.", names[0]);
    }

    public PoolingRequest FromText(string text, PoolingTask task, string? pair = null) =>
        Pooling.Prepare(task, text, pair, _truncate, _promptName, _addSpecialTokens);

    /// <summary>All results, in order; the first failure is the request's.</summary>
    public async Task<PoolingResult[]> RunAsync(IEnumerable<PoolingRequest> requests, CancellationToken cancellation)
    {
        PoolingWorker worker = Worker!;
        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            return await Task.WhenAll(requests.Select(request => worker.SubmitAsync(request, others.Token)));
        }
        catch
        {
            await others.CancelAsync(); // what still waits would be computed for nobody
            throw;
        }
    }

    private PoolingRequest FromIds(JsonElement list, string name, PoolingTask task)
    {
        int[] ids = TokenIdList.Parse(list, Pooling.Config.VocabSize, name);
        if (_truncate is int count) ids = ids[..Math.Min(ids.Length, count == -1 ? Pooling.MaxTokens : count)];
        return ids.Length > 0
            ? new PoolingRequest { TokenIds = ids, Task = task }
            : throw ApiException.BadRequest($"{name}: a text has no tokens.", name);
    }

    private static string TextOf(JsonElement value, string name)
    {
        if (value.ValueKind == JsonValueKind.String) return value.GetString()!;
        return value.ValueKind == JsonValueKind.Object && Fields.GetString(value, "text") is string text
            ? text
            : throw Fields.Wrong(name, "a string", value);
    }

    private static void CheckCount(int count, string name)
    {
        if (count > MaxTexts) throw ApiException.BadRequest($"{name}: at most {MaxTexts} texts are taken at once.", name);
    }
}
