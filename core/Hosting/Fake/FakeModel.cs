namespace Engine.Hosting;

/// <summary>The model "fake:", whole.</summary>
public static class FakeModel
{
    /// <summary>True for model names that mean it.</summary>
    public static bool IsFake(string model) =>
        model != null && model.StartsWith("fake:", StringComparison.Ordinal);

    /// <summary>What the host must know of it.</summary>
    public static ModelInfo Info(FakeModelOptions options) => new()
    {
        Name = "fake",
        VocabSize = FakeTokenizer.NumTokens,
        MaxModelLen = options?.MaxModelLen ?? throw new ArgumentNullException(nameof(options)),
        EosTokenIds = [FakeTokenizer.EosId],
        BosTokenId = FakeTokenizer.BosId,
    };

    /// <summary>A runner of it.</summary>
    public static FakeModelRunner CreateRunner(FakeModelOptions options, EngineOptions engine)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(engine);
        return new FakeModelRunner(options, engine.NumBlocks ?? options.NumBlocks, engine.BlockSize);
    }

    /// <summary>An engine on its own thread that runs it.</summary>
    /// <param name="model">"fake:" with settings.</param>
    /// <param name="engine">Every limit.</param>
    public static EngineWorker CreateWorker(string model, EngineOptions engine)
    {
        FakeModelOptions options = FakeModelOptions.Parse(model);
        return new EngineWorker(
            CreateRunner(options, engine), new FakeTokenizer(), Info(options), engine);
    }
}
