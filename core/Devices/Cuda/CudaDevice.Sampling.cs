using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaDevice : IDeviceSampler
{
    private const int SampleThreads = 512;
    private const int LeastTokens = 64;

    private Arena.Piece? _tokens;
    private int _tokensRoom;

    /// <inheritdoc/>
    public void Choose(TensorView logits, ReadOnlySpan<TokenChoice> choices, Span<int> tokens)
    {
        Require(
            logits.Type == DType.F32 && logits.Rows == choices.Length && tokens.Length >= logits.Rows, nameof(logits));
        if (choices.Length > _tokensRoom)
        {
            int room = Math.Max(LeastTokens, choices.Length);
            Arena.Piece piece = _activations.Allocate((long)room * sizeof(int));
            _tokens?.Dispose();
            _tokens = piece;
            _tokensRoom = room;
        }

        LaunchChoose(logits, choices, _tokens!.Address);
        nint slot = Transfer().Take();
        Gpu.CopyToHost(slot, _tokens.Address, (long)logits.Rows * sizeof(int));
        Gpu.Synchronize();
        new ReadOnlySpan<int>((void*)slot, logits.Rows).CopyTo(tokens);
    }

    /// <inheritdoc/>
    public DeviceTokens? CreateTokens(int maxRows) =>
        RunsAhead ? new CudaTokens(this, maxRows) { MaxRows = maxRows } : null;

    /// <summary>Begins to choose tokens; they will be at an address.</summary>
    internal void LaunchChoose(TensorView logits, ReadOnlySpan<TokenChoice> choices, nint tokens)
    {
        SampleArguments arguments = new()
        {
            Ids = tokens,
            Logits = logits.Address,
            Rows = _uploads.Upload(MemoryMarshal.Cast<TokenChoice, int>(choices)),
            LogitsStride = logits.RowStride,
            Length = logits.Columns,
        };
        Launch(_kernels.Sample, arguments, (logits.Rows, 1, 1), SampleThreads, SampleSharedBytes);
    }

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
