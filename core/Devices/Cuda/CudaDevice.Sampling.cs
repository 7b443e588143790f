using System.Runtime.InteropServices;
using Engine.Memory;

namespace Engine.Devices.Cuda;

internal sealed unsafe partial class CudaDevice : IDeviceSampler
{
    private const int SampleThreads = 512;
    private const int LeastTokens = 64;

    private CudaArena.Piece? _tokens;
    private int _tokensRoom;

    /// <inheritdoc/>
    public void Choose(TensorView logits, ReadOnlySpan<TokenChoice> choices, Span<int> tokens)
    {
        Require(logits.Type == DType.F32 && logits.Rows == choices.Length && tokens.Length >= logits.Rows, nameof(logits));
        if (choices.Length > _tokensRoom)
        {
            int room = Math.Max(LeastTokens, choices.Length);
            CudaArena.Piece piece = _activations.Allocate((long)room * sizeof(int));
            _tokens?.Dispose();
            _tokens = piece;
            _tokensRoom = room;
        }

        SampleArguments arguments = new()
        {
            Ids = _tokens!.Address,
            Logits = logits.Address,
            Rows = _uploads.Upload(MemoryMarshal.Cast<TokenChoice, int>(choices)),
            LogitsStride = logits.RowStride,
            Length = logits.Columns,
        };
        Launch(_kernels.Sample, arguments, (logits.Rows, 1, 1), SampleThreads, SampleSharedBytes);
        nint slot = Transfer().Take();
        Gpu.CopyToHost(slot, _tokens.Address, (long)logits.Rows * sizeof(int));
        Gpu.Synchronize();
        new ReadOnlySpan<int>((void*)slot, logits.Rows).CopyTo(tokens);
    }
}
