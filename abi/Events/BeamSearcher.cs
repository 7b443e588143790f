using System.Text.Json;
using Engine.Abi.Params;
using Engine.Hosting;
using Engine.Sampling;
using Engine.Tokenization;

namespace Engine.Abi.Events;

/// <summary>Runs the core's beam search with an engine as the scorer.</summary>
internal static class BeamSearcher
{
    private static readonly string[] _keys =
        ["prompt", "prompt_token_ids", "add_special_tokens", "beam_width", "max_tokens", "length_penalty",
            "ignore_eos", "early_stopping", "structured_outputs"];

    public static byte[] Run(EngineWorker worker, JsonElement body)
    {
        foreach (JsonProperty property in body.EnumerateObject())
        {
            if (!_keys.Contains(property.Name))
            {
                string? nearest = NearestName.Find(property.Name, _keys);
                throw EngineException.Invalid(
                    property.Name, nearest is null ? "unknown key" : $"unknown key; did you mean '{nearest}'?");
            }
        }

        int[] prompt = Prompt(worker, body);
        BeamSearchParams parameters = Read(body);
        parameters.Validate(worker.Options.MaxLogprobs);
        var scorer = new EngineBeamScorer((request, sink) => worker.Submit(request, sink), prompt.Length)
        {
            StructuredOutputs = body.TryGetProperty("structured_outputs", out JsonElement outputs)
                ? SamplingSchema.Set(
                    new SamplingParams(), "structured_outputs", ParamValue.From(outputs)).StructuredOutputs
                : null,
        };
        IReadOnlyList<BeamOutput> beams = BeamSearch.Run(prompt, parameters, worker.Model.EosTokenIds, scorer.Score);
        return Render(worker.Tokenizer, worker.Model.EosTokenIds, prompt, beams);
    }

    private static int[] Prompt(EngineWorker worker, JsonElement body)
    {
        if (body.TryGetProperty("prompt_token_ids", out JsonElement ids))
        {
            return RequestReader.Ids("prompt_token_ids", ids);
        }

        if (!body.TryGetProperty("prompt", out JsonElement text) || text.ValueKind != JsonValueKind.String)
        {
            throw EngineException.Invalid("prompt", "neither text nor ids were given");
        }

        bool special = !body.TryGetProperty("add_special_tokens", out JsonElement add)
            || add.ValueKind != JsonValueKind.False;
        ITokenizer tokenizer = worker.Tokenizer
            ?? throw new EngineException(EngineStatus.Unsupported, "the model has no tokenizer", "prompt");
        return tokenizer.Encode(text.GetString()!, special);
    }

    private static BeamSearchParams Read(JsonElement body) => new()
    {
        BeamWidth = Int(body, "beam_width") ?? throw EngineException.Invalid("beam_width", "is missing"),
        MaxTokens = Int(body, "max_tokens") ?? throw EngineException.Invalid("max_tokens", "is missing"),
        LengthPenalty = body.TryGetProperty("length_penalty", out JsonElement penalty)
            ? penalty.ValueKind == JsonValueKind.Number
                ? penalty.GetSingle()
                : throw EngineException.Invalid("length_penalty", "expected a number")
            : 1f,
        IgnoreEos = body.TryGetProperty("ignore_eos", out JsonElement ignore)
            && ignore.ValueKind == JsonValueKind.True,
        EarlyStopping = Stopping(body),
    };

    private static BeamEarlyStopping Stopping(JsonElement body)
    {
        if (!body.TryGetProperty("early_stopping", out JsonElement value))
        {
            return BeamEarlyStopping.Heuristic;
        }

        return value.ValueKind switch
        {
            JsonValueKind.True => BeamEarlyStopping.WhenFull,
            JsonValueKind.False or JsonValueKind.Null => BeamEarlyStopping.Heuristic,
            JsonValueKind.String when value.GetString() == "never" => BeamEarlyStopping.Never,
            _ => throw EngineException.Invalid("early_stopping", "expected true, false or \"never\""),
        };
    }

    private static int? Int(JsonElement body, string key)
    {
        if (!body.TryGetProperty(key, out JsonElement value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number)
            ? number
            : throw EngineException.Invalid(key, "expected an integer");
    }

    private static byte[] Render(
        ITokenizer? tokenizer, IReadOnlyList<int> eos, int[] prompt, IReadOnlyList<BeamOutput> beams)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            WriteIds(writer, "prompt_token_ids", prompt);
            writer.WriteStartArray("sequences");
            foreach (BeamOutput beam in beams)
            {
                writer.WriteStartObject();
                WriteIds(writer, "token_ids", beam.Tokens);
                bool ended = beam.IsEnded && eos.Contains(beam.Tokens[^1]);
                writer.WriteString("text", tokenizer?.Decode(beam.Tokens) ?? "");
                writer.WriteNumber("cum_logprob", beam.SumLogprobs);
                writer.WriteNumber("score", beam.Score);
                writer.WriteString("finish_reason", ended ? "stop" : "length");
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteIds(Utf8JsonWriter writer, string name, int[] ids)
    {
        writer.WriteStartArray(name);
        foreach (int id in ids)
        {
            writer.WriteNumberValue(id);
        }

        writer.WriteEndArray();
    }
}
