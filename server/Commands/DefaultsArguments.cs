using System.CommandLine;
using System.Text.Json;
using Engine.Sampling;
using Engine.Server.Http;

namespace Engine.Server.Commands;

/// <summary>What requests may leave open, under vLLM's names.</summary>
internal sealed class DefaultsArguments
{
    private readonly Option<string> _generationConfig = new("--generation-config")
    {
        Description = "auto: sampling defaults are those of the model's generation_config.json; vllm: vLLM's own.",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Option<string?> _overrides = new("--override-generation-config")
    {
        Description = "JSON of sampling defaults over those: {\"temperature\": 0.6, \"top_k\": 20}.",
    };

    private readonly Option<string?> _templateArguments = new("--default-chat-template-kwargs")
    {
        Description = "JSON of chat template variables that a request's chat_template_kwargs win over: "
            + "{\"enable_thinking\": false}.",
    };

    private readonly Option<bool> _tokenIds = new("--return-tokens-as-token-ids")
    {
        Description = "Tokens of log probabilities are written as token_id:5.",
    };

    private readonly Option<bool> _excludesTools = new("--exclude-tools-when-tool-choice-none")
    {
        Description = "Tools do not reach the chat template where tool_choice is none.",
    };

    // Names from before --structured-outputs-config and --runner.
    private readonly Option<bool> _noWhitespace = new("--guided-decoding-disable-any-whitespace") { Hidden = true };
    private readonly Option<bool> _closed = new("--guided-decoding-disable-additional-properties") { Hidden = true };
    private readonly Option<string?> _task = new("--task") { Hidden = true };

    public DefaultsArguments()
    {
        _generationConfig.AcceptOnlyFromAmong("auto", "vllm");
        _task.AcceptOnlyFromAmong("auto", "generate", "embed", "embedding", "classify", "score", "reward");
    }

    public void AddTo(Command command)
    {
        Option[] own =
        [
            _generationConfig, _overrides, _templateArguments, _tokenIds, _excludesTools, _noWhitespace, _closed, _task,
        ];
        foreach (Option option in own)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>These over options that others have set.</summary>
    /// <exception cref="EngineException">InvalidArgument, naming the flag.</exception>
    public ServerOptions ToOptions(ParseResult result, ServerOptions options) => options with
    {
        ReturnsTokensAsTokenIds = result.GetValue(_tokenIds),
        ExcludesUncallableTools = result.GetValue(_excludesTools),
        DefaultTemplateArguments = Object(result, _templateArguments),
        StructuredOutputs = options.StructuredOutputs with
        {
            DisableAnyWhitespace = options.StructuredOutputs.DisableAnyWhitespace || result.GetValue(_noWhitespace),
            DisableAdditionalProperties =
                options.StructuredOutputs.DisableAdditionalProperties || result.GetValue(_closed),
        },
    };

    /// <summary>What a request leaves open, given the model's own defaults.</summary>
    /// <exception cref="EngineException">InvalidArgument: no such parameter, or not in its range.</exception>
    public SamplingParams Sampling(ParseResult result, SamplingParams ofModel, int vocabSize)
    {
        SamplingParams defaults = result.GetValue(_generationConfig) == "vllm" ? new SamplingParams() : ofModel;
        if (Object(result, _overrides) is not { } json)
        {
            return defaults;
        }

        try
        {
            defaults = SamplingJson.Read(json, defaults);
            defaults.Validate(vocabSize);
            return defaults;
        }
        catch (EngineException e)
        {
            throw EngineException.Invalid("override-generation-config", e.Message);
        }
    }

    /// <summary>The runner that --task names; null if it is not given.</summary>
    public string? Runner(ParseResult result) => result.GetValue(_task) switch
    {
        null => null,
        "auto" => "auto",
        "generate" => "generate",
        _ => "pooling",
    };

    private static JsonElement? Object(ParseResult result, Option<string?> option)
    {
        if (result.GetValue(option) is not { } text)
        {
            return null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw EngineException.Invalid(option.Name, "must be a JSON object");
        }
        catch (JsonException e)
        {
            throw EngineException.Invalid(option.Name, $"is no JSON: {e.Message}");
        }
    }
}
