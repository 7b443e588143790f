using Engine.Hosting;
using Engine.Pooling;
using Engine.Scheduling;
using Engine.Tokenization;
using Engine.Tokenization.Templating;

namespace Engine.Abi.Handles;

/// <summary>A loaded model of either kind, or the deterministic one without weights that is called "fake:".</summary>
internal abstract class HostedModel : IDisposable
{
    public abstract ModelInfo Info { get; }

    public abstract ITokenizer? Tokenizer { get; }

    public abstract long WeightBytes { get; }

    public abstract string Architecture { get; }

    public virtual ChatTemplate? Template => null;

    /// <summary>True if there is a template that can be used.</summary>
    public virtual bool HasTemplate => false;

    public virtual GenerationDefaults Defaults => new();

    /// <summary>True if it makes vectors or scores of texts and does not write.</summary>
    public virtual bool IsPooling => false;

    public static HostedModel Load(ModelLoadOptions options, CancellationToken cancellation = default) =>
        FakeModel.IsFake(options.Model)
            ? new Fake(FakeModelOptions.Parse(options.Model), options.MaxModelLen)
            : ModelLoader.Load(options, cancellation) switch
            {
                PoolingModel pooling => new Pooled(pooling),
                IDisposable writing => new Real((LoadedModel)writing),
            };

    public EngineWorker CreateWorker(EngineOptions options) =>
        new(CreateRunner(options), Tokenizer, Info, options);

    public virtual PoolingWorker CreatePooler(EngineOptions options) => throw new EngineException(
        EngineStatus.Unsupported,
        "the model writes; to make vectors of texts load it with runner \"pooling\"", "model");

    public abstract void Dispose();

    protected abstract IModelRunner CreateRunner(EngineOptions options);

    private sealed class Real(LoadedModel model) : HostedModel
    {
        /// <summary>Throws if the folder's templates are in error.</summary>
        public override ChatTemplate? Template =>
            model.ChatTemplateError is { } error ? throw error : model.ChatTemplate;

        public override bool HasTemplate => model.ChatTemplate is not null;

        public override ModelInfo Info => model.Info;

        public override ITokenizer? Tokenizer => model.Tokenizer;

        public override long WeightBytes => model.WeightBytes;

        public override string Architecture => model.Config.Architecture;

        public override GenerationDefaults Defaults => model.GenerationDefaults;

        public override void Dispose() => model.Dispose();

        protected override IModelRunner CreateRunner(EngineOptions options) => model.CreateRunner(options);
    }

    private sealed class Pooled(PoolingModel model) : HostedModel
    {
        public override bool IsPooling => true;

        public override ModelInfo Info => model.Info;

        public override ITokenizer? Tokenizer => model.Tokenizer;

        public override long WeightBytes => model.WeightBytes;

        public override string Architecture => model.Config.Architecture;

        public override PoolingWorker CreatePooler(EngineOptions options) => new(model, options);

        public override void Dispose() => model.Dispose();

        protected override IModelRunner CreateRunner(EngineOptions options) => throw new EngineException(
            EngineStatus.Unsupported,
            $"the model makes {(model.Embeds ? "vectors" : "scores")} of texts, it does not write: make a pooler",
            "model");
    }

    private sealed class Fake(FakeModelOptions fake, int? maxModelLen) : HostedModel
    {
        private readonly FakeModelOptions _options =
            maxModelLen is int limit ? fake with { MaxModelLen = Math.Min(limit, fake.MaxModelLen) } : fake;

        public override ModelInfo Info => FakeModel.Info(_options);

        public override ITokenizer Tokenizer { get; } = new FakeTokenizer();

        public override long WeightBytes => 0;

        public override string Architecture => "fake";

        public override void Dispose()
        {
        }

        protected override IModelRunner CreateRunner(EngineOptions options) =>
            FakeModel.CreateRunner(_options, options);
    }
}
