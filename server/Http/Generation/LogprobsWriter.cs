using System.Globalization;
using System.Text;
using System.Text.Json;
using Engine.Hosting;
using Engine.Server.Http.Hosting;

namespace Engine.Server.Http.Generation;

/// <summary>The wire forms of log probabilities: two of OpenAI's and vLLM's for prompts.</summary>
internal sealed class LogprobsWriter(ServedModel model, bool asTokenIds)
{
    // JSON has no infinity; this is what clients of vLLM see in its place.
    private const float Least = -9999f;

    /// <summary>Number of characters as Python counts them.</summary>
    public static int CountRunes(string text)
    {
        int count = 0;
        foreach (char c in text)
        {
            count += char.IsLowSurrogate(c) ? 0 : 1;
        }

        return count;
    }

    /// <summary>The form of /v1/completions: four lists of equal length.</summary>
    /// <param name="json">Writes the value of "logprobs".</param>
    /// <param name="ids">The tokens.</param>
    /// <param name="entries">Per token, the token itself first, then the best; null where unknown.</param>
    /// <param name="textOffset">Characters before the first token; grows by the tokens' texts.</param>
    /// <param name="numTop">The N asked for; -1 is all.</param>
    public void WriteCompletion(
        Utf8JsonWriter json,
        IReadOnlyList<int> ids,
        IReadOnlyList<IReadOnlyList<TokenLogprob>?> entries,
        ref int textOffset,
        int numTop)
    {
        json.WriteStartObject();
        json.WriteStartArray("text_offset");
        foreach (int id in ids)
        {
            json.WriteNumberValue(textOffset);
            textOffset += CountRunes(model.TokenText(id));
        }

        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach (IReadOnlyList<TokenLogprob>? entry in entries)
        {
            WriteNumber(json, entry is { Count: > 0 } ? entry[0].Logprob : null);
        }

        json.WriteEndArray();
        json.WriteStartArray("tokens");
        foreach (int id in ids)
        {
            json.WriteStringValue(Name(id));
        }

        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach (IReadOnlyList<TokenLogprob>? entry in entries)
        {
            WriteTopMap(json, entry, numTop);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The form of /v1/chat/completions: a list with one object per token.</summary>
    public void WriteChat(
        Utf8JsonWriter json, IReadOnlyList<IReadOnlyList<TokenLogprob>> entries, int numTop)
    {
        json.WriteStartObject();
        json.WritePropertyName("content");
        WriteTokens(json, entries, numTop);
        json.WriteEndObject();
    }

    /// <summary>The list in it, which is the form of /v1/responses.</summary>
    public void WriteTokens(
        Utf8JsonWriter json, IReadOnlyList<IReadOnlyList<TokenLogprob>> entries, int numTop)
    {
        json.WriteStartArray();
        foreach (IReadOnlyList<TokenLogprob> entry in entries)
        {
            json.WriteStartObject();
            WriteChatToken(json, entry[0]);
            json.WriteStartArray("top_logprobs");
            for (int i = 1; i < entry.Count && (numTop < 0 || i <= numTop); i++)
            {
                json.WriteStartObject();
                WriteChatToken(json, entry[i]);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>vLLM's prompt_logprobs: a list of {id: {logprob, rank, decoded_token}}, null first.</summary>
    public void WritePrompt(Utf8JsonWriter json, IReadOnlyList<IReadOnlyList<TokenLogprob>?> entries)
    {
        json.WriteStartArray();
        var seen = new HashSet<int>();
        foreach (IReadOnlyList<TokenLogprob>? entry in entries)
        {
            if (entry is null)
            {
                json.WriteNullValue();
                continue;
            }

            seen.Clear();
            json.WriteStartObject();
            foreach (TokenLogprob token in entry)
            {
                if (seen.Add(token.TokenId))
                {
                    json.WriteStartObject(token.TokenId.ToString(CultureInfo.InvariantCulture));
                    json.WriteNumber("logprob", Finite(token.Logprob));
                    json.WriteNumber("rank", token.Rank);
                    json.WriteString("decoded_token", model.TokenText(token.TokenId));
                    json.WriteEndObject();
                }
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static float Finite(float logprob) => logprob >= Least ? Math.Min(logprob, 0f) : Least;

    private static void WriteNumber(Utf8JsonWriter json, float? logprob)
    {
        if (logprob is { } value)
        {
            json.WriteNumberValue(Finite(value));
        }
        else
        {
            json.WriteNullValue();
        }
    }

    private void WriteTopMap(Utf8JsonWriter json, IReadOnlyList<TokenLogprob>? entry, int numTop)
    {
        if (entry is null)
        {
            json.WriteNullValue();
            return;
        }

        // Two tokens may have one text (halves of characters): the likelier keeps it.
        var seen = new HashSet<string>(StringComparer.Ordinal);
        json.WriteStartObject();
        for (int i = 0; i < entry.Count && (numTop < 0 || i <= numTop); i++)
        {
            string name = Name(entry[i].TokenId);
            if (seen.Add(name))
            {
                json.WriteNumber(name, Finite(entry[i].Logprob));
            }
        }

        json.WriteEndObject();
    }

    private void WriteChatToken(Utf8JsonWriter json, TokenLogprob token)
    {
        string name = Name(token.TokenId);
        json.WriteString("token", name);
        json.WriteNumber("logprob", Finite(token.Logprob));
        json.WriteStartArray("bytes");
        foreach (byte b in Encoding.UTF8.GetBytes(name))
        {
            json.WriteNumberValue(b);
        }

        json.WriteEndArray();
    }

    private string Name(int id) => asTokenIds
        ? string.Create(CultureInfo.InvariantCulture, $"token_id:{id}")
        : model.TokenText(id);
}
