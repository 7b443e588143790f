using System.Text.Json;
using Engine.Sampling;
using Engine.Server.Http.Hosting;
using Engine.Server.Http.Json;

namespace Engine.Server.Http.Protocol;

/// <summary>use_beam_search and length_penalty.</summary>
internal static class BeamFields
{
    private const string Switch = "use_beam_search";

    // A search follows the likeliest texts: what changes probabilities or ends a text early has no part in it.
    private static readonly string[] _excluded =
        ["stop", "stop_token_ids", "logit_bias", "allowed_token_ids", "bad_words", "min_tokens", "prompt_logprobs",
        "logprob_token_ids", "repetition_detection", "thinking_token_budget"];

    /// <summary>How to search, but for the width; null if the request does not ask for it.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static BeamSearchParams? Parse(JsonElement body, EndpointSampling endpoint)
    {
        double? penalty = Fields.GetDouble(body, "length_penalty");
        if (!(Fields.GetBool(body, Switch) ?? false))
        {
            return null;
        }

        if (_excluded.FirstOrDefault(name => IsGiven(body, name)) is { } excluded)
        {
            throw ApiException.BadRequest($"{excluded}: means nothing to a beam search.", excluded);
        }

        if (endpoint.ScorePromptAsOutput)
        {
            throw ApiException.BadRequest("echo: a beam search does not score the prompt.", "echo");
        }

        return new BeamSearchParams
        {
            LengthPenalty = (float)(penalty ?? 1),
            IgnoreEos = Fields.GetBool(body, "ignore_eos") ?? false,
        };
    }

    /// <summary>The same parameters, if the engine can search so.</summary>
    /// <exception cref="ApiException">400 naming the field.</exception>
    public static BeamSearchParams Check(BeamSearchParams beams, ServedModel model)
    {
        try
        {
            beams.Validate(model.Engine.Options.MaxLogprobs);
            return beams;
        }
        catch (EngineException e) when (e.Parameter == "beam_width")
        {
            throw ApiException.BadRequest($"n: is the number of beams; {e.Message}", "n");
        }
        catch (EngineException e)
        {
            throw ApiException.From(e);
        }
    }

    private static bool IsGiven(JsonElement body, string name) =>
        Fields.TryGet(body, name, out JsonElement value)
        && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0)
        && !(value.ValueKind == JsonValueKind.Number && value.GetDouble() == 0 && name == "min_tokens");
}
