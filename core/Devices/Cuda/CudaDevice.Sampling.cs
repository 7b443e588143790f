namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaDevice : IDeviceSampler
{
    private const int SampleThreads = 512;

    /// <inheritdoc/>
    public long ChooserBytes(ChooserLimits limits) => CudaChooser.BytesFor(limits);

    /// <inheritdoc/>
    public DeviceChooser CreateChooser(ChooserLimits limits) => new CudaChooser(this, limits);

    /// <inheritdoc/>
    public long TokenBytes(int maxRows, int maxLogprobs) =>
        RunsAhead ? CudaTokens.BytesFor(maxRows, maxLogprobs) : 0;

    /// <inheritdoc/>
    public DeviceTokens? CreateTokens(int maxRows, int maxLogprobs) =>
        RunsAhead ? new CudaTokens(this, maxRows, maxLogprobs) { MaxRows = maxRows } : null;

    /// <summary>Begins to change rows of logits.</summary>
    internal void LaunchEdits(in EditLogitsArguments arguments, int rows) =>
        Launch(_kernels.EditLogits, arguments, (rows, 1, 1), SampleThreads, SampleSharedBytes);

    /// <summary>Begins to choose tokens.</summary>
    internal void LaunchSample(in SampleArguments arguments, int rows) =>
        Launch(_kernels.Sample, arguments, (rows, 1, 1), SampleThreads, SampleSharedBytes);

    /// <summary>Begins to find what log probabilities are made of.</summary>
    internal void LaunchLogprobs(in LogprobsArguments arguments, int rows) =>
        Launch(_kernels.Logprobs, arguments, (rows, 1, 1), SampleThreads, SampleSharedBytes);

    /// <summary>Puts chosen tokens where a step expects its own.</summary>
    internal void LaunchTakeTokens(nint target, CudaTokens source, nint places, int count)
    {
        GatherRowsArguments arguments = new()
        {
            Y = target,
            X = source.Address,
            Indices = places,
            YStrideBytes = sizeof(int),
            XStrideBytes = sizeof(int),
            RowBytes = sizeof(int),
        };
        Launch(_kernels.GatherRows, arguments, (count, 1, 1), RowThreads);
    }
}
