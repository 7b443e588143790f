using System.Runtime.InteropServices;

namespace Engine.Devices.Cuda;

// The structures of kernels/cuda/include/engine_cuda*.h, which document every field. A test compares their sizes.

[StructLayout(LayoutKind.Sequential)]
internal struct EmbedArguments
{
    public nint Y, Table, Ids;
    public long YStride, TableStride;
    public int Rows, Columns, Vocab, TableType;
    public float Scale;
    public int Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RmsNormArguments
{
    public nint Y, X, Residual, Weight;
    public long YStride, XStride, ResidualStride;
    public int Rows, Groups, N;
    public float Epsilon, Offset;
    public int Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LayerNormArguments
{
    public nint Y, X, Weight, Bias;
    public long YStride, XStride;
    public int Rows, Groups, N, PerGroup;
    public float Epsilon;
    public int Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct MapArguments
{
    public nint Y, X;
    public long YStride, XStride;
    public int Rows, Columns, Function;
    public float A, B, C, D;
    public int Reserved;
}

/// <summary>Functions of ekc_map; the first five are Activation.</summary>
internal enum MapFunction
{
    Scale = 5,
    SoftCap = 6,
    Clamp = 7,
    Xielu = 8,
    ToF32 = 9,
}

[StructLayout(LayoutKind.Sequential)]
internal struct CombineArguments
{
    public nint Y, X;
    public long YStride, XStride;
    public int Rows, Columns, Function;
    public float Scale;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RopeArguments
{
    public nint X, Positions, CosSin;
    public long XStride;
    public int Rows, NumHeads, HeadDim, RotaryDim, Interleaved, Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct WriteKvArguments
{
    public nint Keys, Values, Key, Value, Slots;
    public long KeyStride, ValueStride;
    public int Rows, NumKvHeads, HeadDim, KvType;
    public float KeyScale, ValueScale;
}

[StructLayout(LayoutKind.Sequential)]
internal struct KvRopeArguments
{
    public WriteKvArguments Kv;
    public nint Query, Positions, QueryCosSin, KeyCosSin;
    public long QueryStride;
    public int NumHeads, RotaryDim, Interleaved, Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct CopyBlocksArguments
{
    public nint Pools, BlockBytes, Copies;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GatherRowsArguments
{
    public nint Y, X, Indices;
    public long YStrideBytes, XStrideBytes, RowBytes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LinearArguments
{
    public nint Y, X, Weight, Bias;
    public long YStride, XStride, WeightStride;
    public int Rows, N, K, WeightType, YType, Accumulate;
    public nint RowScales;
}

/// <summary>CUtensorMap: what the driver writes, 128 bytes at a multiple of 128.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TensorMap
{
    public const int Bytes = 128;

    public fixed ulong Opaque[Bytes / sizeof(ulong)];
}

[StructLayout(LayoutKind.Sequential, Size = 384)]
internal struct LinearWgmmaArguments
{
    public TensorMap WeightMap, XMap;
    public LinearArguments Linear;
    public nint Partials, Counters;
    public int Splits, GroupRows;
}

[StructLayout(LayoutKind.Sequential)]
internal struct CodesArguments
{
    public nint Scales, Mins, Subs, SubMins, Zeros, Table;
    public int GroupShift, GroupsStride, ScalesStride, ScaleType, SubType, Zero;
}

[StructLayout(LayoutKind.Sequential)]
internal struct QuantizedLinearArguments
{
    public LinearArguments Linear;
    public CodesArguments Codes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct QuantizedEmbedArguments
{
    public EmbedArguments Embed;
    public CodesArguments Codes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RoundInputsArguments
{
    public nint Y, Scales, Zeros, X;
    public long YStride, XStride;
    public int Rows, K, Kind, Zero;
    public float Scale;
    public int ScalesPitch;
    public nint Sums;
}

[StructLayout(LayoutKind.Sequential)]
internal struct W8A8Arguments
{
    public LinearArguments Linear;
    public CodesArguments Codes;
    public nint XScales, XZeros, WeightSums;
    public int XGroups, Reserved;
}

[StructLayout(LayoutKind.Sequential, Size = 512)]
internal struct W8A8WgmmaArguments
{
    public TensorMap WeightMap, XMap;
    public W8A8Arguments Product;
    public nint XSums, Partials, Counters;
    public int Splits, GroupRows, XPitch, Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PermuteColumnsArguments
{
    public nint Y, X, Order;
    public long YStride, XStride;
    public int Rows, Columns;
}

[StructLayout(LayoutKind.Sequential)]
internal struct AttentionArguments
{
    public nint Output, Query, Keys, Values, CuSeqlensQ, ContextLens, BlockTables, AlibiSlopes, ChunkStarts, Partials;
    public nint Reserved;
    public long OutputStride, QueryStride;
    public int NumSequences, MaxBlocks, BlockSize, NumHeads, NumKvHeads, HeadDim, SlidingWindow, KvType;
    public float Scale, SoftCap, KeyScale, ValueScale;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SampleArguments
{
    public nint Ids, Logits, Edited, Rows;
    public long LogitsStride;
    public int Length, Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct EditLogitsArguments
{
    public nint Edited, Logits, Rows, Lists, Tokens;
    public long LogitsStride;
    public int Length, Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LogprobsArguments
{
    public nint Records, Logits, Edited, Ids, Rows;
    public long LogitsStride;
    public int Length, RecordBytes;
}
