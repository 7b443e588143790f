using Engine.Memory;
using Engine.Quantization;

namespace Engine.Devices.Cuda;

/// <summary>What a row of codes has, each kind in an array of its own on the device.</summary>
internal enum CodePlane
{
    Codes,
    Scales,
    Mins,
    Subs,
    SubMins,
    Zeros,

    /// <summary>Sums of a row's codes, for inputs with a zero.</summary>
    Sums,
}

/// <summary>How inputs of a run of rows come to its product.</summary>
internal enum CudaInputs
{
    /// <summary>As they are.</summary>
    Plain,

    /// <summary>As what their codes count as, in the activations' type, with a scale per row.</summary>
    Values,

    /// <summary>As codes of 8 bits, which are multiplied as such.</summary>
    Codes,
}

/// <summary>Rows of a weight that lie in one form on the device.</summary>
internal sealed class CudaSegment
{
    public const int NumPlanes = 7;
    private const int TableBytes = 16 * sizeof(float);

    private readonly long[] _rowBytes = new long[NumPlanes];
    private readonly long[] _offsets = new long[NumPlanes];

    public CudaSegment(
        int firstRow, int n, int k, DType type, CudaCodes? codes, bool isOrdered, InputScheme scheme = default)
    {
        FirstRow = firstRow;
        N = n;
        K = k;
        Type = type;
        Codes = codes;
        IsOrdered = isOrdered;
        Scheme = scheme;
        Inputs = scheme.Rounding == InputRounding.Own ? CudaInputs.Plain
            : !isOrdered && codes is not null && codes.TakesCodes(scheme, k) ? CudaInputs.Codes : CudaInputs.Values;
        long at = 0;
        for (int i = 0; i < NumPlanes; i++)
        {
            _rowBytes[i] = BytesOf((CodePlane)i);
            _offsets[i] = at;
            if (_rowBytes[i] > 0) at = checked(at + CudaArena.Padded(PlaneBytes((CodePlane)i, n)));
        }

        TableOffset = at;
        if (codes?.Table is not null) at += CudaArena.Padded(TableBytes);
        OrderOffset = at;
        if (isOrdered) at += CudaArena.Padded((long)k * sizeof(int));
        Bytes = at;
    }

    /// <summary>First row of the weight that it has.</summary>
    public int FirstRow { get; }

    public int N { get; }

    public int K { get; }

    /// <summary>Element type where there are no codes.</summary>
    public DType Type { get; }

    public CudaCodes? Codes { get; }

    /// <summary>Columns of x are to be taken in an order of the weight's own.</summary>
    public bool IsOrdered { get; }

    /// <summary>How inputs are rounded.</summary>
    public InputScheme Scheme { get; }

    public CudaInputs Inputs { get; }

    /// <summary>Codes lie in blocks of 16 rows; else row by row, for products of 8-bit numbers.</summary>
    public bool IsBlocked => Codes is not null && Inputs != CudaInputs.Codes;

    /// <summary>Inputs are integers with a zero of their own.</summary>
    public bool HasInputZeros => Scheme.Rounding == InputRounding.Int8TokenZero
        || (Scheme.Rounding == InputRounding.Int8Tensor && Scheme.Zero != 0);

    public long TableOffset { get; }

    public long OrderOffset { get; }

    public long Bytes { get; }

    /// <summary>Where the segment begins in its weight.</summary>
    public long Offset { get; set; }

    /// <summary>Bytes of all planes of a row.</summary>
    public long AllRowBytes => _rowBytes.Sum();

    public long RowBytes(CodePlane plane) => _rowBytes[(int)plane];

    public long PlaneOffset(CodePlane plane) => _offsets[(int)plane];

    /// <summary>Bytes of a plane's first so many rows: of whole blocks where there are blocks.</summary>
    public long PlaneBytes(CodePlane plane, int rows) => _rowBytes[(int)plane]
        * (plane == CodePlane.Codes && IsBlocked ? CudaDevice.Up(rows, CudaCodes.BlockRows) * (long)CudaCodes.BlockRows
            : rows);

    private long BytesOf(CodePlane plane)
    {
        if (Codes is null) return plane == CodePlane.Codes ? (long)K * Type.SizeOf() : 0;
        return plane switch
        {
            CodePlane.Codes => IsBlocked ? Codes.BlockedRowBytes(K) : Codes.RowBytes(K),
            CodePlane.Scales => (long)Codes.Scales(K) * Codes.ScaleType.SizeOf(),
            CodePlane.Mins => Codes.HasMins ? (long)Codes.Scales(K) * Codes.ScaleType.SizeOf() : 0,
            CodePlane.Subs => Codes.HasSubs ? Codes.Groups(K) : 0,
            CodePlane.SubMins => Codes.HasSubs && Codes.HasMins ? Codes.Groups(K) : 0,
            CodePlane.Zeros => Codes.HasZeros ? Codes.Groups(K) : 0,
            _ => Inputs == CudaInputs.Codes && HasInputZeros ? sizeof(int) : 0,
        };
    }
}

/// <summary>How a weight lies on the device: runs of its parts that share a form. Known from headers alone.</summary>
/// <param name="Segments">The runs and their rows' source.</param>
/// <param name="Bytes">Bytes of all.</param>
internal sealed record CudaWeightPlan(IReadOnlyList<(CudaSegment Segment, LinearSource Source)> Segments, long Bytes)
{
    /// <param name="source">The weight.</param>
    /// <param name="activations">What products are computed in.</param>
    /// <param name="isTable">Rows are read by their number as well.</param>
    /// <param name="followsInputs">Inputs are rounded as the checkpoint says.</param>
    public static CudaWeightPlan Of(LinearSource source, DType activations, bool isTable, bool followsInputs)
    {
        List<(CudaSegment, LinearSource)> segments = [];
        long bytes = 0;
        int row = 0;
        List<(CudaCodes? Codes, List<LinearPart> Parts)> runs = Runs(source, isTable, followsInputs);
        if (isTable && runs.Count > 1) runs = [(null, [.. source.Parts])];
        foreach ((CudaCodes? codes, List<LinearPart> parts) in runs)
        {
            LinearSource run = source.With(parts);
            CudaSegment segment = new(
                row, run.N, run.K, codes is null ? WidenedType(run, activations) : DType.U8, codes,
                codes is not null && parts[0].Matrix?.InputOrder is not null,
                SchemeOf(parts[0], followsInputs))
            {
                Offset = bytes,
            };
            segments.Add((segment, run));
            bytes = checked(bytes + segment.Bytes);
            row += run.N;
        }

        return new CudaWeightPlan(segments, bytes);
    }

    /// <summary>The codes of a part as it lies, or null.</summary>
    public static WeightCodes? CodesOf(in LinearPart part) => part.Blocks != WeightBlocks.None
        ? GgufCodes.Find(part.Blocks.ToString())
        : part.Matrix?.Codes;

    // Neighbours of the same form become one; q, k and v of a mixed file do not share one.
    private static List<(CudaCodes? Codes, List<LinearPart> Parts)> Runs(
        LinearSource source, bool isTable, bool followsInputs)
    {
        List<(CudaCodes? Codes, List<LinearPart> Parts)> runs = [];
        foreach (LinearPart part in source.Parts)
        {
            WeightCodes? stored = CodesOf(part);
            bool fits = stored is not null && !part.Transposed && !(isTable && part.Matrix?.InputOrder is not null);
            CudaCodes? codes = fits ? CudaCodes.Of(stored!, part.K) : null;
            if (runs.Count > 0 && (runs[^1].Codes is null) == (codes is null)
                && SchemeOf(runs[^1].Parts[0], followsInputs) == SchemeOf(part, followsInputs)
                && (codes is null || SameCodes(runs[^1].Parts[0], part)))
            {
                runs[^1].Parts.Add(part);
            }
            else
            {
                runs.Add((codes, [part]));
            }
        }

        return runs;
    }

    private static InputScheme SchemeOf(in LinearPart part, bool followsInputs) =>
        followsInputs && part.Matrix is WeightMatrix matrix ? matrix.Inputs : default;

    private static bool SameCodes(in LinearPart a, in LinearPart b) => CodesOf(a) == CodesOf(b)
        && (a.Matrix?.InputOrder ?? []).AsSpan().SequenceEqual(b.Matrix?.InputOrder ?? []);

    // Tensor cores want the activations' type. With f32 activations halves stay halves: widening is exact and the
    // bytes are half.
    private static DType WidenedType(LinearSource source, DType activations)
    {
        if (activations != DType.F32) return activations;
        bool All(DType type) => source.Parts.All(
            p => p.Matrix is null && p.Blocks == WeightBlocks.None && p.Type == type);
        return All(DType.BF16) ? DType.BF16 : All(DType.F16) ? DType.F16 : DType.F32;
    }
}
