namespace Engine.Abi.Handles;

/// <summary>What went wrong with one call: code, message, parameter. Immutable; release it when read.</summary>
[AbiHandle("engine_error")]
internal readonly struct ErrorHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>Settings by key, checked against a schema as they are set.</summary>
[AbiHandle("engine_params")]
internal readonly struct ParamsHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>A model's weights, tokenizer and configuration; shared by any number of engines.</summary>
[AbiHandle("engine_model")]
internal readonly struct ModelHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>A model that is being loaded.</summary>
[AbiHandle("engine_load")]
internal readonly struct LoadHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>Text to ids and back, and chat templates. Immutable, safe for concurrent use.</summary>
[AbiHandle("engine_tokenizer")]
internal readonly struct TokenizerHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>One scheduler on its own thread, with the KV cache of one model.</summary>
[AbiHandle("engine_t")]
internal readonly struct EngineHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>One submitted request.</summary>
[AbiHandle("engine_request")]
internal readonly struct RequestHandleValue(nint value)
{
    public readonly nint Value = value;
}

/// <summary>A result as JSON text.</summary>
[AbiHandle("engine_json")]
internal readonly struct JsonHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>Reads one output of a model for content, reasoning and tool calls.</summary>
[AbiHandle("engine_chat_parser")]
internal readonly struct ChatParserHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>Computes texts of one model that makes vectors or scores, on its own thread.</summary>
[AbiHandle("engine_pooler")]
internal readonly struct PoolerHandle(nint value)
{
    public readonly nint Value = value;
}

/// <summary>Texts that were handed in together, and what came of them.</summary>
[AbiHandle("engine_pooling")]
internal readonly struct PoolingHandle(nint value)
{
    public readonly nint Value = value;
}
