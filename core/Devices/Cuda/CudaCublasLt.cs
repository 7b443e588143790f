using Engine.Memory;

namespace Engine.Devices.Cuda;

/// <summary>
/// Products of 16-bit weights by cuBLASLt, where there are many rows. A row's bits then depend on how many others there
/// are. What the library does not support is left to the kernels of this backend, for good.
/// </summary>
internal sealed unsafe class CudaCublasLt : IDisposable
{
    /// <summary>Fewer rows are left to the kernels that read each weight once.</summary>
    public const int LeastRows = 17;

    private const int Alignment = 16;
    private const int Float32 = 0, Float16 = 2, BFloat16 = 14;

    private readonly CudaContext _context;
    private readonly CublasLt _library;
    private readonly Dictionary<Shape, Product> _products = [];
    private readonly long _workspaceBytes;
    private nint _handle;
    private nint _multiply;
    private nint _preference;
    private nint _workspace;
    private CublasStatus _refused;

    private CudaCublasLt(CudaContext context, CublasLt library, nint handle)
    {
        _context = context;
        _library = library;
        _handle = handle;
        _workspaceBytes = WorkspaceBytes(context.Capability);
        try
        {
            Describe();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>For people: the version, and whether some products were left to the backend's own kernels.</summary>
    public string Name
    {
        get
        {
            int refused = _products.Count(p => !p.Value.IsSupported);
            return $"cuBLASLt {_library.Version}"
                + (refused == 0 ? "" : $" less {refused} of {_products.Count} products: {_library.Describe(_refused)}");
        }
    }

    /// <summary>Device memory that it takes with the first weight and has not taken yet.</summary>
    public long BytesToCome => _workspace == 0 ? _workspaceBytes : 0;

    /// <summary>What NVIDIA recommends.</summary>
    public static long WorkspaceBytes(int capability) => (capability >= 90 ? 32L : 4L) << 20;

    /// <summary>Null, and why, if there is no library that starts with this driver.</summary>
    /// <exception cref="EngineException">OutOfMemory.</exception>
    public static CudaCublasLt? Create(CudaContext context, string? path, out string missing)
    {
        missing = "not found";
        foreach (string place in CublasLt.Places(path))
        {
            if (!CublasLt.TryLoad(place, out CublasLt? library)) continue;
            nint handle;
            context.Enter();
            CublasStatus status = library.Create(&handle);
            if (status == CublasStatus.Success) return new CudaCublasLt(context, library, handle);
            // One that is newer than the driver does not start; an older one may.
            missing = $"{place}: {library.Describe(status)}";
        }

        return null;
    }

    /// <summary>Takes its memory.</summary>
    /// <exception cref="EngineException">OutOfMemory.</exception>
    public void Reserve()
    {
        if (_workspace == 0) _workspace = _context.AllocateDevice(_workspaceBytes, "cuBLASLt's workspace");
    }

    /// <summary>Launches a product; false if it is one for the backend's own kernels.</summary>
    public bool TryLaunch(in LinearArguments product, DType type)
    {
        DType yType = (DType)product.YType;
        if (product.Rows < LeastRows || product.Bias != 0 || product.RowScales != 0 || !IsAligned(product, yType))
        {
            return false;
        }

        Shape shape = new(
            Bucket(product.Rows), product.N, product.K, product.XStride, product.WeightStride, product.YStride, type,
            yType);
        if (!_products.TryGetValue(shape, out Product? found)) found = Add(shape);
        if (!found.IsSupported) return false;
        float one = 1, added = product.Accumulate != 0 ? 1 : 0;
        found.SetRows(_library, product.Rows);
        _context.Enter();
        CublasAlgorithm algorithm = found.Algorithm;
        CublasStatus status = _library.Matmul(
            _handle, _multiply, &one, product.Weight, found.Weight, product.X, found.X, &added, product.Y, found.Y,
            product.Y, found.Y, &algorithm, _workspace, (nuint)_workspaceBytes, _context.Stream);
        if (status == CublasStatus.Success)
        {
            _context.Launched("cublasLtMatmul");
            return true;
        }

        if (!IsRefusal(status)) throw Failure(status, "cublasLtMatmul");
        found.IsSupported = false;
        _refused = status;
        return false;
    }

    public void Dispose()
    {
        // A lost device's library would call the driver.
        if (_handle != 0 && _context.TryEnter())
        {
            foreach (Product product in _products.Values) product.Destroy(_library);
            if (_preference != 0) _library.PreferenceDestroy(_preference);
            if (_multiply != 0) _library.DescDestroy(_multiply);
            _library.Destroy(_handle);
        }

        _products.Clear();
        _handle = _multiply = _preference = 0;
        _context.FreeDevice(_workspace);
        _workspace = 0;
    }

    // An algorithm is chosen for the largest number of rows of a bucket.
    private static int Bucket(int rows) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)rows);

    private static bool IsAligned(in LinearArguments product, DType yType) =>
        (product.X | product.Weight | product.Y) % Alignment == 0
        && product.XStride * sizeof(short) % Alignment == 0 && product.WeightStride * sizeof(short) % Alignment == 0
        && product.YStride * yType.SizeOf() % Alignment == 0;

    private static bool IsRefusal(CublasStatus status) =>
        status is CublasStatus.NotSupported or CublasStatus.InvalidValue or CublasStatus.ArchMismatch;

    private static int TypeOf(DType type) =>
        type switch { DType.F32 => Float32, DType.F16 => Float16, _ => BFloat16 };

    // y = x W^T by rows is y^T = W x^T by columns: W's rows are columns of A, which is transposed.
    private void Describe()
    {
        const int Compute32F = 68, TransposeA = 3, MaxWorkspace = 1, FirstAlignment = 5, Matrices = 4;
        nint made;
        Check(_library.DescCreate(&made, Compute32F, Float32), "cublasLtMatmulDescCreate");
        _multiply = made;
        int transposed = 1;
        Check(_library.DescSet(made, TransposeA, &transposed, sizeof(int)), "cublasLtMatmulDescSetAttribute");
        Check(_library.PreferenceCreate(&made), "cublasLtMatmulPreferenceCreate");
        _preference = made;
        ulong bytes = (ulong)_workspaceBytes;
        uint alignment = Alignment;
        const string Set = "cublasLtMatmulPreferenceSetAttribute";
        Check(_library.PreferenceSet(made, MaxWorkspace, &bytes, sizeof(ulong)), Set);
        for (int i = 0; i < Matrices; i++)
        {
            Check(_library.PreferenceSet(made, FirstAlignment + i, &alignment, sizeof(uint)), Set);
        }
    }

    private Product Add(in Shape shape)
    {
        Product product = new();
        _products.Add(shape, product);
        ulong n = (ulong)shape.N, k = (ulong)shape.K, rows = (ulong)shape.Rows;
        product.Weight = Layout(shape.Type, k, n, shape.WeightStride);
        product.X = Layout(shape.Type, k, rows, shape.XStride);
        product.Y = Layout(shape.YType, n, rows, shape.YStride);
        CublasHeuristic found;
        int count = 0;
        _context.Enter();
        CublasStatus status = _library.GetHeuristic(
            _handle, _multiply, product.Weight, product.X, product.Y, product.Y, _preference, 1, &found, &count);
        if (status != CublasStatus.Success && !IsRefusal(status))
        {
            throw Failure(status, "cublasLtMatmulAlgoGetHeuristic");
        }

        product.IsSupported = status == CublasStatus.Success && count > 0 && found.State == CublasStatus.Success
            && (long)found.WorkspaceBytes <= _workspaceBytes;
        if (product.IsSupported) product.Algorithm = found.Algorithm;
        else _refused = status == CublasStatus.Success ? CublasStatus.NotSupported : status;
        return product;
    }

    private nint Layout(DType type, ulong rows, ulong columns, long stride)
    {
        nint layout;
        Check(_library.LayoutCreate(&layout, TypeOf(type), rows, columns, stride), "cublasLtMatrixLayoutCreate");
        return layout;
    }

    private void Check(CublasStatus status, string call)
    {
        if (status != CublasStatus.Success) throw Failure(status, call);
    }

    // The library does not say whether the device is lost; the driver does.
    private EngineException Failure(CublasStatus status, string call)
    {
        if (status != CublasStatus.AllocFailed && !_context.IsCapturing) _context.Synchronize();
        return new EngineException(
            status == CublasStatus.AllocFailed ? EngineStatus.OutOfMemory : EngineStatus.Internal,
            $"cuda:{_context.Ordinal}: {call} failed: {_library.Describe(status)}", "device");
    }

    private readonly record struct Shape(
        int Rows, int N, int K, long XStride, long WeightStride, long YStride, DType Type, DType YType);

    // Layouts by columns, and how it is computed.
    private sealed class Product
    {
        private int _rows;

        public nint Weight { get; set; }

        public nint X { get; set; }

        public nint Y { get; set; }

        public bool IsSupported { get; set; }

        public CublasAlgorithm Algorithm { get; set; }

        public void SetRows(CublasLt library, int rows)
        {
            const int Columns = 3;
            if (rows == _rows) return;
            ulong columns = (ulong)rows;
            library.LayoutSet(X, Columns, &columns, sizeof(ulong));
            library.LayoutSet(Y, Columns, &columns, sizeof(ulong));
            _rows = rows;
        }

        public void Destroy(CublasLt library)
        {
            foreach (nint layout in (ReadOnlySpan<nint>)[Weight, X, Y])
            {
                if (layout != 0) library.LayoutDestroy(layout);
            }
        }
    }
}
