using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Server.Http.Hosting;
using Engine.Tokenization;
using Engine.Tokenization.Templating;

namespace Engine.Server.Sessions;

/// <summary>A loaded model with an engine on top of it, for one command.</summary>
internal sealed class EngineSession : IDisposable
{
    private const string FakeTemplate =
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";

    private readonly LoadedModel? _model;

    private int ElementBytes => Dtype == "float32" ? 4 : 2;

    private EngineSession(LoadedModel? model, EngineWorker worker)
    {
        _model = model;
        Worker = worker;
    }

    public EngineWorker Worker { get; }

    /// <summary>What computes, for people.</summary>
    public string DeviceName => _model?.DeviceName ?? "fake";

    /// <summary>Bytes of weights on the device.</summary>
    public long WeightBytes => _model?.WeightBytes ?? 0;

    /// <summary>What a request leaves open: generation_config.json, else vLLM's defaults.</summary>
    public SamplingParams DefaultSampling => Sampling(_model?.GenerationDefaults ?? new GenerationDefaults());

    /// <summary>Type of the weights in memory.</summary>
    public string Dtype { get; private init; } = "none";

    /// <summary>Multiplications and additions per prompt token in the weight matrices of the layers.</summary>
    public double FlopsPerPromptToken => 2.0 * (_model?.NumLayerParameters ?? 0);

    /// <summary>Bytes that a decode step has to read: every weight once, and the KV of every request.</summary>
    public double BytesPerStep(int batch, int contextLength) => _model is null
        ? 0
        : WeightBytes + ((double)batch * contextLength * 2 * _model.Config.NumLayers * _model.Config.NumKvHeads
            * _model.Config.HeadDim * ElementBytes);

    /// <summary>Loads and starts.</summary>
    /// <param name="load">What to load, and how; "fake:" is a model without weights, for tests.</param>
    /// <param name="options">The engine's limits.</param>
    /// <param name="cancellation">Stops loading.</param>
    public static EngineSession Open(
        ModelLoadOptions load, EngineOptions options, CancellationToken cancellation = default)
    {
        if (FakeModel.IsFake(load.Model))
        {
            return new EngineSession(null, FakeModel.CreateWorker(load.Model, options));
        }

        return Start(LoadedModel.Load(load, cancellation), load, options);
    }

    /// <summary>Starts on a model that is loaded; owns it from now on.</summary>
    public static EngineSession Start(LoadedModel model, ModelLoadOptions load, EngineOptions options)
    {
        try
        {
            return new EngineSession(
                model, new EngineWorker(model.CreateRunner(options), model.Tokenizer, model.Info, options))
            {
                Dtype = load.Dtype != "auto" ? load.Dtype : NameOf(model.Config.StoredType),
            };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Words messages as prompts, by the model's template or another.</summary>
    /// <param name="template">File with a template, or its text; null is the model's own.</param>
    /// <param name="contentFormat">"auto", "string" or "openai".</param>
    /// <exception cref="EngineException">The template that was named cannot be used.</exception>
    public IChatRenderer ChatRenderer(string? template, string contentFormat) =>
        ChatRendering(template, contentFormat, allowControlTokens: false).Renderer;

    /// <summary>The same, with the template's text.</summary>
    /// <param name="template">File with a template, or its text; null is the model's own.</param>
    /// <param name="contentFormat">"auto", "string" or "openai".</param>
    /// <param name="allowControlTokens">Messages may write what is the template's.</param>
    /// <exception cref="EngineException">The template that was named cannot be used.</exception>
    public ChatTemplateRendering ChatRendering(string? template, string contentFormat, bool allowControlTokens)
    {
        TokenizerConfig? tokens = (Worker.Tokenizer as Tokenizer)?.Config;
        try
        {
            ChatTemplate? parsed = template is not null
                ? ParseTemplate(template)
                : _model is null ? ChatTemplate.Parse(FakeTemplate) : ModelTemplate(_model);
            return new ChatTemplateRendering(
                new TemplateChatRenderer(
                    parsed,
                    tokens?.BosToken,
                    tokens?.EosToken,
                    contentFormat,
                    allowControlTokens ? null : Worker.Tokenizer?.ControlTokens),
                parsed?.Source);
        }
        catch (EngineException e) when (template is null)
        {
            // Text completion works all the same.
            return new ChatTemplateRendering(
                new NoChatTemplate($"the model's chat template cannot be used ({e.Message})"), null);
        }
    }

    private static ChatTemplate? ModelTemplate(LoadedModel model) =>
        model.ChatTemplateError is EngineException error ? throw error : model.ChatTemplate;

    /// <summary>The tokens of a prompt of one user message and perhaps a system message.</summary>
    public int[] EncodeChat(string? system, string user)
    {
        ChatPrompt prompt = ChatRenderer(null, "auto").Render(
            ConversationFields.Create(system is null ? [("user", user)] : [("system", system), ("user", user)]));
        return Worker.Tokenizer!.EncodePrompt(prompt.Text, prompt.Cuts, addSpecialTokens: false);
    }

    public void Dispose()
    {
        Worker.Dispose();
        _model?.Dispose();
    }

    private static ChatTemplate ParseTemplate(string template)
    {
        bool isFile = File.Exists(template);
        if (!isFile && !template.Contains('{', StringComparison.Ordinal))
        {
            throw new EngineException(EngineStatus.NotFound, $"chat-template: no such file: {template}", "chat-template");
        }

        try
        {
            return ChatTemplate.Parse(isFile ? File.ReadAllText(template) : template);
        }
        catch (TemplateException e)
        {
            throw new EngineException(
                EngineStatus.InvalidArgument,
                $"chat-template: line {e.Line}: {e.Kind}: {e.Message}",
                "chat-template",
                e);
        }
    }

    private static string NameOf(DType? type) => type switch
    {
        DType.BF16 => "bfloat16",
        DType.F16 => "float16",
        _ => "float32",
    };

    private static SamplingParams Sampling(GenerationDefaults defaults)
    {
        var vllm = new SamplingParams();
        return vllm with
        {
            Temperature = defaults.Temperature ?? vllm.Temperature,
            TopP = defaults.TopP ?? vllm.TopP,
            TopK = defaults.TopK ?? vllm.TopK,
            MinP = defaults.MinP ?? vllm.MinP,
            RepetitionPenalty = defaults.RepetitionPenalty ?? vllm.RepetitionPenalty,
        };
    }
}

/// <summary>How a model's conversations become prompts.</summary>
/// <param name="Renderer">Renders.</param>
/// <param name="Source">The template's text, or null.</param>
internal readonly record struct ChatTemplateRendering(IChatRenderer Renderer, string? Source);
