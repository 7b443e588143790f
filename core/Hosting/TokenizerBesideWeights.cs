using Engine.Loading;
using Engine.Tokenization;

namespace Engine.Hosting;

/// <summary>
/// Reads the tokenizer while the weights are packed: with a vocabulary of 150,000 tokens it takes as long as a small
/// model.
/// </summary>
internal static class TokenizerBesideWeights
{
    /// <summary>Loads both. If the tokenizer is in error, that is the error, as if it had been read first.</summary>
    /// <param name="options">Which tokenizer.</param>
    /// <param name="folder">The model's.</param>
    /// <param name="load">Loads the weights and then asks for the tokenizer.</param>
    /// <param name="cancellation">Stops both.</param>
    public static T Load<T>(
        ModelLoadOptions options, ModelFolder folder, Func<Func<Tokenizer?>, CancellationToken, T> load,
        CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<Tokenizer?> tokenizer = Task.Run(
            () =>
            {
                try
                {
                    return LoadedModel.LoadTokenizer(options, folder, cancellation);
                }
                catch
                {
                    stop.Cancel(); // nobody waits for weights that will not be used
                    throw;
                }
            },
            CancellationToken.None);
        try
        {
            return load(() => tokenizer.GetAwaiter().GetResult(), stop.Token);
        }
        catch
        {
            _ = tokenizer.GetAwaiter().GetResult();
            throw;
        }
    }
}
