using Engine;
using Engine.Abi;
using Engine.Abi.Types;
using Engine.Hosting;
using Engine.Pooling;

[assembly: AbiEnum(typeof(EngineStatus), "engine_status", "ENGINE_", ErrorPrefix = "ENGINE_E_")]
[assembly: AbiEnum(typeof(ParamsKind), "engine_params_kind", "ENGINE_PARAMS_")]
[assembly: AbiEnum(typeof(EventKind), "engine_event_kind", "ENGINE_EVENT_")]
[assembly: AbiEnum(typeof(FinishReason), "engine_finish_reason", "ENGINE_FINISH_")]
[assembly: AbiEnum(typeof(LogLevel), "engine_log_level", "ENGINE_LOG_")]
[assembly: AbiEnum(typeof(TextFlags), "engine_text_flags", "ENGINE_TEXT_")]
[assembly: AbiEnum(typeof(SubmitFlags), "engine_submit_flags", "ENGINE_SUBMIT_")]
[assembly: AbiEnum(typeof(PoolingTask), "engine_pooling_task", "ENGINE_POOLING_")]
[assembly: AbiEnum(typeof(SleepMode), "engine_sleep_mode", "ENGINE_SLEEP_")]

[assembly: AbiFeature("prefix_caching")]
[assembly: AbiFeature("chunked_prefill")]
[assembly: AbiFeature("logprobs")]
[assembly: AbiFeature("prompt_logprobs")]
[assembly: AbiFeature("chat_template")]
[assembly: AbiFeature("eventfd")]
[assembly: AbiFeature("cpu")]
[assembly: AbiFeature("beam_search")]
[assembly: AbiFeature("chat_parser")]
[assembly: AbiFeature("pooling")]
[assembly: AbiFeature("speculation")]
[assembly: AbiFeature("structured_outputs")]
[assembly: AbiFeature("sleep")]

namespace Engine.Abi.Types;

/// <summary>Which schema checks the keys of a params object.</summary>
internal enum ParamsKind
{
    /// <summary>Settings of the library: engine_init.</summary>
    Library = 0,

    /// <summary>What to load and how: engine_model_load, engine_load_start, engine_model_plan.</summary>
    Model = 1,

    /// <summary>The limits of one engine: engine_create.</summary>
    Engine = 2,

    /// <summary>How to choose tokens and when to stop: engine_submit.</summary>
    Request = 3,

    /// <summary>What texts handed in together have in common: engine_pooler_submit.</summary>
    Pooling = 4,
}

/// <summary>What an event says. Readers ignore kinds that they do not know.</summary>
internal enum EventKind
{
    /// <summary>A new token of one output, with the text that became final.</summary>
    Token = 0,

    /// <summary>The prompt's tokens, and their log probabilities if asked for; once, before the first token.</summary>
    Prompt = 1,

    /// <summary>One of the n outputs ended; carries the last text and the reason.</summary>
    OutputFinished = 2,

    /// <summary>The request ended, all outputs with it. Terminal.</summary>
    Finished = 3,

    /// <summary>The request failed; status, text (the message) and parameter say why. Terminal.</summary>
    Failed = 4,
}

/// <summary>How much is logged. The library is silent unless asked.</summary>
internal enum LogLevel
{
    /// <summary>Nothing; the default.</summary>
    Off = 0,

    /// <summary>What went wrong.</summary>
    Error = 1,

    /// <summary>What may go wrong.</summary>
    Warning = 2,

    /// <summary>What was loaded, started and stopped.</summary>
    Info = 3,

    /// <summary>Every request.</summary>
    Debug = 4,
}

/// <summary>How text becomes ids and ids text; values add up.</summary>
[Flags]
internal enum TextFlags
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>engine_tokenize: adds bos and the like, as the tokenizer's post-processor says.</summary>
    AddSpecial = 1,

    /// <summary>engine_detokenize: leaves special tokens out.</summary>
    SkipSpecial = 2,

    /// <summary>engine_tokenize: special tokens written in the text are plain text, as in what a user typed.</summary>
    Plain = 4,
}

/// <summary>How a request is submitted; values add up.</summary>
[Flags]
internal enum SubmitFlags
{
    /// <summary>Events go to engine_poll.</summary>
    None = 0,

    /// <summary>Events go to engine_request_poll of this request alone.</summary>
    OwnQueue = 1,
}
