using System.Text.Json;
using Engine.Abi.Events;
using Engine.Abi.Handles;
using Engine.Abi.Params;

namespace Engine.Abi.Api;

/// <summary>Beam search, and the JSON that it gives.</summary>
internal static unsafe class BeamApi
{
    /// <summary>Searches for the most likely outputs and waits for them. Other requests run meanwhile.</summary>
    /// <param name="engine">The engine; its max_logprobs must be at least 2 * beam_width.</param>
    /// <param name="json">{"prompt" or "prompt_token_ids", "beam_width", "max_tokens", "length_penalty",
    /// "ignore_eos", "early_stopping": false, true or "never", "add_special_tokens", "structured_outputs"}.</param>
    /// <param name="jsonLen">Its bytes.</param>
    /// <param name="outJson">Takes {"prompt_token_ids", "sequences": [{"token_ids", "text", "cum_logprob", "score",
    /// "finish_reason"}]}, best first; release it.</param>
    [AbiFunction("engine_beam_search")]
    public static EngineStatus Search(EngineHandle engine, [In] byte* json, ulong jsonLen, JsonHandle* outJson)
    {
        Interop.Required(outJson, "out_json");
        using HandlePin<EngineObject> pin = EngineApi.PinOf(engine);
        using JsonDocument body = ParseObject(Interop.Bytes(json, jsonLen, "json"));
        byte[] result = BeamSearcher.Run(pin.Target.Worker, body.RootElement);
        *outJson = new JsonHandle(HandleTable.Publish(new JsonObject(result)));
        return EngineStatus.Ok;
    }

    /// <summary>The text of a JSON result: NUL-terminated UTF-8, valid until it is released.</summary>
    /// <param name="json">The result.</param>
    /// <param name="outText">Takes the text.</param>
    /// <param name="length">Its bytes.</param>
    [AbiFunction("engine_json_text")]
    public static EngineStatus Text(JsonHandle json, [In] byte** outText, ulong* length)
    {
        Interop.Required(outText, "out_text");
        Interop.Required(length, "length");
        using HandlePin<JsonObject> pin = HandleTable.Pin<JsonObject>(json.Value, HandleKind.Json);
        *outText = pin.Target.Text;
        *length = (ulong)pin.Target.LengthBytes;
        return EngineStatus.Ok;
    }

    /// <summary>Frees a JSON result; NULL is a no-op.</summary>
    /// <param name="json">The result or NULL.</param>
    /// <returns>ENGINE_E_INVALID_HANDLE if it was released before.</returns>
    [AbiFunction("engine_json_release", NoError = true)]
    public static EngineStatus Release(JsonHandle json) => HandleTable.Release(json.Value, HandleKind.Json);

    private static JsonDocument ParseObject(ReadOnlySpan<byte> json)
    {
        try
        {
            JsonDocument document = JsonDocument.Parse(json.ToArray(), new JsonDocumentOptions { MaxDepth = 8 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document
                : throw EngineException.Invalid("json", "expected an object");
        }
        catch (JsonException e)
        {
            throw new EngineException(EngineStatus.InvalidArgument, $"json: not valid JSON: {e.Message}", "json", e);
        }
    }
}
