using System.Text;
using System.Text.Json;

namespace Engine.Server.Tests.Support;

/// <summary>Reads a row of bad_requests.jsonl.</summary>
internal static class BadRequestRow
{
    /// <summary>The body, byte for byte.</summary>
    public static byte[] BodyOf(JsonElement row)
    {
        if (row.TryGetProperty("body", out JsonElement body))
        {
            return Encoding.UTF8.GetBytes(body.GetRawText());
        }

        if (row.TryGetProperty("body_text", out JsonElement text))
        {
            return Encoding.UTF8.GetBytes(text.GetString()!);
        }

        if (row.TryGetProperty("body_hex", out JsonElement hex))
        {
            return Convert.FromHexString(hex.GetString()!);
        }

        JsonElement repeat = row.GetProperty("body_repeat");
        return Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(repeat[0].GetString(), repeat[1].GetInt32())));
    }

    /// <summary>The field that is named is the one that is meant.</summary>
    public static void CheckParam(string? expected, string? found)
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
}
